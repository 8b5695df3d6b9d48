/* softmax.inc.h -- softmax, its logarithm and their gradients along the middle of (outer, n, inner).
 *
 * The largest element is subtracted first, so nothing overflows; a row of -inf gives NaN, as in PyTorch.
 */

typedef struct {
    REAL *out;
    const REAL *x, *dy; /* x is y in backward */
    int64_t n, inner;
    int log;
} softmax_context;

/* y[i] = exp(x[i] - shift), all elements through vector code. Returns the sum of y, in a fixed order. */
static REAL exp_shifted(REAL *y, const REAL *x, int64_t n, REAL shift)
{
    const int64_t whole = n & -LANES;
    FNN_INDEPENDENT
    for (int64_t i = 0; i < whole; i++)
        y[i] = exp_(x[i] - shift);
    REAL sum = whole ? sum_row(y, whole) : 0;
    if (whole < n) {
        REAL buffer[LANES];
        vec total = {0};
        for (int64_t i = 0, rest = n - whole; i < LANES; i += VW, rest -= VW)
            v_store(buffer + i, v_load_part(x + whole + (rest > 0 ? i : 0), v_mask(rest < 0    ? 0
                                                                                   : rest < VW ? rest
                                                                                               : VW)));
        FNN_INDEPENDENT
        for (int64_t i = 0; i < LANES; i++)
            buffer[i] = exp_(buffer[i] - shift);
        for (int64_t i = 0, rest = n - whole; rest > 0; i += VW, rest -= VW) {
            const vmask mask = v_mask(rest < VW ? rest : VW);
            const vec v = v_load_part(buffer + i, mask);
            v_store_part(y + whole + i, mask, v);
            total += v;
        }
        sum += v_sum(total);
    }
    return sum;
}

/* The largest of n > 0 elements; NaN may be lost, the sum of exponentials brings it back. */
static REAL peak(const REAL *x, int64_t n)
{
    if (n < VW) {
        REAL largest = x[0];
        for (int64_t i = 1; i < n; i++)
            largest = x[i] > largest ? x[i] : largest;
        return largest;
    }
    vec a = v_load(x + n - VW), b = a;
    int64_t i = 0;
    for (; i + 2 * VW <= n; i += 2 * VW) {
        a = v_larger(a, v_load(x + i));
        b = v_larger(b, v_load(x + i + VW));
    }
    if (i + VW <= n)
        a = v_larger(a, v_load(x + i));
    return v_max(v_larger(a, b));
}

