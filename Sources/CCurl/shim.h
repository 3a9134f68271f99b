#pragma once
#include <curl/curl.h>
#include <dlfcn.h>
#include <stddef.h>

/* libcurl is loaded when the first cloud input asks for it, not linked: the twenty libraries it needs would cost every start of
 * the program several milliseconds, and who reads files or takes pushes needs none of them. */

/* The functions of libcurl that are used. The variadic ones are untyped here, because Swift cannot hold them. */
typedef struct kae_curl {
  CURLcode (*global_init)(long flags);
  CURL *(*easy_init)(void);
  void (*easy_cleanup)(CURL *);
  void (*easy_reset)(CURL *);
  const char *(*easy_strerror)(CURLcode);
  CURLM *(*multi_init)(void);
  CURLMcode (*multi_cleanup)(CURLM *);
  CURLMcode (*multi_add_handle)(CURLM *, CURL *);
  CURLMcode (*multi_remove_handle)(CURLM *, CURL *);
  CURLMcode (*multi_perform)(CURLM *, int *running);
  CURLMcode (*multi_poll)(CURLM *, struct curl_waitfd *, unsigned int, int milliseconds, int *ready);
  CURLMsg *(*multi_info_read)(CURLM *, int *left);
  struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
  void (*slist_free_all)(struct curl_slist *);
  void *easy_setopt;
  void *easy_getinfo;
  void *multi_setopt;
} kae_curl;

static inline int kae_curl_find(void *library, const char *name, void *slot) {
  void *found = dlsym(library, name);
  *(void **)slot = found;
  return found != NULL;
}

/* Loads libcurl, 7.85 or newer (CURLOPT_PROTOCOLS_STR), of whichever TLS library. Answers NULL, or what is missing. */
static inline const char *kae_curl_load(kae_curl *api) {
  void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (!library) library = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
  if (!library) return "libcurl.so.4";
#define KAE_FIND(slot) \
  if (!kae_curl_find(library, "curl_" #slot, (void *)&api->slot)) return "curl_" #slot
  KAE_FIND(global_init);
  KAE_FIND(easy_init);
  KAE_FIND(easy_cleanup);
  KAE_FIND(easy_reset);
  KAE_FIND(easy_strerror);
  KAE_FIND(multi_init);
  KAE_FIND(multi_cleanup);
  KAE_FIND(multi_add_handle);
  KAE_FIND(multi_remove_handle);
  KAE_FIND(multi_perform);
  KAE_FIND(multi_poll);
  KAE_FIND(multi_info_read);
  KAE_FIND(slist_append);
  KAE_FIND(slist_free_all);
  KAE_FIND(easy_setopt);
  KAE_FIND(easy_getinfo);
  KAE_FIND(multi_setopt);
#undef KAE_FIND
  return api->global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? NULL : "curl_global_init";
}

typedef CURLcode (*kae_curl_setopt)(CURL *, CURLoption, ...);
typedef CURLcode (*kae_curl_getinfo)(CURL *, CURLINFO, ...);
typedef CURLMcode (*kae_curl_multi_setopt)(CURLM *, CURLMoption, ...);

static inline CURLcode kae_curl_set_long(const kae_curl *api, CURL *h, CURLoption o, long v) {
  return ((kae_curl_setopt)api->easy_setopt)(h, o, v);
}
static inline CURLcode kae_curl_set_off(const kae_curl *api, CURL *h, CURLoption o, curl_off_t v) {
  return ((kae_curl_setopt)api->easy_setopt)(h, o, v);
}
static inline CURLcode kae_curl_set_text(const kae_curl *api, CURL *h, CURLoption o, const char *v) {
  return ((kae_curl_setopt)api->easy_setopt)(h, o, v);
}
static inline CURLcode kae_curl_set_bytes(const kae_curl *api, CURL *h, CURLoption o, const void *v) {
  return ((kae_curl_setopt)api->easy_setopt)(h, o, v);
}
static inline CURLcode kae_curl_set_headers(const kae_curl *api, CURL *h, struct curl_slist *v) {
  return ((kae_curl_setopt)api->easy_setopt)(h, CURLOPT_HTTPHEADER, v);
}
typedef size_t (*kae_curl_sink)(char *, size_t, size_t, void *);
static inline CURLcode kae_curl_set_sinks(
    const kae_curl *api, CURL *h, kae_curl_sink body, kae_curl_sink header, void *user) {
  kae_curl_setopt set = (kae_curl_setopt)api->easy_setopt;
  CURLcode rc = set(h, CURLOPT_WRITEFUNCTION, body);
  if (rc == CURLE_OK) rc = set(h, CURLOPT_WRITEDATA, user);
  if (rc == CURLE_OK) rc = set(h, CURLOPT_HEADERFUNCTION, header);
  return rc == CURLE_OK ? set(h, CURLOPT_HEADERDATA, user) : rc;
}
static inline CURLcode kae_curl_info_long(const kae_curl *api, CURL *h, CURLINFO i, long *v) {
  return ((kae_curl_getinfo)api->easy_getinfo)(h, i, v);
}
static inline CURLMcode kae_curl_multi_set_long(const kae_curl *api, CURLM *m, CURLMoption o, long v) {
  return ((kae_curl_multi_setopt)api->multi_setopt)(m, o, v);
}
/* A finished transfer's result; 0 when none has finished. CURLMsg holds a union, which is read here. */
static inline int kae_curl_finished(const kae_curl *api, CURLM *m, CURLcode *result) {
  int left;
  CURLMsg *message;
  while ((message = api->multi_info_read(m, &left))) {
    if (message->msg == CURLMSG_DONE) {
      *result = message->data.result;
      return 1;
    }
  }
  return 0;
}
