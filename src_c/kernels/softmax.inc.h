/* softmax.inc.h -- softmax, its logarithm and their gradients along the middle of (outer, n, inner).
 *
 * The largest element is subtracted first, so nothing overflows; a row of -inf gives NaN, as in PyTorch.
 */

typedef struct {
    REAL *out;
    const REAL *x, *dy; /* x is y in backward */
    int64_t n, inner;
    int log;
} FN(softmax_context);

/* y[i] = exp(x[i] - shift), all elements through vector code. */
static void FN(exp_shifted)(REAL *y, const REAL *x, int64_t n, REAL shift)
{
    const int64_t whole = n & -LANES;
    FNN_INDEPENDENT
    for (int64_t i = 0; i < whole; i++)
        y[i] = FN(exp_)(x[i] - shift);
    if (whole < n) {
        REAL buffer[LANES] = {0};
        memcpy(buffer, x + whole, (size_t)(n - whole) * sizeof(REAL));
        FNN_INDEPENDENT
        for (int64_t i = 0; i < LANES; i++)
            buffer[i] = FN(exp_)(buffer[i] - shift);
        memcpy(y + whole, buffer, (size_t)(n - whole) * sizeof(REAL));
    }
}

static void FN(softmax_rows)(void *context, int64_t begin, int64_t end)
{
    const FN(softmax_context) *c = context;
    const int64_t n = c->n;
    for (int64_t i = begin; i < end; i++) {
        const REAL *x = c->x + i * n;
        REAL *y = c->out + i * n;
        const REAL largest = FN(max_row)(x, n);
        FN(exp_shifted)(y, x, n, largest);
        const REAL sum = FN(sum_row)(y, n);
        if (c->log) {
            const REAL log_sum = FN(log_)(sum);
            for (int64_t j = 0; j < n; j++)
                y[j] = (x[j] - largest) - log_sum;
        } else {
            for (int64_t j = 0; j < n; j++)
                y[j] /= sum;
        }
    }
}

/* Column strips: item = (outer index, strip). */
static void FN(softmax_columns)(void *context, int64_t begin, int64_t end)
{
    const FN(softmax_context) *c = context;
    const int64_t n = c->n, inner = c->inner, strips = (inner + FNN_REDUCE_WIDTH - 1) / FNN_REDUCE_WIDTH;
    for (int64_t i = begin; i < end; i++) {
        const int64_t at = i % strips * FNN_REDUCE_WIDTH;
        const int64_t width = inner - at < FNN_REDUCE_WIDTH ? inner - at : FNN_REDUCE_WIDTH;
        const REAL *x = c->x + i / strips * n * inner + at;
        REAL *y = c->out + i / strips * n * inner + at;
        REAL largest[FNN_REDUCE_WIDTH], sum[FNN_REDUCE_WIDTH];
        FN(max_columns)(largest, x, inner, n, width);
        for (int64_t k = 0; k < n; k++)
            for (int64_t j = 0; j < width; j++)
                y[k * inner + j] = FN(exp_)(x[k * inner + j] - largest[j]);
        FN(sum_columns)(sum, y, inner, n, width);
        if (c->log)
            for (int64_t j = 0; j < width; j++)
                sum[j] = FN(log_)(sum[j]);
        for (int64_t k = 0; k < n; k++) {
            if (c->log)
                for (int64_t j = 0; j < width; j++)
                    y[k * inner + j] = (x[k * inner + j] - largest[j]) - sum[j];
            else
                for (int64_t j = 0; j < width; j++)
                    y[k * inner + j] /= sum[j];
        }
    }
}

/* Sum of p[i] * q[i] in a fixed order: products of a block, then the sum of the blocks. */
static REAL FN(dot_row)(const REAL *p, const REAL *q, int64_t n)
{
    enum { BLOCK = 512 };
    REAL products[BLOCK], sum = 0;
    for (int64_t at = 0; at < n; at += BLOCK) {
        const int64_t size = n - at < BLOCK ? n - at : BLOCK;
        for (int64_t i = 0; i < size; i++)
            products[i] = p[at + i] * q[at + i];
        sum += FN(sum_block)(products, size);
    }
    return sum;
}

static void FN(softmax_backward_rows)(void *context, int64_t begin, int64_t end)
{
    const FN(softmax_context) *c = context;
    const int64_t n = c->n;
    for (int64_t i = begin; i < end; i++) {
        const REAL *y = c->x + i * n, *dy = c->dy + i * n;
        REAL *dx = c->out + i * n;
        if (c->log) {
            const REAL sum = FN(sum_row)(dy, n);
            FN(exp_shifted)(dx, y, n, 0);
            for (int64_t j = 0; j < n; j++)
                dx[j] = dy[j] - dx[j] * sum;
        } else {
            const REAL sum = FN(dot_row)(y, dy, n);
            for (int64_t j = 0; j < n; j++)
                dx[j] = y[j] * (dy[j] - sum);
        }
    }
}