static void softmax_rows(void *context, int64_t begin, int64_t end)
{
    const softmax_context *c = context;
    const int64_t n = c->n;
    for (int64_t i = begin; i < end; i++) {
        const REAL *x = c->x + i * n;
        REAL *y = c->out + i * n;
        const REAL largest = peak(x, n);
        const REAL sum = exp_shifted(y, x, n, largest);
        if (c->log) {
            const REAL log_sum = log_(sum);
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
static void softmax_columns(void *context, int64_t begin, int64_t end)
{
    const softmax_context *c = context;
    const int64_t n = c->n, inner = c->inner, strips = (inner + FNN_REDUCE_WIDTH - 1) / FNN_REDUCE_WIDTH;
    for (int64_t i = begin; i < end; i++) {
        const int64_t at = i % strips * FNN_REDUCE_WIDTH;
        const int64_t width = inner - at < FNN_REDUCE_WIDTH ? inner - at : FNN_REDUCE_WIDTH;
        const REAL *x = c->x + i / strips * n * inner + at;
        REAL *y = c->out + i / strips * n * inner + at;
        REAL largest[FNN_REDUCE_WIDTH], sum[FNN_REDUCE_WIDTH];
        max_columns(largest, x, inner, n, width);
        for (int64_t k = 0; k < n; k++)
            FNN_INDEPENDENT
        for (int64_t j = 0; j < width; j++)
            y[k * inner + j] = exp_(x[k * inner + j] - largest[j]);
        sum_columns(sum, y, inner, n, width);
        if (c->log)
            for (int64_t j = 0; j < width; j++)
                sum[j] = log_(sum[j]);
        for (int64_t k = 0; k < n; k++) {
            if (c->log)
                FNN_INDEPENDENT
            for (int64_t j = 0; j < width; j++)
                y[k * inner + j] = (x[k * inner + j] - largest[j]) - sum[j];
            else FNN_INDEPENDENT
            for (int64_t j = 0; j < width; j++)
                y[k * inner + j] /= sum[j];
        }
    }
}

/* Sum of p[i] * q[i] in a fixed order. */
static REAL dot_row(const REAL *p, const REAL *q, int64_t n)
{
    REAL sum = 0;
    for (int64_t at = 0; at < n; at += FNN_REDUCE_BLOCK) {
        const int64_t end = n - at < FNN_REDUCE_BLOCK ? n : at + FNN_REDUCE_BLOCK;
        vec a = {0}, b = {0};
        int64_t i = at;
        for (; i + 2 * VW <= end; i += 2 * VW) {
            a += v_load(p + i) * v_load(q + i);
            b += v_load(p + i + VW) * v_load(q + i + VW);
        }
        for (; i < end; i += VW) {
            const vmask mask = v_mask(end - i < VW ? end - i : VW);
            a += v_load_part(p + i, mask) * v_load_part(q + i, mask);
        }
        sum += v_sum(a + b);
    }
    return sum;
}

static void softmax_backward_rows(void *context, int64_t begin, int64_t end)
{
    const softmax_context *c = context;
    const int64_t n = c->n;
    for (int64_t i = begin; i < end; i++) {
        const REAL *y = c->x + i * n, *dy = c->dy + i * n;
        REAL *dx = c->out + i * n;
        if (c->log) {
            const REAL sum = sum_row(dy, n);
            exp_shifted(dx, y, n, 0);
            FNN_INDEPENDENT
            for (int64_t j = 0; j < n; j++)
                dx[j] = dy[j] - dx[j] * sum;
        } else {
            const REAL sum = dot_row(y, dy, n);
            FNN_INDEPENDENT
            for (int64_t j = 0; j < n; j++)
                dx[j] = y[j] * (dy[j] - sum);
        }
    }
}

static void softmax_backward_columns(void *context, int64_t begin, int64_t end)
{
    const softmax_context *c = context;
    const int64_t n = c->n, inner = c->inner, strips = (inner + FNN_REDUCE_WIDTH - 1) / FNN_REDUCE_WIDTH;
    for (int64_t i = begin; i < end; i++) {
        const int64_t at = i % strips * FNN_REDUCE_WIDTH;
        const int64_t width = inner - at < FNN_REDUCE_WIDTH ? inner - at : FNN_REDUCE_WIDTH;
        const int64_t first = i / strips * n * inner + at;
        const REAL *y = c->x + first, *dy = c->dy + first;
        REAL *dx = c->out + first;
        REAL sum[FNN_REDUCE_WIDTH];
        if (c->log) {
            sum_columns(sum, dy, inner, n, width);
            for (int64_t k = 0; k < n; k++)
                FNN_INDEPENDENT
            for (int64_t j = 0; j < width; j++)
                dx[k * inner + j] = dy[k * inner + j] - exp_(y[k * inner + j]) * sum[j];
        } else {
            for (int64_t k = 0; k < n; k++)
                FNN_INDEPENDENT
            for (int64_t j = 0; j < width; j++)
                dx[k * inner + j] = y[k * inner + j] * dy[k * inner + j];
            sum_columns(sum, dx, inner, n, width);
            for (int64_t k = 0; k < n; k++)
                FNN_INDEPENDENT
            for (int64_t j = 0; j < width; j++)
                dx[k * inner + j] = y[k * inner + j] * (dy[k * inner + j] - sum[j]);
        }
    }
}

static void softmax_run(softmax_context *c, int64_t outer, fnn_range rows, fnn_range columns, double cost)
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

static void softmax_forward(int log, void *y, const void *x, int64_t outer, int64_t n, int64_t inner)
{
    softmax_context c = {.out = y, .x = x, .n = n, .inner = inner, .log = log};
    softmax_run(&c, outer, softmax_rows, softmax_columns, 0.7);
}

static void softmax_backward(int log, void *dx, const void *dy, const void *y, int64_t outer, int64_t n, int64_t inner)
{
    softmax_context c = {.out = dx, .x = y, .dy = dy, .n = n, .inner = inner, .log = log};
    softmax_run(&c, outer, softmax_backward_rows, softmax_backward_columns, log ? 0.6 : 0.3);
}

/* log(sum(exp(row))); infinite maxima are not subtracted: inf - inf would be NaN. */
static void logsumexp_rows(void *context, int64_t begin, int64_t end)
{
    enum { BLOCK = 512 };
    const softmax_context *c = context;
    REAL buffer[BLOCK];
    for (int64_t i = begin; i < end; i++) {
        const REAL *x = c->x + i * c->n;
        REAL largest = c->n ? peak(x, c->n) : -(REAL)INFINITY, sum = 0;
        largest = abs_(largest) == (REAL)INFINITY ? 0 : largest;
        for (int64_t at = 0; at < c->n; at += BLOCK) {
            const int64_t size = c->n - at < BLOCK ? c->n - at : BLOCK;
            sum += exp_shifted(buffer, x + at, size, largest);
        }
        c->out[i] = log_(sum) + largest;
    }
}

static void logsumexp(void *out, const void *x, int64_t outer, int64_t n)
{
    softmax_context c = {.out = out, .x = x, .n = n};
    fnn_parallel_for(outer, 1, (REAL_IS_F32 ? 0.6 : 1.2) * (double)n + 20, logsumexp_rows, &c);
}
