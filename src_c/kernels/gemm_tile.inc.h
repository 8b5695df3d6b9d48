/* gemm_tile.inc.h -- the innermost loops of a matrix product: a tile of C kept in registers.
 *
 * Each element of a tile is one chain acc = fma(a[k], b[k], acc) over ascending k, in every tile of every size: so
 * the result does not depend on how C is cut into tiles, and the cut may follow the number of threads.
 */
#ifndef FNN_GEMM_ONCE
#define FNN_GEMM_ONCE
/* Rows of tiles that are 1 or 2 vectors wide, and of those 4 wide: as many as the registers hold. */
#if defined(__AVX512F__)
#define TILE_ROWS 14
#define TILE_ROWS_WIDE 6
#define TILE_LIST(X, nv, part)                                                                                         \
    X(1, nv, part) X(2, nv, part) X(3, nv, part) X(4, nv, part) X(5, nv, part) X(6, nv, part) X(7, nv, part)           \
    X(8, nv, part) X(9, nv, part) X(10, nv, part) X(11, nv, part) X(12, nv, part) X(13, nv, part) X(14, nv, part)
#define TILE_LIST_WIDE(X, nv, part)                                                                                    \
    X(1, nv, part) X(2, nv, part) X(3, nv, part) X(4, nv, part) X(5, nv, part) X(6, nv, part)
#elif defined(__AVX2__)
#define TILE_ROWS 6
#define TILE_ROWS_WIDE 2
#define TILE_LIST(X, nv, part)                                                                                         \
    X(1, nv, part) X(2, nv, part) X(3, nv, part) X(4, nv, part) X(5, nv, part) X(6, nv, part)
#define TILE_LIST_WIDE(X, nv, part) X(1, nv, part) X(2, nv, part)
#elif defined(__aarch64__)
#define TILE_ROWS 8
#define TILE_ROWS_WIDE 5
#define TILE_LIST(X, nv, part)                                                                                         \
    X(1, nv, part) X(2, nv, part) X(3, nv, part) X(4, nv, part) X(5, nv, part) X(6, nv, part) X(7, nv, part)           \
    X(8, nv, part)
#define TILE_LIST_WIDE(X, nv, part) X(1, nv, part) X(2, nv, part) X(3, nv, part) X(4, nv, part) X(5, nv, part)
#else
#define TILE_ROWS 4
#define TILE_ROWS_WIDE 2
#define TILE_LIST(X, nv, part) X(1, nv, part) X(2, nv, part) X(3, nv, part) X(4, nv, part)
#define TILE_LIST_WIDE(X, nv, part) X(1, nv, part) X(2, nv, part)
#endif
#define PACKED_ROWS ((TILE_ROWS + 3) / 4 * 4) /* distance of packed columns of A */
#endif

/* What happens at the ends of the chain. */
typedef struct {
    FN(mask) tail;    /* columns of the last vector, for tiles whose last vector is partial */
    int from_c;       /* start from C's contents instead of 0 */
    int relu;         /* at the end */
    const REAL *bias; /* added at the end: one per column, or NULL */
} FN(tile_ends);

typedef void (*FN(tile_function))(int64_t k, const REAL *a, int64_t as_m, int64_t as_k, const REAL *b, int64_t ldb,
                                  REAL *c, int64_t ldc, const FN(tile_ends) *ends);

/* C (mr x nv vectors) = [C or 0] + A (mr x k, any strides) B (k x nv vectors, rows ldb apart). mr, nv, part are
 * constants in every caller. */
