#pragma once
/* System calls on files that fail on purpose. This file stands before the C library: whatever the tests' process calls, be it
   Swift or SQLite, comes through here, and is passed on, unless the calling thread has armed a fault.

   All of it belongs to the calling thread. */

enum faulty_calls_mode { CALLS_PASS, CALLS_ONCE, CALLS_THRICE, CALLS_FROM_THEN_ON };

/* The n-th call from now on fails with this errno; n counts from 1. With errno 0 nothing fails, but what reads or writes does
   so for less than it was asked to. */
void faulty_calls_arm(long n, enum faulty_calls_mode mode, int error);
/* Nothing fails any more. Answers how many calls there were since. */
long faulty_calls_disarm(void);
/* How many calls there were since, and how many of them failed. */
long faulty_calls_count(void);
long faulty_calls_failed(void);
/* The n-th call from when it was armed fails; calls between `pause` and `resume` are neither counted nor failed. */
void faulty_calls_pause(void);
void faulty_calls_resume(void);
