/* gemm_tile.inc.h -- the innermost loops of a matrix product: a tile of C kept in registers.
 *
 * Each element of a tile is one chain acc = fma(a[k], b[k], acc) over ascending k, in every tile of every size: so
 * the result does not depend on how C is cut into tiles, and the cut may follow the number of threads.
 */
/* Rows of tiles that are 1 or 2 vectors wide, and of those 4 wide: as many as the registers hold. */
/* clang-format off */
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
/* Unrolled by hand: clang keeps an array in registers only if no loop ever indexed it. */
#define EACH_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13)
#define EACH_VECTOR(X, i) X(i, 0) X(i, 1) X(i, 2) X(i, 3)
/* clang-format on */
#define MEMORY_LINE ((int)(64 / sizeof(REAL)))
#define PACKED_ROWS ((TILE_ROWS + 3) / 4 * 4) /* distance of packed columns of A */

/* What happens at the ends of the chain. */
typedef struct {
    vmask tail;        /* columns of the last vector, for tiles whose last vector is partial */
    int from_c;        /* start from C's contents instead of 0 */
    int relu;          /* at the end */
    const REAL *bias;  /* added at the end: one per column, or NULL */
    const REAL *start; /* one per row to start from, or NULL */
    const REAL *ahead; /* columns of B that come next and run along k, to ask memory for meanwhile, or NULL */
    int64_t ahead_step;
} tile_ends;

/* Asks memory for rows of k elements, a line at a time and in order, as prefetchers like it. */
typedef struct {
    const REAL *at;
    int64_t left, k, step; /* of this row, of each row, from one row to the next */
} prefetch;

FNN_INLINE prefetch prefetch_rows(const REAL *at, int64_t k, int64_t step)
{
    const int64_t whole = (k + MEMORY_LINE - 1) / MEMORY_LINE * MEMORY_LINE;
    return (prefetch){at, whole, whole, step - whole};
}

FNN_INLINE void prefetch_next(prefetch *a)
{
    __builtin_prefetch(a->at, 0, 2);
    a->at += MEMORY_LINE;
    a->left -= MEMORY_LINE;
    a->at += a->left ? 0 : a->step;
    a->left = a->left ? a->left : a->k;
}

typedef void (*tile_function)(int64_t k, const REAL *a, int64_t as_m, int64_t as_k, const REAL *b, int64_t ldb, REAL *c,
                              int64_t ldc, const tile_ends *ends);

/* clang-format off */
#define LAST(v) (part && (v) == nv - 1)
#define LOAD(v, p) (LAST(v) ? v_load_part((p) + (v)*VW, tail) : v_load((p) + (v)*VW))
#define FROM_C(i, v) if (i < mr && v < nv) acc[i][v] = LOAD(v, c + i * ldc);
#define FROM_START(i, v) if (i < mr && v < nv) acc[i][v] = v_set1(ends->start[i]);
#define FROM_0(i, v) if (i < mr && v < nv) acc[i][v] = (vec){0};
#define LOAD_B(i, v) if (v < nv) bv[v] = LOAD(v, b);
#define MULTIPLY(i, v) if (v < nv) acc[i][v] = v_add_product(acc[i][v], bv[v], x);
#define BIAS(i, v) if (i < mr && v < nv) acc[i][v] += bv[v];
#define RELU(i, v) if (i < mr && v < nv) acc[i][v] = v_relu(acc[i][v]);
#define STORE(i, v)                                                                                                    \
    if (i < mr && v < nv) {                                                                                            \
        if (LAST(v))                                                                                                   \
            v_store_part(c + i * ldc + v * VW, tail, acc[i][v]);                                                       \
        else                                                                                                           \
            v_store(c + i * ldc + v * VW, acc[i][v]);                                                                  \
    }
/* clang-format on */

/* C (mr x nv vectors) = [C or 0] + A (mr x k, any strides) B (k x nv vectors, rows ldb apart). mr, nv, part are
 * constants in every caller. */
