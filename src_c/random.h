/* random.h -- the arithmetic of fastnn/random.pyx: the Mersenne Twister and Box-Muller, as inline C.
 *
 * The streams are those of PyTorch's CPU generator. Where its vector code fuses a multiplication with an
 * addition, so must this: FMA below is exact on every machine (one instruction where the processor has it,
 * libm's function elsewhere), and contraction by the compiler is off.
 */
#ifndef FASTNN_RANDOM_H
#define FASTNN_RANDOM_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__)
#define FNN_VECTOR __attribute__((optimize("O3", "no-math-errno", "no-trapping-math", "fp-contract=off")))
#else
#define FNN_VECTOR
#pragma STDC FP_CONTRACT OFF
#endif
/* Into functions of any target: GCC does not do it of its own accord where options differ. */
#define FNN_INTO FNN_VECTOR static inline __attribute__((always_inline))

/* ---- Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998) ---- */

enum { MT_N = 624, MT_M = 397 };

typedef struct {
    uint64_t seed;
    int left;      /* words left before the next twist, plus one; 1 when fresh */
    uint32_t next; /* index of the next word */
    uint32_t state[MT_N];
} fnn_mt;

static void fnn_mt_seed(fnn_mt *mt, uint64_t seed)
{
    mt->seed = seed;
    mt->left = 1;
    mt->next = 0;
    mt->state[0] = (uint32_t)seed;
    for (uint32_t i = 1; i < MT_N; i++) {
        uint32_t before = mt->state[i - 1];
        mt->state[i] = 1812433253u * (before ^ (before >> 30)) + i;
    }
}

FNN_INTO uint32_t fnn_mt_mix(uint32_t high, uint32_t low, uint32_t far)
{
    uint32_t y = (high & 0x80000000u) | (low & 0x7fffffffu);
    return far ^ (y >> 1) ^ ((0u - (low & 1u)) & 0x9908b0dfu);
}

#define FNN_MT_TWIST                                                                                                   \
    uint32_t *s = mt->state;                                                                                           \
    int i = 0;                                                                                                         \
    for (; i < MT_N - MT_M; i++)                                                                                       \
        s[i] = fnn_mt_mix(s[i], s[i + 1], s[i + MT_M]);                                                                \
    for (; i < MT_N - 1; i++)                                                                                          \
        s[i] = fnn_mt_mix(s[i], s[i + 1], s[i + MT_M - MT_N]);                                                         \
    s[MT_N - 1] = fnn_mt_mix(s[MT_N - 1], s[0], s[MT_M - 1]);                                                          \
    mt->left = MT_N;                                                                                                   \
    mt->next = 0;

static void fnn_mt_twist(fnn_mt *mt);

