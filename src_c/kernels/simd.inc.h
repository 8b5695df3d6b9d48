/* simd.inc.h -- one vector of REALs, for the few kernels that must control registers. Arithmetic is written with the
 * compiler's vector operators (+ - * on vec); here are only loads, stores, masks and the pieces of a transpose.
 *
 * VBYTES  bytes of a vector          VW  REALs in a vector
 * VQUAD   REALs in 16 bytes: the lane within which shuffles are cheap
 */
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__AVX512F__)
#define VBYTES 64
#elif defined(__AVX2__)
#define VBYTES 32
#else
#define VBYTES 16
#endif
#define VW ((int)(VBYTES / sizeof(REAL)))
#define VQUAD ((int)(16 / sizeof(REAL)))
#define FNN_INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define FNN_UNROLL _Pragma("unroll")
#else
#define FNN_UNROLL _Pragma("GCC unroll 16")
#endif

typedef REAL vec __attribute__((vector_size(VBYTES)));
typedef REAL vec_unaligned __attribute__((vector_size(VBYTES), aligned(sizeof(REAL)), may_alias));

FNN_INLINE vec v_load(const REAL *p)
{
    return *(const vec_unaligned *)p;
}

FNN_INLINE void v_store(REAL *p, vec v)
{
    *(vec_unaligned *)p = v;
}

FNN_INLINE vec v_set1(REAL x)
{
    return x - (vec){0};
}

/* sum + x * y and a + b, for loops that stand in tiles of several shapes. Where more than one operand is NaN, their
 * order in an instruction decides which one comes out: a compiler, free to swap them, chooses anew in every tile. */
#if REAL_IS_F32
#define V_SUFFIX "s"
#define V_LANES "4s"
#else
#define V_SUFFIX "d"
#define V_LANES "2d"
#endif
#if defined(__AVX512F__)
#define V_REGISTER "v"
#else
#define V_REGISTER "x"
#endif
#if defined(__FMA__)
#define V_SUM(to, a, b) ((to) = (a) + (b)) /* three operands: nothing to gain by swapping two */
#define V_ADD_PRODUCT(sum, x, kind, y, spread)                                                                         \
    __asm__("vfmadd231p" V_SUFFIX " %2" spread ", %1, %0" : "+" V_REGISTER(sum) : V_REGISTER(x), kind(y))
#elif defined(__SSE2__)
#define V_SUM(to, a, b) __asm__("addp" V_SUFFIX " %2, %0" : "=x"(to) : "0"(a), "x"(b))
#else
#define V_SUM(to, a, b) ((to) = (a) + (b))
#endif
FNN_INLINE vec v_add_product(vec sum, vec x, vec y)
{
#if defined(V_ADD_PRODUCT)
    V_ADD_PRODUCT(sum, x, V_REGISTER, y, "");
#elif defined(__SSE2__)
    __asm__("mulp" V_SUFFIX " %1, %0" : "+x"(y) : "x"(x));
    __asm__("addp" V_SUFFIX " %1, %0" : "+x"(sum) : "x"(y));
#elif defined(__aarch64__) /* where gcc fuses some of `sum += x * y` and not others */
    __asm__("fmla %0." V_LANES ", %1." V_LANES ", %2." V_LANES : "+w"(sum) : "w"(x), "w"(y));
#else
    sum += x * y;
#endif
    return sum;
}

/* The same for y in memory, */
FNN_INLINE vec v_add_product_at(vec sum, vec x, const REAL *y)
{
#if defined(V_ADD_PRODUCT)
    V_ADD_PRODUCT(sum, x, "m", *(const vec_unaligned *)y, "");
    return sum;
#else
    return v_add_product(sum, x, v_load(y));
#endif
}

/* and for one element there in all lanes of y. */
FNN_INLINE vec v_add_product_of(vec sum, vec x, const REAL *y)
{
#if defined(__AVX512F__) && REAL_IS_F32
    V_ADD_PRODUCT(sum, x, "m", *y, "%{1to16%}");
    return sum;
#elif defined(__AVX512F__)
    V_ADD_PRODUCT(sum, x, "m", *y, "%{1to8%}");
    return sum;
#else
    return v_add_product(sum, x, v_set1(*y));
#endif
}

