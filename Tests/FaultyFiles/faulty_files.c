#include "faulty_files.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Thread_local long count, failing_at;
static _Thread_local enum faulty_mode mode;
static _Thread_local int failing_code;

void faulty_arm(long n, enum faulty_mode how, int code) {
  count = 0;
  failing_at = n;
  mode = how;
  failing_code = code;
}

long faulty_count(void) { return count; }

/* Whether the operation that is asked for now fails. */
static bool fails(void) {
  count++;
  if (mode == FAULTY_ONCE) return count == failing_at;
  if (mode == FAULTY_THRICE) return count >= failing_at && count < failing_at + 3;
  return mode == FAULTY_FROM_THEN_ON && count >= failing_at;
}

/* A change that no sync has made durable: bytes at an offset, or a new length when there are none. */
struct change {
  struct change *next;
  sqlite3_int64 offset;
  int length;
  char bytes[];
};

struct file {
  sqlite3_file base;
  struct change *first, **last;
  char disk[512];
  sqlite3_file *real; /* behind this structure */
};

static void forget(struct file *f) {
  while (f->first) {
    struct change *next = f->first->next;
    free(f->first);
    f->first = next;
  }
  f->last = &f->first;
}

static void note(struct file *f, const void *bytes, int length, sqlite3_int64 offset) {
  struct change *c = malloc(sizeof *c + (size_t)length);
  c->next = NULL;
  c->offset = offset;
  c->length = length;
  if (length) memcpy(c->bytes, bytes, (size_t)length);
  *f->last = c;
  f->last = &c->next;
}

static void reach_disk(struct file *f) {
  int disk = f->disk[0] ? open(f->disk, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
  for (struct change *c = f->first; c && disk >= 0; c = c->next) {
    if (c->length ? pwrite(disk, c->bytes, (size_t)c->length, c->offset) != c->length : ftruncate(disk, c->offset))
      abort();
  }
  if (disk >= 0) close(disk);
  forget(f);
}

#define SELF struct file *f = (struct file *)base
static int f_close(sqlite3_file *base) {
  SELF;
  forget(f);
  return f->real->pMethods->xClose(f->real);
}
static int f_read(sqlite3_file *base, void *to, int n, sqlite3_int64 at) {
  SELF;
  return f->real->pMethods->xRead(f->real, to, n, at);
}
static int f_write(sqlite3_file *base, const void *bytes, int n, sqlite3_int64 at) {
  SELF;
  bool failing = fails();
  if (failing) n /= 2; /* a part of it may have been written */
  if (n) note(f, bytes, n, at);
  int code = n ? f->real->pMethods->xWrite(f->real, bytes, n, at) : SQLITE_OK;
  return failing ? failing_code : code;
}
static int f_truncate(sqlite3_file *base, sqlite3_int64 size) {
  SELF;
  if (fails()) return SQLITE_IOERR_TRUNCATE;
  note(f, NULL, 0, size);
  return f->real->pMethods->xTruncate(f->real, size);
}
static int f_sync(sqlite3_file *base, int flags) {
  SELF;
  (void)flags;
  if (fails()) {
    forget(f);
    return SQLITE_IOERR_FSYNC;
  }
  reach_disk(f);
  return SQLITE_OK;
}
static int f_size(sqlite3_file *base, sqlite3_int64 *size) {
  SELF;
  return f->real->pMethods->xFileSize(f->real, size);
}
static int f_lock(sqlite3_file *base, int level) {
  SELF;
  return f->real->pMethods->xLock(f->real, level);
}
static int f_unlock(sqlite3_file *base, int level) {
  SELF;
  return f->real->pMethods->xUnlock(f->real, level);
}
static int f_reserved(sqlite3_file *base, int *out) {
  SELF;
  return f->real->pMethods->xCheckReservedLock(f->real, out);
}
static int f_control(sqlite3_file *base, int op, void *arg) {
  SELF;
  return f->real->pMethods->xFileControl(f->real, op, arg);
}
static int f_sector(sqlite3_file *base) {
  SELF;
  return f->real->pMethods->xSectorSize(f->real);
}
static int f_traits(sqlite3_file *base) {
  SELF;
  return f->real->pMethods->xDeviceCharacteristics(f->real);
}

/* The first version of the interface: no shared memory, which an exclusive lock needs none of, and no mapped files. */
static const sqlite3_io_methods methods = {
    1,       f_close,  f_read,     f_write,   f_truncate, f_sync,  f_size,
    f_lock,  f_unlock, f_reserved, f_control, f_sector,   f_traits,
};

static int v_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *out) {
  sqlite3_vfs *real = vfs->pAppData;
  SELF;
  memset(f, 0, sizeof *f);
  f->last = &f->first;
  f->real = (sqlite3_file *)(f + 1);
  if (fails()) return SQLITE_CANTOPEN;
  int code = real->xOpen(real, name, f->real, flags, out);
  if (code != SQLITE_OK) return code;
  if (name) snprintf(f->disk, sizeof f->disk, "%s.disk", name);
  f->base.pMethods = &methods;
  return SQLITE_OK;
}
static int v_delete(sqlite3_vfs *vfs, const char *name, int sync) {
  sqlite3_vfs *real = vfs->pAppData;
  if (fails()) return SQLITE_IOERR_DELETE;
  char disk[512];
  snprintf(disk, sizeof disk, "%s.disk", name);
  unlink(disk);
  return real->xDelete(real, name, sync);
}

void faulty_register(void) {
  static sqlite3_vfs faulty;
  sqlite3_vfs *real = sqlite3_vfs_find(NULL);
  if (sqlite3_vfs_find("faulty")) return;
  faulty = *real;
  faulty.iVersion = 1;
  faulty.szOsFile = (int)sizeof(struct file) + real->szOsFile;
  faulty.zName = "faulty";
  faulty.pAppData = real;
  faulty.xOpen = v_open;
  faulty.xDelete = v_delete;
  sqlite3_vfs_register(&faulty, 0);
}
