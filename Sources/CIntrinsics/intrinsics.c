#include "intrinsics.h"
#if defined(__x86_64__)
#include <immintrin.h>
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

#if defined(__x86_64__)
KAE_TARGET("avx2") static const uint8_t *kae_next_pair_avx2(
  const uint8_t *p, const uint8_t *limit, const uint8_t *pairs, int count) {
  const __m256i backslash = _mm256_set1_epi8('\\'), u = _mm256_set1_epi8('u'), slash = _mm256_set1_epi8('/');
  const __m256i first = _mm256_set1_epi8((char)pairs[0]), second = _mm256_set1_epi8((char)pairs[1]);
  for (; p < limit; p += 32) {
    __m256i x = _mm256_loadu_si256((const __m256i *)p), next = _mm256_loadu_si256((const __m256i *)(p + 1));
    __m256i marks = _mm256_and_si256(
      _mm256_cmpeq_epi8(x, backslash), _mm256_or_si256(_mm256_cmpeq_epi8(next, u), _mm256_cmpeq_epi8(next, slash)));
    marks = _mm256_or_si256(
      marks, _mm256_and_si256(_mm256_cmpeq_epi8(x, first), _mm256_cmpeq_epi8(next, second)));
    for (int i = 1; i < count; i++) {
      __m256i a = _mm256_set1_epi8((char)pairs[2 * i]), b = _mm256_set1_epi8((char)pairs[2 * i + 1]);
      marks = _mm256_or_si256(marks, _mm256_and_si256(_mm256_cmpeq_epi8(x, a), _mm256_cmpeq_epi8(next, b)));
    }
    uint32_t bits = (uint32_t)_mm256_movemask_epi8(marks);
    if (bits) return p + __builtin_ctz(bits);
  }
  return limit;
}
#endif

/* The same without wide registers. */
static const uint8_t *kae_next_pair_any(const uint8_t *p, const uint8_t *limit, const uint8_t *pairs, int count) {
  for (; p < limit; p += 16) {
    uint32_t bits = kae_mask16(p, '\\') & (kae_mask16(p + 1, 'u') | kae_mask16(p + 1, '/'));
    for (int i = 0; i < count; i++) bits |= kae_mask16(p, pairs[2 * i]) & kae_mask16(p + 1, pairs[2 * i + 1]);
    if (bits) return p + __builtin_ctz(bits);
  }
  return limit;
}

const uint8_t *kae_next_pair(const uint8_t *p, const uint8_t *limit, const uint8_t *pairs, int count) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return kae_next_pair_avx2(p, limit, pairs, count);
#endif
  return kae_next_pair_any(p, limit, pairs, count);
}
