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
