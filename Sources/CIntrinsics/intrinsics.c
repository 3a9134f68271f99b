#include "intrinsics.h"
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/* The same loop over blocks of 64 bytes for each kind of processor: those with wide registers take a fifth of the steps. */
#define KAE_STRING_MARK(name, block)                                                                                  \
  static kae_string_mark name(const uint8_t *p) {                                                                     \
    uint64_t is_escaped = 0;                                                                                          \
    for (;;) {                                                                                                        \
      kae_string_block b = block(p);                                                                                  \
      uint64_t follows = b.backslashes << 1;                                                                          \
      uint64_t others = follows & ~b.quotes;                                                                          \
      uint64_t marks = (b.quotes & ~follows) | b.feeds | others;                                                      \
      if (marks) {                                                                                                    \
        uint64_t first = marks & -marks;                                                                              \
        is_escaped |= b.backslashes & (first - 1);                                                                    \
        kae_string_mark found = {p + __builtin_ctzll(marks), (is_escaped ? 1 : 0) | (others & first ? 2 : 0)};        \
        return found;                                                                                                 \
      }                                                                                                               \
      is_escaped |= b.backslashes;                                                                                    \
      /* A backslash at the end is looked at with what follows it. */                                                 \
      p += b.backslashes >> 63 ? 63 : 64;                                                                             \
    }                                                                                                                 \
  }

#if defined(__x86_64__)
#define KAE_TARGET(features) __attribute__((target(features)))

KAE_TARGET("avx512bw") KAE_INLINE kae_string_block kae_string64_avx512(const uint8_t *p) {
  __m512i x = _mm512_loadu_si512(p);
  kae_string_block out = {
    _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8('"')), _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8('\\')),
    _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8('\n'))};
  return out;
}

KAE_TARGET("avx2") KAE_INLINE uint64_t kae_mask64_avx2(__m256i low, __m256i high, char byte) {
  __m256i all = _mm256_set1_epi8(byte);
  return (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, all)) |
         (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, all)) << 32;
}

KAE_TARGET("avx2") KAE_INLINE kae_string_block kae_string64_avx2(const uint8_t *p) {
  __m256i low = _mm256_loadu_si256((const __m256i *)p), high = _mm256_loadu_si256((const __m256i *)(p + 32));
  kae_string_block out = {
    kae_mask64_avx2(low, high, '"'), kae_mask64_avx2(low, high, '\\'), kae_mask64_avx2(low, high, '\n')};
  return out;
}

KAE_TARGET("avx512bw") KAE_STRING_MARK(kae_string_mark_avx512, kae_string64_avx512)
KAE_TARGET("avx2") KAE_STRING_MARK(kae_string_mark_avx2, kae_string64_avx2)
#endif

KAE_STRING_MARK(kae_string_mark_any, kae_string64)

kae_string_mark kae_next_string_mark(const uint8_t *p) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bw")) return kae_string_mark_avx512(p);
  if (__builtin_cpu_supports("avx2")) return kae_string_mark_avx2(p);
#endif
  return kae_string_mark_any(p);
}

#if defined(__x86_64__)
/* As `ValueScanner.nested` does it, with registers of 32 bytes. */
KAE_TARGET("avx2,popcnt,pclmul")
static const uint8_t *kae_skip_nested_avx2(const uint8_t *p, const uint8_t *limit, int depth_limit) {
  const __m256i fold = _mm256_set1_epi8(0x20);
  int depth = 0;
  uint64_t in_string = 0, is_escaping = 0;
  for (; p < limit; p += 64) {
    __m256i low = _mm256_loadu_si256((const __m256i *)p), high = _mm256_loadu_si256((const __m256i *)(p + 32));
    uint64_t quotes = kae_mask64_avx2(low, high, '"');
    uint64_t backslashes = kae_mask64_avx2(low, high, '\\');
    if (backslashes | is_escaping) {
      /* Adding the runs that begin at odd places lets the carry run to their ends. */
      uint64_t even = 0x5555555555555555, begins = backslashes & ~is_escaping, follows = begins << 1 | is_escaping;
      uint64_t odd = begins & ~even & ~follows, sum = odd + begins;
      is_escaping = sum < odd;
      quotes &= ~((even ^ sum << 1) & follows);
    }
    uint64_t strings = (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(
      _mm_set_epi64x(0, (long long)quotes), _mm_set1_epi8((char)0xff), 0)) ^ in_string;
    in_string = (uint64_t)((int64_t)strings >> 63);
    __m256i low_folded = _mm256_or_si256(low, fold), high_folded = _mm256_or_si256(high, fold);
    uint64_t opens = kae_mask64_avx2(low_folded, high_folded, '{') & ~strings;
    uint64_t closes = kae_mask64_avx2(low_folded, high_folded, '}') & ~strings;
    int opened = (int)_mm_popcnt_u64(opens), closed = (int)_mm_popcnt_u64(closes);
    if (closed < depth && depth + opened <= depth_limit) {
      depth += opened - closed;
      continue;
    }
    for (uint64_t brackets = opens | closes; brackets; brackets &= brackets - 1) {
      depth += opens & brackets & -brackets ? 1 : -1;
      if (depth == 0) {
        const uint8_t *end = p + __builtin_ctzll(brackets) + 1;
        return end <= limit ? end : 0;
      }
      if (depth > depth_limit) return 0;
    }
  }
  return 0;
}
#endif