FNN_INLINE void tile_product(const int mr, const int nv, const int part, int64_t k, const REAL *a, int64_t as_m,
                             int64_t as_k, const REAL *b, int64_t ldb, REAL *c, int64_t ldc, const tile_ends *ends)
{
    vec acc[14][4], bv[4], x;
    const vmask tail = ends->tail;
    if (ends->from_c) {
#define TILE_ROW(i) EACH_VECTOR(FROM_C, i)
        EACH_ROW(TILE_ROW)
#undef TILE_ROW
    } else if (ends->start) {
#define TILE_ROW(i) EACH_VECTOR(FROM_START, i)
        EACH_ROW(TILE_ROW)
#undef TILE_ROW
    } else {
#define TILE_ROW(i) EACH_VECTOR(FROM_0, i)
        EACH_ROW(TILE_ROW)
#undef TILE_ROW
    }
    /* One pointer for three rows: p, p + as_m, p + 2 as_m are addressing modes, and registers are few. */
    const REAL *row0 = a, *row1 = a + 3 * as_m, *row2 = a + 6 * as_m, *row3 = a + 9 * as_m, *row4 = a + 12 * as_m;
    const int asks = nv == 2 && mr >= TILE_ROWS / 2; /* has time to; if nothing is ahead, for a line at hand */
    prefetch asking =
        prefetch_rows(ends->ahead ? ends->ahead : a, ends->ahead ? k : MEMORY_LINE, ends->ahead ? ends->ahead_step : 0);
    for (; k > 0; k--) {
        EACH_VECTOR(LOAD_B, 0)
        if (asks)
            prefetch_next(&asking);
#define TILE_ROW(i)                                                                                                    \
    if (i < mr) {                                                                                                      \
        const REAL *const from = (i < 3 ? row0 : i < 6 ? row1 : i < 9 ? row2 : i < 12 ? row3 : row4) + i % 3 * as_m;   \
        if (nv == 1) {                                                                                                 \
            acc[i][0] = v_add_product_of(acc[i][0], bv[0], from);                                                      \
        } else {                                                                                                       \
            x = v_set1(*from);                                                                                         \
            EACH_VECTOR(MULTIPLY, i)                                                                                   \
        }                                                                                                              \
    }
        EACH_ROW(TILE_ROW)
#undef TILE_ROW
        row0 += as_k, row1 += as_k, row2 += as_k, row3 += as_k, row4 += as_k;
        b += ldb;
    }
    if (ends->bias) {
        b = ends->bias;
        EACH_VECTOR(LOAD_B, 0)
#define TILE_ROW(i) EACH_VECTOR(BIAS, i)
        EACH_ROW(TILE_ROW)
#undef TILE_ROW
    }
    if (ends->relu) {
#define TILE_ROW(i) EACH_VECTOR(RELU, i)
        EACH_ROW(TILE_ROW)
#undef TILE_ROW
    }
#define TILE_ROW(i) EACH_VECTOR(STORE, i)
    EACH_ROW(TILE_ROW)
#undef TILE_ROW
#undef FROM_C
#undef FROM_0
#undef FROM_START
#undef LOAD_B
#undef MULTIPLY
#undef BIAS
#undef RELU
#undef STORE
#undef LOAD
#undef LAST
}

#define TILE(mr, nv, part)                                                                                             \
    static void tile_##mr##_##nv##_##part(int64_t k, const REAL *a, int64_t as_m, int64_t as_k, const REAL *b,         \
                                          int64_t ldb, REAL *c, int64_t ldc, const tile_ends *ends)                    \
    {                                                                                                                  \
        tile_product(mr, nv, part, k, a, as_m, as_k, b, ldb, c, ldc, ends);                                            \
    }
TILE_LIST(TILE, 1, 0)
TILE_LIST(TILE, 1, 1)
TILE_LIST(TILE, 2, 0)
TILE_LIST(TILE, 2, 1)
TILE_LIST_WIDE(TILE, 4, 0)
TILE_LIST_WIDE(TILE, 4, 1)
#undef TILE

/* [width: 1, 2, 4 vectors][last vector partial][rows - 1] */
static const tile_function tile_kernels[3][2][TILE_ROWS] = {
#define TILE(mr, nv, part) tile_##mr##_##nv##_##part,
    {{TILE_LIST(TILE, 1, 0)}, {TILE_LIST(TILE, 1, 1)}},
    {{TILE_LIST(TILE, 2, 0)}, {TILE_LIST(TILE, 2, 1)}},
    {{TILE_LIST_WIDE(TILE, 4, 0)}, {TILE_LIST_WIDE(TILE, 4, 1)}},
#undef TILE
};
