/* pointwise.inc.h -- kernels of 1 x 1, stride 1: an image's planes are a product's operand as they are,
 * y[n] (m, h w) = bias + a (m, channels) x[n] (channels, h w). The gradient of the input is the same with a's strides
 * exchanged. With a stride, the positions that are read are gathered before, or those of dx spread out after.
 */
#define POINTWISE_DEPTH 256 /* positions at least, where they are a product's depth */

/* Neither padding nor gaps within a plane of the source, whose strides these are. */
static int conv_is_pointwise(const conv_gemm *g, const int64_t *strides)
{
    return g->kh * g->kw == 1 && g->sh == 1 && g->sw == 1 && g->oh == g->height && g->ow == g->width && g->top == 0 &&
           g->left == 0 && conv_whole_planes(strides, g->height, g->width);
}

/* `strides` are those of the source, the result is contiguous. A product's `start`, the bias, is that of one group, and
 * only tiles know it. */
static conv_outcome pointwise_run(const conv_gemm *g, const REAL *weight, const int64_t *strides, int transposed)
{
    const int64_t size = g->oh * g->ow;
    if (!conv_is_pointwise(g, strides) || size < 2 * VW || g->m == 1 || g->channels <= SHALLOW ||
        (g->groups > 1 && g->bias))
        return CONV_DECLINED;
    gemm_job job = {.gemm = {.c = g->dst,
                             .a = weight,
                             .b = g->src,
                             .start = g->bias,
                             .m = g->m,
                             .n = size,
                             .k = g->channels,
                             .ldc = size,
                             .as_m = transposed ? 1 : g->channels,
                             .as_k = transposed ? g->m : 1,
                             .bs_k = g->src_c,
                             .bs_n = 1,
                             .relu = g->relu},
                    .batch_ndim = 2,
                    .batch = (int64_t[]){g->images, g->groups},
                    .a_batch = (int64_t[]){0, g->m * g->channels},
                    .b_batch = (int64_t[]){g->src_n, g->channels * g->src_c}};
    gemm_run(&job, g->images * g->groups);
    return CONV_DONE;
}

static conv_outcome pointwise_forward(const conv_call *call)
{
    if (call->s->kh * call->s->kw != 1)
        return CONV_DECLINED;
    const conv_gemm g = conv_gemm_of(call);
    return pointwise_run(&g, call->weight, call->xs, 0);
}

static conv_outcome pointwise_input(const conv_call *call)
{
    if (call->s->kh * call->s->kw != 1 || call->s->sh != 1 || call->s->sw != 1)
        return CONV_DECLINED;
    const conv_gemm g = conv_gemm_of_input(call);
    return pointwise_run(&g, call->weight, call->dys, 1);
}

static conv_outcome pointwise_weight(const conv_call *call)
{
    const fnn_conv *const s = call->s;
    if (s->kh * s->kw != 1)
        return CONV_DECLINED;
    conv_weight w = conv_weight_of(call);
    if (!conv_is_pointwise(&w.conv, call->xs) || !conv_whole_planes(call->dys, s->oh, s->ow) ||
        (s->oh * s->ow < POINTWISE_DEPTH && !call->forced))
        return CONV_DECLINED;
    w.pointwise = 1;
    return conv_weight_run(&w);
}

/* ---- with a stride ---- */

typedef struct {
    REAL *to;
    const REAL *from, *bias; /* bias: of positions between, one for each channel, or NULL: 0 */
    int64_t n, c, h, w;      /* strides of the side with gaps */
    int relu;
    const fnn_conv *options;
} strided_planes;

/* Whether nothing but its stride keeps it from being a product of planes. */
static int is_strided_pointwise(const fnn_conv *s)
{
    return s->kh * s->kw == 1 && (s->sh > 1 || s->sw > 1) && s->top == 0 && s->left == 0 && s->n * s->oh * s->ow > 0 &&
           (s->oh - 1) * s->sh < s->h && (s->ow - 1) * s->sw < s->w;
}

