/* loss.inc.h -- losses that compare prediction and target element by element (loss.def), and their sums.
 *
 * Work goes in tiles that stay in the first cache: the loss's own loop fills a tile, common code then
 * weights, sums or stores it. Sums are taken per block of fixed size and added in order.
 */
#include "memory.h"

#define LOSS_TILE 512
#define LOSS_BLOCK 4096
#define LOSS_FEW_BLOCKS 64
enum { LOSS_NONE, LOSS_MEAN, LOSS_SUM };

#define HALF ((REAL)0.5)

static inline REAL sign_of(REAL x)
{
    return (REAL)(x > 0 ? 1 : 0) - (REAL)(x < 0 ? 1 : 0);
}

static inline REAL at_least(REAL x, REAL low)
{
    return x < low ? low : x; /* NaN stays */
}

static inline REAL is_between(REAL x, REAL low, REAL high)
{
    x = x < low ? low : x;
    return x > high ? high : x;
}

/* Slope of smooth_l1: x / beta within +-beta, the sign outside. NaN stays, but with beta 0 it is l1, where
 * as in PyTorch NaN has slope 0. */
static inline REAL smooth_sign(REAL x, REAL beta)
{
    return abs_(x) < beta ? x / beta : ((x != x) & (beta > 0) ? x : sign_of(x));
}

/* t log t - t + log(2 pi t) / 2 for t > 1 */
static inline REAL stirling(REAL t, REAL on)
{
    REAL l = log_(t);
    return (on != 0) & (t > 1) ? t * l - t + HALF * (l + (REAL)1.8378770664093453) : 0;
}

static inline REAL stirling_slope(REAL t, REAL on)
{
    return (on != 0) & (t > 1) ? log_(t) + HALF / t : 0;
}

typedef void (*loss_tile)(REAL *out, const REAL *x, const REAL *t, const REAL *v, int64_t n, REAL a, REAL b);

#define LOSS_LOOP(name, expression)                                                                                    \
    static void name(REAL *restrict out, const REAL *restrict px, const REAL *restrict pt, const REAL *restrict pv,    \
                     int64_t n, REAL a, REAL b)                                                                        \
    {                                                                                                                  \
        (void)a, (void)b;                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            const REAL x = px[i], t = pt[i], v = pv[i];                                                                \
            (void)x, (void)t, (void)v;                                                                                 \
            out[i] = (expression);                                                                                     \
        }                                                                                                              \
    }