/* x < 0 ? 0 : x, which keeps NaN; and where y <= 0 ? 0 : x, its derivative. */
FNN_INLINE vec v_relu(vec x)
{
    return (vec)(~(x < 0) & (__typeof__(x < 0))x);
}

FNN_INLINE vec v_relu_backward(vec x, vec y)
{
    return (vec)(~(y <= 0) & (__typeof__(y <= 0))x);
}

/* The first `count` elements of a vector, 0 <= count <= VW: nothing beyond them is read or written. */
#if defined(__AVX512F__)
#if REAL_IS_F32
typedef __mmask16 vmask;
#define V_MASK_LOAD(p, m) (vec) _mm512_maskz_loadu_ps(m, p)
#define V_MASK_STORE(p, m, v) _mm512_mask_storeu_ps(p, m, (__m512)(v))
#else
typedef __mmask8 vmask;
#define V_MASK_LOAD(p, m) (vec) _mm512_maskz_loadu_pd(m, p)
#define V_MASK_STORE(p, m, v) _mm512_mask_storeu_pd(p, m, (__m512d)(v))
#endif
FNN_INLINE vmask v_mask(int64_t count)
{
    return (vmask)((1u << count) - 1);
}
#elif defined(__AVX2__)
typedef __m256i vmask;
#if REAL_IS_F32
#define V_MASK_LOAD(p, m) (vec) _mm256_maskload_ps(p, m)
#define V_MASK_STORE(p, m, v) _mm256_maskstore_ps(p, m, (__m256)(v))
FNN_INLINE vmask v_mask(int64_t count)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
#else
#define V_MASK_LOAD(p, m) (vec) _mm256_maskload_pd(p, m)
#define V_MASK_STORE(p, m, v) _mm256_maskstore_pd(p, m, (__m256d)(v))
FNN_INLINE vmask v_mask(int64_t count)
{
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3));
}
#endif
#else
typedef int vmask;
FNN_INLINE vmask v_mask(int64_t count)
{
    return (int)count;
}
FNN_INLINE vec v_part_load(const REAL *p, int count)
{
    if (count == VW)
        return v_load(p);
    vec v = {0};
    if (count > 0)
        v[0] = p[0];
#if REAL_IS_F32
    if (count > 1)
        v[1] = p[1];
    if (count > 2)
        v[2] = p[2];
#endif
    return v;
}
FNN_INLINE void v_part_store(REAL *p, int count, vec v)
{
    if (count == VW) {
        v_store(p, v);
        return;
    }
    if (count > 0)
        p[0] = v[0];
#if REAL_IS_F32
    if (count > 1)
        p[1] = v[1];
    if (count > 2)
        p[2] = v[2];
#endif
}
#define V_MASK_LOAD(p, m) v_part_load(p, m)
#define V_MASK_STORE(p, m, v) v_part_store(p, m, v)
#endif

FNN_INLINE vec v_load_part(const REAL *p, vmask mask)
{
    return V_MASK_LOAD(p, mask);
}

FNN_INLINE void v_store_part(REAL *p, vmask mask, vec v)
{
    V_MASK_STORE(p, mask, v);
}
#undef V_MASK_LOAD
#undef V_MASK_STORE

#if defined(__AVX2__)
#define V_MASK_BETWEEN 1
/* Elements from.. to, cut to those that there are. */
FNN_INLINE vmask v_mask_between(int64_t from, int64_t to)
{
    from = from < 0 ? 0 : from > VW ? VW : from;
    to = to < 0 ? 0 : to > VW ? VW : to;
    return v_mask(to) & ~v_mask(from);
}
#endif

/* to[0..count] = from: for runs of a few vectors. */
FNN_INLINE void v_copy(REAL *to, const REAL *from, int64_t count)
{
    int64_t i = 0;
    for (; i + VW <= count; i += VW)
        v_store(to + i, v_load(from + i));
    if (i < count) {
        const vmask mask = v_mask(count - i);
        v_store_part(to + i, mask, v_load_part(from + i, mask));
    }
}

