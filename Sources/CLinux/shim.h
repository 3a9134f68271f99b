#pragma once
/* What the toolchain's Glibc module does not export. Never define _GNU_SOURCE here: it changes glibc's structures
   against that module. */
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/vfs.h>

/* prctl is variadic, and pthread_setname_np hides behind _GNU_SOURCE. */
static inline int kae_thread_name(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }
