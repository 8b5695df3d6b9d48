/* optim_adam.inc.h -- optimizer steps of Adam's family, on the frame of optim.inc.h: running averages of the gradient
 * and of its square (or of its size), corrected for having started at 0.
 */

/* ---- Adam, AdamW, AMSGrad ---- */

static optim_scale adam_scale(const optim_context *c, int64_t i, optim_scale last)
{
    const double step = *c->steps[i];
    if (last.step == *c->steps[i]) /* parameters mostly share it: save the powers */
        return last;
    return (optim_scale){.step = *c->steps[i],
                         .rate = (REAL)(c->lr / (1 - pow(c->beta1, step))),
                         .root = (REAL)(1 / sqrt(1 - pow(c->beta2, step)))};
}

#define ADAM_UPDATE(name, with_decay, amsgrad)                                                                         \
    static void name(const optim_context *c, int64_t i, int64_t begin, int64_t end, optim_scale scale)                 \
    {                                                                                                                  \
        REAL *restrict p = c->p[i], *restrict s1 = c->s1[i], *restrict s2 = c->s2[i];                                  \
        REAL *restrict s3 = amsgrad ? c->s3[i] : NULL;                                                                 \
        const REAL *restrict g = c->g[i];                                                                              \
        const REAL rate = scale.rate, root = scale.root, sign = c->sign, eps = c->eps;                                 \
        const REAL decay = c->decay, shrink = c->shrink;                                                               \
        const REAL keep1 = c->keep1, take1 = c->take1, keep2 = c->keep2, take2 = c->take2;                             \
        const int from_x = take1 < (REAL)0.5;                                                                          \
        (void)s3, (void)decay;                                                                                         \
        for (int64_t k = begin; k < end; k++) {                                                                        \
            REAL x = p[k], d = sign * g[k];                                                                            \
            if (with_decay)                                                                                            \
                d += decay * x;                                                                                        \
            REAL m = OPTIM_LERP(s1[k], d, keep1, take1, from_x);                                                       \
            REAL v = keep2 * s2[k] + take2 * d * d;                                                                    \
            s1[k] = m;                                                                                                 \
            s2[k] = v;                                                                                                 \
            if (amsgrad) {                                                                                             \
                REAL top = s3[k];                                                                                      \
                v = (top > v) | (top != top) ? top : v;                                                                \
                s3[k] = v;                                                                                             \
            }                                                                                                          \
            p[k] = shrink * x - rate * m / (OPTIM_SQRT(v) * root + eps);                                               \
        }                                                                                                              \
    }
ADAM_UPDATE(adam_plain, 0, 0)
ADAM_UPDATE(adam_decay, 1, 0)
ADAM_UPDATE(adam_amsgrad, 0, 1)
ADAM_UPDATE(adam_amsgrad_decay, 1, 1)
#undef ADAM_UPDATE

static void adam_step(void *const *p, void *const *g, void *const *exp_avg, void *const *exp_avg_sq,
                      void *const *max_exp_avg_sq, float *const *steps, const int64_t *sizes, int64_t count, double lr,
                      double beta1, double beta2, double eps, double decay, int decoupled, int maximize)
{
    optim_count(steps, count);
    optim_context c = {.p = p,
                       .g = g,
                       .s1 = exp_avg,
                       .s2 = exp_avg_sq,
                       .s3 = max_exp_avg_sq,
                       .sizes = sizes,
                       .count = count,
                       .steps = steps,
                       .lr = lr,
                       .beta1 = beta1,
                       .beta2 = beta2,
                       .sign = maximize ? -1 : 1,
                       .eps = (REAL)eps,
                       .keep1 = (REAL)beta1,
                       .take1 = (REAL)(1 - beta1),
                       .keep2 = (REAL)beta2,
                       .take2 = (REAL)(1 - beta2),
                       .decay = decoupled ? 0 : (REAL)decay,
                       .shrink = decoupled ? (REAL)(1 - lr * decay) : 1,
                       .scale = adam_scale};
    int decays = decay != 0 && !decoupled;
    if (max_exp_avg_sq)
        c.update = decays ? adam_amsgrad_decay : adam_amsgrad;
    else
        c.update = decays ? adam_decay : adam_plain;
    optim_run(&c, 0.27);
}

/* ---- Adamax: the largest size of the gradient, fading, in place of the average square ---- */