/* 16 bytes from each of p, p + step, p + 2 step, ...: one 16-byte lane each. */
FNN_INLINE vec v_load_lanes(const REAL *p, int64_t step)
{
#if defined(__AVX512F__) && REAL_IS_F32
    __m512 v = _mm512_castps128_ps512(_mm_loadu_ps(p));
    v = _mm512_insertf32x4(v, _mm_loadu_ps(p + step), 1);
    v = _mm512_insertf32x4(v, _mm_loadu_ps(p + 2 * step), 2);
    return (vec)_mm512_insertf32x4(v, _mm_loadu_ps(p + 3 * step), 3);
#elif defined(__AVX512F__)
    __m512d v = _mm512_castpd128_pd512(_mm_loadu_pd(p));
    v = _mm512_insertf64x2(v, _mm_loadu_pd(p + step), 1);
    v = _mm512_insertf64x2(v, _mm_loadu_pd(p + 2 * step), 2);
    return (vec)_mm512_insertf64x2(v, _mm_loadu_pd(p + 3 * step), 3);
#elif defined(__AVX2__) && REAL_IS_F32
    return (vec)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(p + step), 1);
#elif defined(__AVX2__)
    return (vec)_mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(p)), _mm_loadu_pd(p + step), 1);
#else
    (void)step;
    return v_load(p);
#endif
}

/* The same from any addresses. */
FNN_INLINE vec v_gather_lanes(const REAL *const *p, int64_t offset)
{
#if defined(__AVX512F__) && REAL_IS_F32
    __m512 v = _mm512_castps128_ps512(_mm_loadu_ps(p[0] + offset));
    v = _mm512_insertf32x4(v, _mm_loadu_ps(p[VQUAD] + offset), 1);
    v = _mm512_insertf32x4(v, _mm_loadu_ps(p[2 * VQUAD] + offset), 2);
    return (vec)_mm512_insertf32x4(v, _mm_loadu_ps(p[3 * VQUAD] + offset), 3);
#elif defined(__AVX512F__)
    __m512d v = _mm512_castpd128_pd512(_mm_loadu_pd(p[0] + offset));
    v = _mm512_insertf64x2(v, _mm_loadu_pd(p[VQUAD] + offset), 1);
    v = _mm512_insertf64x2(v, _mm_loadu_pd(p[2 * VQUAD] + offset), 2);
    return (vec)_mm512_insertf64x2(v, _mm_loadu_pd(p[3 * VQUAD] + offset), 3);
#elif defined(__AVX2__)
    return v_load_lanes(p[0] + offset, p[VQUAD] - p[0]);
#else
    return v_load(p[0] + offset);
#endif
}

/* The reverse: each 16-byte lane to an address of its own. */
FNN_INLINE void v_scatter_lanes(REAL *const *p, int64_t offset, vec v)
{
#if defined(__AVX512F__) && REAL_IS_F32
    _mm_storeu_ps(p[0] + offset, _mm512_castps512_ps128((__m512)v));
    _mm_storeu_ps(p[VQUAD] + offset, _mm512_extractf32x4_ps((__m512)v, 1));
    _mm_storeu_ps(p[2 * VQUAD] + offset, _mm512_extractf32x4_ps((__m512)v, 2));
    _mm_storeu_ps(p[3 * VQUAD] + offset, _mm512_extractf32x4_ps((__m512)v, 3));
#elif defined(__AVX512F__)
    _mm_storeu_pd(p[0] + offset, _mm512_castpd512_pd128((__m512d)v));
    _mm_storeu_pd(p[VQUAD] + offset, _mm512_extractf64x2_pd((__m512d)v, 1));
    _mm_storeu_pd(p[2 * VQUAD] + offset, _mm512_extractf64x2_pd((__m512d)v, 2));
    _mm_storeu_pd(p[3 * VQUAD] + offset, _mm512_extractf64x2_pd((__m512d)v, 3));
#elif defined(__AVX2__) && REAL_IS_F32
    _mm_storeu_ps(p[0] + offset, _mm256_castps256_ps128((__m256)v));
    _mm_storeu_ps(p[VQUAD] + offset, _mm256_extractf128_ps((__m256)v, 1));
#elif defined(__AVX2__)
    _mm_storeu_pd(p[0] + offset, _mm256_castpd256_pd128((__m256d)v));
    _mm_storeu_pd(p[VQUAD] + offset, _mm256_extractf128_pd((__m256d)v, 1));
#else
    v_store(p[0] + offset, v);
#endif
}

