#pragma once
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define KAE_INLINE static inline __attribute__((always_inline))

/* One bit a byte of the 16 at `p`: set where the byte equals `b`. Reads exactly 16 bytes. */
KAE_INLINE uint32_t kae_mask16(const uint8_t *_Nonnull p, uint8_t b) {
#if defined(__SSE2__)
  return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)p), _mm_set1_epi8((char)b)));
#else
  uint32_t m = 0;
  for (int i = 0; i < 16; i++) m |= (uint32_t)(p[i] == b) << i;
  return m;
#endif
}