OPTIM_SCALE(adamax_scale)
{
    const double step = *c->steps[i];
    if (last.step == *c->steps[i])
        return last;
    return (optim_scale){.step = *c->steps[i], .rate = (REAL)(c->lr / (1 - pow(c->beta1, step)))};
}

OPTIM_UPDATE(adamax_update)
{
    REAL *restrict p = c->p[i], *restrict s1 = c->s1[i], *restrict s2 = c->s2[i];
    const REAL *restrict g = c->g[i];
    const REAL rate = scale.rate, sign = c->sign, decay = c->decay, eps = c->eps;
    const REAL keep1 = c->keep1, take1 = c->take1, keep2 = c->keep2;
    const int decays = decay != 0, from_x = take1 < (REAL)0.5;
    for (int64_t k = begin; k < end; k++) {
        REAL x = p[k], d = sign * g[k];
        d = decays ? d + decay * x : d;
        REAL m = OPTIM_LERP(s1[k], d, keep1, take1, from_x);
        REAL faded = keep2 * s2[k], size = abs_(d) + eps;
        size = (faded > size) | (faded != faded) ? faded : size;
        s1[k] = m;
        s2[k] = size;
        p[k] = x - rate * m / size;
    }
}

static void adamax_step(void *const *p, void *const *g, void *const *exp_avg, void *const *exp_inf, float *const *steps,
                        const int64_t *sizes, int64_t count, double lr, double beta1, double beta2, double eps,
                        double decay, int maximize)
{
    optim_count(steps, count);
    optim_context c = {.p = p,
                       .g = g,
                       .s1 = exp_avg,
                       .s2 = exp_inf,
                       .sizes = sizes,
                       .count = count,
                       .steps = steps,
                       .lr = lr,
                       .beta1 = beta1,
                       .sign = maximize ? -1 : 1,
                       .eps = (REAL)eps,
                       .keep1 = (REAL)beta1,
                       .take1 = (REAL)(1 - beta1),
                       .keep2 = (REAL)beta2,
                       .decay = (REAL)decay,
                       .scale = adamax_scale,
                       .update = adamax_update};
    optim_run(&c, 0.21);
}

/* ---- NAdam: Nesterov's momentum, whose factor mu_t grows towards beta1; scalar1: the product of all mu ---- */

static inline double nadam_mu(double beta1, double step, double momentum_decay)
{
    return beta1 * (1 - 0.5 * pow(0.96, step * momentum_decay));
}

OPTIM_SCALE(nadam_scale)
{
    const double step = *c->steps[i], product = *c->scalar1[i];
    if (last.step == *c->steps[i] && last.product == *c->scalar1[i])
        return last;
    const double mu = nadam_mu(c->beta1, step, c->decay_rate);
    const double next = nadam_mu(c->beta1, step + 1, c->decay_rate);
    return (optim_scale){.step = *c->steps[i],
                         .product = *c->scalar1[i],
                         .rate = (REAL)(c->lr * (1 - mu) / (1 - product)),
                         .rate2 = (REAL)(c->lr * next / (1 - product * next)),
                         .root = (REAL)(1 / (1 - pow(c->beta2, step)))};
}

OPTIM_UPDATE(nadam_update)
{
    REAL *restrict p = c->p[i], *restrict s1 = c->s1[i], *restrict s2 = c->s2[i];
    const REAL *restrict g = c->g[i];
    const REAL rate = scale.rate, rate2 = scale.rate2, root = scale.root, sign = c->sign;
    const REAL decay = c->decay, eps = c->eps, shrink = c->shrink;
    const REAL keep1 = c->keep1, take1 = c->take1, keep2 = c->keep2, take2 = c->take2;
    const int decays = decay != 0, from_x = take1 < (REAL)0.5;
    for (int64_t k = begin; k < end; k++) {
        REAL x = p[k], d = sign * g[k];
        d = decays ? d + decay * x : d;
        REAL m = OPTIM_LERP(s1[k], d, keep1, take1, from_x);
        REAL v = keep2 * s2[k] + take2 * d * d;
        s1[k] = m;
        s2[k] = v;
        p[k] = shrink * x - (rate * d + rate2 * m) / (OPTIM_SQRT(v * root) + eps);
    }
}