/* Transposes the VQUAD x VQUAD block that each 16-byte lane of v[0..VQUAD-1] makes. */
FNN_INLINE void v_transpose_lanes(vec *v)
{
#if defined(__AVX512F__) && REAL_IS_F32
    __m512 a = (__m512)v[0], b = (__m512)v[1], c = (__m512)v[2], d = (__m512)v[3];
    __m512d ab = (__m512d)_mm512_unpacklo_ps(a, b), AB = (__m512d)_mm512_unpackhi_ps(a, b);
    __m512d cd = (__m512d)_mm512_unpacklo_ps(c, d), CD = (__m512d)_mm512_unpackhi_ps(c, d);
    v[0] = (vec)_mm512_unpacklo_pd(ab, cd), v[1] = (vec)_mm512_unpackhi_pd(ab, cd);
    v[2] = (vec)_mm512_unpacklo_pd(AB, CD), v[3] = (vec)_mm512_unpackhi_pd(AB, CD);
#elif defined(__AVX512F__)
    __m512d a = (__m512d)v[0], b = (__m512d)v[1];
    v[0] = (vec)_mm512_unpacklo_pd(a, b), v[1] = (vec)_mm512_unpackhi_pd(a, b);
#elif defined(__AVX2__) && REAL_IS_F32
    __m256 a = (__m256)v[0], b = (__m256)v[1], c = (__m256)v[2], d = (__m256)v[3];
    __m256d ab = (__m256d)_mm256_unpacklo_ps(a, b), AB = (__m256d)_mm256_unpackhi_ps(a, b);
    __m256d cd = (__m256d)_mm256_unpacklo_ps(c, d), CD = (__m256d)_mm256_unpackhi_ps(c, d);
    v[0] = (vec)_mm256_unpacklo_pd(ab, cd), v[1] = (vec)_mm256_unpackhi_pd(ab, cd);
    v[2] = (vec)_mm256_unpacklo_pd(AB, CD), v[3] = (vec)_mm256_unpackhi_pd(AB, CD);
#elif defined(__AVX2__)
    __m256d a = (__m256d)v[0], b = (__m256d)v[1];
    v[0] = (vec)_mm256_unpacklo_pd(a, b), v[1] = (vec)_mm256_unpackhi_pd(a, b);
#elif REAL_IS_F32
    vec a = v[0], b = v[1], c = v[2], d = v[3];
    v[0] = (vec){a[0], b[0], c[0], d[0]}, v[1] = (vec){a[1], b[1], c[1], d[1]};
    v[2] = (vec){a[2], b[2], c[2], d[2]}, v[3] = (vec){a[3], b[3], c[3], d[3]};
#else
    vec a = v[0], b = v[1];
    v[0] = (vec){a[0], b[0]}, v[1] = (vec){a[1], b[1]};
#endif
}

/* to[0..n] += from[0..n], whole vectors alike where the range is cut. */
FNN_INLINE void v_add_line(REAL *to, const REAL *from, int64_t n)
{
    for (int64_t i = 0; i < n; i += VW) {
        const vmask mask = v_mask(n - i < VW ? n - i : VW);
        vec sum;
        V_SUM(sum, v_load_part(to + i, mask), v_load_part(from + i, mask));
        v_store_part(to + i, mask, sum);
    }
}

/* to[i] = sum of v[i]'s elements for i < VQUAD, each by the same tree; overwrites v. */
FNN_INLINE void v_sums(REAL *to, vec *v)
{
    v_transpose_lanes(v);
    vec sum;
    V_SUM(sum, v[0], v[1]);
#if REAL_IS_F32
    vec other;
    V_SUM(other, v[2], v[3]);
    V_SUM(sum, sum, other);
#endif
#if defined(__AVX512F__) && REAL_IS_F32
    const __m256 half = _mm512_castps512_ps256((__m512)sum) + _mm512_extractf32x8_ps((__m512)sum, 1);
    _mm_storeu_ps(to, _mm256_castps256_ps128(half) + _mm256_extractf128_ps(half, 1));
#elif defined(__AVX512F__)
    const __m256d half = _mm512_castpd512_pd256((__m512d)sum) + _mm512_extractf64x4_pd((__m512d)sum, 1);
    _mm_storeu_pd(to, _mm256_castpd256_pd128(half) + _mm256_extractf128_pd(half, 1));
#elif defined(__AVX2__) && REAL_IS_F32
    _mm_storeu_ps(to, _mm256_castps256_ps128((__m256)sum) + _mm256_extractf128_ps((__m256)sum, 1));
#elif defined(__AVX2__)
    _mm_storeu_pd(to, _mm256_castpd256_pd128((__m256d)sum) + _mm256_extractf128_pd((__m256d)sum, 1));
#else
    v_store(to, sum);
#endif
}

