#define _GNU_SOURCE
#include "faulty_calls.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static _Thread_local bool is_armed;
static _Thread_local long count, failed, failing_at;
static _Thread_local enum faulty_calls_mode mode;
static _Thread_local int failing_error;

void faulty_calls_arm(long n, enum faulty_calls_mode how, int error) {
  count = 0;
  failed = 0;
  failing_at = n;
  mode = how;
  failing_error = error;
  is_armed = how != CALLS_PASS;
}
long faulty_calls_disarm(void) {
  is_armed = false;
  return count;
}
long faulty_calls_count(void) { return count; }
long faulty_calls_failed(void) { return failed; }
void faulty_calls_pause(void) { is_armed = false; }
void faulty_calls_resume(void) { is_armed = mode != CALLS_PASS; }

/* Whether the call that is asked for now is one of those that fail. */
static bool is_chosen(void) {
  if (!is_armed) return false;
  count++;
  bool chosen = mode == CALLS_ONCE     ? count == failing_at
                : mode == CALLS_THRICE ? count >= failing_at && count < failing_at + 3
                                       : count >= failing_at;
  if (chosen) failed++;
  return chosen;
}

/* For calls that transfer no bytes: there is nothing to shorten. */
static bool fails(void) {
  if (!is_chosen() || failing_error == 0) return false;
  errno = failing_error;
  return true;
}

/* For calls that do: how many bytes to pass on, or -1. */
static ssize_t granted(size_t length) {
  if (!is_chosen()) return (ssize_t)length;
  /* One byte and half of it in turn, so that it comes to an end. */
  if (failing_error == 0) return length > 1 ? (failed % 2 ? 1 : (ssize_t)length / 2) : (ssize_t)length;
  errno = failing_error;
  return -1;
}

#define FIND(name) if (!next) next = dlsym(RTLD_NEXT, #name)
/* `name(parameters)`, passed on as `name(arguments)`, answers `answer` when it fails. */
#define PASS(type, name, answer, parameters, arguments) \
  type name parameters { \
    static type(*next) parameters; \
    if (fails()) return answer; \
    FIND(name); \
    return next arguments; \
  }
/* The same for a transfer of `length` bytes. */
#define TRANSFER(name, parameters, length, arguments) \
  ssize_t name parameters { \
    static ssize_t(*next) parameters; \
    ssize_t some = granted(length); \
    if (some < 0) return -1; \
    length = (size_t)some; \
    FIND(name); \
    return next arguments; \
  }
/* With a mode as its last argument, where one is needed. */
#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    static int (*next)(const char *, int, ...); \
    va_list more; \
    va_start(more, flags); \
    int rights = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, int) : 0; \
    va_end(more); \
    if (fails()) return -1; \
    FIND(name); \
    return next(path, flags, rights); \
  }
#define CONTROL(name) \
  int name(int file, int command, ...) { \
    static int (*next)(int, int, ...); \
    va_list more; \
    va_start(more, command); \
    long argument = va_arg(more, long); \
    va_end(more); \
    if (fails()) return -1; \
    FIND(name); \
    return next(file, command, argument); \
  }

OPEN(open)
OPEN(open64)
CONTROL(fcntl)
CONTROL(fcntl64)
TRANSFER(read, (int file, void *to, size_t length), length, (file, to, length))
TRANSFER(pread, (int file, void *to, size_t length, off_t at), length, (file, to, length, at))
TRANSFER(pread64, (int file, void *to, size_t length, off64_t at), length, (file, to, length, at))
TRANSFER(write, (int file, const void *from, size_t length), length, (file, from, length))
TRANSFER(pwrite, (int file, const void *from, size_t length, off_t at), length, (file, from, length, at))
TRANSFER(pwrite64, (int file, const void *from, size_t length, off64_t at), length, (file, from, length, at))
PASS(DIR *, opendir, NULL, (const char *path), (path))
PASS(struct dirent *, readdir, NULL, (DIR * stream), (stream))
PASS(int, ftruncate64, -1, (int file, off64_t size), (file, size))
PASS(int, fstat64, -1, (int file, struct stat64 *facts), (file, facts))
PASS(int, stat64, -1, (const char *path, struct stat64 *facts), (path, facts))
PASS(int, access, -1, (const char *path, int how), (path, how))
PASS(int, fsync, -1, (int file), (file))
PASS(int, fdatasync, -1, (int file), (file))
PASS(int, unlink, -1, (const char *path), (path))
PASS(int, mkdir, -1, (const char *path, mode_t rights), (path, rights))
PASS(int, inotify_init1, -1, (int flags), (flags))
PASS(int, inotify_add_watch, -1, (int file, const char *path, unsigned int mask), (file, path, mask))

/* A short read ends inside of the first part. */
ssize_t preadv(int file, const struct iovec *parts, int number, off_t at) {
  static ssize_t (*next)(int, const struct iovec *, int, off_t);
  size_t length = 0;
  for (int i = 0; i < number; i++) length += parts[i].iov_len;
  ssize_t some = granted(length);
  if (some < 0) return -1;
  const struct iovec *first = parts[0].iov_len ? &parts[0] : &parts[1];
  if ((size_t)some < length) return pread(file, first->iov_base, (size_t)some, at);
  FIND(preadv);
  return next(file, parts, number, at);
}

/* The tailer asks for a file's facts by number of the call; all other calls are none of ours. */
long syscall(long number, ...) {
  static long (*next)(long, ...);
  va_list more;
  va_start(more, number);
  long arguments[6];
  for (int i = 0; i < 6; i++) arguments[i] = va_arg(more, long);
  va_end(more);
  if (number == SYS_statx && fails()) return -1;
  FIND(syscall);
  return next(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}
