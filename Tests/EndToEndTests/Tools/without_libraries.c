/* Preloaded: a machine without the libraries that inputs from clouds load. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

void *dlopen(const char *name, int flags) {
  static void *(*real)(const char *, int);
  if (name && (strstr(name, "libcurl") || strstr(name, "libcrypto"))) return NULL;
  if (!real) real = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
  return real ? real(name, flags) : NULL;
}
