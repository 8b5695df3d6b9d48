/* optim.inc.h -- one step of an optimizer for all parameters of a model, in place, in one pass over memory.
 *
 * Arrays come as tables of pointers. The parameters lie side by side on a line of numbers, each on a
 * multiple of OPTIM_ALIGN, and threads share that line: many small parameters make one piece of work,
 * a large one is split, and an element's place in its vector never depends on the split.
 */
#define OPTIM_ALIGN 64
#define OPTIM_GRAIN 4096
#define OPTIM_TABLES 60 /* ns for another thread to fetch what this one has just written of a parameter */
#define OPTIM_SQRT(v) (REAL_IS_F32 ? (REAL)sqrtf((float)(v)) : (REAL)sqrt((double)(v)))
/* From x towards y, exact at the nearer end (as torch.lerp). */
#define OPTIM_LERP(x, y, keep, take, from_x) ((from_x) ? (x) + (take) * ((y) - (x)) : (y) - ((y) - (x)) * (keep))
static inline int64_t optim_span(int64_t size)
{
    return (size + OPTIM_ALIGN - 1) / OPTIM_ALIGN * OPTIM_ALIGN;
}

static inline int64_t optim_line(const int64_t *sizes, int64_t count)
{
    int64_t n = 0;
    for (int64_t i = 0; i < count; i++)
        n += optim_span(sizes[i]);
    return n;
}

/* What changes from parameter to parameter. */
typedef struct {
    REAL rate, rate2;    /* step size; another one for a second term */
    REAL root;           /* factor of the square root's result */
    REAL shrink;         /* of the parameter, before the step */
    float step, product; /* what they were computed for; step 0: not yet */
    int first;           /* no state yet */
} optim_scale;

typedef struct optim_context {
    void *const *p, *const *s1, *const *s2, *const *s3;
    void *const *g;
    const int64_t *sizes;
    int64_t count;
    const uint8_t *first;
    float *const *steps, *const *scalar1, *const *scalar2; /* one number for each parameter */
    double lr, beta1, beta2, decay_rate;
    REAL sign, momentum, take, decay, eps, keep1, take1, keep2, take2, shrink;
    void (*update)(const struct optim_context *, int64_t i, int64_t begin, int64_t end, optim_scale);
    optim_scale (*scale)(const struct optim_context *, int64_t i, optim_scale last);
} optim_context;

/* The update of elements begin..end-1 of parameter i. */
#define OPTIM_UPDATE(name)                                                                                             \
    static void name(const optim_context *c, int64_t i, int64_t begin, int64_t end, optim_scale scale)
#define OPTIM_SCALE(name) static optim_scale name(const optim_context *c, int64_t i, optim_scale last)

static void optim_range(void *context, int64_t begin, int64_t end)
{
    const optim_context *c = context;
    optim_scale scale = {0};
    int64_t start = 0;
    for (int64_t i = 0; i < c->count && start < end; i++) {
        int64_t size = c->sizes[i], next = start + optim_span(size);
        if (next > begin && size > 0) {
            int64_t from = begin > start ? begin - start : 0;
            int64_t to = end - start < size ? end - start : size;
            scale = c->scale(c, i, scale);
            if (from < to)
                c->update(c, i, from, to, scale);
        }
        start = next;
    }
}

/* `cost`: of an element in float32, when all is in the cache. */
static void optim_run(optim_context *c, double cost)
{
    const int64_t line = optim_line(c->sizes, c->count);
    const double work = (double)line * (REAL_IS_F32 ? cost : 2 * cost) - OPTIM_TABLES * (double)c->count;
    fnn_parallel_for(line, OPTIM_GRAIN, line > 0 && work > 0 ? work / (double)line : 0, optim_range, c);
}

static inline void optim_count(float *const *steps, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        *steps[i] += 1;
}

/* ---- SGD ---- */

static optim_scale sgd_scale(const optim_context *c, int64_t i, optim_scale last)
{
    (void)last;
    return (optim_scale){.rate = (REAL)c->lr, .first = c->first && c->first[i]};
}