#define POINTWISE_LOSS(name, cost, forward, grad_input, grad_target)                                                   \
    LOSS_LOOP(name##_loss, forward)                                                                                    \
    LOSS_LOOP(name##_grad_input, grad_input)                                                                           \
    LOSS_LOOP(name##_grad_target, grad_target)
#include "loss.def"
#undef POINTWISE_LOSS
#undef LOSS_LOOP

#define CHEAP 0.15
#define DEAR 1.0
static const struct {
    loss_tile forward, grad_input, grad_target;
    double cost;
} losses[] = {
#define POINTWISE_LOSS(name, cost, forward, grad_input, grad_target)                                                   \
    {name##_loss, name##_grad_input, name##_grad_target, cost},
#include "loss.def"
#undef POINTWISE_LOSS
};
#undef CHEAP
#undef DEAR

static inline REAL sum_tile(const REAL *x, int64_t n)
{
    REAL s = 0;
#pragma omp simd reduction(+ : s)
    for (int64_t i = 0; i < n; i++)
        s += x[i];
    return s;
}

typedef struct {
    loss_tile loss, grad_input, grad_target;
    REAL *out, *dx, *dt;
    const REAL *x, *t, *v, *w, *dy;
    double *partial;
    REAL a, b, scale;
} loss_context;

static inline const REAL *loss_third(const loss_context *c)
{
    return c->v ? c->v : c->x; /* a loss without a third array ignores what it is given */
}

static void loss_tile_of(const loss_context *c, REAL *out, int64_t i, int64_t n)
{
    c->loss(out, c->x + i, c->t + i, loss_third(c) + i, n, c->a, c->b);
    if (c->w)
        for (int64_t k = 0; k < n; k++)
            out[k] *= c->w[i + k];
}

static void loss_each_range(void *context, int64_t begin, int64_t end)
{
    const loss_context *c = context;
    for (int64_t i = begin; i < end; i += LOSS_TILE)
        loss_tile_of(c, c->out + i, i, end - i < LOSS_TILE ? end - i : LOSS_TILE);
}

static double loss_block_sum(const loss_context *c, int64_t begin, int64_t end)
{
    REAL tile[LOSS_TILE];
    double sum = 0;
    for (int64_t i = begin; i < end; i += LOSS_TILE) {
        int64_t n = end - i < LOSS_TILE ? end - i : LOSS_TILE;
        loss_tile_of(c, tile, i, n);
        sum += sum_tile(tile, n);
    }
    return sum;
}

static void loss_sum_range(void *context, int64_t begin, int64_t end)
{
    const loss_context *c = context;
    for (int64_t i = begin; i < end; i += LOSS_BLOCK)
        c->partial[i / LOSS_BLOCK] = loss_block_sum(c, i, end - i < LOSS_BLOCK ? end : i + LOSS_BLOCK);
}

static void pointwise_loss_forward(int op, void *out, const void *x, const void *t, const void *v, const void *w,
                                   int64_t n, int reduction, double a, double b)
{
    loss_context c =
        {.loss = losses[op].forward, .out = out, .x = x, .t = t, .v = v, .w = w, .a = (REAL)a, .b = (REAL)b};
    const double cost = REAL_IS_F32 ? losses[op].cost : 2 * losses[op].cost;
    if (reduction == LOSS_NONE) {
        fnn_parallel_for(n, LOSS_BLOCK, cost, loss_each_range, &c);
        return;
    }
    double few[LOSS_FEW_BLOCKS], sum = 0;
    const int64_t blocks = (n + LOSS_BLOCK - 1) / LOSS_BLOCK;
    c.partial = blocks <= LOSS_FEW_BLOCKS ? few : fnn_alloc((size_t)blocks * sizeof(double));
    if (c.partial) {
        fnn_parallel_for(n, LOSS_BLOCK, cost, loss_sum_range, &c);
        for (int64_t i = 0; i < blocks; i++)
            sum += c.partial[i];
    } else { /* no memory for partial sums: the same additions on one thread */
        unsigned mode = fnn_enter();
        for (int64_t i = 0; i < n; i += LOSS_BLOCK)
            sum += loss_block_sum(&c, i, n - i < LOSS_BLOCK ? n : i + LOSS_BLOCK);
        fnn_leave(mode);
    }
    if (c.partial != few)
        fnn_free(c.partial);
    *(REAL *)out = (REAL)(reduction == LOSS_MEAN ? sum / (double)n : sum);
}

static void loss_gradient(const loss_context *c, loss_tile slope, REAL *restrict d, int64_t i, int64_t n)
{
    slope(d, c->x + i, c->t + i, loss_third(c) + i, n, c->a, c->b);
    if (c->dy)
        for (int64_t k = 0; k < n; k++)
            d[k] *= c->dy[i + k];
    else
        for (int64_t k = 0; k < n; k++)
            d[k] *= c->scale;
    if (c->w)
        for (int64_t k = 0; k < n; k++)
            d[k] *= c->w[i + k];
}

static void loss_backward_range(void *context, int64_t begin, int64_t end)
{
    const loss_context *c = context;
    for (int64_t i = begin; i < end; i += LOSS_TILE) {
        int64_t n = end - i < LOSS_TILE ? end - i : LOSS_TILE;
        if (c->dx)
            loss_gradient(c, c->grad_input, c->dx + i, i, n);
        if (c->dt)
            loss_gradient(c, c->grad_target, c->dt + i, i, n);
    }
}

static void pointwise_loss_backward(int op, void *dx, void *dt, const void *dy, const void *x, const void *t,
                                    const void *v, const void *w, int64_t n, int reduction, double a, double b)
{
    loss_context c = {.grad_input = losses[op].grad_input,
                      .grad_target = losses[op].grad_target,
                      .dx = dx,
                      .dt = dt,
                      .x = x,
                      .t = t,
                      .v = v,
                      .w = w,
                      .a = (REAL)a,
                      .b = (REAL)b};
    if (reduction == LOSS_NONE)
        c.dy = dy;
    else
        c.scale = reduction == LOSS_MEAN ? (REAL)(*(const REAL *)dy / (double)n) : *(const REAL *)dy;
    fnn_parallel_for(n, LOSS_BLOCK, (REAL_IS_F32 ? 1 : 2) * losses[op].cost, loss_backward_range, &c);
}

typedef struct {
    const REAL *x;
    REAL low, high;
    int *inside;
} between_context;

static void between_range(void *context, int64_t begin, int64_t end)
{
    const between_context *c = context;
    const REAL *x = c->x, low = c->low, high = c->high;
    int outside = 0;
    for (int64_t i = begin; i < end; i++)
        outside |= !((x[i] >= low) & (x[i] <= high));
    if (outside)
        __atomic_store_n(c->inside, 0, __ATOMIC_RELAXED);
}

static void all_between(int *inside, const void *x, int64_t n, double low, double high)
{
    between_context c = {.x = x, .low = (REAL)low, .high = (REAL)high, .inside = inside};
    *inside = 1;
    fnn_parallel_for(n, LOSS_BLOCK, REAL_IS_F32 ? 0.1 : 0.2, between_range, &c);
}

/* ---- connectionist temporal classification (Graves et al. 2006) ----
 *
 * A row of alpha or beta has the logarithms for a step, their largest subtracted: those of the s labels of a target,
 * which -inf is in front of (alpha) or behind (beta), and those of the s + 1 blanks around them. */

typedef struct {
    REAL *loss, *alpha, *dx;
    const REAL *x, *dy;
    const int64_t *targets, *starts, *steps, *lengths;
    int64_t t, n, c, width, blank; /* width: half a row of alpha, the longest target's length + 1 */
    int zero_infinity;
} ctc_context;

/* log(exp(a) + exp(b) + exp(c)); -inf is the logarithm of nothing. */
static inline REAL ctc_sum(REAL a, REAL b, REAL c)
{
    const REAL inf = (REAL)INFINITY;
    REAL top = a > b ? a : b;
    top = top > c ? top : c;
    top = top == -inf ? 0 : top;
    return log_(exp_(a - top) + exp_(b - top) + exp_(c - top)) + top;
}

/* y[k] = log(exp(y[k]) + exp(a[k]) + exp(b[k])) */
static void ctc_add(REAL *restrict y, const REAL *a, const REAL *b, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        y[k] = ctc_sum(y[k], a[k], b[k]);
}

static void ctc_exp(REAL *y, const REAL *x, int64_t n)
{
    FNN_INDEPENDENT
    for (int64_t k = 0; k < n; k++)
        y[k] = exp_(x[k]);
}

/* Subtracts the largest of labels and blanks and returns it; 0 if all are -inf. */
static REAL ctc_scale(REAL *restrict label, REAL *restrict blank, int64_t s)
{
    const REAL inf = (REAL)INFINITY;
    REAL top = -inf;
    for (int64_t k = 0; k <= s; k++)
        top = blank[k] > top ? blank[k] : top;
    for (int64_t k = 0; k < s; k++)
        top = label[k] > top ? label[k] : top;
    top = top == -inf ? 0 : top;
    for (int64_t k = 0; k <= s; k++)
        blank[k] -= top;
    for (int64_t k = 0; k < s; k++)
        label[k] -= top;
    return top;
}

/* Adds the step's logarithms. */
static void ctc_shift(const ctc_context *c, const REAL *x, const int64_t *target, REAL *label, REAL *blank, int64_t s)
{
    for (int64_t k = 0; k <= s; k++)
        blank[k] += x[c->blank];
    for (int64_t k = 0; k < s; k++)
        label[k] += x[target[k]];
}

static void ctc_forward_range(void *context, int64_t begin, int64_t end)
{
    const ctc_context *c = context;
    const REAL inf = (REAL)INFINITY;
    for (int64_t b = begin; b < end; b++) {
        const int64_t s = c->lengths[b], steps = c->steps[b], *target = c->targets + c->starts[b];
        REAL *row = c->alpha + b * c->t * 2 * c->width;
        for (int64_t i = 0; i < c->t * 2 * c->width; i++)
            row[i] = -inf;
        if (steps == 0) {
            c->loss[b] = s == 0 ? 0 : inf;
            continue;
        }
        row[c->width] = c->x[b * c->c + c->blank];
        if (s > 0)
            row[1] = c->x[b * c->c + target[0]];
        double total = ctc_scale(row + 1, row + c->width, s);
        for (int64_t t = 1; t < steps && !(t % 64 == 0 && fnn_interrupted()); t++, row += 2 * c->width) {
            const REAL *x = c->x + (t * c->n + b) * c->c;
            const REAL *restrict label = row + 1, *restrict blank = row + c->width;
            REAL *restrict next = row + 2 * c->width + 1, *restrict next_blank = row + 3 * c->width;
            for (int64_t k = 1; k < s; k++)
                next[k] = target[k] != target[k - 1] ? label[k - 1] : -inf;
            ctc_add(next, label, blank, s);
            ctc_add(next_blank, blank, label - 1, s + 1);
            ctc_shift(c, x, target, next, next_blank, s);
            total += ctc_scale(next, next_blank, s);
        }
        REAL last = row[s];
        ctc_add(&last, row + c->width + s, row, 1); /* row[0] is -inf */
        c->loss[b] = (REAL) - (total + last);
    }
}

static void ctc_loss_forward(void *loss, void *alpha, const void *x, const int64_t *targets, const int64_t *starts,
                             const int64_t *steps, const int64_t *lengths, const int64_t *sizes, int64_t blank)
{
    ctc_context c = {.loss = loss,
                     .alpha = alpha,
                     .x = x,
                     .targets = targets,
                     .starts = starts,
                     .steps = steps,
                     .lengths = lengths,
                     .t = sizes[0],
                     .n = sizes[1],
                     .c = sizes[2],
                     .width = sizes[3] + 1,
                     .blank = blank};
    fnn_parallel_for(c.n, 1, 20 * (double)c.t * (double)c.width, ctc_forward_range, &c);
}

/* dx of one step: what the network says minus the classes' shares in the target's alignments, times the loss's
 * gradient. The shares of all labels and blanks, which `share` is room for, sum to 1. */
static void ctc_step_gradient(const ctc_context *c, int64_t b, int64_t t, const REAL *label, const REAL *blank,
                              REAL *share)
{
    const int64_t s = c->lengths[b], *target = c->targets + c->starts[b];
    const REAL *x = c->x + (t * c->n + b) * c->c, inf = (REAL)INFINITY;
    const REAL *alpha = c->alpha + (b * c->t + t) * 2 * c->width + 1, *alpha_blank = alpha + c->width - 1;
    REAL *dx = c->dx + (t * c->n + b) * c->c, *share_blank = share + c->width, sum = 0;
    for (int64_t k = 0; k <= s; k++) {
        const REAL both = alpha_blank[k] + blank[k];
        share_blank[k] = both == -inf ? both : both - x[c->blank];
    }
    for (int64_t k = 0; k < s; k++) {
        const REAL both = alpha[k] + label[k];
        share[k] = both == -inf ? both : both - x[target[k]];
    }
    ctc_scale(share, share_blank, s);
    ctc_exp(share_blank, share_blank, s + 1);
    ctc_exp(share, share, s);
    ctc_exp(dx, x, c->c);
    for (int64_t k = 0; k <= s; k++)
        sum += share_blank[k];
    for (int64_t k = 0; k < s; k++)
        sum += share[k];
    for (int64_t k = 0; k <= s; k++)
        dx[c->blank] -= share_blank[k] / sum;
    for (int64_t k = 0; k < s; k++)
        dx[target[k]] -= share[k] / sum;
    for (int64_t j = 0; j < c->c; j++)
        dx[j] *= c->dy[b];
}

static void ctc_backward_range(void *context, int64_t begin, int64_t end)
{
    const ctc_context *c = context;
    const REAL inf = (REAL)INFINITY;
    REAL *scratch = fnn_scratch((size_t)(6 * c->width) * sizeof(REAL));
    for (int64_t b = begin; b < end && scratch; b++) {
        const int64_t s = c->lengths[b], *target = c->targets + c->starts[b];
        const int nothing = c->loss[b] == inf; /* no alignment */
        const int64_t steps = nothing && c->zero_infinity ? 0 : c->steps[b];
        for (int64_t t = 0; t < c->t; t++)
            for (int64_t j = 0; j < c->c && (nothing || t >= steps); j++)
                c->dx[(t * c->n + b) * c->c + j] = t < steps ? (REAL)NAN : 0;
        if (nothing || steps == 0)
            continue;
        REAL *label = scratch, *blank = label + c->width, *next = blank + c->width, *next_blank = next + c->width;
        REAL *share = next_blank + c->width;
        const REAL *x = c->x + ((steps - 1) * c->n + b) * c->c;
        for (int64_t k = 0; k < 4 * c->width; k++)
            scratch[k] = -inf;
        blank[s] = x[c->blank];
        if (s > 0)
            label[s - 1] = x[target[s - 1]];
        ctc_step_gradient(c, b, steps - 1, label, blank, share);
        for (int64_t t = steps - 2; t >= 0 && !(t % 64 == 0 && fnn_interrupted()); t--) {
            x = c->x + (t * c->n + b) * c->c;
            for (int64_t k = 0; k < s; k++)
                next[k] = k + 1 < s && target[k + 1] != target[k] ? label[k + 1] : -inf;
            for (int64_t k = 0; k <= s; k++)
                next_blank[k] = -inf;
            ctc_add(next, label, blank + 1, s);
            ctc_add(next_blank, blank, label, s + 1);
            ctc_shift(c, x, target, next, next_blank, s);
            REAL *const before = label, *const blank_before = blank;
            label = next, blank = next_blank, next = before, next_blank = blank_before;
            ctc_scale(label, blank, s);
            ctc_step_gradient(c, b, t, label, blank, share);
        }
    }
    fnn_free(scratch);
}

static int ctc_loss_backward(void *dx, const void *dy, const void *loss, const void *alpha, const void *x,
                             const int64_t *targets, const int64_t *starts, const int64_t *steps,
                             const int64_t *lengths, const int64_t *sizes, int64_t blank, int zero_infinity)
{
    ctc_context c = {.loss = (REAL *)loss,
                     .alpha = (REAL *)alpha,
                     .dx = dx,
                     .x = x,
                     .dy = dy,
                     .targets = targets,
                     .starts = starts,
                     .steps = steps,
                     .lengths = lengths,
                     .t = sizes[0],
                     .n = sizes[1],
                     .c = sizes[2],
                     .width = sizes[3] + 1,
                     .blank = blank,
                     .zero_infinity = zero_infinity};
    fnn_parallel_for(c.n, 1, (double)c.t * (40 * (double)c.width + 2 * (double)c.c), ctc_backward_range, &c);
    return fnn_status();
}
