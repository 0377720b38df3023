#include "COctets.h"

#include <string.h>

/* OctetSearch.swift has the same in Swift, which is the reference in the tests and serves other processors. */

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2"))) static size_t clean_run_avx2(
    const uint8_t *octets, size_t start, size_t count, bool dots) {
    const __m256i cr = _mm256_set1_epi8('\r'), lf = _mm256_set1_epi8('\n'), nul = _mm256_setzero_si256();
    /* Without `dots` this looks for an LF behind a NUL instead, which is torn anyway. */
    const __m256i dot = dots ? _mm256_set1_epi8('.') : lf;
    const __m256i ahead = dots ? lf : nul;
    size_t offset = start;
    while (count - offset >= 32) {
        const __m256i here = _mm256_loadu_si256((const __m256i *)(octets + offset));
        const __m256i before = _mm256_loadu_si256((const __m256i *)(octets + offset - 1));
        const __m256i torn = _mm256_xor_si256(_mm256_cmpeq_epi8(here, lf), _mm256_cmpeq_epi8(before, cr));
        const __m256i dotted = _mm256_and_si256(_mm256_cmpeq_epi8(here, dot), _mm256_cmpeq_epi8(before, ahead));
        const __m256i bad = _mm256_or_si256(_mm256_or_si256(torn, dotted), _mm256_cmpeq_epi8(here, nul));
        if (!_mm256_testz_si256(bad, bad)) break;
        offset += 32;
    }
    return offset;
}

static size_t clean_run_sse2(const uint8_t *octets, size_t start, size_t count, bool dots) {
    const __m128i cr = _mm_set1_epi8('\r'), lf = _mm_set1_epi8('\n'), nul = _mm_setzero_si128();
    const __m128i dot = dots ? _mm_set1_epi8('.') : lf;
    const __m128i ahead = dots ? lf : nul;
    size_t offset = start;
    while (count - offset >= 32) {
        __m128i bad = nul;
        for (int half = 0; half < 32; half += 16) {
            const __m128i here = _mm_loadu_si128((const __m128i *)(octets + offset + half));
            const __m128i before = _mm_loadu_si128((const __m128i *)(octets + offset + half - 1));
            bad = _mm_or_si128(bad, _mm_xor_si128(_mm_cmpeq_epi8(here, lf), _mm_cmpeq_epi8(before, cr)));
            bad = _mm_or_si128(bad, _mm_and_si128(_mm_cmpeq_epi8(here, dot), _mm_cmpeq_epi8(before, ahead)));
            bad = _mm_or_si128(bad, _mm_cmpeq_epi8(here, nul));
        }
        if (_mm_movemask_epi8(bad) != 0) break;
        offset += 32;
    }
    return offset;
}

size_t reeve_first_break(const uint8_t *octets, size_t start, size_t count) {
    const __m128i cr = _mm_set1_epi8('\r'), lf = _mm_set1_epi8('\n'), nul = _mm_setzero_si128();
    size_t offset = start;
    while (offset <= count && count - offset >= 16) {
        const __m128i here = _mm_loadu_si128((const __m128i *)(octets + offset));
        const __m128i ends = _mm_or_si128(_mm_cmpeq_epi8(here, cr), _mm_cmpeq_epi8(here, lf));
        const int found = _mm_movemask_epi8(_mm_or_si128(ends, _mm_cmpeq_epi8(here, nul)));
        if (found != 0) return offset + (size_t)__builtin_ctz((unsigned)found);
        offset += 16;
    }
    return offset;
}

/* As signed numbers, what is not above 0x1F is a control character or beyond ASCII. */
static size_t printable_run(const uint8_t *octets, size_t start, size_t count) {
    const __m128i below = _mm_set1_epi8(0x1F), del = _mm_set1_epi8(0x7F);
    size_t offset = start;
    while (offset <= count && count - offset >= 16) {
        const __m128i here = _mm_loadu_si128((const __m128i *)(octets + offset));
        const __m128i good = _mm_andnot_si128(_mm_cmpeq_epi8(here, del), _mm_cmpgt_epi8(here, below));
        const int bad = _mm_movemask_epi8(good) ^ 0xFFFF;
        if (bad != 0) return offset + (size_t)__builtin_ctz((unsigned)bad);
        offset += 16;
    }
    return offset;
}

size_t reeve_clean_run(const uint8_t *octets, size_t start, size_t count, bool dots) {
    if (count < start) return start;
    return __builtin_cpu_supports("avx2") ? clean_run_avx2(octets, start, count, dots)
                                          : clean_run_sse2(octets, start, count, dots);
}

#else

static size_t printable_run(const uint8_t *octets, size_t start, size_t count) {
    (void)octets, (void)count;
    return start;
}

size_t reeve_clean_run(const uint8_t *octets, size_t start, size_t count, bool dots) {
    (void)octets, (void)count, (void)dots;
    return start;
}

size_t reeve_first_break(const uint8_t *octets, size_t start, size_t count) {
    (void)octets, (void)count;
    return start;
}

#endif

size_t reeve_first_unprintable(const uint8_t *octets, size_t start, size_t count) {
    size_t offset = printable_run(octets, start, count);
    while (offset < count && octets[offset] >= 0x20 && octets[offset] <= 0x7E) offset++;
    return offset;
}

bool reeve_same(const uint8_t *a, const uint8_t *b, size_t count) { return memcmp(a, b, count) == 0; }