#define SGD_UPDATE(name, with_decay, statement)                                                                        \
    static void name(const optim_context *c, int64_t i, int64_t begin, int64_t end, optim_scale scale)                 \
    {                                                                                                                  \
        REAL *restrict p = c->p[i], *restrict b = c->s1 ? c->s1[i] : NULL;                                             \
        const REAL *restrict g = c->g[i];                                                                              \
        const REAL rate = scale.rate, sign = c->sign, decay = c->decay, momentum = c->momentum;                        \
        const REAL keep = scale.first ? 0 : momentum, take = scale.first ? 1 : c->take;                                \
        (void)b, (void)decay, (void)momentum, (void)keep, (void)take;                                                  \
        if (scale.first) /* whatever the new buffer holds must not reach 0 * buffer */                                 \
            memset(b + begin, 0, (size_t)(end - begin) * sizeof(REAL));                                                \
        for (int64_t k = begin; k < end; k++) {                                                                        \
            REAL x = p[k], d = sign * g[k];                                                                            \
            if (with_decay)                                                                                            \
                d += decay * x;                                                                                        \
            statement;                                                                                                 \
            p[k] = x - rate * d;                                                                                       \
        }                                                                                                              \
    }
SGD_UPDATE(sgd_plain, 0, )
SGD_UPDATE(sgd_plain_decay, 1, )
SGD_UPDATE(sgd_momentum, 0, d = b[k] = keep * b[k] + take * d)
SGD_UPDATE(sgd_momentum_decay, 1, d = b[k] = keep * b[k] + take * d)
SGD_UPDATE(sgd_nesterov, 0, b[k] = keep * b[k] + take * d; d += momentum * b[k])
SGD_UPDATE(sgd_nesterov_decay, 1, b[k] = keep * b[k] + take * d; d += momentum * b[k])
#undef SGD_UPDATE

static void sgd_step(void *const *p, void *const *g, void *const *buffer, const uint8_t *first, const int64_t *sizes,
                     int64_t count, double lr, double momentum, double dampening, double decay, int nesterov,
                     int maximize)
{
    optim_context c = {.p = p,
                       .g = g,
                       .s1 = buffer,
                       .sizes = sizes,
                       .count = count,
                       .lr = lr,
                       .first = buffer ? first : NULL,
                       .sign = maximize ? -1 : 1,
                       .momentum = (REAL)momentum,
                       .take = (REAL)(1 - dampening),
                       .decay = (REAL)decay,
                       .scale = sgd_scale};
    if (!buffer)
        c.update = decay != 0 ? sgd_plain_decay : sgd_plain;
    else if (nesterov)
        c.update = decay != 0 ? sgd_nesterov_decay : sgd_nesterov;
    else
        c.update = decay != 0 ? sgd_momentum_decay : sgd_momentum;
    optim_run(&c, buffer ? 0.14 : 0.1);
}

/* ---- Adagrad ---- */

static optim_scale adagrad_scale(const optim_context *c, int64_t i, optim_scale last)
{
    (void)last;
    return (optim_scale){.rate = (REAL)(c->lr / (1 + (*c->steps[i] - 1.0) * c->decay_rate))};
}

#define ADAGRAD_UPDATE(name, with_decay)                                                                               \
    static void name(const optim_context *c, int64_t i, int64_t begin, int64_t end, optim_scale scale)                 \
    {                                                                                                                  \
        REAL *restrict p = c->p[i], *restrict s = c->s1[i];                                                            \
        const REAL *restrict g = c->g[i];                                                                              \
        const REAL rate = scale.rate, sign = c->sign, decay = c->decay, eps = c->eps;                                  \
        (void)decay;                                                                                                   \
        for (int64_t k = begin; k < end; k++) {                                                                        \
            REAL x = p[k], d = sign * g[k];                                                                            \
            if (with_decay)                                                                                            \
                d += decay * x;                                                                                        \
            REAL v = s[k] + d * d;                                                                                     \
            s[k] = v;                                                                                                  \
            p[k] = x - rate * d / (OPTIM_SQRT(v) + eps);                                                               \
        }                                                                                                              \
    }
ADAGRAD_UPDATE(adagrad_plain, 0)
ADAGRAD_UPDATE(adagrad_decay, 1)
#undef ADAGRAD_UPDATE

static void adagrad_step(void *const *p, void *const *g, void *const *sum, float *const *steps, const int64_t *sizes,
                         int64_t count, double lr, double lr_decay, double decay, double eps, int maximize)
{
    optim_count(steps, count);
    optim_context c = {.p = p,
                       .g = g,
                       .s1 = sum,
                       .sizes = sizes,
                       .count = count,
                       .steps = steps,
                       .lr = lr,
                       .decay_rate = lr_decay,
                       .sign = maximize ? -1 : 1,
                       .decay = (REAL)decay,
                       .eps = (REAL)eps,
                       .scale = adagrad_scale,
                       .update = decay != 0 ? adagrad_decay : adagrad_plain};
    optim_run(&c, 0.25);
}