FNN_INTO uint32_t fnn_mt_temper(uint32_t y)
{
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

static inline uint32_t fnn_mt_next(fnn_mt *mt)
{
    if (--mt->left == 0)
        fnn_mt_twist(mt);
    return fnn_mt_temper(mt->state[mt->next++]);
}

static inline uint64_t fnn_mt_next64(fnn_mt *mt)
{
    uint64_t high = fnn_mt_next(mt);
    return high << 32 | fnn_mt_next(mt);
}

static inline uint64_t fnn_mt_next53(fnn_mt *mt)
{
    return fnn_mt_next64(mt) & 0x1fffffffffffffu;
}

/* [0, 1) with 53 bits */
static inline double fnn_mt_double(fnn_mt *mt)
{
    return (double)(int64_t)fnn_mt_next53(mt) * 0x1p-53;
}

/* [0, 1) with 24 bits */
static inline float fnn_mt_float(fnn_mt *mt)
{
    return (float)(int32_t)(fnn_mt_next(mt) & 0xffffffu) * 0x1p-24f;
}

/* The next words of a block at once: returns how many (at most n) and where they are. */
FNN_INTO int64_t fnn_mt_block(fnn_mt *mt, int64_t n, const uint32_t **words)
{
    if (mt->left == 1)
        fnn_mt_twist(mt), mt->left++;
    int64_t have = mt->left - 1;
    int64_t count = n < have ? n : have;
    *words = mt->state + mt->next;
    mt->next += (uint32_t)count;
    mt->left -= (int)count;
    return count;
}

/* out[i] = x (high - low) + low for uniform x of [0, 1); a result rounded up to `high` becomes `low`. */
#define FNN_UNIFORM_F32(FMA)                                                                                           \
    float range = high - low;                                                                                          \
    for (int64_t i = 0; i < n;) {                                                                                      \
        const uint32_t *words;                                                                                         \
        int64_t count = fnn_mt_block(mt, n - i, &words);                                                               \
        for (int64_t j = 0; j < count; j++) {                                                                          \
            float x = (float)(int32_t)(fnn_mt_temper(words[j]) & 0xffffffu) * 0x1p-24f;                                \
            float y = FMA(x, range, low);                                                                              \
            out[i + j] = y == high ? low : y;                                                                          \
        }                                                                                                              \
        i += count;                                                                                                    \
    }

#define FNN_UNIFORM_F64(FMA)                                                                                           \
    double range = high - low;                                                                                         \
    for (int64_t i = 0; i < n; i++) {                                                                                  \
        double y = FMA(fnn_mt_double(mt), range, low);                                                                 \
        out[i] = y == high ? low : y;                                                                                  \
    }

/* out[i] = 1 where a double of [0, 1) is less than p, else 0, in whole numbers. Two words make each double; the second
 * is looked at only in a block where a first one alone does not decide. */
#define FNN_BERNOULLI                                                                                                  \
    const uint64_t limit = (uint64_t)ceil(p * 0x1p53);                                                                 \
    const uint32_t high = (uint32_t)(limit >> 32);                                                                     \
    for (int64_t i = 0; i < n;) {                                                                                      \
        if (mt->left <= 2) { /* the block's end, be it between the words of a double */                                \
            out[i++] = fnn_mt_next53(mt) < limit;                                                                      \
            continue;                                                                                                  \
        }                                                                                                              \
        const uint32_t *words;                                                                                         \
        const int64_t have = (mt->left - 1) / 2, count = n - i < have ? n - i : have;                                  \
        uint32_t open = 0;                                                                                             \
        fnn_mt_block(mt, 2 * count, &words);                                                                           \
        for (int64_t j = 0; j < count; j++) {                                                                          \
            const uint32_t first = fnn_mt_temper(words[2 * j]) & 0x1fffffu;                                            \
            out[i + j] = first < high;                                                                                 \
            open |= first == high;                                                                                     \
        }                                                                                                              \
        for (int64_t j = 0; j < count && open; j++) {                                                                  \
            const uint64_t first = fnn_mt_temper(words[2 * j]) & 0x1fffffu;                                            \
            out[i + j] = (first << 32 | fnn_mt_temper(words[2 * j + 1])) < limit;                                      \
        }                                                                                                              \
        i += count;                                                                                                    \
    }

/* ---- Box-Muller in blocks of 16: (u1, u2) = (1 - data[j], data[j + 8]) gives
 *      data[j] = r cos t std + mean, data[j + 8] = r sin t std + mean, r = sqrt(-2 log u1), t = 2 pi u2.
 *      float: logarithm, sine and cosine by the polynomials of Cephes (S. Moshier). ---- */

typedef union {
    float f;
    uint32_t u;
} fnn_bits;

enum { CHUNK = 256 }; /* pairs transformed together, so that the loop is long enough to vectorise */

/* Three loops without branches, for the compiler to vectorise; `blend(mask, a, b)` by bits. */
FNN_VECTOR static inline float fnn_blend(uint32_t mask, float a, float b)
{
    fnn_bits x = {a}, y = {b};
    x.u = (x.u & mask) | (y.u & ~mask);
    return x.f;
}

#define FNN_BOX_MULLER_F32(FMA, SQRT)                                                                                  \
    float first[CHUNK], second[CHUNK];                                                                                 \
    for (int64_t done = 0; done + 16 <= n;) {                                                                          \
        int count = n - done < 2 * CHUNK ? (int)((n - done) / 16 * 8) : CHUNK;                                         \
        for (int j = 0; j < count; j += 8) {                                                                           \
            memcpy(first + j, data + done + 2 * j, 8 * sizeof(float));                                                 \
            memcpy(second + j, data + done + 2 * j + 8, 8 * sizeof(float));                                            \
        }                                                                                                              \
        for (int j = 0; j < count; j++) {                                                                              \
            /* log u1: u1 = m 2^e with m in [sqrt(1/2), sqrt(2)) */                                                    \
            fnn_bits b = {1.0f - first[j]};                                                                            \
            float e = (float)((int32_t)(b.u >> 23) - 126);                                                             \
            b.u = (b.u & 0x807fffffu) | 0x3f000000u;                                                                   \
            float m = b.f;                                                                                             \
            uint32_t small = 0u - (uint32_t)(m < 0.707106781186547524f);                                               \
            e -= fnn_blend(small, 1.0f, 0.0f);                                                                         \
            float x = (m - 1.0f) + fnn_blend(small, m, 0.0f);                                                          \
            float z = x * x;                                                                                           \
            float y = FMA(7.0376836292e-2f, x, -1.1514610310e-1f);                                                     \
            y = FMA(y, x, 1.1676998740e-1f);                                                                           \
            y = FMA(y, x, -1.2420140846e-1f);                                                                          \
            y = FMA(y, x, 1.4249322787e-1f);                                                                           \
            y = FMA(y, x, -1.6668057665e-1f);                                                                          \
            y = FMA(y, x, 2.0000714765e-1f);                                                                           \
            y = FMA(y, x, -2.4999993993e-1f);                                                                          \
            y = FMA(y, x, 3.3333331174e-1f);                                                                           \
            y = FMA(y * x, z, e * -2.12194440e-4f);                                                                    \
            y = FMA(z, -0.5f, y);                                                                                      \
            first[j] = -2.0f * FMA(e, 0.693359375f, x + y);                                                            \
        }                                                                                                              \
        for (int j = 0; j < count; j += 8)                                                                             \
            SQRT(first + j);                                                                                           \
        for (int j = 0; j < count; j++) {                                                                              \
            /* t less the nearest even multiple of pi/4, in three parts */                                             \
            float radius = first[j];                                                                                   \
            float t = 6.283185307179586f * second[j];                                                                  \
            int32_t octant = ((int32_t)(t * 1.27323954473516f) + 1) & ~1;                                              \
            float q = (float)octant;                                                                                   \
            t = FMA(q, -0.78515625f, t);                                                                               \
            t = FMA(q, -2.4187564849853515625e-4f, t);                                                                 \
            t = FMA(q, -3.77489497744594108e-8f, t);                                                                   \
            float z = t * t;                                                                                           \
            float c = FMA(2.443315711809948e-5f, z, -1.388731625493765e-3f);                                           \
            c = FMA(c, z, 4.166664568298827e-2f);                                                                      \
            c = FMA(c * z, z, z * -0.5f) + 1.0f;                                                                       \
            float s = FMA(-1.9515295891e-4f, z, 8.3321608736e-3f);                                                     \
            s = FMA(s, z, -1.6666654611e-1f);                                                                          \
            s = FMA(s * z, t, t);                                                                                      \
            uint32_t swap = 0u - ((uint32_t)octant >> 1 & 1u);                                                         \
            fnn_bits sine = {fnn_blend(swap, c, s)}, cosine = {fnn_blend(swap, s, c)};                                 \
            sine.u ^= ((uint32_t)octant & 4u) << 29;                                                                   \
            cosine.u ^= (~((uint32_t)octant - 2u) & 4u) << 29;                                                         \
            first[j] = FMA(radius * cosine.f, std, mean);                                                              \
            second[j] = FMA(radius * sine.f, std, mean);                                                               \
        }                                                                                                              \
        for (int j = 0; j < count; j += 8) {                                                                           \
            memcpy(data + done + 2 * j, first + j, 8 * sizeof(float));                                                 \
            memcpy(data + done + 2 * j + 8, second + j, 8 * sizeof(float));                                            \
        }                                                                                                              \
        done += 2 * count;                                                                                             \
    }

/* ---- one copy with the processor's FMA and vectors, one with libm's ---- */

#define FNN_SQRT8_PLAIN(x)                                                                                             \
    for (int k = 0; k < 8; k++)                                                                                        \
    (x)[k] = sqrtf((x)[k])
#define FNN_SQRT8_AVX(x) _mm256_storeu_ps(x, _mm256_sqrt_ps(_mm256_loadu_ps(x)))

/* clang-format off */
#define FNN_DEFINE(suffix, attribute, SQRT)                                                        \
    attribute FNN_VECTOR __attribute__((noinline)) static void fnn_mt_twist_##suffix(fnn_mt *mt)   \
    {                                                                                              \
        FNN_MT_TWIST                                                                               \
    }                                                                                              \
    attribute FNN_VECTOR static void fnn_bernoulli_##suffix(fnn_mt *mt, uint8_t *out, int64_t n,   \
                                                            double p)                              \
    {                                                                                              \
        FNN_BERNOULLI                                                                              \
    }                                                                                              \
    attribute FNN_VECTOR static void fnn_uniform_f32_##suffix(fnn_mt *mt, float *out, int64_t n,   \
                                                              float low, float high)               \
    {                                                                                              \
        FNN_UNIFORM_F32(__builtin_fmaf)                                                            \
    }                                                                                              \
    attribute FNN_VECTOR static void fnn_uniform_f64_##suffix(fnn_mt *mt, double *out, int64_t n,  \
                                                              double low, double high)             \
    {                                                                                              \
        FNN_UNIFORM_F64(__builtin_fma)                                                             \
    }                                                                                              \
    attribute FNN_VECTOR static void fnn_box_muller_f32_##suffix(float *data, int64_t n,           \
                                                                 float mean, float std)            \
    {                                                                                              \
        FNN_BOX_MULLER_F32(__builtin_fmaf, SQRT)                                                   \
    }
