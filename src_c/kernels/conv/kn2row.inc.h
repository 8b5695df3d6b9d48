/* kn2row.inc.h -- convolutions to one channel: images' planes are a product's operand as they are, and the elements of
 * the kernel its rows (Vasudevan et al., "Parallel Multi Channel Convolution using General Matrix Multiplication",
 * 2017).
 *
 * Forward: rows t = (i, j) of w (taps, c) x (c, h w) are what each element of the kernel gives at each position; an
 * output adds those of its window. The gradient of the weight is the product of x (c, h w) with dy laid out as (h w,
 * taps).
 */
#define KN2ROW_TAPS 49        /* elements of a kernel at most */
#define KN2ROW_POSITIONS 8192 /* of a plane at most: the product of an image stays in the cache */

typedef struct {
    const fnn_conv *s;
    const REAL *x, *weight, *bias, *dy;
    REAL *y, *sums;
    int64_t x_n, x_c, dy_n, dy_h, dy_w, splits;
    int relu;
} kn2row;

static int kn2row_fits(const fnn_conv *s, const int64_t *strides)
{
    return s->groups == 1 && s->c >= 8 && s->kh * s->kw > 1 && s->kh * s->kw <= KN2ROW_TAPS && s->h * s->w >= VW &&
           s->h * s->w <= KN2ROW_POSITIONS && conv_whole_planes(strides, s->h, s->w);
}

/* Vectors' operations of an image on a copy with padding instead (implicit_gemm.inc.h), of which a product takes so
 * many. */
static double kn2row_otherwise(const fnn_conv *s, double product)
{
    const double vectors = (double)((s->ow + VW - 1) / VW);
    return (double)s->c * vectors * (8 * (double)((s->h + s->kh) * s->sw) + product * (double)(s->kh * s->kw * s->oh));
}

/* The planes of an image are asked for before a product takes columns of them. */
FNN_INLINE void prefetch_planes(const REAL *x, int64_t n)
{
    for (int64_t i = 0; i < n; i += 64 / (int64_t)sizeof(REAL))
        __builtin_prefetch(x + i);
}

/* Item = an image. */
static void kn2row_range(void *context, int64_t begin, int64_t end)
{
    const kn2row *const g = context;
    const fnn_conv *const s = g->s;
    const int64_t taps = s->kh * s->kw, positions = s->h * s->w;
    REAL *const parts = fnn_scratch((size_t)(taps * positions) * sizeof(REAL));
    if (!parts)
        return;
    for (int64_t n = begin; n < end; n++) {
        REAL *const y = g->y + n * s->oh * s->ow;
        prefetch_planes(g->x + n * g->x_n, s->c * positions);
        gemm_panels(taps, positions, s->c, g->weight, 1, taps, g->x + n * g->x_n, 0, g->x_c, parts, positions, 0);
        for (int64_t i = 0; i < s->oh * s->ow; i++)
            y[i] = g->bias ? *g->bias : 0;
        for (int64_t t = 0; t < taps; t++) {
            const conv_view v = conv_view_of(s, t);
            for (int64_t r = v.r0; r < v.r1; r++) {
                const REAL *const from = parts + t * positions + (r * s->sh + v.down) * s->w + v.right;
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

/* Item = a split of the images: sums (c, taps). */
static void kn2row_weight_range(void *context, int64_t begin, int64_t end)
{
    const kn2row *const g = context;
    const fnn_conv *const s = g->s;
    const int64_t taps = s->kh * s->kw, positions = s->h * s->w, pitch = (taps + VW - 1) / VW * VW;
    /* The same elements of it are not 0 for all images. */
    REAL *const spread = fnn_scratch((size_t)(positions * pitch) * sizeof(REAL));
    if (!spread)
        return;
    memset(spread, 0, (size_t)(positions * pitch) * sizeof(REAL));
    for (int64_t split = begin; split < end; split++)
        for (int64_t n0 = s->n * split / g->splits, n = n0; n < s->n * (split + 1) / g->splits && !fnn_interrupted();
             n++) {
            for (int64_t t = 0; t < taps; t++) {
                const conv_view v = conv_view_of(s, t);
                for (int64_t r = v.r0; r < v.r1; r++) {
                    const REAL *const from = g->dy + n * g->dy_n + r * g->dy_h;
                    REAL *const to = spread + ((r * s->sh + v.down) * s->w + v.right) * pitch + t;
                    for (int64_t q = v.q0; q < v.q1; q++)
                        to[q * s->sw * pitch] = from[q * g->dy_w];
                }
            }
            prefetch_planes(g->x + n * g->x_n, s->c * positions);
            gemm_panels(s->c, taps, positions, g->x + n * g->x_n, g->x_c, 1, spread, 0, pitch,
                        g->sums + split * s->c * taps, taps, n > n0);
        }
    fnn_free(spread);
}

static conv_outcome kn2row_forward(const conv_call *call)
{
    const fnn_conv *const s = call->s;
    if (s->o != 1)
        return CONV_DECLINED;
    const double taps = (double)(s->kh * s->kw), positions = (double)(s->h * s->w) / VW, c = (double)s->c;
    const double sums = 2 * (double)(s->oh * ((s->ow + VW - 1) / VW));
    if (!kn2row_fits(s, call->xs) || (!call->forced && taps * (1.4 * c * positions + sums) > kn2row_otherwise(s, 1.2)))
        return CONV_DECLINED;
    kn2row g = {.s = s,
                .x = call->x,
                .weight = call->weight,
                .bias = call->bias,
                .y = call->out,
                .x_n = call->xs[0],
                .x_c = call->xs[1],
                .relu = call->relu};
    fnn_parallel_for(s->n, 1, taps * (0.3 * positions * c + sums), kn2row_range, &g);
    return CONV_DONE;
}

static conv_outcome kn2row_weight(const conv_call *call)
{
    const fnn_conv *const s = call->s;
    if (s->o != 1)
        return CONV_DECLINED;
    const double vectors = (double)((s->kh * s->kw + VW - 1) / VW), positions = (double)(s->h * s->w);
    const double c = (double)s->c, spread = (double)(s->kh * s->kw * s->oh * s->ow);
    if (!kn2row_fits(s, call->xs) ||
        (!call->forced && 1.1 * c * positions * vectors + spread > kn2row_otherwise(s, 2.2)))
        return CONV_DECLINED;
    conv_weight w = conv_weight_of(call);
    if (!conv_weight_begin(&w))
        return CONV_DONE;
    kn2row g = {.s = s,
                .x = call->x,
                .dy = call->dy,
                .sums = w.sums,
                .x_n = call->xs[0],
                .x_c = call->xs[1],
                .dy_n = call->dys[0],
                .dy_h = call->dys[2],
                .dy_w = call->dys[3],
                .splits = w.splits};
    fnn_parallel_for(w.splits, 1, (double)(s->n / w.splits) * (0.3 * c * positions * vectors + 0.3 * spread),
                     kn2row_weight_range, &g);
    REAL check =
        0; /* what is not finite was multiplied by positions that an element of the kernel does not meet, too */
    for (int64_t i = 0; i < w.splits * s->c * s->kh * s->kw; i++)
        check += w.sums[i] - w.sums[i];
    if (check != 0) {
        fnn_free(w.sums);
        return CONV_NOT_FINITE;
    }
    conv_weight_end(&w);
    return CONV_DONE;
}
