#pragma once
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* What Swift's SIMD types lack: a bit mask of the lanes that compare equal. Every function but the last is inlined into its
 * caller, reads exactly the bytes that its name says, and has a portable branch. */

#define KAE_INLINE static inline __attribute__((always_inline))

/* One bit a byte of the 16 at `p`: set where the byte equals `b`. */
KAE_INLINE uint32_t kae_mask16(const uint8_t *_Nonnull p, uint8_t b) {
#if defined(__SSE2__)
  return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)p), _mm_set1_epi8((char)b)));
#else
  uint32_t m = 0;
  for (int i = 0; i < 16; i++) m |= (uint32_t)(p[i] == b) << i;
  return m;
#endif
}

/* Where a string scan must look closer, of the 16 bytes at `p`: `"`, `\` and line feed, and also `*` and 0x02, which
 * share all but two bits with `"` and line feed: one comparison then finds both. */
KAE_INLINE uint32_t kae_string_stop16(const uint8_t *_Nonnull p) {
#if defined(__SSE2__)
  __m128i x = _mm_loadu_si128((const __m128i *)p);
  __m128i ends = _mm_cmpeq_epi8(_mm_or_si128(x, _mm_set1_epi8(0x28)), _mm_set1_epi8(0x2a));
  return (uint32_t)_mm_movemask_epi8(_mm_or_si128(ends, _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'))));
#else
  uint32_t m = 0;
  for (int i = 0; i < 16; i++) m |= (uint32_t)((p[i] | 0x28) == 0x2a || p[i] == '\\') << i;
  return m;
#endif
}

/* The same of 32 bytes. */
KAE_INLINE uint32_t kae_string_stop32(const uint8_t *_Nonnull p) {
  return kae_string_stop16(p) | kae_string_stop16(p + 16) << 16;
}

/* The same of 64 bytes. */
KAE_INLINE uint64_t kae_string_stop64(const uint8_t *_Nonnull p) {
  return kae_string_stop32(p) | (uint64_t)kae_string_stop32(p + 32) << 32;
}

/* One bit a byte of 64: quotes, backslashes and line feeds. */
typedef struct {
  uint64_t quotes, backslashes, feeds;
} kae_string_block;

KAE_INLINE kae_string_block kae_string64(const uint8_t *_Nonnull p) {
  kae_string_block out = {0, 0, 0};
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++) {
    out.quotes |= (uint64_t)kae_mask16(p + 16 * i, '"') << (16 * i);
    out.backslashes |= (uint64_t)kae_mask16(p + 16 * i, '\\') << (16 * i);
    out.feeds |= (uint64_t)kae_mask16(p + 16 * i, '\n') << (16 * i);
  }
  return out;
}

/* A place in a string that must be looked at. */
typedef struct {
  const uint8_t *_Nonnull place;
  /* Bit 0: a backslash was passed on the way. Bit 1: the place is behind a backslash, and no quote is there. */
  uint64_t marks;
} kae_string_mark;

/* The first byte from `p` on that ends a string, or should not be in one: a quote that follows no backslash, a line feed, or
 * what follows a backslash and is no quote. Reads 64 bytes at a time, no more than 63 behind the place that it answers.
 * Takes the widest registers that the processor has. */
kae_string_mark kae_next_string_mark(const uint8_t *_Nonnull p);

/* Three bytes in a row, each below 128, that are looked for, in eight groups: bit g of a table's entry says that group g has
 * this half byte there: the low half of the first byte, the high half of it, the same of the second and the third. A group may
 * seem to be where only halves of its members are. */
typedef struct {
  uint8_t bits[6][16];
} kae_triple_tables;

/* The groups, a bit each, of which a member seems to stand at `p`. Reads three bytes. */
KAE_INLINE uint8_t kae_triples_at(const uint8_t *_Nonnull p, const kae_triple_tables *_Nonnull triples) {
  uint8_t found = 0xff;
  for (int i = 0; i < 3; i++) found &= triples->bits[2 * i][p[i] & 15] & triples->bits[2 * i + 1][p[i] >> 4];
  return found;
}

/* The first place from `p` on where `kae_triples_at` is not 0 and no escape of `<`, `>` or `&` stands; `limit` or behind it when
 * there is none before. Reads no more than 38 bytes behind `limit`. */
const uint8_t *_Nonnull kae_next_triple(
  const uint8_t *_Nonnull p, const uint8_t *_Nonnull limit, const kae_triple_tables *_Nonnull triples);

/* Passes over the object or array that opens at `p`: the place behind it. Null when its end does not come before `limit`, or
 * it nests deeper than `depth_limit`, or this processor has none of the registers that this takes: somebody slower must tell.
 * Reads 64 bytes at a time, from places before `limit`. */
const uint8_t *_Nullable kae_skip_nested(const uint8_t *_Nonnull p, const uint8_t *_Nonnull limit, int depth_limit);

/* One bit a byte of 64: quotes, backslashes, opening and closing brackets of either kind (`{` and `[` differ in one
 * bit, as do `}` and `]`). */
typedef struct {
  uint64_t quotes, backslashes, opens, closes;
} kae_block;

KAE_INLINE kae_block kae_block64(const uint8_t *_Nonnull p) {
  kae_block out = {0, 0, 0, 0};
#if defined(__SSE2__)
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++) {
    __m128i x = _mm_loadu_si128((const __m128i *)(p + 16 * i));
    __m128i folded = _mm_or_si128(x, _mm_set1_epi8(0x20));
    out.quotes |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8('"'))) << (16 * i);
    out.backslashes |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8('\\'))) << (16 * i);
    out.opens |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(folded, _mm_set1_epi8('{'))) << (16 * i);
    out.closes |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(folded, _mm_set1_epi8('}'))) << (16 * i);
  }
#else
  for (int i = 0; i < 64; i++) {
    uint8_t c = p[i];
    out.quotes |= (uint64_t)(c == '"') << i;
    out.backslashes |= (uint64_t)(c == '\\') << i;
    out.opens |= (uint64_t)((c | 0x20) == '{') << i;
    out.closes |= (uint64_t)((c | 0x20) == '}') << i;
  }
#endif
  return out;
}

/* glibc declares it only under _GNU_SOURCE, which must not be defined: it changes glibc's structures against Swift's
 * module of them. */
extern void *_Nullable memrchr(const void *_Nonnull s, int c, size_t n);

/* Where the last byte `b` is, of the `n` bytes at `p`; null when there is none. */
KAE_INLINE const uint8_t *_Nullable kae_last(const uint8_t *_Nonnull p, uint8_t b, size_t n) {
  return (const uint8_t *_Nullable)memrchr(p, b, n);
}

/* The 8 bytes at `p` as a number of the machine's byte order; `p` need not be aligned. */
KAE_INLINE uint64_t kae_load64(const uint8_t *_Nonnull p) {
  uint64_t x;
  memcpy(&x, p, 8);
  return x;
}

/* The 2 bytes at `p`, the first one lowest. */
KAE_INLINE uint16_t kae_load16(const uint8_t *_Nonnull p) { return (uint16_t)(p[0] | p[1] << 8); }

/* 64 readable bytes that live as long as the process: what empty texts point at. */
KAE_INLINE const uint8_t *_Nonnull kae_empty_block(void) {
  static const uint8_t block[64] = {0};
  return block;
}