static void nadam_step(void *const *p, void *const *g, void *const *exp_avg, void *const *exp_avg_sq,
                       float *const *mu_products, float *const *steps, const int64_t *sizes, int64_t count, double lr,
                       double beta1, double beta2, double eps, double decay, double momentum_decay, int decoupled,
                       int maximize)
{
    optim_count(steps, count);
    for (int64_t i = 0; i < count; i++)
        *mu_products[i] *= (float)nadam_mu(beta1, *steps[i], momentum_decay);
    optim_context c = {.p = p,
                       .g = g,
                       .s1 = exp_avg,
                       .s2 = exp_avg_sq,
                       .scalar1 = mu_products,
                       .sizes = sizes,
                       .count = count,
                       .steps = steps,
                       .lr = lr,
                       .beta1 = beta1,
                       .beta2 = beta2,
                       .decay_rate = momentum_decay,
                       .sign = maximize ? -1 : 1,
                       .eps = (REAL)eps,
                       .keep1 = (REAL)beta1,
                       .take1 = (REAL)(1 - beta1),
                       .keep2 = (REAL)beta2,
                       .take2 = (REAL)(1 - beta2),
                       .decay = decoupled ? 0 : (REAL)decay,
                       .shrink = decoupled ? (REAL)(1 - lr * decay) : 1,
                       .scale = nadam_scale,
                       .update = nadam_update};
    optim_run(&c, 0.27);
}

/* ---- RAdam: Adam once the variance of its step is finite, momentum before ---- */

OPTIM_SCALE(radam_scale)
{
    const double step = *c->steps[i];
    if (last.step == *c->steps[i])
        return last;
    const double correction2 = 1 - pow(c->beta2, step), longest = 2 / (1 - c->beta2) - 1;
    const double length = longest - 2 * step * pow(c->beta2, step) / correction2;
    optim_scale scale = {.step = *c->steps[i], .rate = (REAL)(c->lr / (1 - pow(c->beta1, step)))};
    if (length > 5)
        scale.root = (REAL)(sqrt(correction2) *
                            sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)));
    else
        scale.first = 1;
    return scale;
}

OPTIM_UPDATE(radam_update)
{
    REAL *restrict p = c->p[i], *restrict s1 = c->s1[i], *restrict s2 = c->s2[i];
    const REAL *restrict g = c->g[i];
    const REAL rate = scale.rate, root = scale.root, sign = c->sign;
    const REAL decay = c->decay, eps = c->eps, shrink = c->shrink;
    const REAL keep1 = c->keep1, take1 = c->take1, keep2 = c->keep2, take2 = c->take2;
    const int decays = decay != 0, from_x = take1 < (REAL)0.5, plain = scale.first;
    for (int64_t k = begin; k < end; k++) {
        REAL x = p[k], d = sign * g[k];
        d = decays ? d + decay * x : d;
        REAL m = OPTIM_LERP(s1[k], d, keep1, take1, from_x);
        REAL v = keep2 * s2[k] + take2 * d * d;
        s1[k] = m;
        s2[k] = v;
        REAL adapted = root / (OPTIM_SQRT(v) + eps);
        p[k] = shrink * x - rate * m * (plain ? 1 : adapted);
    }
}

static void radam_step(void *const *p, void *const *g, void *const *exp_avg, void *const *exp_avg_sq,
                       float *const *steps, const int64_t *sizes, int64_t count, double lr, double beta1, double beta2,
                       double eps, double decay, int decoupled, int maximize)
{
    optim_count(steps, count);
    optim_context c = {.p = p,
                       .g = g,
                       .s1 = exp_avg,
                       .s2 = exp_avg_sq,
                       .sizes = sizes,
                       .count = count,
                       .steps = steps,
                       .lr = lr,
                       .beta1 = beta1,
                       .beta2 = beta2,
                       .sign = maximize ? -1 : 1,
                       .eps = (REAL)eps,
                       .keep1 = (REAL)beta1,
                       .take1 = (REAL)(1 - beta1),
                       .keep2 = (REAL)beta2,
                       .take2 = (REAL)(1 - beta2),
                       .decay = decoupled ? 0 : (REAL)decay,
                       .shrink = decoupled ? (REAL)(1 - lr * decay) : 1,
                       .scale = radam_scale,
                       .update = radam_update};
    optim_run(&c, 0.27);
}