/* ---- RMSprop ---- */

static optim_scale rmsprop_scale(const optim_context *c, int64_t i, optim_scale last)
{
    (void)i, (void)last;
    return (optim_scale){.rate = (REAL)c->lr};
}

/* Variance = square average - average^2 falls below 0 by rounding alone: then it is 0 (NaN stays). */
#define RMSPROP_UPDATE(name, centered, momentum_used)                                                                  \
    static void name(const optim_context *c, int64_t i, int64_t begin, int64_t end, optim_scale scale)                 \
    {                                                                                                                  \
        REAL *restrict p = c->p[i], *restrict s = c->s1[i];                                                            \
        REAL *restrict a = centered ? c->s2[i] : NULL, *restrict b = momentum_used ? c->s3[i] : NULL;                  \
        const REAL *restrict g = c->g[i];                                                                              \
        const REAL rate = scale.rate, sign = c->sign, decay = c->decay, eps = c->eps;                                  \
        const REAL keep = c->keep1, take = c->take1, momentum = c->momentum;                                           \
        const int from_x = take < (REAL)0.5, decays = decay != 0;                                                      \
        (void)a, (void)b, (void)momentum, (void)from_x;                                                                \
        for (int64_t k = begin; k < end; k++) {                                                                        \
            REAL x = p[k], d = sign * g[k];                                                                            \
            d = decays ? d + decay * x : d;                                                                            \
            REAL v = keep * s[k] + take * d * d;                                                                       \
            s[k] = v;                                                                                                  \
            if (centered) {                                                                                            \
                REAL m = OPTIM_LERP(a[k], d, keep, take, from_x);                                                      \
                a[k] = m;                                                                                              \
                v -= m * m;                                                                                            \
                v = v < 0 ? 0 : v;                                                                                     \
            }                                                                                                          \
            REAL change = d / (OPTIM_SQRT(v) + eps);                                                                   \
            if (momentum_used)                                                                                         \
                change = b[k] = momentum * b[k] + change;                                                              \
            p[k] = x - rate * change;                                                                                  \
        }                                                                                                              \
    }
RMSPROP_UPDATE(rmsprop_plain, 0, 0)
RMSPROP_UPDATE(rmsprop_momentum, 0, 1)
RMSPROP_UPDATE(rmsprop_centered, 1, 0)
RMSPROP_UPDATE(rmsprop_centered_momentum, 1, 1)
#undef RMSPROP_UPDATE

static void rmsprop_step(void *const *p, void *const *g, void *const *square_avg, void *const *grad_avg,
                         void *const *buffer, float *const *steps, const int64_t *sizes, int64_t count, double lr,
                         double alpha, double eps, double decay, double momentum, int maximize)
{
    optim_count(steps, count);
    optim_context c = {.p = p,
                       .g = g,
                       .s1 = square_avg,
                       .s2 = grad_avg,
                       .s3 = buffer,
                       .sizes = sizes,
                       .count = count,
                       .lr = lr,
                       .sign = maximize ? -1 : 1,
                       .decay = (REAL)decay,
                       .eps = (REAL)eps,
                       .momentum = (REAL)momentum,
                       .keep1 = (REAL)alpha,
                       .take1 = (REAL)(1 - alpha),
                       .scale = rmsprop_scale};
    if (grad_avg)
        c.update = buffer ? rmsprop_centered_momentum : rmsprop_centered;
    else
        c.update = buffer ? rmsprop_momentum : rmsprop_plain;
    optim_run(&c, 0.25);
}

/* ---- Adadelta ---- */

OPTIM_UPDATE(adadelta_update)
{
    REAL *restrict p = c->p[i], *restrict s = c->s1[i], *restrict a = c->s2[i];
    const REAL *restrict g = c->g[i];
    const REAL rate = scale.rate, sign = c->sign, decay = c->decay, eps = c->eps;
    const REAL keep = c->keep1, take = c->take1;
    const int decays = decay != 0;
    for (int64_t k = begin; k < end; k++) {
        REAL x = p[k], d = sign * g[k];
        d = decays ? d + decay * x : d;
        REAL v = keep * s[k] + take * d * d;
        s[k] = v;
        REAL change = OPTIM_SQRT(a[k] + eps) / OPTIM_SQRT(v + eps) * d;
        a[k] = keep * a[k] + take * change * change;
        p[k] = x - rate * change;
    }
}

