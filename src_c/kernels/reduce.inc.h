/* reduce.inc.h -- sums, products, extrema over the middle of (outer, n, inner), and where the extrema lie.
 *
 * The order of additions depends on the sizes alone: four vectors of accumulators inside a block, blocks in
 * a binary tree. So the bits are the same for every number of threads and the rounding error grows with the
 * logarithm of n beyond a block.
 */

#if defined(__AVX512F__)
#define FNN_VECTOR_BYTES 64
#elif defined(__AVX__)
#define FNN_VECTOR_BYTES 32
#else
#define FNN_VECTOR_BYTES 16
#endif
#define LINE ((int64_t)(FNN_VECTOR_BYTES / sizeof(REAL)))
/* The order is the interface: fastnn/kernels/reduce.pyx numbers them alike. */
enum { FNN_SUM, FNN_PROD, FNN_MAX, FNN_MIN, FNN_SUM_SQUARES, FNN_REDUCE_COUNT };
#define FNN_REDUCE_BLOCK 4096 /* elements of a row added without a tree */
#define FNN_REDUCE_ROWS 64    /* the same for rows of columns */
#define FNN_REDUCE_WIDTH 512  /* columns done together */
#define FNN_REDUCE_CHUNKS 32  /* parts of one long row that threads may share */
#define FNN_COLUMN_CHUNKS 16  /* the same of columns */
/* Macros, for a function's arguments of this size have another ABI in every variant. */
#define LOAD_LINE(v, source) memcpy(&(v), (source), sizeof(v))
#define PICK_LINE(mask, x, y) ((pool_line)(((pool_line_mask)(x) & (mask)) | ((pool_line_mask)(y) & ~(mask))))

/* One register of numbers. */
typedef REAL pool_line __attribute__((vector_size(FNN_VECTOR_BYTES)));
#if REAL_IS_F32
typedef int32_t pool_line_mask __attribute__((vector_size(FNN_VECTOR_BYTES)));
#else
typedef int64_t pool_line_mask __attribute__((vector_size(FNN_VECTOR_BYTES)));
#endif

/* LINE zeros and LINE times what nothing adds up to. */
#define FNN_FILL(x) {[LINE... 2 * LINE - 1] = (x)}
#define FNN_sum_fill FNN_FILL(0)
#define FNN_prod_fill FNN_FILL(1)
#define FNN_max_fill FNN_FILL(-INFINITY)
#define FNN_min_fill FNN_FILL(INFINITY)
#define FNN_sum_squares_fill FNN_FILL(0)

