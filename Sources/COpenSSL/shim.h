#pragma once
#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stddef.h>

/* libcrypto is loaded when something must be signed, not linked: it would cost every start of the program. */
typedef struct kae_crypto {
  int (*digest)(const void *, size_t, unsigned char *, unsigned int *, const EVP_MD *, ENGINE *);
  unsigned char *(*hmac)(
      const EVP_MD *, const void *, int, const unsigned char *, size_t, unsigned char *, unsigned int *);
  const EVP_MD *sha256;
} kae_crypto;

/* Answers NULL, or what is missing. */
static inline const char *kae_crypto_load(kae_crypto *api) {
  void *library = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
  if (!library) return "libcrypto.so.3";
  const EVP_MD *(*sha256)(void) = NULL;
  *(void **)&sha256 = dlsym(library, "EVP_sha256");
  *(void **)&api->digest = dlsym(library, "EVP_Digest");
  *(void **)&api->hmac = dlsym(library, "HMAC");
  if (!sha256) return "EVP_sha256";
  if (!api->digest) return "EVP_Digest";
  if (!api->hmac) return "HMAC";
  api->sha256 = sha256();
  return api->sha256 ? NULL : "SHA-256";
}

/* Each writes 32 bytes and answers 1, or 0. */
static inline int kae_sha256(const kae_crypto *api, const void *bytes, size_t count, unsigned char *out) {
  unsigned int written = 0;
  return api->digest(bytes, count, out, &written, api->sha256, NULL) == 1 && written == 32;
}
static inline int kae_hmac_sha256(
    const kae_crypto *api, const void *key, int key_count, const void *bytes, size_t count, unsigned char *out) {
  unsigned int written = 0;
  return api->hmac(api->sha256, key, key_count, bytes, count, out, &written) != NULL && written == 32;
}