static void FN(softmax_backward_columns)(void *context, int64_t begin, int64_t end)
{
    const FN(softmax_context) *c = context;
    const int64_t n = c->n, inner = c->inner, strips = (inner + FNN_REDUCE_WIDTH - 1) / FNN_REDUCE_WIDTH;
    for (int64_t i = begin; i < end; i++) {
        const int64_t at = i % strips * FNN_REDUCE_WIDTH;
        const int64_t width = inner - at < FNN_REDUCE_WIDTH ? inner - at : FNN_REDUCE_WIDTH;
        const int64_t first = i / strips * n * inner + at;
        const REAL *y = c->x + first, *dy = c->dy + first;
        REAL *dx = c->out + first;
        REAL sum[FNN_REDUCE_WIDTH];
        if (c->log) {
            FN(sum_columns)(sum, dy, inner, n, width);
            for (int64_t k = 0; k < n; k++)
                for (int64_t j = 0; j < width; j++)
                    dx[k * inner + j] = dy[k * inner + j] - FN(exp_)(y[k * inner + j]) * sum[j];
        } else {
            for (int64_t k = 0; k < n; k++)
                for (int64_t j = 0; j < width; j++)
                    dx[k * inner + j] = y[k * inner + j] * dy[k * inner + j];
            FN(sum_columns)(sum, dx, inner, n, width);
            for (int64_t k = 0; k < n; k++)
                for (int64_t j = 0; j < width; j++)
                    dx[k * inner + j] = y[k * inner + j] * (dy[k * inner + j] - sum[j]);
        }
    }
}

static void FN(softmax_run)(FN(softmax_context) *c, int64_t outer, fnn_range rows, fnn_range columns, double cost)
{
    cost *= (REAL_IS_F32 ? 1 : 2) * (double)c->n;
    if (c->n == 0)
        return;
    if (c->inner == 1) {
        fnn_parallel_for(outer, 1, cost + 10, rows, c);
    } else {
        const int64_t strips = (c->inner + FNN_REDUCE_WIDTH - 1) / FNN_REDUCE_WIDTH;
        const int64_t width = c->inner < FNN_REDUCE_WIDTH ? c->inner : FNN_REDUCE_WIDTH;
        fnn_parallel_for(outer * strips, 1, cost * (double)width + 10, columns, c);
    }
}

static void FN(softmax_forward)(int log, void *y, const void *x, int64_t outer, int64_t n, int64_t inner)
{
    FN(softmax_context) c = {.out = y, .x = x, .n = n, .inner = inner, .log = log};
    FN(softmax_run)(&c, outer, FN(softmax_rows), FN(softmax_columns), 0.7);
}

static void FN(softmax_backward)(int log, void *dx, const void *dy, const void *y, int64_t outer, int64_t n,
                                 int64_t inner)
{
    FN(softmax_context) c = {.out = dx, .x = y, .dy = dy, .n = n, .inner = inner, .log = log};
    FN(softmax_run)(&c, outer, FN(softmax_backward_rows), FN(softmax_backward_columns), log ? 0.6 : 0.3);
}

/* log(sum(exp(row))); infinite maxima are not subtracted: inf - inf would be NaN. */
static void FN(logsumexp_rows)(void *context, int64_t begin, int64_t end)
{
    enum { BLOCK = 512 };
    const FN(softmax_context) *c = context;
    REAL buffer[BLOCK];
    for (int64_t i = begin; i < end; i++) {
        const REAL *x = c->x + i * c->n;
        REAL largest = FN(max_row)(x, c->n), sum = 0;
        largest = FN(abs_)(largest) == (REAL)INFINITY ? 0 : largest;
        for (int64_t at = 0; at < c->n; at += BLOCK) {
            const int64_t size = c->n - at < BLOCK ? c->n - at : BLOCK;
            FN(exp_shifted)(buffer, x + at, size, largest);
            sum += FN(sum_block)(buffer, size);
        }
        c->out[i] = FN(log_)(sum) + largest;
    }
}

static void FN(logsumexp)(void *out, const void *x, int64_t outer, int64_t n)
{
    FN(softmax_context) c = {.out = out, .x = x, .n = n};
    fnn_parallel_for(outer, 1, (REAL_IS_F32 ? 0.6 : 1.2) * (double)n + 20, FN(logsumexp_rows), &c);
}
