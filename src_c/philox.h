/* philox.h -- Philox 4x32-10 (Salmon et al., 2011) for random masks. A counter gives four words that depend on it and
 * the key alone, so that masks are the same however their work is split. Used by kernels/dropout.inc.h and random.h.
 *
 * Element i of stream `key`, i = 64 b + 16 w + j with j < 16 and w < 4, is word w of counter 16 b + j. */
#ifndef FASTNN_PHILOX_H
#define FASTNN_PHILOX_H

#include <stdint.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

enum { PHILOX_BLOCK = 64 };

typedef uint64_t fnn_u64x8 __attribute__((vector_size(64)));
typedef uint8_t fnn_u8x8 __attribute__((vector_size(8)));

/* k times the low half of each lane; *x: GCC passes vectors wider than the registers with a warning. */
static inline __attribute__((always_inline)) void fnn_mul_low(fnn_u64x8 *product, const fnn_u64x8 *x, uint32_t k)
{
#if defined(__AVX512F__)
    *product = (fnn_u64x8)_mm512_mul_epu32((__m512i)*x, _mm512_set1_epi64(k));
#elif defined(__AVX2__)
    const __m256i *half = (const __m256i *)x;
    __m256i *out = (__m256i *)product;
    out[0] = _mm256_mul_epu32(half[0], _mm256_set1_epi64x(k));
    out[1] = _mm256_mul_epu32(half[1], _mm256_set1_epi64x(k));
#else
    *product = (*x & 0xffffffffu) * k;
#endif
}

/* keep[i] = element 64 block + i of the stream <= limit */
static inline __attribute__((always_inline)) void fnn_philox_keep(uint8_t keep[PHILOX_BLOCK], uint64_t key,
                                                                  uint64_t block, uint32_t limit)
{
    for (int half = 0; half < 2; half++) {
        const uint64_t first = 16 * block + 8 * (uint64_t)half;
        uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
        fnn_u64x8 c[4] = {(fnn_u64x8){0, 1, 2, 3, 4, 5, 6, 7} + first}; /* high halves hold rubbish */
        c[1] = c[0] >> 32;
        for (int round = 0; round < 10; round++) {
            fnn_u64x8 p, q;
            fnn_mul_low(&p, &c[0], 0xd2511f53u);
            fnn_mul_low(&q, &c[2], 0xcd9e8d57u);
            c[0] = (q >> 32) ^ c[1] ^ k0;
            c[2] = (p >> 32) ^ c[3] ^ k1;
            c[1] = q;
            c[3] = p;
            k0 += 0x9e3779b9u;
            k1 += 0xbb67ae85u;
        }
        for (int word = 0; word < 4; word++) {
            const fnn_u64x8 kept = (fnn_u64x8)((c[word] & 0xffffffffu) <= limit) & 1;
            const fnn_u8x8 bytes = __builtin_convertvector(kept, fnn_u8x8);
            memcpy(keep + 16 * word + 8 * half, &bytes, sizeof bytes);
        }
    }
}

#endif
