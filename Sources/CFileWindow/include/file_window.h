#pragma once
#include <stddef.h>
#include <stdint.h>

/* Stretches of a file in memory, to be read without a copy: one at a time in the whole process.
 *
 * A page that the file no longer has (it was cut short) or that the disk does not give raises SIGBUS in who reads it. The
 * handler puts a page of zeros there and takes note, so that the reader goes on and learns of it afterwards; systemd's
 * journal does the same. A SIGBUS from elsewhere ends the process as it would without. */

/* `bytes` of the file from `offset`, a multiple of the page size, on. What is written there is seen here alone. NULL when
 * there is such a window already, or the system does not give one. */
void *_Nullable kae_window_open(int file, int64_t offset, size_t bytes);

/* Gives the window back. */
void kae_window_close(void *_Nonnull start, size_t bytes);

/* Whether a page of the last window that was opened was missing. */
int kae_window_was_hurt(void);
