/* cumulate.inc.h -- running sums, products and log-sum-exps along the middle of (outer, n, inner), from either end.
 *
 * Accumulators are double. A running sum is taken in pieces of FNN_PIECE elements: within one by plain additions,
 * before it stands the sum of all pieces before, which is kept in two numbers. So errors do not grow with n, and a
 * row's pieces may be shared among threads: what stands before a piece is always found by the same additions.
 */

/* The order is the interface: fastnn/kernels/reduce.pyx numbers them alike. */
enum { FNN_CUMSUM, FNN_CUMPROD, FNN_LOGCUMSUMEXP };
#define FNN_PIECE 64
#define FNN_PIECES 64 /* of a row that one thread does together: they stay in its cache */
#define FNN_CHAINS 4  /* pieces added at the same time: an addition waits for the one before */
#define FNN_RISE 1    /* log-sum-exp's level follows when an element is so far above it */

/* *high + *low + x, *low what rounding takes from *high; infinities and NaN lose nothing. */
static inline void fnn_add_exactly(double *high, double *low, double x)
{
    const double sum = *high + x, part = sum - *high;
    *low += (*high - (sum - part)) + (x - part);
    *low = sum - sum == 0 ? *low : 0;
    *high = sum;
}

typedef struct {
    int op;
    REAL *out;
    const REAL *x;
    int64_t n, inner, step; /* step: 1, or -1 from the end */
    double *high, *low;     /* of a row whose pieces threads share: what stands before each */
} cumulate_context;

/* Pieces [p0, p1) of a row: their sums to `high`, or with `write` the running sums behind high + low to out. */
FNN_INLINE void cumulate_pieces(const cumulate_context *c, REAL *out, const REAL *x, int64_t p0, int64_t p1,
                                double *high, const double *low, const int write)
{
    for (int64_t p = p0; p < p1; p += FNN_CHAINS, high += FNN_CHAINS, low += FNN_CHAINS) {
        const int64_t at = p * FNN_PIECE, left = c->n - at, step = c->step;
        double a[FNN_CHAINS] = {0};
        if (left >= FNN_CHAINS * FNN_PIECE && p + FNN_CHAINS <= p1) {
            for (int64_t k = 0; k < FNN_PIECE; k++)
                FNN_UNROLL
            for (int j = 0; j < FNN_CHAINS; j++) {
                const int64_t i = (at + j * FNN_PIECE + k) * step;
                a[j] += (double)x[i];
                if (write)
                    out[i] = (REAL)(high[j] + (a[j] + low[j]));
            }
        } else {
            for (int64_t k = 0; k < left && k < (p1 - p) * FNN_PIECE; k++) {
                const int64_t i = (at + k) * step, j = k / FNN_PIECE;
                a[j] += (double)x[i];
                if (write)
                    out[i] = (REAL)(high[j] + (a[j] + low[j]));
            }
        }
        for (int j = 0; j < FNN_CHAINS && p + j < p1 && !write; j++)
            high[j] = a[j];
    }
}

/* Sums of pieces become what stands before each; *carry and *rest: before the first, then behind the last. */
static void cumulate_before(double *high, double *low, int64_t pieces, double *carry, double *rest)
{
    for (int64_t p = 0; p < pieces; p++) {
        const double sum = high[p];
        high[p] = *carry, low[p] = *rest;
        fnn_add_exactly(carry, rest, sum);
    }
}

static void cumulate_sum(const cumulate_context *c, REAL *out, const REAL *x)
{
    const int64_t pieces = (c->n + FNN_PIECE - 1) / FNN_PIECE;
    double high[FNN_PIECES], low[FNN_PIECES], carry = 0, rest = 0;
    for (int64_t p = 0; p < pieces; p += FNN_PIECES) {
        const int64_t end = p + FNN_PIECES < pieces ? p + FNN_PIECES : pieces;
        cumulate_pieces(c, NULL, x, p, end, high, low, 0);
        cumulate_before(high, low, end - p, &carry, &rest);
        cumulate_pieces(c, out, x, p, end, high, low, 1);
    }
}

/* One chain of products, or of sum exp(x - level), elements c->step * c->inner apart. */
static void cumulate_chain(const cumulate_context *c, REAL *out, const REAL *x)
{
    const int64_t step = c->step * c->inner;
    double product = 1, level = -INFINITY, high = 0, low = 0;
    for (int64_t k = 0; k < c->n; k++) {
        const double v = (double)x[k * step];
        if (c->op == FNN_CUMPROD) {
            product *= v;
            out[k * step] = (REAL)product;
            continue;
        }
        if (v - level > FNN_RISE) {
            const double fall = exp(level - v);
            high *= fall, low *= fall, level = v;
        }
        if (v != -INFINITY) /* exp(0) also where both are infinite */
            fnn_add_exactly(&high, &low, v == level ? 1 : exp(v - level));
        out[k * step] = (REAL)(level + log(high + low));
    }
}

