/* conv_thin.inc.h -- convolutions to one channel: images' planes are a product's operand as they are, and the
 * elements of the kernel its rows.
 *
 * Forward: rows t = (i, j) of w (taps, c) x (c, h w) are what each element of the kernel gives at each place; an output
 * adds those of its window. The gradient of the weight is the product of x (c, h w) with dy laid out as (h w, taps).
 */
#ifndef FNN_CONV_THIN_ONCE
#define FNN_CONV_THIN_ONCE
#define THIN_TAPS 49        /* elements of a kernel at most */
#define THIN_PLACES 8192    /* of a plane at most: the product of an image stays in the cache */
#endif

typedef struct {
    const fnn_conv *s;
    const REAL *x, *weight, *bias, *dy;
    REAL *y, *sums;
    int64_t x_n, x_c, dy_n, dy_h, dy_w, shares;
    int relu;
} FN(thin);

static int FN(thin_fits)(const fnn_conv *s, const int64_t *strides)
{
    return s->o == 1 && s->groups == 1 && s->c >= 8 && s->kh * s->kw > 1 && s->kh * s->kw <= THIN_TAPS &&
           s->h * s->w >= VW && s->h * s->w <= THIN_PLACES && conv_whole_planes(strides, s->h, s->w);
}

/* Vectors' operations of an image on a copy with padding instead (conv.inc.h), of which a product takes so many. */
static double FN(thin_otherwise)(const fnn_conv *s, double product)
{
    const double vectors = (double)((s->ow + VW - 1) / VW);
    return (double)s->c * vectors * (8 * (double)((s->h + s->kh) * s->sw) + product * (double)(s->kh * s->kw * s->oh));
}

/* The planes of an image are asked for before a product takes columns of them. */
FNN_INLINE void FN(thin_ahead)(const REAL *x, int64_t n)
{
    for (int64_t i = 0; i < n; i += 64 / (int64_t)sizeof(REAL))
        __builtin_prefetch(x + i);
}

/* Item = an image. */
static void FN(thin_range)(void *context, int64_t begin, int64_t end)
{
    const FN(thin) *const g = context;
    const fnn_conv *const s = g->s;
    const int64_t taps = s->kh * s->kw, places = s->h * s->w;
    REAL *const parts = fnn_scratch((size_t)(taps * places) * sizeof(REAL));
    if (!parts)
        return;
    for (int64_t n = begin; n < end; n++) {
        REAL *const y = g->y + n * s->oh * s->ow;
        FN(thin_ahead)(g->x + n * g->x_n, s->c * places);
        FN(gemm_panels)(taps, places, s->c, g->weight, 1, taps, g->x + n * g->x_n, 0, g->x_c, parts, places, 0);
        for (int64_t i = 0; i < s->oh * s->ow; i++)
            y[i] = g->bias ? *g->bias : 0;
        for (int64_t t = 0; t < taps; t++) {
            const conv_view v = conv_view_of(s, t);
            for (int64_t r = v.r0; r < v.r1; r++) {
                const REAL *const from = parts + t * places + (r * s->sh + v.down) * s->w + v.right;
                REAL *const to = y + r * s->ow;
                if (s->sw == 1)
                    for (int64_t q = v.q0; q < v.q1; q++)
                        to[q] += from[q];
                else
                    for (int64_t q = v.q0; q < v.q1; q++)
                        to[q] += from[q * s->sw];
            }
        }
        for (int64_t i = 0; i < s->oh * s->ow && g->relu; i++)
            y[i] = y[i] < 0 ? 0 : y[i];
    }
    fnn_free(parts);
}

static int FN(thin_run)(REAL *y, const REAL *x, const REAL *weight, const REAL *bias, const fnn_conv *s,
                        const int64_t *xs, int relu)
{
    const double taps = (double)(s->kh * s->kw), places = (double)(s->h * s->w) / VW, c = (double)s->c;
    const double sums = 2 * (double)(s->oh * ((s->ow + VW - 1) / VW));
    if (s->n == 0 || !FN(thin_fits)(s, xs) || taps * (1.4 * c * places + sums) > FN(thin_otherwise)(s, 1.2))
        return 0;
    FN(thin) g = {.s = s, .x = x, .weight = weight, .bias = bias, .y = y, .x_n = xs[0], .x_c = xs[1], .relu = relu};
    fnn_parallel_for(s->n, 1, taps * (0.3 * places * c + sums), FN(thin_range), &g);
    return 1;
}

/* Item = a share of the images: sums (c, taps). */
static void FN(thin_weight_range)(void *context, int64_t begin, int64_t end)
{
    const FN(thin) *const g = context;
    const fnn_conv *const s = g->s;
    const int64_t taps = s->kh * s->kw, places = s->h * s->w, pitch = (taps + VW - 1) / VW * VW;
    REAL *const seen = fnn_scratch((size_t)(places * pitch) * sizeof(REAL)); /* the same elements of it for all images */
    if (!seen)
        return;
    memset(seen, 0, (size_t)(places * pitch) * sizeof(REAL));
    for (int64_t share = begin; share < end; share++)
        for (int64_t n0 = s->n * share / g->shares, n = n0;
             n < s->n * (share + 1) / g->shares && !fnn_interrupted(); n++) {
            for (int64_t t = 0; t < taps; t++) {
                const conv_view v = conv_view_of(s, t);
                for (int64_t r = v.r0; r < v.r1; r++) {
                    const REAL *const from = g->dy + n * g->dy_n + r * g->dy_h;
                    REAL *const to = seen + ((r * s->sh + v.down) * s->w + v.right) * pitch + t;
                    for (int64_t q = v.q0; q < v.q1; q++)
                        to[q * s->sw * pitch] = from[q * g->dy_w];
                }
            }
            FN(thin_ahead)(g->x + n * g->x_n, s->c * places);
            FN(gemm_panels)(s->c, taps, places, g->x + n * g->x_n, g->x_c, 1, seen, 0, pitch,
                            g->sums + share * s->c * taps, taps, n > n0);
        }
    fnn_free(seen);
}

/* The shares' sums are laid out as conv_backward_weight wants them. Not done when they are not finite. */
static int FN(thin_weight_run)(const REAL *dy, const REAL *x, const fnn_conv *s, const int64_t *dys, const int64_t *xs,
                               int64_t shares, REAL *sums)
{
    const double vectors = (double)((s->kh * s->kw + VW - 1) / VW), places = (double)(s->h * s->w), c = (double)s->c;
    const double spread = (double)(s->kh * s->kw * s->oh * s->ow);
    if (!FN(thin_fits)(s, xs) || 1.1 * c * places * vectors + spread > FN(thin_otherwise)(s, 2.2))
        return 0;
    FN(thin) g = {.s = s, .x = x, .dy = dy, .sums = sums, .x_n = xs[0], .x_c = xs[1], .dy_n = dys[0], .dy_h = dys[2],
                  .dy_w = dys[3], .shares = shares};
    fnn_parallel_for(shares, 1, (double)(s->n / shares) * (0.3 * c * places * vectors + 0.3 * spread),
                     FN(thin_weight_range), &g);
    REAL check = 0; /* what is not finite was multiplied by places that an element of the kernel does not see, too */
    for (int64_t i = 0; i < shares * s->c * s->kh * s->kw; i++)
        check += sums[i] - sums[i];
    return check == 0;
}
