// Counts a program's heap allocations: preloaded (LD_PRELOAD) into a dynamically linked program, it takes the place of
// the C library's allocation functions, counts and passes on. At exit the total is written to the file descriptor that
// COUNT_ALLOCATIONS_FD names. Memory that a program maps for itself, or takes with brk, is not seen.
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// glibc's own names for what is replaced below; they stay reachable.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static atomic_ullong allocations;

static void counted(void) { atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed); }

void *malloc(size_t size) {
  counted();
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  counted();
  return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
  counted();
  return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
  counted();
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  counted();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
  counted();
  if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0) return EINVAL;
  void *made = __libc_memalign(alignment, size);
  if (made == NULL) return ENOMEM;
  *result = made;
  return 0;
}

__attribute__((destructor)) static void report(void) {
  unsigned long long total = atomic_load_explicit(&allocations, memory_order_relaxed);
  const char *descriptor = getenv("COUNT_ALLOCATIONS_FD");
  char text[32];
  int length = snprintf(text, sizeof text, "%llu\n", total);
  if (descriptor == NULL || write(atoi(descriptor), text, (size_t)length) != length) _exit(125);
}