/* x > y ? x : y */
FNN_INLINE vec v_larger(vec x, vec y)
{
    const __typeof__(x > y) mask = x > y;
    return (vec)(((__typeof__(x > y))x & mask) | ((__typeof__(x > y))y & ~mask));
}

/* The sum of all elements, in a fixed tree. */
FNN_INLINE REAL v_sum(vec v)
{
#if defined(__AVX512F__) && REAL_IS_F32
    const __m256 half = _mm512_castps512_ps256((__m512)v) + _mm512_extractf32x8_ps((__m512)v, 1);
    const __m128 w = _mm256_castps256_ps128(half) + _mm256_extractf128_ps(half, 1);
#elif defined(__AVX512F__)
    const __m256d half = _mm512_castpd512_pd256((__m512d)v) + _mm512_extractf64x4_pd((__m512d)v, 1);
    const __m128d w = _mm256_castpd256_pd128(half) + _mm256_extractf128_pd(half, 1);
#elif defined(__AVX2__) && REAL_IS_F32
    const __m128 w = _mm256_castps256_ps128((__m256)v) + _mm256_extractf128_ps((__m256)v, 1);
#elif defined(__AVX2__)
    const __m128d w = _mm256_castpd256_pd128((__m256d)v) + _mm256_extractf128_pd((__m256d)v, 1);
#else
    const vec w = v;
#endif
#if REAL_IS_F32
    return (w[0] + w[2]) + (w[1] + w[3]);
#else
    return w[0] + w[1];
#endif
}

/* The elements, `by` lanes down and around; `by` half of what is still to be folded: VW / 2, VW / 4, ..., 1. */
#if defined(__AVX512F__) && REAL_IS_F32
#define V_ROTATE_8(v) (vec) _mm512_shuffle_f32x4((__m512)(v), (__m512)(v), 0x4e)
#define V_ROTATE_4(v) (vec) _mm512_shuffle_f32x4((__m512)(v), (__m512)(v), 0x39)
#define V_ROTATE_2(v) (vec) _mm512_permute_ps((__m512)(v), 0x4e)
#define V_ROTATE_1(v) (vec) _mm512_permute_ps((__m512)(v), 0xb1)
#elif defined(__AVX512F__)
#define V_ROTATE_4(v) (vec) _mm512_shuffle_f64x2((__m512d)(v), (__m512d)(v), 0x4e)
#define V_ROTATE_2(v) (vec) _mm512_shuffle_f64x2((__m512d)(v), (__m512d)(v), 0x39)
#define V_ROTATE_1(v) (vec) _mm512_permute_pd((__m512d)(v), 0x55)
#elif defined(__AVX2__) && REAL_IS_F32
#define V_ROTATE_4(v) (vec) _mm256_permute2f128_ps((__m256)(v), (__m256)(v), 1)
#define V_ROTATE_2(v) (vec) _mm256_permute_ps((__m256)(v), 0x4e)
#define V_ROTATE_1(v) (vec) _mm256_permute_ps((__m256)(v), 0xb1)
#elif defined(__AVX2__)
#define V_ROTATE_2(v) (vec) _mm256_permute2f128_pd((__m256d)(v), (__m256d)(v), 1)
#define V_ROTATE_1(v) (vec) _mm256_permute_pd((__m256d)(v), 0x5)
#elif REAL_IS_F32
#define V_ROTATE_2(v) ((vec){(v)[2], (v)[3], (v)[0], (v)[1]})
#define V_ROTATE_1(v) ((vec){(v)[1], (v)[0], (v)[3], (v)[2]})
#else
#define V_ROTATE_1(v) ((vec){(v)[1], (v)[0]})
#endif
FNN_INLINE vec v_rotate(vec v, int by)
{
#ifdef V_ROTATE_8
    if (by == 8)
        return V_ROTATE_8(v);
#endif
#ifdef V_ROTATE_4
    if (by == 4)
        return V_ROTATE_4(v);
#endif
#ifdef V_ROTATE_2
    if (by == 2)
        return V_ROTATE_2(v);
#endif
    (void)by;
    return V_ROTATE_1(v);
}
#undef V_ROTATE_8
#undef V_ROTATE_4
#undef V_ROTATE_2
#undef V_ROTATE_1

