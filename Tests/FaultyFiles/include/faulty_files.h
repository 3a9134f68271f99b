#pragma once
#include <stdbool.h>

/* A way to the file system for SQLite, under the name "faulty": its n-th change of a file fails, and beside each file
   FILE it keeps FILE.disk, which holds what a loss of power would leave: what was synced, and nothing else. As with
   Linux, what a failed sync did not write is forgotten: a later sync writes only what was changed after it.

   All of it belongs to the calling thread. */

enum faulty_mode { FAULTY_NEVER, FAULTY_ONCE, FAULTY_THRICE, FAULTY_FROM_THEN_ON };

void faulty_register(void);
/* The n-th operation from now on fails with this result code of SQLite; n counts from 1. */
void faulty_arm(long n, enum faulty_mode mode, int code);
/* Operations since then. */
long faulty_count(void);
