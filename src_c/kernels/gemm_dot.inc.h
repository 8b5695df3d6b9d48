/* gemm_dot.inc.h -- products with few rows or few columns whose operands both run along k: every element is a dot
 * product, vectorised over k. Nothing is packed; W is read once, as memory gives it. With more than two rows a
 * processor does not look far enough ahead: what comes `ahead` in b is asked for.
 *
 * Each element is VW chains over k and one fixed tree at the end, in tiles of every size.
 */
#if defined(__AVX512F__) || defined(__aarch64__)
#define DOT_ROWS 4
#else
#define DOT_ROWS 2
#endif
#define DOT_COLS 4

FNN_INLINE void dot_tile(const int mr, const int nc, int64_t k, const REAL *a, int64_t as_m, const REAL *b,
                         int64_t bs_n, int64_t ahead, REAL *sums)
{
    vec acc[4][4], bv[4], x;
    const int64_t body = k - k % VW;
    const vmask tail = v_mask(k - body);
    /* clang-format off */
#define ZERO(i, j) acc[i][j] = (vec){0};
#define LOAD_B(i, j) if (j < nc) bv[j] = LOAD(b + j * bs_n);
#define MULTIPLY(i, j) if (j < nc) acc[i][j] = v_add_product(acc[i][j], bv[j], x);
#define DOT_ROW(i) EACH_VECTOR(ZERO, i)
    DOT_ROW(0) DOT_ROW(1) DOT_ROW(2) DOT_ROW(3)
#undef DOT_ROW
#define DOT_ROW(i)                                                                                                     \
    if (i < mr) {                                                                                                      \
        x = LOAD(a + i * as_m);                                                                                        \
        EACH_VECTOR(MULTIPLY, i)                                                                                       \
    }
    for (int64_t p = 0; p < body; p += VW) {
#define LOAD(from) v_load((from) + p)
        EACH_VECTOR(LOAD_B, 0)
        if (mr > 2 && ahead)
            for (int j = 0; j < nc; j++)
                __builtin_prefetch(b + ahead + j * bs_n + p, 0, 2);
        DOT_ROW(0) DOT_ROW(1) DOT_ROW(2) DOT_ROW(3)
#undef LOAD
    }
    if (body < k) {
#define LOAD(from) v_load_part((from) + body, tail)
        EACH_VECTOR(LOAD_B, 0)
        DOT_ROW(0) DOT_ROW(1) DOT_ROW(2) DOT_ROW(3)
#undef LOAD
    }
#undef DOT_ROW
    /* the sums of VQUAD elements at once; those of columns that are not there are dropped */
#define DOT_ROW(i)                                                                                                     \
    if (i < mr) {                                                                                                      \
        v_sums(sums + i * DOT_COLS, acc[i]);                                                                           \
        if (VQUAD < nc)                                                                                                \
            v_sums(sums + i * DOT_COLS + VQUAD, acc[i] + VQUAD % 4);                                                   \
    }
    DOT_ROW(0) DOT_ROW(1) DOT_ROW(2) DOT_ROW(3)
#undef DOT_ROW
#undef ZERO
#undef LOAD_B
#undef MULTIPLY
}

typedef void (*dot_function)(int64_t k, const REAL *a, int64_t as_m, const REAL *b, int64_t bs_n,
                                  int64_t ahead, REAL *sums);

/* clang-format on */
#define DOT_LIST_1(X) X(1, 1) X(1, 2) X(1, 3) X(1, 4)
#define DOT_LIST_2(X) X(2, 1) X(2, 2) X(2, 3) X(2, 4)
#define DOT_LIST_3(X) X(3, 1) X(3, 2) X(3, 3) X(3, 4)
#define DOT_LIST_4(X) X(4, 1) X(4, 2) X(4, 3) X(4, 4)
#define DOT(mr, nc)                                                                                                    \
    static void dot_##mr##_##nc(int64_t k, const REAL *a, int64_t as_m, const REAL *b, int64_t bs_n, int64_t ahead,    \
                                REAL *sums)                                                                            \
    {                                                                                                                  \
        dot_tile(mr, nc, k, a, as_m, b, bs_n, ahead, sums);                                                            \
    }
DOT_LIST_1(DOT)
DOT_LIST_2(DOT)
#if DOT_ROWS == 4
DOT_LIST_3(DOT)
DOT_LIST_4(DOT)
#endif
#undef DOT

static const dot_function dot_kernels[DOT_ROWS][DOT_COLS] = {
#define DOT(mr, nc) dot_##mr##_##nc,
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
