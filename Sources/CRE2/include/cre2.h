#pragma once
#include <stddef.h>
#include <stdint.h>

/* RE2 behind C: what the rule language needs of it. */
#ifdef __cplusplus
extern "C" {
#endif

struct kae_re2;

/* Compiles a pattern of POSIX extended syntax; NULL with a NUL-terminated reason in `error` when it is none, or when
 * its program would be larger than `memory` bytes. */
struct kae_re2 *_Nullable kae_re2_new(const uint8_t *_Nullable pattern, size_t length, int64_t memory,
                                      char *_Nonnull error, size_t error_size);
void kae_re2_free(struct kae_re2 *_Nonnull expression);

/* Whether the whole text matches, in time linear in its length. The text must be UTF-8. */
int kae_re2_matches(const struct kae_re2 *_Nonnull expression, const uint8_t *_Nullable text, size_t length);

#ifdef __cplusplus
}
#endif
