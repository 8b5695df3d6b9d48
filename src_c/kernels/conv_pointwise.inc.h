/* conv_pointwise.inc.h -- kernels of 1 x 1, stride 1: an image's planes are a product's operand as they are,
 * y[n] (m, h w) = bias + a (m, channels) x[n] (channels, h w). The transposed convolution is the same with a's strides
 * exchanged. With strides, the positions that it sees are gathered before, or spread out after.
 */
#ifndef FNN_CONV_POINTWISE_ONCE
#define FNN_CONV_POINTWISE_ONCE
#define POINTWISE_DEPTH 256 /* positions at least, where they are a product's depth */
#endif

/* Neither padding nor gaps within a plane of the source, whose strides these are. */
static int FN(conv_is_pointwise)(const FN(conv) * g, const int64_t *strides)
{
    return g->kh * g->kw == 1 && g->sh == 1 && g->sw == 1 && g->oh == g->height && g->ow == g->width && g->top == 0 &&
           g->left == 0 && conv_whole_planes(strides, g->height, g->width);
}

/* Whether it was done, because it pays. `strides` are those of the source, dst is contiguous. */
static int FN(pointwise_run)(const FN(conv) * g, const REAL *weight, const int64_t *strides, int transposed)
{
    const int64_t size = g->oh * g->ow;
    const int split = g->groups > 1 && g->bias; /* a product's `start` is that of one group */
    if (!FN(conv_is_pointwise)(g, strides) || size < 2 * VW || g->m == 1 || g->channels <= THIN || split)
        return 0;
    FN(gemm_job) job = {.gemm = {.c = g->dst, .a = weight, .b = g->src, .start = g->bias, .m = g->m, .n = size,
                                 .k = g->channels, .ldc = size, .as_m = transposed ? 1 : g->channels,
                                 .as_k = transposed ? g->m : 1, .bs_k = g->src_c, .bs_n = 1, .relu = g->relu},
                        .batch_ndim = 2, .batch = (int64_t[]){g->images, g->groups},
                        .a_batch = (int64_t[]){0, g->m * g->channels},
                        .b_batch = (int64_t[]){g->src_n, g->channels * g->src_c}};
    FN(gemm_run)(&job, g->images * g->groups);
    return 1;
}

typedef struct {
    REAL *to;
    const REAL *from, *bias; /* bias: what places between have, one for each channel, or NULL: 0 */
    int64_t n, c, h, w;      /* strides of the side with gaps */
    int relu;
    const fnn_conv *options;
} FN(conv_spaced);

/* Whether nothing but strides keeps it from being a product of planes. */
static int FN(conv_is_spaced)(const fnn_conv *s)
{
    return s->kh * s->kw == 1 && (s->sh > 1 || s->sw > 1) && s->top == 0 && s->left == 0 && s->n * s->oh * s->ow > 0 &&
           (s->oh - 1) * s->sh < s->h && (s->ow - 1) * s->sw < s->w;
}

/* The same convolution of the positions that it sees. */
static fnn_conv FN(conv_close)(const fnn_conv *s)
{
    fnn_conv close = *s;
    close.h = s->oh, close.w = s->ow, close.sh = close.sw = 1;
    return close;
}

/* Item = a plane (image, channel) of those positions. */
static void FN(conv_gather)(void *context, int64_t begin, int64_t end)
{
    const FN(conv_spaced) *const g = context;
    const fnn_conv *const s = g->options;
    for (int64_t plane = begin; plane < end; plane++) {
        const REAL *const from = g->from + plane / s->c * g->n + plane % s->c * g->c;
        REAL *to = g->to + plane * s->oh * s->ow;
        for (int64_t r = 0; r < s->oh; r++, to += s->ow) {
            const REAL *const row = from + r * s->sh * g->h;
            if (s->sw * g->w == 2)
                FN(v_copy_even)(to, row, s->ow);
            else
                for (int64_t q = 0; q < s->ow; q++)
                    to[q] = row[q * s->sw * g->w];
        }
    }
}

/* Item = a plane of the other side. */
static void FN(conv_spread)(void *context, int64_t begin, int64_t end)
{
    const FN(conv_spaced) *const g = context;
    const fnn_conv *const s = g->options;
    for (int64_t plane = begin; plane < end; plane++) {
        const REAL *from = g->from + plane * s->oh * s->ow;
        REAL *const to = g->to + plane * s->h * s->w;
        const REAL bias = g->bias ? g->bias[plane % s->c] : 0, between = g->relu && bias < 0 ? 0 : bias;
        for (int64_t i = 0; i < s->h * s->w; i++)
            to[i] = between;
        for (int64_t r = 0; r < s->oh; r++, from += s->ow)
            for (int64_t q = 0; q < s->ow; q++)
                to[r * s->sh * s->w + q * s->sw] = from[q];
    }
}

/* The positions of x that the convolution sees, contiguous, in new memory (NULL: none left), and what is to be done with
 * them. */
static REAL *FN(conv_gathered)(const REAL *x, const fnn_conv *s, const int64_t *xs, fnn_conv *close, int64_t *strides)
{
    REAL *const to = fnn_scratch((size_t)(s->n * s->c * s->oh * s->ow) * sizeof(REAL));
    FN(conv_spaced) g = {.to = to, .from = x, .n = xs[0], .c = xs[1], .h = xs[2], .w = xs[3], .options = s};
    *close = FN(conv_close)(s);
    strides[0] = s->c * s->oh * s->ow, strides[1] = s->oh * s->ow, strides[2] = s->ow, strides[3] = 1;
    if (to)
        fnn_parallel_for(s->n * s->c, 1, 10 + 0.6 * (double)(s->oh * s->ow), FN(conv_gather), &g);
    return to;
}

/* Whether it was done, as a convolution without strides; the gradient of the weight is in conv_weight.inc.h. */
static int FN(spaced_run)(REAL *y, const REAL *x, const REAL *weight, const REAL *bias, const fnn_conv *s,
                          const int64_t *xs, int relu)
{
    fnn_conv close;
    int64_t strides[4];
    REAL *const seen = FN(conv_is_spaced)(s) ? FN(conv_gathered)(x, s, xs, &close, strides) : NULL;
    if (seen)
        FN(conv_forward_by)(y, seen, weight, bias, &close, strides, relu);
    fnn_free(seen);
    return FN(conv_is_spaced)(s);
}

static int FN(spaced_input_run)(REAL *dx, const REAL *dy, const REAL *weight, const REAL *bias, const fnn_conv *s,
                                const int64_t *dys, int relu)
{
    if (!FN(conv_is_spaced)(s))
        return 0;
    const fnn_conv close = FN(conv_close)(s);
    REAL *const seen = fnn_scratch((size_t)(s->n * s->c * s->oh * s->ow) * sizeof(REAL));
    if (!seen)
        return 1;
    FN(conv_backward_input_by)(seen, dy, weight, bias, &close, dys, relu);
    FN(conv_spaced) g = {.to = dx, .from = seen, .bias = bias, .relu = relu, .options = s};
    fnn_parallel_for(s->n * s->c, 1, 10 + 0.1 * (double)(s->h * s->w + 6 * s->oh * s->ow), FN(conv_spread), &g);
    fnn_free(seen);
    return 1;
}