/* clang-format on */

FNN_DEFINE(plain, , FNN_SQRT8_PLAIN)
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
FNN_DEFINE(fma, __attribute__((target("avx2,fma"))), FNN_SQRT8_AVX)
#define FNN_PICK(name) (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? name##_fma : name##_plain)
#else
#define FNN_PICK(name) name##_plain
#endif

static void fnn_mt_twist(fnn_mt *mt)
{
    FNN_PICK(fnn_mt_twist)(mt);
}

static void fnn_bernoulli(fnn_mt *mt, uint8_t *out, int64_t n, double p)
{
    FNN_PICK(fnn_bernoulli)(mt, out, n, p);
}

static void fnn_uniform_f32(fnn_mt *mt, float *out, int64_t n, float low, float high)
{
    FNN_PICK(fnn_uniform_f32)(mt, out, n, low, high);
}

static void fnn_uniform_f64(fnn_mt *mt, double *out, int64_t n, double low, double high)
{
    FNN_PICK(fnn_uniform_f64)(mt, out, n, low, high);
}

static void fnn_box_muller_f32(float *data, int64_t n, float mean, float std)
{
    FNN_PICK(fnn_box_muller_f32)(data, n, mean, std);
}

static void fnn_box_muller_f64(double *data, int64_t n, double mean, double std)
{
    for (int64_t block = 0; block + 16 <= n; block += 16) {
        double *first = data + block, *second = data + block + 8;
        for (int j = 0; j < 8; j++) {
            double radius = sqrt(-2.0 * log(1.0 - first[j]));
            double t = 6.283185307179586 * second[j];
            first[j] = fma(radius * cos(t), std, mean);
            second[j] = fma(radius * sin(t), std, mean);
        }
    }
}