/* Columns [0, width) of rows c->inner apart: running sums or products. */
static void cumulate_strip(const cumulate_context *c, REAL *out, const REAL *x, int64_t width)
{
    double a[FNN_REDUCE_WIDTH], high[FNN_REDUCE_WIDTH], low[FNN_REDUCE_WIDTH];
    const int64_t step = c->step * c->inner;
    for (int64_t j = 0; j < width; j++)
        a[j] = c->op == FNN_CUMPROD, high[j] = low[j] = 0;
    for (int64_t k = 0; k < c->n; k++, x += step, out += step) {
        if (c->op == FNN_CUMPROD) {
            FNN_INDEPENDENT
            for (int64_t j = 0; j < width; j++)
                a[j] *= (double)x[j], out[j] = (REAL)a[j];
            continue;
        }
        for (int64_t j = 0; j < width && k > 0 && k % FNN_PIECE == 0; j++)
            fnn_add_exactly(&high[j], &low[j], a[j]), a[j] = 0;
        FNN_INDEPENDENT
        for (int64_t j = 0; j < width; j++)
            a[j] += (double)x[j], out[j] = (REAL)(high[j] + (a[j] + low[j]));
    }
}

/* Items: rows, or (outer, strip of columns). */
static void cumulate_range(void *context, int64_t begin, int64_t end)
{
    const cumulate_context *c = context;
    const int64_t strips = (c->inner + FNN_REDUCE_WIDTH - 1) / FNN_REDUCE_WIDTH;
    for (int64_t i = begin; i < end; i++) {
        const int64_t column = i % strips * FNN_REDUCE_WIDTH, left = c->inner - column;
        const int64_t width = left < FNN_REDUCE_WIDTH ? left : FNN_REDUCE_WIDTH;
        const int64_t at = (i / strips * c->n + (c->step < 0 ? c->n - 1 : 0)) * c->inner + column;
        if (c->op != FNN_LOGCUMSUMEXP && c->inner > 1)
            cumulate_strip(c, c->out + at, c->x + at, width);
        else if (c->op == FNN_CUMSUM)
            cumulate_sum(c, c->out + at, c->x + at);
        else
            for (int64_t j = 0; j < width; j++)
                cumulate_chain(c, c->out + at + j, c->x + at + j);
    }
}

/* Items: FNN_PIECES pieces of a shared row, whose `out` is NULL while their sums are taken. */
static void cumulate_shared(void *context, int64_t begin, int64_t end)
{
    const cumulate_context *c = context;
    const int64_t all = (c->n + FNN_PIECE - 1) / FNN_PIECE, p0 = begin * FNN_PIECES;
    const int64_t p1 = end * FNN_PIECES < all ? end * FNN_PIECES : all;
    if (c->out)
        cumulate_pieces(c, c->out, c->x, p0, p1, c->high + p0, c->low + p0, 1);
    else
        cumulate_pieces(c, NULL, c->x, p0, p1, c->high + p0, c->low + p0, 0);
}

static int cumulate(int op, void *out, const void *x, int64_t outer, int64_t n, int64_t inner, int reverse)
{
    cumulate_context c = {.op = op, .out = out, .x = x, .n = n, .inner = inner, .step = reverse ? -1 : 1};
    const double cost = op == FNN_LOGCUMSUMEXP ? 20 : (op == FNN_CUMPROD && inner == 1 ? 1.2 : 0.6);
    if (op == FNN_CUMSUM && inner == 1 && outer < fnn_threads && fnn_threads_for(cost * (double)n) > 1) {
        const int64_t pieces = (n + FNN_PIECE - 1) / FNN_PIECE, items = (pieces + FNN_PIECES - 1) / FNN_PIECES;
        c.high = fnn_scratch((size_t)(2 * pieces) * sizeof(double));
        if (!c.high)
            return fnn_status();
        c.low = c.high + pieces;
        for (int64_t i = 0; i < outer; i++) {
            const int64_t at = i * n + (reverse ? n - 1 : 0);
            double carry = 0, rest = 0;
            c.x = (const REAL *)x + at, c.out = NULL;
            fnn_parallel_for(items, 1, 0.4 * cost * FNN_PIECE * FNN_PIECES, cumulate_shared, &c);
            const unsigned mode = fnn_enter();
            cumulate_before(c.high, c.low, pieces, &carry, &rest);
            fnn_leave(mode);
            c.out = (REAL *)out + at;
            fnn_parallel_for(items, 1, 0.6 * cost * FNN_PIECE * FNN_PIECES, cumulate_shared, &c);
        }
        fnn_free(c.high);
        return fnn_status();
    }
    const int64_t strips = (inner + FNN_REDUCE_WIDTH - 1) / FNN_REDUCE_WIDTH;
    if (n > 0 && inner > 0)
        fnn_parallel_for(outer * strips, 1, cost * (double)(n * inner) / (double)strips, cumulate_range, &c);
    return fnn_status();
}