const uint8_t *kae_skip_nested(const uint8_t *p, const uint8_t *limit, int depth_limit) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("pclmul")) {
    return kae_skip_nested_avx2(p, limit, depth_limit);
  }
#endif
  return 0;
}

/* Whether the escape of `<`, `>` or `&` stands at `p`, as Kubernetes writes it. Reads six bytes. */
KAE_INLINE int kae_is_usual_escape(const uint8_t *p) {
  return p[0] == '\\' && p[1] == 'u' && p[2] == '0' && p[3] == '0' &&
         (p[4] == '3' ? p[5] == 'c' || p[5] == 'e' : p[4] == '2' && p[5] == '6');
}

#if defined(__x86_64__)
KAE_TARGET("avx2") KAE_INLINE __m256i kae_byte32(__m256i x, __m256i low, __m256i high) {
  const __m256i low_bits = _mm256_set1_epi8(0x0f);
  __m256i halves = _mm256_and_si256(_mm256_srli_epi16(x, 4), low_bits);
  return _mm256_and_si256(_mm256_shuffle_epi8(low, x), _mm256_shuffle_epi8(high, halves));
}

/* `pshufb` takes the low four bits of a byte below 128, and answers 0 for others: of the first two there are none. The third may be
 * any byte. */
KAE_TARGET("avx2") KAE_INLINE __m256i kae_triples32(const uint8_t *p, const __m256i *tables) {
  __m256i first = _mm256_loadu_si256((const __m256i *)p), second = _mm256_loadu_si256((const __m256i *)(p + 1));
  __m256i third = _mm256_loadu_si256((const __m256i *)(p + 2));
  __m256i found = kae_byte32(first, tables[0], tables[1]);
  found = _mm256_and_si256(found, kae_byte32(second, tables[2], tables[3]));
  __m256i low = _mm256_shuffle_epi8(tables[4], _mm256_and_si256(third, _mm256_set1_epi8(0x0f)));
  __m256i high =
    _mm256_shuffle_epi8(tables[5], _mm256_and_si256(_mm256_srli_epi16(third, 4), _mm256_set1_epi8(0x0f)));
  return _mm256_and_si256(found, _mm256_and_si256(low, high));
}

KAE_TARGET("avx2") KAE_INLINE uint32_t kae_nonzero32(__m256i x) {
  return ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, _mm256_setzero_si256()));
}

KAE_TARGET("avx2") static const uint8_t *kae_next_triple_avx2(
  const uint8_t *p, const uint8_t *limit, const kae_triple_tables *triples) {
  __m256i tables[6];
  for (int i = 0; i < 6; i++) {
    tables[i] = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)triples->bits[i]));
  }
  for (; limit - p > 32; p += 64) {
    __m256i low = kae_triples32(p, tables), high = kae_triples32(p + 32, tables);
    __m256i any = _mm256_or_si256(low, high);
    if (_mm256_testz_si256(any, any)) continue;
    uint64_t bits = kae_nonzero32(low) | (uint64_t)kae_nonzero32(high) << 32;
    for (; bits; bits &= bits - 1) {
      const uint8_t *found = p + __builtin_ctzll(bits);
      if (found >= limit || !kae_is_usual_escape(found)) return found;
    }
  }
  uint32_t bits = p < limit ? kae_nonzero32(kae_triples32(p, tables)) : 0;
  while (bits && kae_is_usual_escape(p + __builtin_ctz(bits))) bits &= bits - 1;
  return bits ? p + __builtin_ctz(bits) : limit;
}
#endif

#if defined(__aarch64__)
KAE_INLINE uint8x16_t kae_byte16(const uint8_t *p, const uint8_t bits[2][16]) {
  uint8x16_t x = vld1q_u8(p);
  return vandq_u8(
    vqtbl1q_u8(vld1q_u8(bits[0]), vandq_u8(x, vdupq_n_u8(0x0f))), vqtbl1q_u8(vld1q_u8(bits[1]), vshrq_n_u8(x, 4)));
}

static const uint8_t *kae_next_triple_any(const uint8_t *p, const uint8_t *limit, const kae_triple_tables *triples) {
  for (; p < limit; p += 16) {
    uint8x16_t found = vandq_u8(
      vandq_u8(kae_byte16(p, triples->bits), kae_byte16(p + 1, triples->bits + 2)),
      kae_byte16(p + 2, triples->bits + 4));
    if (vmaxvq_u8(found) == 0) continue;
    for (int i = 0; i < 16; i++) {
      if (kae_triples_at(p + i, triples) && !kae_is_usual_escape(p + i)) return p + i;
    }
  }
  return limit;
}
#else
static const uint8_t *kae_next_triple_any(const uint8_t *p, const uint8_t *limit, const kae_triple_tables *triples) {
  while (p < limit && (kae_triples_at(p, triples) == 0 || kae_is_usual_escape(p))) p++;
  return p;
}
#endif

const uint8_t *kae_next_triple(const uint8_t *p, const uint8_t *limit, const kae_triple_tables *triples) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return kae_next_triple_avx2(p, limit, triples);
#endif
  return kae_next_triple_any(p, limit, triples);
}
