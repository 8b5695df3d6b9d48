/* gemm_dot.inc.h -- products with few rows or few columns whose operands both run along k: every element is a dot
 * product, vectorised over k. Nothing is packed; W is read once, as memory gives it.
 *
 * Each element is VW chains over k and one fixed tree at the end, in tiles of every size.
 */
#ifndef FNN_DOT_ONCE
#define FNN_DOT_ONCE
#if defined(__AVX512F__) || defined(__aarch64__)
#define DOT_ROWS 4
#else
#define DOT_ROWS 2
#endif
#define DOT_COLS 4
#endif

FNN_INLINE void FN(dot_tile)(const int mr, const int nc, int64_t k, const REAL *a, int64_t as_m, const REAL *b,
                             int64_t bs_n, REAL *sums)
{
    FN(vec) acc[DOT_ROWS][DOT_COLS];
    FNN_UNROLL
    for (int i = 0; i < mr; i++) {
        FNN_UNROLL
        for (int j = 0; j < nc; j++)
            acc[i][j] = (FN(vec)){0};
    }
    const int64_t body = k - k % VW;
    for (int64_t p = 0; p < body; p += VW) {
        FN(vec) bv[DOT_COLS];
        FNN_UNROLL
        for (int j = 0; j < nc; j++)
            bv[j] = FN(v_load)(b + j * bs_n + p);
        FNN_UNROLL
        for (int i = 0; i < mr; i++) {
            const FN(vec) x = FN(v_load)(a + i * as_m + p);
            FNN_UNROLL
            for (int j = 0; j < nc; j++)
                acc[i][j] += x * bv[j];
        }
    }
    if (body < k) {
        const FN(mask) tail = FN(v_mask)(k - body);
        FN(vec) bv[DOT_COLS];
        FNN_UNROLL
        for (int j = 0; j < nc; j++)
            bv[j] = FN(v_load_part)(b + j * bs_n + body, tail);
        FNN_UNROLL
        for (int i = 0; i < mr; i++) {
            const FN(vec) x = FN(v_load_part)(a + i * as_m + body, tail);
            FNN_UNROLL
            for (int j = 0; j < nc; j++)
                acc[i][j] += x * bv[j];
        }
    }
    FNN_UNROLL
    for (int i = 0; i < mr; i++) {
        FNN_UNROLL
        for (int j = 0; j < nc; j += VQUAD) {
            FN(vec) group[VQUAD];
            FNN_UNROLL
            for (int q = 0; q < VQUAD; q++)
                group[q] = j + q < nc ? acc[i][j + q] : (FN(vec)){0};
            FN(v_sums)(sums + i * DOT_COLS + j, group);
        }
    }
}

typedef void (*FN(dot_function))(int64_t k, const REAL *a, int64_t as_m, const REAL *b, int64_t bs_n, REAL *sums);

#define DOT_LIST_1(X) X(1, 1) X(1, 2) X(1, 3) X(1, 4)
#define DOT_LIST_2(X) X(2, 1) X(2, 2) X(2, 3) X(2, 4)
#define DOT_LIST_3(X) X(3, 1) X(3, 2) X(3, 3) X(3, 4)
#define DOT_LIST_4(X) X(4, 1) X(4, 2) X(4, 3) X(4, 4)
#define DOT(mr, nc)                                                                                                    \
    static void FN(dot_##mr##_##nc)(int64_t k, const REAL *a, int64_t as_m, const REAL *b, int64_t bs_n, REAL *sums)   \
    {                                                                                                                  \
        FN(dot_tile)(mr, nc, k, a, as_m, b, bs_n, sums);                                                               \
    }
DOT_LIST_1(DOT)
DOT_LIST_2(DOT)
#if DOT_ROWS == 4
DOT_LIST_3(DOT)
DOT_LIST_4(DOT)
#endif
#undef DOT

static const FN(dot_function) FN(dots)[DOT_ROWS][DOT_COLS] = {
#define DOT(mr, nc) FN(dot_##mr##_##nc),
    {DOT_LIST_1(DOT)},
    {DOT_LIST_2(DOT)},
#if DOT_ROWS == 4
    {DOT_LIST_3(DOT)},
    {DOT_LIST_4(DOT)},
#endif
#undef DOT
};
#undef DOT_LIST_1
#undef DOT_LIST_2
#undef DOT_LIST_3
#undef DOT_LIST_4
