#include "intrinsics.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* The same loop over blocks of 64 bytes for each kind of processor: those with wide registers take a fifth of the steps. */
#define KAE_STRING_MARK(name, block)                                                                                  \
  static kae_string_mark name(const uint8_t *p) {                                                                     \
    uint64_t is_escaped = 0;                                                                                          \
    for (;;) {                                                                                                        \
      kae_string_block b = block(p);                                                                                  \
      uint64_t follows = b.backslashes << 1;                                                                          \
      uint64_t others = follows & ~b.quotes;                                                                          \
      uint64_t marks = (b.quotes & ~follows) | b.feeds | others;                                                      \
      if (marks) {                                                                                                    \
        uint64_t first = marks & -marks;                                                                              \
        is_escaped |= b.backslashes & (first - 1);                                                                    \
        kae_string_mark found = {p + __builtin_ctzll(marks), (is_escaped ? 1 : 0) | (others & first ? 2 : 0)};        \
        return found;                                                                                                 \
      }                                                                                                               \
      is_escaped |= b.backslashes;                                                                                    \
      /* A backslash at the end is looked at with what follows it. */                                                 \
      p += b.backslashes >> 63 ? 63 : 64;                                                                             \
    }                                                                                                                 \
  }

#if defined(__x86_64__)
#define KAE_TARGET(features) __attribute__((target(features)))

KAE_TARGET("avx512bw") KAE_INLINE kae_string_block kae_string64_avx512(const uint8_t *p) {
  __m512i x = _mm512_loadu_si512(p);
  kae_string_block out = {
    _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8('"')), _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8('\\')),
    _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8('\n'))};
  return out;
}

KAE_TARGET("avx2") KAE_INLINE uint64_t kae_mask64_avx2(__m256i low, __m256i high, char byte) {
  __m256i all = _mm256_set1_epi8(byte);
  return (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, all)) |
         (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, all)) << 32;
}

KAE_TARGET("avx2") KAE_INLINE kae_string_block kae_string64_avx2(const uint8_t *p) {
  __m256i low = _mm256_loadu_si256((const __m256i *)p), high = _mm256_loadu_si256((const __m256i *)(p + 32));
  kae_string_block out = {
    kae_mask64_avx2(low, high, '"'), kae_mask64_avx2(low, high, '\\'), kae_mask64_avx2(low, high, '\n')};
  return out;
}

KAE_TARGET("avx512bw") KAE_STRING_MARK(kae_string_mark_avx512, kae_string64_avx512)
KAE_TARGET("avx2") KAE_STRING_MARK(kae_string_mark_avx2, kae_string64_avx2)
#endif

KAE_STRING_MARK(kae_string_mark_any, kae_string64)

kae_string_mark kae_next_string_mark(const uint8_t *p) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bw")) return kae_string_mark_avx512(p);
  if (__builtin_cpu_supports("avx2")) return kae_string_mark_avx2(p);
#endif
  return kae_string_mark_any(p);
}