/* The same convolution of those positions alone. */
static fnn_conv without_stride(const fnn_conv *s)
{
    fnn_conv dense = *s;
    dense.h = s->oh, dense.w = s->ow, dense.sh = dense.sw = 1;
    return dense;
}

/* Item = a plane (image, channel) of those positions. */
static void gather_range(void *context, int64_t begin, int64_t end)
{
    const strided_planes *const g = context;
    const fnn_conv *const s = g->options;
    for (int64_t plane = begin; plane < end; plane++) {
        const REAL *const from = g->from + plane / s->c * g->n + plane % s->c * g->c;
        REAL *to = g->to + plane * s->oh * s->ow;
        for (int64_t r = 0; r < s->oh; r++, to += s->ow) {
            const REAL *const row = from + r * s->sh * g->h;
            if (s->sw * g->w == 2)
                v_copy_even(to, row, s->ow);
            else
                for (int64_t q = 0; q < s->ow; q++)
                    to[q] = row[q * s->sw * g->w];
        }
    }
}

/* Item = a plane of the other side. */
static void scatter_range(void *context, int64_t begin, int64_t end)
{
    const strided_planes *const g = context;
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

/* The positions of x that the convolution reads, contiguous, in new memory (NULL: none left), and what is to be done
 * with them. */
static REAL *gather(const REAL *x, const fnn_conv *s, const int64_t *xs, fnn_conv *dense, int64_t *strides)
{
    REAL *const to = fnn_scratch((size_t)(s->n * s->c * s->oh * s->ow) * sizeof(REAL));
    strided_planes g = {.to = to, .from = x, .n = xs[0], .c = xs[1], .h = xs[2], .w = xs[3], .options = s};
    *dense = without_stride(s);
    strides[0] = s->c * s->oh * s->ow, strides[1] = s->oh * s->ow, strides[2] = s->ow, strides[3] = 1;
    if (to)
        fnn_parallel_for(s->n * s->c, 1, 10 + 0.6 * (double)(s->oh * s->ow), gather_range, &g);
    return to;
}

static conv_outcome strided_pointwise_forward(const conv_call *call)
{
    if (!is_strided_pointwise(call->s))
        return CONV_DECLINED;
    fnn_conv dense;
    int64_t strides[4];
    REAL *const x = gather(call->x, call->s, call->xs, &dense, strides);
    conv_call inner = *call;
    inner.s = &dense, inner.x = x, inner.xs = strides, inner.forced = 0;
    if (x)
        conv_choose(CONV_FORWARD, &inner);
    fnn_free(x);
    return CONV_DONE;
}

static conv_outcome strided_pointwise_input(const conv_call *call)
{
    const fnn_conv *const s = call->s;
    if (!is_strided_pointwise(s))
        return CONV_DECLINED;
    const fnn_conv dense = without_stride(s);
    REAL *const dx = fnn_scratch((size_t)(s->n * s->c * s->oh * s->ow) * sizeof(REAL));
    if (!dx)
        return CONV_DONE;
    conv_call inner = *call;
    inner.s = &dense, inner.out = dx, inner.forced = 0;
    conv_choose(CONV_INPUT, &inner);
    strided_planes g = {.to = call->out, .from = dx, .bias = call->bias, .relu = call->relu, .options = s};
    fnn_parallel_for(s->n * s->c, 1, 10 + 0.1 * (double)(s->h * s->w + 6 * s->oh * s->ow), scatter_range, &g);
    fnn_free(dx);
    return CONV_DONE;
}

static conv_outcome strided_pointwise_weight(const conv_call *call)
{
    if (!is_strided_pointwise(call->s))
        return CONV_DECLINED;
    fnn_conv dense;
    int64_t strides[4];
    REAL *const x = gather(call->x, call->s, call->xs, &dense, strides);
    conv_call inner = *call;
    inner.s = &dense, inner.x = x, inner.xs = strides, inner.forced = 0;
    if (x)
        conv_choose(CONV_WEIGHT, &inner);
    fnn_free(x);
    return CONV_DONE;
}