/* The largest element; a NaN may be lost. */
FNN_INLINE REAL v_max(vec v)
{
    FNN_UNROLL
    for (int by = VW / 2; by > 0; by /= 2) {
        const vec w = v_rotate(v, by);
        v = v_larger(v, w);
    }
    return v[0];
}

/* Integers as wide as REAL. */
#if REAL_IS_F32
typedef int32_t vint __attribute__((vector_size(VBYTES)));
#else
typedef int64_t vint __attribute__((vector_size(VBYTES)));
#endif

/* From and to VW bytes: compilers do not find the instructions. */
FNN_INLINE vint v_from_bytes(const uint8_t *p)
{
#if VBYTES == 64 && REAL_IS_F32
    return (vint)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p));
#elif VBYTES == 64
    return (vint)_mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)p));
#elif VBYTES == 32 && REAL_IS_F32
    return (vint)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p));
#else
    vint v;
    FNN_UNROLL
    for (int l = 0; l < VW; l++)
        v[l] = p[l];
    return v;
#endif
}

FNN_INLINE void v_to_bytes(uint8_t *p, vint v)
{
#if VBYTES == 64 && REAL_IS_F32
    _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8((__m512i)v));
#elif VBYTES == 64
    _mm_storel_epi64((__m128i *)p, _mm512_cvtepi64_epi8((__m512i)v));
#else
    FNN_UNROLL
    for (int l = 0; l < VW; l++)
        p[l] = (uint8_t)v[l];
#endif
}

#if defined(__clang__)
#define V_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define V_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (vint){__VA_ARGS__})
#endif
#if VBYTES == 64 && REAL_IS_F32
#define V_EVEN 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define V_ODD 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define V_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define V_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif VBYTES == 64 || (VBYTES == 32 && REAL_IS_F32)
#define V_EVEN 0, 2, 4, 6, 8, 10, 12, 14
#define V_ODD 1, 3, 5, 7, 9, 11, 13, 15
#define V_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define V_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#elif VBYTES == 32 || REAL_IS_F32
#define V_EVEN 0, 2, 4, 6
#define V_ODD 1, 3, 5, 7
#define V_LOW 0, 4, 1, 5
#define V_HIGH 2, 6, 3, 7
#else
#define V_EVEN 0, 2
#define V_ODD 1, 3
#define V_LOW 0, 2
#define V_HIGH 1, 3
#endif

#if defined(__AVX512F__)
#define V_PICKS 1
/* The elements at these lanes of a and b behind it. */
FNN_INLINE vec v_pick(vec a, vec b, vint at)
{
#if REAL_IS_F32
    return (vec)_mm512_permutex2var_ps((__m512)a, (__m512i)at, (__m512)b);
#else
    return (vec)_mm512_permutex2var_pd((__m512d)a, (__m512i)at, (__m512d)b);
#endif
}
#endif

/* Elements 0, 2, 4, ... of a and b behind it; elements 1, 3, 5, ... */
FNN_INLINE vec v_even(vec a, vec b)
{
    return V_SHUFFLE(a, b, V_EVEN);
}

FNN_INLINE vec v_odd(vec a, vec b)
{
    return V_SHUFFLE(a, b, V_ODD);
}

/* to[0..count] = from[0], from[2], ... */
static void v_copy_even(REAL *to, const REAL *from, int64_t count)
{
    for (int64_t i = 0; i < count; i += VW) {
        const int64_t left = 2 * (count - i) - 1, more = left - VW;
        const vec low = v_load_part(from + 2 * i, v_mask(left < VW ? left : VW));
        const vec high = v_load_part(from + 2 * i + VW, v_mask(more < 0 ? 0 : more < VW ? more : VW));
        v_store_part(to + i, v_mask(count - i < VW ? count - i : VW), v_even(low, high));
    }
}

/* The first and the second half of a[0], b[0], a[1], b[1], ... */
FNN_INLINE vec v_zip_low(vec a, vec b)
{
    return V_SHUFFLE(a, b, V_LOW);
}

FNN_INLINE vec v_zip_high(vec a, vec b)
{
    return V_SHUFFLE(a, b, V_HIGH);
}
#undef V_SHUFFLE
#undef V_EVEN
#undef V_ODD
#undef V_LOW
#undef V_HIGH
