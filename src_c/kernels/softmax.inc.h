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

/* y[i] = exp(x[i] - shift), all elements through vector code. Returns the sum of y, in a fixed order. */
static REAL FN(exp_shifted)(REAL *y, const REAL *x, int64_t n, REAL shift)
{
    const int64_t whole = n & -LANES;
    FNN_INDEPENDENT
    for (int64_t i = 0; i < whole; i++)
        y[i] = FN(exp_)(x[i] - shift);
    REAL sum = whole ? FN(sum_row)(y, whole) : 0;
    if (whole < n) {
        REAL buffer[LANES];
        FN(vec) total = {0};
        for (int64_t i = 0, rest = n - whole; i < LANES; i += VW, rest -= VW)
            FN(v_store)(buffer + i, FN(v_load_part)(x + whole + (rest > 0 ? i : 0),
                                                    FN(v_mask)(rest < 0 ? 0 : rest < VW ? rest : VW)));
        FNN_INDEPENDENT
        for (int64_t i = 0; i < LANES; i++)
            buffer[i] = FN(exp_)(buffer[i] - shift);
        for (int64_t i = 0, rest = n - whole; rest > 0; i += VW, rest -= VW) {
            const FN(mask) mask = FN(v_mask)(rest < VW ? rest : VW);
            const FN(vec) v = FN(v_load_part)(buffer + i, mask);
            FN(v_store_part)(y + whole + i, mask, v);
            total += v;
        }
        sum += FN(v_sum)(total);
    }
    return sum;
}

/* The largest of n > 0 elements; NaN may be lost, the sum of exponentials brings it back. */
static REAL FN(peak)(const REAL *x, int64_t n)
{
    if (n < VW) {
        REAL largest = x[0];
        for (int64_t i = 1; i < n; i++)
            largest = x[i] > largest ? x[i] : largest;
        return largest;
    }
    FN(vec) a = FN(v_load)(x + n - VW), b = a;
    int64_t i = 0;
    for (; i + 2 * VW <= n; i += 2 * VW) {
        a = FN(v_larger)(a, FN(v_load)(x + i));
        b = FN(v_larger)(b, FN(v_load)(x + i + VW));
    }
    if (i + VW <= n)
        a = FN(v_larger)(a, FN(v_load)(x + i));
    return FN(v_max)(FN(v_larger)(a, b));
}

static void FN(softmax_rows)(void *context, int64_t begin, int64_t end)
{
    const FN(softmax_context) *c = context;
    const int64_t n = c->n;
    for (int64_t i = begin; i < end; i++) {
        const REAL *x = c->x + i * n;
        REAL *y = c->out + i * n;
        const REAL largest = FN(peak)(x, n);
        const REAL sum = FN(exp_shifted)(y, x, n, largest);
        if (c->log) {
            const REAL log_sum = FN(log_)(sum);
            FNN_INDEPENDENT
            for (int64_t j = 0; j < n; j++)
                y[j] = (x[j] - largest) - log_sum;
        } else {
            const REAL inverse = 1 / sum;
            FNN_INDEPENDENT
            for (int64_t j = 0; j < n; j++)
                y[j] *= inverse;
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
            FNN_INDEPENDENT
            for (int64_t j = 0; j < width; j++)
                y[k * inner + j] = FN(exp_)(x[k * inner + j] - largest[j]);
        FN(sum_columns)(sum, y, inner, n, width);
        if (c->log)
            for (int64_t j = 0; j < width; j++)
                sum[j] = FN(log_)(sum[j]);
        for (int64_t k = 0; k < n; k++) {
            if (c->log)
                FNN_INDEPENDENT
                for (int64_t j = 0; j < width; j++)
                    y[k * inner + j] = (x[k * inner + j] - largest[j]) - sum[j];
            else
                FNN_INDEPENDENT
                for (int64_t j = 0; j < width; j++)
                    y[k * inner + j] /= sum[j];
        }
    }
}

/* Sum of p[i] * q[i] in a fixed order. */
static REAL FN(dot_row)(const REAL *p, const REAL *q, int64_t n)
{
    REAL sum = 0;
    for (int64_t at = 0; at < n; at += FNN_REDUCE_BLOCK) {
        const int64_t end = n - at < FNN_REDUCE_BLOCK ? n : at + FNN_REDUCE_BLOCK;
        FN(vec) a = {0}, b = {0};
        int64_t i = at;
        for (; i + 2 * VW <= end; i += 2 * VW) {
            a += FN(v_load)(p + i) * FN(v_load)(q + i);
            b += FN(v_load)(p + i + VW) * FN(v_load)(q + i + VW);
        }
        for (; i < end; i += VW) {
            const FN(mask) mask = FN(v_mask)(end - i < VW ? end - i : VW);
            a += FN(v_load_part)(p + i, mask) * FN(v_load_part)(q + i, mask);
        }
        sum += FN(v_sum)(a + b);
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
            FNN_INDEPENDENT
            for (int64_t j = 0; j < n; j++)
                dx[j] = dy[j] - dx[j] * sum;
        } else {
            const REAL sum = FN(dot_row)(y, dy, n);
            FNN_INDEPENDENT
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
                FNN_INDEPENDENT
                for (int64_t j = 0; j < width; j++)
                    dx[k * inner + j] = dy[k * inner + j] - FN(exp_)(y[k * inner + j]) * sum[j];
        } else {
            for (int64_t k = 0; k < n; k++)
                FNN_INDEPENDENT
                for (int64_t j = 0; j < width; j++)
                    dx[k * inner + j] = y[k * inner + j] * dy[k * inner + j];
            FN(sum_columns)(sum, dx, inner, n, width);
            for (int64_t k = 0; k < n; k++)
                FNN_INDEPENDENT
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
        REAL largest = c->n ? FN(peak)(x, c->n) : -(REAL)INFINITY, sum = 0;
        largest = FN(abs_)(largest) == (REAL)INFINITY ? 0 : largest;
        for (int64_t at = 0; at < c->n; at += BLOCK) {
            const int64_t size = c->n - at < BLOCK ? c->n - at : BLOCK;
            sum += FN(exp_shifted)(buffer, x + at, size, largest);
        }
        c->out[i] = FN(log_)(sum) + largest;
    }
}

static void FN(logsumexp)(void *out, const void *x, int64_t outer, int64_t n)
{
    FN(softmax_context) c = {.out = out, .x = x, .n = n};
    fnn_parallel_for(outer, 1, (REAL_IS_F32 ? 0.6 : 1.2) * (double)n + 20, FN(logsumexp_rows), &c);
}
