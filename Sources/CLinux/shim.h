#pragma once
/* What the toolchain's Glibc module does not export. Never define _GNU_SOURCE here: it changes glibc's structures
   against that module. */
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* glibc's allocator keeps a heap for each of a few threads; what is not glibc has no such call. */
#if defined(__GLIBC__)
#include <malloc.h>
static inline void kae_use_one_heap(void) {
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_TRIM_THRESHOLD, 1 << 20);
}
static inline void kae_trim_heap(void) { malloc_trim(0); }
/* What is freed is used again, and large blocks come from the same heap. It begins with `room` bytes that are not there
 * before they are touched, and then as huge pages where the system has such. */
static inline void kae_keep_heap(size_t room) {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_TOP_PAD, 1 << 20);
  void *heap = malloc(room);
  if (!heap) return;
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  const uintptr_t first = ((uintptr_t)heap + page - 1) & ~(page - 1);
  const uintptr_t end = ((uintptr_t)heap + room) & ~(page - 1);
  if (first < end) madvise((void *)first, end - first, MADV_HUGEPAGE);
  free(heap);
}
#else
static inline void kae_use_one_heap(void) {}
static inline void kae_trim_heap(void) {}
static inline void kae_keep_heap(size_t room) { (void)room; }
#endif

/* prctl is variadic, and pthread_setname_np hides behind _GNU_SOURCE. */
static inline int kae_thread_name(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }

/* statx and its flags hide behind _GNU_SOURCE too. Of an open file when `path` is empty. Answers 0 or an errno. */
static inline int kae_statx(int directory, const char *path, struct statx *facts) {
  const int empty_path = 0x1000; /* AT_EMPTY_PATH */
  const unsigned int wanted = STATX_BASIC_STATS | STATX_BTIME;
  return syscall(SYS_statx, directory, path, *path ? 0 : empty_path, wanted, facts) == 0 ? 0 : errno;
}
static inline int64_t kae_nanoseconds(struct statx_timestamp t) { return t.tv_sec * 1000000000LL + t.tv_nsec; }

/* The next byte at or after `from` that is not in a hole; negative when there is none. */
static inline int64_t kae_next_data(int file, int64_t from) { return lseek(file, from, 3 /* SEEK_DATA */); }
