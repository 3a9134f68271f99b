#pragma once
#include <crypt.h>
#include <stdlib.h>
#include <string.h>

/* crypt_r's workspace is 32 KiB, too much for a small stack, and holds the password afterwards. Answers whether the hash
 * of `phrase` by the setting `setting` was made, 60 bytes without a final zero into `out`. */
static inline int kae_bcrypt(const char *phrase, const char *setting, unsigned char *out) {
  struct crypt_data *data = calloc(1, sizeof *data);
  if (!data) return 0;
  const char *made = crypt_r(phrase, setting, data);
  int ok = made && strlen(made) == 60;
  if (ok) memcpy(out, made, 60);
  explicit_bzero(data, sizeof *data);
  free(data);
  return ok;
}