/* add: line a with line v; merge: two lines of accumulators; scalar: the same for two numbers p, q. */
#define REDUCTION(name, start, add, merge, scalar)                                                                     \
    static REAL name##_block(const REAL *x, int64_t n)                                                                 \
    {                                                                                                                  \
        const pool_line zero = (pool_line){0} + (REAL)(start);                                                         \
        pool_line a0 = zero, a1 = zero, a2 = zero, a3 = zero, a, v, w;                                                 \
        int64_t i = 0;                                                                                                 \
        for (; i + 4 * LINE <= n; i += 4 * LINE) {                                                                     \
            a = a0, LOAD_LINE(v, x + i), a0 = (add);                                                                   \
            a = a1, LOAD_LINE(v, x + i + LINE), a1 = (add);                                                            \
            a = a2, LOAD_LINE(v, x + i + 2 * LINE), a2 = (add);                                                        \
            a = a3, LOAD_LINE(v, x + i + 3 * LINE), a3 = (add);                                                        \
        }                                                                                                              \
        for (; i + LINE <= n; i += LINE)                                                                               \
            a = a0, LOAD_LINE(v, x + i), a0 = (add);                                                                   \
        if (i < n) {                                                                                                   \
            const int64_t rest = n - i;                                                                                \
            static const REAL fill[2 * LINE] = FNN_##name##_fill;                                                      \
            LOAD_LINE(w, fill + LINE - rest); /* what a sum of nothing is, behind the row's end */                     \
            v = (pool_line)v_load_part(x + i, v_mask(rest));                                                           \
            v = (pool_line)((pool_line_mask)v | (pool_line_mask)w);                                                    \
            a = a1, a1 = (add);                                                                                        \
        }                                                                                                              \
        a = a0, w = a1, a0 = (merge);                                                                                  \
        a = a2, w = a3, a2 = (merge);                                                                                  \
        a = a0, w = a2, a0 = (merge);                                                                                  \
        FNN_UNROLL                                                                                                     \
        for (int by = (int)LINE / 2; by > 0; by /= 2)                                                                  \
            a = a0, w = (pool_line)v_rotate((vec)a0, by), a0 = (merge);                                                \
        return a0[0];                                                                                                  \
    }                                                                                                                  \
    static REAL name##_row(const REAL *x, int64_t n)                                                                   \
    {                                                                                                                  \
        if (n <= FNN_REDUCE_BLOCK)                                                                                     \
            return name##_block(x, n);                                                                                 \
        const int64_t blocks = (n + FNN_REDUCE_BLOCK - 1) / FNN_REDUCE_BLOCK;                                          \
        const int64_t left = blocks / 2 * FNN_REDUCE_BLOCK;                                                            \
        const REAL p = name##_row(x, left), q = name##_row(x + left, n - left);                                        \
        return (scalar);                                                                                               \
    }                                                                                                                  \
    /* out[j] = over n rows of x[.][j], j < width <= FNN_REDUCE_WIDTH */                                               \
    static void name##_columns(REAL *out, const REAL *x, int64_t stride, int64_t n, int64_t width)                     \
    {                                                                                                                  \
        if (n > FNN_REDUCE_ROWS) {                                                                                     \
            const int64_t blocks = (n + FNN_REDUCE_ROWS - 1) / FNN_REDUCE_ROWS;                                        \
            const int64_t left = blocks / 2 * FNN_REDUCE_ROWS;                                                         \
            REAL other[FNN_REDUCE_WIDTH];                                                                              \
            name##_columns(out, x, stride, left, width);                                                               \
            name##_columns(other, x + left * stride, stride, n - left, width);                                         \
            int64_t j = 0;                                                                                             \
            for (pool_line a, w; j + LINE <= width; j += LINE) {                                                       \
                LOAD_LINE(a, out + j), LOAD_LINE(w, other + j);                                                        \
                a = (merge);                                                                                           \
                memcpy(out + j, &a, sizeof a);                                                                         \
            }                                                                                                          \
            for (; j < width; j++) {                                                                                   \
                const REAL p = out[j], q = other[j];                                                                   \
                out[j] = (scalar);                                                                                     \
            }                                                                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        for (int64_t j = 0; j < width; j++)                                                                            \
            out[j] = (REAL)(start);                                                                                    \
        pool_line a, v;                                                                                                \
        for (int64_t i = 0; i < n; i += 4) {                                                                           \
            const REAL *r = x + i * stride;                                                                            \
            const int64_t rows = n - i < 4 ? n - i : 4;                                                                \
            int64_t j = 0;                                                                                             \
            for (; j + LINE <= width; j += LINE) {                                                                     \
                LOAD_LINE(a, out + j);                                                                                 \
                for (int64_t k = 0; k < rows; k++)                                                                     \
                    LOAD_LINE(v, r + k * stride + j), a = (add);                                                       \
                memcpy(out + j, &a, sizeof a);                                                                         \
            }                                                                                                          \
            for (; j < width; j++)                                                                                     \
                for (int64_t k = 0; k < rows; k++) {                                                                   \
                    const REAL p = out[j], q = name##_first(r[k * stride + j]);                                        \
                    out[j] = (scalar);                                                                                 \
                }                                                                                                      \
        }                                                                                                              \
    }

static inline REAL sum_first(REAL x)
{
    return x;
}
static inline REAL prod_first(REAL x)
{
    return x;
}
static inline REAL max_first(REAL x)
{
    return x;
}
static inline REAL min_first(REAL x)
{
    return x;
}
static inline REAL sum_squares_first(REAL x)
{
    return x * x;
}

/* NaN wins: it is taken when it comes and nothing compares greater afterwards. */
REDUCTION(sum, 0, a + v, a + w, p + q)
REDUCTION(prod, 1, a *v, a *w, p *q)
REDUCTION(max, -INFINITY, PICK_LINE((v > a) | (v != v), v, a), PICK_LINE((w > a) | (w != w), w, a),
          q != q ? q : (q > p ? q : p))
REDUCTION(min, INFINITY, PICK_LINE((v < a) | (v != v), v, a), PICK_LINE((w < a) | (w != w), w, a),
          q != q ? q : (q < p ? q : p))
REDUCTION(sum_squares, 0, a + v * v, a + w, p + q)
#undef REDUCTION

typedef struct {
    REAL (*row)(const REAL *x, int64_t n);
    void (*columns)(REAL *out, const REAL *x, int64_t stride, int64_t n, int64_t width);
    void (*merge)(REAL *out, const REAL *x, int64_t stride, int64_t n, int64_t width); /* of columns' results */
    REAL *out;
    const REAL *x;
    int64_t outer, n, inner;
    int64_t chunk, chunks; /* a row is cut into chunks for threads when rows are few and long */
    REAL divisor;
    int64_t *index;
    int smallest; /* argmin */
} reduce_context;

static void reduce_rows(void *context, int64_t begin, int64_t end)
{
    const reduce_context *c = context;
    for (int64_t i = begin; i < end; i++) {
        const int64_t row = i / c->chunks, at = i % c->chunks * c->chunk;
        const int64_t n = c->n - at < c->chunk ? c->n - at : c->chunk;
        const REAL y = c->row(c->x + row * c->n + at, n);
        c->out[i] = c->divisor == 1 ? y : y / c->divisor;
    }
}

/* Columns of n rows; few columns are done as the many columns of a matrix with fewer, longer rows. */
static void reduce_strip(const reduce_context *c, REAL *out, const REAL *x, int64_t n, int64_t width)
{
    const int64_t group = c->inner < 64 ? FNN_REDUCE_WIDTH / 2 / c->inner : 1;
    if (group < 2 || n < 2 * group) {
        c->columns(out, x, c->inner, n, width);
        return;
    }
    REAL wide[FNN_REDUCE_WIDTH];
    const int64_t long_rows = n / group, rest = n % group, wider = group * c->inner;
    c->columns(wide, x, wider, long_rows, wider);
    if (rest)
        c->columns(wide + wider, x + long_rows * wider, c->inner, rest, c->inner);
    c->merge(out, wide, c->inner, group + (rest > 0), c->inner);
}

/* Items: (outer, strip of columns, chunk of rows). */
static void reduce_columns(void *context, int64_t begin, int64_t end)
{
    const reduce_context *c = context;
    const int64_t strips = (c->inner + FNN_REDUCE_WIDTH - 1) / FNN_REDUCE_WIDTH;
    for (int64_t i = begin; i < end; i++) {
        const int64_t first = i % c->chunks * c->chunk, rows = c->n - first < c->chunk ? c->n - first : c->chunk;
        const int64_t block = i / c->chunks / strips, at = i / c->chunks % strips * FNN_REDUCE_WIDTH;
        const int64_t width = c->inner - at < FNN_REDUCE_WIDTH ? c->inner - at : FNN_REDUCE_WIDTH;
        REAL *out = c->out + (c->chunks > 1 ? i : block) * c->inner + at;
        reduce_strip(c, out, c->x + (block * c->n + first) * c->inner + at, rows, width);
        if (c->divisor != 1)
            for (int64_t j = 0; j < width; j++)
                out[j] /= c->divisor;
    }
}

static void reduce(int op, void *out, const void *x, int64_t outer, int64_t n, int64_t inner, double divisor)
{
    static REAL (*const rows[])(const REAL *, int64_t) = {sum_row, prod_row, max_row, min_row, sum_squares_row};
    static void (*const columns[])(REAL *, const REAL *, int64_t, int64_t, int64_t) = {sum_columns, prod_columns,
                                                                                       max_columns, min_columns,
                                                                                       sum_squares_columns};
    const double cost = (REAL_IS_F32 ? 0.1 : 0.2) * (double)n;
    reduce_context c = {.row = rows[op],
                        .out = out,
                        .x = x,
                        .outer = outer,
                        .n = n,
                        .inner = inner,
                        .chunk = n,
                        .chunks = 1,
                        .divisor = (REAL)divisor};
    if (inner != 1) {
        const int64_t strips = (inner + FNN_REDUCE_WIDTH - 1) / FNN_REDUCE_WIDTH;
        const int64_t width = inner < FNN_REDUCE_WIDTH ? inner : FNN_REDUCE_WIDTH;
        c.columns = columns[op];
        c.merge = columns[op == FNN_SUM_SQUARES ? FNN_SUM : op];
        if (outer == 1 && strips == 1 && n * inner >= 65536 && n >= FNN_COLUMN_CHUNKS) { /* by size alone, as below */
            REAL partial[FNN_COLUMN_CHUNKS * FNN_REDUCE_WIDTH];
            c.chunk = (n + FNN_COLUMN_CHUNKS - 1) / FNN_COLUMN_CHUNKS;
            c.chunks = (n + c.chunk - 1) / c.chunk;
            c.out = partial;
            c.divisor = 1;
            fnn_parallel_for(c.chunks, 1, cost * (double)width / (double)c.chunks, reduce_columns, &c);
            const unsigned mode = fnn_enter();
            c.merge(out, partial, inner, c.chunks, inner);
            for (int64_t j = 0; j < inner && divisor != 1; j++)
                ((REAL *)out)[j] /= (REAL)divisor;
            fnn_leave(mode);
            return;
        }
        fnn_parallel_for(outer * strips, 1, cost * (double)width + 10, reduce_columns, &c);
        return;
    }
    if (outer <= 4 && n >= 16 * FNN_REDUCE_BLOCK) { /* by size alone, so that the bits stay */
        REAL partial[4 * FNN_REDUCE_CHUNKS];
        const int64_t blocks = (n + FNN_REDUCE_BLOCK - 1) / FNN_REDUCE_BLOCK;
        c.chunk = (blocks + FNN_REDUCE_CHUNKS - 1) / FNN_REDUCE_CHUNKS * FNN_REDUCE_BLOCK;
        c.chunks = (n + c.chunk - 1) / c.chunk;
        c.out = partial;
        c.divisor = 1;
        fnn_parallel_for(outer * c.chunks, 1, cost / (double)c.chunks, reduce_rows, &c);
        reduce_context last = {.row = rows[op == FNN_SUM_SQUARES ? FNN_SUM : op],
                               .out = out,
                               .x = partial,
                               .outer = outer,
                               .n = c.chunks,
                               .inner = 1,
                               .chunk = c.chunks,
                               .chunks = 1,
                               .divisor = (REAL)divisor};
        unsigned mode = fnn_enter();
        reduce_rows(&last, 0, outer);
        fnn_leave(mode);
        return;
    }
    fnn_parallel_for(outer, 1, cost + 5, reduce_rows, &c);
}

/* ---- where the extrema are ---- */

static void argreduce_range(void *context, int64_t begin, int64_t end)
{
    const reduce_context *c = context;
    for (int64_t i = begin; i < end; i++) {
        const REAL *x = c->x + i * c->n * c->inner;
        int64_t *index = c->index + i * c->inner;
        if (c->inner == 1) {
            const REAL best = c->smallest ? min_row(x, c->n) : max_row(x, c->n);
            int64_t k = 0;
            for (int64_t hit = 0; k + LANES < c->n; k += LANES) {
                pool_line_mask any = {0};
                pool_line v;
                for (int64_t j = 0; j < LANES; j += LINE)
                    LOAD_LINE(v, x + k + j), any |= (v == best) | (v != v);
                int64_t words[FNN_VECTOR_BYTES / 8];
                memcpy(words, &any, sizeof words);
                for (int64_t j = 0; j < FNN_VECTOR_BYTES / 8; j++)
                    hit |= words[j];
                if (hit)
                    break;
            }
            while (k < c->n - 1 && x[k] != best && x[k] == x[k])
                k++;
            index[0] = k;
            continue;
        }
        for (int64_t at = 0; at < c->inner && (at == 0 || !fnn_interrupted()); at += FNN_REDUCE_WIDTH) {
            const int64_t width = c->inner - at < FNN_REDUCE_WIDTH ? c->inner - at : FNN_REDUCE_WIDTH;
            REAL best[FNN_REDUCE_WIDTH];
            memcpy(best, x + at, (size_t)width * sizeof(REAL));
            for (int64_t j = 0; j < width; j++)
                index[at + j] = 0;
            for (int64_t k = 1; k < c->n; k++) {
                const REAL *row = x + k * c->inner + at;
                for (int64_t j = 0; j < width; j++) {
                    const REAL v = row[j], b = best[j];
                    const int better = (b == b) & ((v != v) | (c->smallest ? v < b : v > b));
                    best[j] = better ? v : b;
                    index[at + j] = better ? k : index[at + j];
                }
            }
        }
    }
}

static void argreduce(int smallest, int64_t *out, const void *x, int64_t outer, int64_t n, int64_t inner)
{
    reduce_context c = {.x = x, .index = out, .outer = outer, .n = n, .inner = inner, .smallest = smallest};
    fnn_parallel_for(outer, 1, 0.4 * (double)(n * inner) + 5, argreduce_range, &c);
}
