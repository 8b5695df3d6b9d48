/* peak.c -- what this machine can do: fused multiply-adds a second, and bytes a second for a working
 * set. Compiled by peak.py for the machine it runs on; not part of the package. */
#include <stdint.h>

#if defined(__AVX512F__)
#define WIDTH 64
#define CHAINS 24 /* independent, to hide latency; no more than there are registers */
#elif defined(__AVX__)
#define WIDTH 32
#define CHAINS 12
#else
#define WIDTH 16
#define CHAINS 12
#endif

#if defined(__aarch64__)
#define REGISTER "+w"
#elif defined(__AVX512F__)
#define REGISTER "+v"
#else
#define REGISTER "+x"
#endif

/* flops_*: every thread does `rounds` of CHAINS multiply-adds; returns the operations of one thread.
 * update_*: y = y / 2 + x, `rounds` times, reads 2 n and writes n numbers; written in place, because
 * filling other memory costs a hidden read. */
#define PROBE(REAL, NAME)                                                                          \
    typedef REAL vec_##NAME __attribute__((vector_size(WIDTH)));                                   \
    double flops_##NAME(int64_t rounds, int threads)                                               \
    {                                                                                              \
        _Pragma("omp parallel num_threads(threads)")                                               \
        {                                                                                          \
            const vec_##NAME x = (vec_##NAME){0} + (REAL)0.999, y = (vec_##NAME){0} + (REAL)0.001; \
            vec_##NAME a[CHAINS];                                                                  \
            _Pragma("GCC unroll 32") for (int c = 0; c < CHAINS; c++) a[c] = y + (REAL)c;          \
            for (int64_t r = 0; r < rounds; r++) {                                                 \
                _Pragma("GCC unroll 32") for (int c = 0; c < CHAINS; c++) a[c] = a[c] * x + y;     \
                _Pragma("GCC unroll 32") for (int c = 0; c < CHAINS; c++)                          \
                    __asm__ volatile("" : REGISTER(a[c]));                                         \
            }                                                                                      \
        }                                                                                          \
        return (double)rounds * CHAINS * 2 * (WIDTH / sizeof(REAL));                               \
    }                                                                                              \
    void update_##NAME(REAL *restrict y, const REAL *restrict x, int64_t n, int64_t rounds,        \
                       int threads)                                                                \
    {                                                                                              \
        _Pragma("omp parallel num_threads(threads)") for (int64_t r = 0; r < rounds; r++)          \
        {                                                                                          \
            _Pragma("omp for simd schedule(static) nowait") for (int64_t i = 0; i < n; i++)        \
                y[i] = (REAL)0.5 * y[i] + x[i];                                                    \
        }                                                                                          \
    }

PROBE(float, float32)
PROBE(double, float64)