static void adadelta_step(void *const *p, void *const *g, void *const *square_avg, void *const *acc_delta,
                          float *const *steps, const int64_t *sizes, int64_t count, double lr, double rho, double eps,
                          double decay, int maximize)
{
    optim_count(steps, count);
    optim_context c = {.p = p,
                       .g = g,
                       .s1 = square_avg,
                       .s2 = acc_delta,
                       .sizes = sizes,
                       .count = count,
                       .lr = lr,
                       .sign = maximize ? -1 : 1,
                       .decay = (REAL)decay,
                       .eps = (REAL)eps,
                       .keep1 = (REAL)rho,
                       .take1 = (REAL)(1 - rho),
                       .scale = rmsprop_scale,
                       .update = adadelta_update};
    optim_run(&c, 0.45);
}

/* ---- Rprop: the step sizes of elements grow while the gradient keeps its sign ---- */

OPTIM_UPDATE(rprop_update)
{
    (void)scale;
    REAL *restrict p = c->p[i], *restrict last = c->s1[i], *restrict size = c->s2[i];
    const REAL *restrict g = c->g[i];
    const REAL sign = c->sign, minus = c->keep1, plus = c->keep2, low = c->take1, high = c->take2;
    for (int64_t k = begin; k < end; k++) {
        REAL d = sign * g[k], same = d * last[k];
        REAL factor = same > 0 ? plus : 1;
        factor = same < 0 ? minus : factor;
        REAL step = size[k] * factor;
        step = step < low ? low : step;
        step = step > high ? high : step;
        size[k] = step;
        d = same < 0 ? 0 : d; /* it turned: stay, and start anew with the next gradient */
        last[k] = d;
        REAL direction = d > 0 ? 1 : 0;
        direction = d < 0 ? -1 : direction;
        p[k] -= direction * step;
    }
}

static void rprop_step(void *const *p, void *const *g, void *const *prev, void *const *step_size, float *const *steps,
                       const int64_t *sizes, int64_t count, double eta_minus, double eta_plus, double low, double high,
                       int maximize)
{
    optim_count(steps, count);
    optim_context c = {.p = p,
                       .g = g,
                       .s1 = prev,
                       .s2 = step_size,
                       .sizes = sizes,
                       .count = count,
                       .sign = maximize ? -1 : 1,
                       .keep1 = (REAL)eta_minus,
                       .keep2 = (REAL)eta_plus,
                       .take1 = (REAL)low,
                       .take2 = (REAL)high,
                       .scale = rmsprop_scale,
                       .update = rprop_update};
    optim_run(&c, 0.22);
}

/* ---- ASGD ---- */

OPTIM_SCALE(asgd_scale)
{
    (void)last;
    const double eta = *c->scalar1[i];
    return (optim_scale){.rate = (REAL)eta, .rate2 = (REAL)*c->scalar2[i], .shrink = (REAL)(1 - c->decay_rate * eta)};
}

OPTIM_UPDATE(asgd_update)
{
    REAL *restrict p = c->p[i], *restrict a = c->s1[i];
    const REAL *restrict g = c->g[i];
    const REAL rate = scale.rate, mu = scale.rate2, shrink = scale.shrink;
    const REAL sign = c->sign, decay = c->decay;
    const int decays = decay != 0, copies = mu == 1;
    for (int64_t k = begin; k < end; k++) {
        REAL x = p[k], d = sign * g[k];
        d = decays ? d + decay * x : d;
        x = shrink * x - rate * d;
        p[k] = x;
        a[k] = copies ? x : a[k] + (x - a[k]) * mu;
    }
}

static void asgd_step(void *const *p, void *const *g, void *const *ax, float *const *mus, float *const *etas,
                      float *const *steps, const int64_t *sizes, int64_t count, double lr, double lambd, double alpha,
                      double t0, double decay, int maximize)
{
    optim_count(steps, count);
    optim_context c = {.p = p,
                       .g = g,
                       .s1 = ax,
                       .scalar1 = etas,
                       .scalar2 = mus,
                       .sizes = sizes,
                       .count = count,
                       .decay_rate = lambd,
                       .sign = maximize ? -1 : 1,
                       .decay = (REAL)decay,
                       .scale = asgd_scale,
                       .update = asgd_update};
    optim_run(&c, 0.13);
    for (int64_t i = 0; i < count; i++) { /* for the next step */
        const double step = *steps[i];
        *etas[i] = (float)(lr / pow(1 + lambd * lr * step, alpha));
        *mus[i] = (float)(1 / (step - t0 > 1 ? step - t0 : 1));
    }
}
