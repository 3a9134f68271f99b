#define _DEFAULT_SOURCE
#include "file_window.h"
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

/* MADV_POPULATE_READ of Linux 5.14: pages come in one call instead of a fault for every few. Others refuse it. */
enum { populate_read = 22 };

static atomic_uintptr_t window_start;
static atomic_size_t window_bytes;
static atomic_int is_taken;
static atomic_int is_hurt;
static atomic_int is_watched;
static uintptr_t page_bytes;

static void on_missing_page(int number, siginfo_t *info, void *context) {
  (void)context;
  const int before = errno;
  const uintptr_t at = (uintptr_t)info->si_addr, start = atomic_load(&window_start);
  if (start != 0 && at >= start && at - start < atomic_load(&window_bytes)) {
    void *page = (void *)(at & ~(page_bytes - 1));
    if (mmap(page, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page) {
      atomic_store(&is_hurt, 1);
      errno = before;
      return;
    }
  }
  /* The instruction runs again, and ends the process. */
  signal(number, SIG_DFL);
}

static int watch(void) {
  if (atomic_exchange(&is_watched, 1)) return 1;
  page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
  struct sigaction action = {.sa_sigaction = on_missing_page, .sa_flags = SA_SIGINFO};
  sigemptyset(&action.sa_mask);
  return sigaction(SIGBUS, &action, NULL) == 0;
}

void *kae_window_open(int file, int64_t offset, size_t bytes) {
  if (atomic_exchange(&is_taken, 1)) return NULL;
  void *start = watch() ? mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file, offset) : MAP_FAILED;
  if (start == MAP_FAILED) {
    atomic_store(&is_taken, 0);
    return NULL;
  }
  atomic_store(&is_hurt, 0);
  atomic_store(&window_bytes, bytes);
  atomic_store(&window_start, (uintptr_t)start);
  madvise(start, bytes, populate_read);
  return start;
}

void kae_window_close(void *start, size_t bytes) {
  atomic_store(&window_start, 0);
  munmap(start, bytes);
  atomic_store(&is_taken, 0);
}

int kae_window_was_hurt(void) { return atomic_load(&is_hurt); }
