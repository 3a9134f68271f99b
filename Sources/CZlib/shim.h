#pragma once
#include <zlib.h>

/* deflateInit2 and inflateInit2 are macros. */
static inline int kae_deflate_init(z_streamp s, int level, int window_bits) {
  return deflateInit2(s, level, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
}
static inline int kae_inflate_init(z_streamp s, int window_bits) { return inflateInit2(s, window_bits); }