FNN_INLINE void FN(tile)(const int mr, const int nv, const int part, int64_t k, const REAL *a, int64_t as_m,
                         int64_t as_k, const REAL *b, int64_t ldb, REAL *c, int64_t ldc, const FN(tile_ends) *ends)
{
    FN(vec) acc[14][4];
    const FN(mask) tail = ends->tail;
#define LAST(v) (part && (v) == nv - 1)
    if (ends->from_c) {
        FNN_UNROLL
        for (int i = 0; i < mr; i++) {
            FNN_UNROLL
            for (int v = 0; v < nv; v++)
                acc[i][v] = LAST(v) ? FN(v_load_part)(c + i * ldc + v * VW, tail) : FN(v_load)(c + i * ldc + v * VW);
        }
    } else {
        FNN_UNROLL
        for (int i = 0; i < mr; i++) {
            FNN_UNROLL
            for (int v = 0; v < nv; v++)
                acc[i][v] = (FN(vec)){0};
        }
    }
    /* One pointer for three rows: p, p + as_m, p + 2 as_m are addressing modes, and registers are few. */
    const REAL *row[5];
    FNN_UNROLL
    for (int g = 0; g < (mr + 2) / 3; g++)
        row[g] = a + 3 * g * as_m;
    for (; k > 0; k--) {
        FN(vec) bv[4];
        FNN_UNROLL
        for (int v = 0; v < nv; v++)
            bv[v] = LAST(v) ? FN(v_load_part)(b + v * VW, tail) : FN(v_load)(b + v * VW);
        FNN_UNROLL
        for (int i = 0; i < mr; i++) {
            const FN(vec) x = FN(v_set1)(row[i / 3][i % 3 * as_m]);
            FNN_UNROLL
            for (int v = 0; v < nv; v++)
                acc[i][v] += x * bv[v];
        }
        FNN_UNROLL
        for (int g = 0; g < (mr + 2) / 3; g++)
            row[g] += as_k;
        b += ldb;
    }
    if (ends->bias) {
        FNN_UNROLL
        for (int v = 0; v < nv; v++) {
            const FN(vec) bias =
                LAST(v) ? FN(v_load_part)(ends->bias + v * VW, tail) : FN(v_load)(ends->bias + v * VW);
            FNN_UNROLL
            for (int i = 0; i < mr; i++)
                acc[i][v] += bias;
        }
    }
    if (ends->relu) {
        FNN_UNROLL
        for (int i = 0; i < mr; i++) {
            FNN_UNROLL
            for (int v = 0; v < nv; v++)
                acc[i][v] = FN(v_relu)(acc[i][v]);
        }
    }
    FNN_UNROLL
    for (int i = 0; i < mr; i++) {
        FNN_UNROLL
        for (int v = 0; v < nv; v++) {
            if (LAST(v))
                FN(v_store_part)(c + i * ldc + v * VW, tail, acc[i][v]);
            else
                FN(v_store)(c + i * ldc + v * VW, acc[i][v]);
        }
    }
#undef LAST
}

#define TILE(mr, nv, part)                                                                                             \
    static void FN(tile_##mr##_##nv##_##part)(int64_t k, const REAL *a, int64_t as_m, int64_t as_k, const REAL *b,     \
                                              int64_t ldb, REAL *c, int64_t ldc, const FN(tile_ends) * ends)           \
    {                                                                                                                  \
        FN(tile)(mr, nv, part, k, a, as_m, as_k, b, ldb, c, ldc, ends);                                                \
    }
TILE_LIST(TILE, 1, 0)
TILE_LIST(TILE, 1, 1)
TILE_LIST(TILE, 2, 0)
TILE_LIST(TILE, 2, 1)
TILE_LIST_WIDE(TILE, 4, 0)
TILE_LIST_WIDE(TILE, 4, 1)
#undef TILE

/* [width: 1, 2, 4 vectors][last vector partial][rows - 1] */
static const FN(tile_function) FN(tiles)[3][2][TILE_ROWS] = {
#define TILE(mr, nv, part) FN(tile_##mr##_##nv##_##part),
    {{TILE_LIST(TILE, 1, 0)}, {TILE_LIST(TILE, 1, 1)}},
    {{TILE_LIST(TILE, 2, 0)}, {TILE_LIST(TILE, 2, 1)}},
    {{TILE_LIST_WIDE(TILE, 4, 0)}, {TILE_LIST_WIDE(TILE, 4, 1)}},
#undef TILE
};