/* n >= 16 normal numbers: uniforms, transformed in blocks; a rest redraws the last 16. */
static void fnn_normal_f32(fnn_mt *mt, float *out, int64_t n, float mean, float std)
{
    fnn_uniform_f32(mt, out, n, 0.0f, 1.0f);
    fnn_box_muller_f32(out, n, mean, std);
    if (n % 16) {
        fnn_uniform_f32(mt, out + n - 16, 16, 0.0f, 1.0f);
        fnn_box_muller_f32(out + n - 16, 16, mean, std);
    }
}

static void fnn_normal_f64(fnn_mt *mt, double *out, int64_t n, double mean, double std)
{
    fnn_uniform_f64(mt, out, n, 0.0, 1.0);
    fnn_box_muller_f64(out, n, mean, std);
    if (n % 16) {
        fnn_uniform_f64(mt, out + n - 16, 16, 0.0, 1.0);
        fnn_box_muller_f64(out + n - 16, 16, mean, std);
    }
}

/* Fisher-Yates from the front, for n < 2^32 / 20 */
static void fnn_permute(fnn_mt *mt, int64_t *out, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = i;
    for (int64_t i = 0; i + 1 < n; i++) {
        int64_t j = i + fnn_mt_next(mt) % (uint32_t)(n - i);
        int64_t saved = out[i];
        out[i] = out[j];
        out[j] = saved;
    }
}

#endif
