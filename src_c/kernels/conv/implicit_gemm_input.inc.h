/* implicit_gemm_input.inc.h -- the gradient of a convolution's input, which is the transposed convolution: one
 * convolution of implicit_gemm.inc.h for each remainder of the stride, with those elements of the kernel, reversed,
 * that meet it.
 */
#define REVERSE_BLOCK 32 /* output channels whose kernels are reversed together */

/* Along one axis: outputs X = r + stride q of the transposed convolution are a convolution with stride 1 of the
 * kernel elements last, last - step, ...: those that meet X. */
typedef struct {
    int64_t size, count, last, step, dilation, before;
} conv_phase;

static conv_phase conv_phase_of(int64_t r, int64_t size, int64_t k, int64_t stride, int64_t pad, int64_t dilation)
{
    conv_phase p = {.size = size > r ? (size - r + stride - 1) / stride : 0, .step = 1, .dilation = 1};
    int64_t first = -1;
    for (int64_t i = 0; i < k; i++)
        if ((r + pad - i * dilation) % stride == 0) {
            if (first < 0)
                first = i;
            else if (p.count == 1)
                p.step = i - first;
            p.last = i;
            p.count++;
        }
    if (p.count) {
        p.dilation = p.count > 1 ? p.step * dilation / stride : 1;
        p.before = -((r + pad - p.last * dilation) / stride);
    }
    return p;
}

typedef struct {
    REAL *to;
    const REAL *weight;
    int64_t m, channels, kh, kw; /* of the weight: channels of one group */
    conv_phase y, x;
} reversed_weight;

/* to[o, i, j] of one row for the kernels o of so many, `step` apart. rows, columns: constants where they are few. */
FNN_INLINE void reversed_row(const reversed_weight *t, const int64_t rows, const int64_t columns, REAL *to,
                             const REAL *from, int64_t count, int64_t step)
{
    const int64_t down = t->y.step * t->kw, right = t->x.step;
    for (int64_t o = 0; o < count; o++, from += step)
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < columns; j++)
                *to++ = from[-i * down - j * right];
}

/* Rows of A for the transposed convolution: to[(group, c), (o, i, j)] = weight[(group, o), c, ...]. */
static void reverse_range(void *context, int64_t begin, int64_t end)
{
    const reversed_weight *t = context;
    const int64_t taps = t->kh * t->kw, step = t->channels * taps, rows = t->y.count, columns = t->x.count;
    for (int64_t first = 0; first < t->m; first += REVERSE_BLOCK) /* their kernels of the next c lie in the cache */
        for (int64_t row = begin; row < end; row++) {
            const int64_t group = row / t->channels, c = row % t->channels;
            const int64_t count = t->m - first < REVERSE_BLOCK ? t->m - first : REVERSE_BLOCK;
            REAL *const to = t->to + (row * t->m + first) * rows * columns;
            const REAL *const from =
                t->weight + (group * t->m + first) * step + c * taps + t->y.last * t->kw + t->x.last;
            if (rows == 1 && columns == 1)
                reversed_row(t, 1, 1, to, from, count, step);
            else if (rows == 1 && columns == 2)
                reversed_row(t, 1, 2, to, from, count, step);
            else if (rows == 2 && columns == 1)
                reversed_row(t, 2, 1, to, from, count, step);
            else if (rows == 2 && columns == 2)
                reversed_row(t, 2, 2, to, from, count, step);
            else if (rows == 3 && columns == 3)
                reversed_row(t, 3, 3, to, from, count, step);
            else
                reversed_row(t, rows, columns, to, from, count, step);
        }
}

/* The convolution with stride 1 of dy and the weight `a`, reversed, that makes rows ry, ry + sh, ... and columns rx,
 * rx + sw, ... of dx. */
static conv_gemm conv_gemm_of_phase(const conv_call *call, const REAL *a, int64_t ry, int64_t rx, const conv_phase *y,
                                    const conv_phase *x)
{
    const fnn_conv *const s = call->s;
    const int64_t *const dys = call->dys;
    const int some = y->count * x->count > 0 && s->oh > 0 && s->ow > 0;
    return (conv_gemm){.src = call->dy,
                       .a = a,
                       .bias = call->bias,
                       .dst = call->out + ry * s->w + rx,
                       .src_n = dys[0],
                       .src_c = dys[1],
                       .src_h = dys[2],
                       .src_w = dys[3],
                       .dst_n = s->c * s->h * s->w,
                       .dst_c = s->h * s->w,
                       .dst_h = s->sh * s->w,
                       .dst_w = s->sw,
                       .images = s->n,
                       .groups = s->groups,
                       .channels = some ? s->o / s->groups : 0,
                       .height = s->oh,
                       .width = s->ow,
                       .m = s->c / s->groups,
                       .kh = some ? y->count : 1,
                       .kw = some ? x->count : 1,
                       .oh = y->size,
                       .ow = x->size,
                       .sh = 1,
                       .sw = 1,
                       .top = y->before,
                       .left = x->before,
                       .dh = y->dilation,
                       .dw = x->dilation,
                       .relu = call->relu};
}

/* All of dx by one such convolution, where the stride is 1. */
static conv_gemm conv_gemm_of_input(const conv_call *call)
{
    const fnn_conv *const s = call->s;
    const conv_phase y = conv_phase_of(0, s->h, s->kh, 1, s->top, s->dh);
    const conv_phase x = conv_phase_of(0, s->w, s->kw, 1, s->left, s->dw);
    return conv_gemm_of_phase(call, NULL, 0, 0, &y, &x);
}

static conv_outcome implicit_gemm_input(const conv_call *call)
{
    const fnn_conv *const s = call->s;
    const int64_t m = s->o / s->groups, channels = s->c / s->groups;
    REAL *const a = fnn_scratch((size_t)(s->c * m * s->kh * s->kw + 1) * sizeof(REAL));
    if (!a)
        return CONV_DONE;
    for (int64_t ry = 0; ry < s->sh && ry < s->h; ry++)
        for (int64_t rx = 0; rx < s->sw && rx < s->w; rx++) {
            reversed_weight t = {.to = a,
                                 .weight = call->weight,
                                 .m = m,
                                 .channels = channels,
                                 .kh = s->kh,
                                 .kw = s->kw,
                                 .y = conv_phase_of(ry, s->h, s->kh, s->sh, s->top, s->dh),
                                 .x = conv_phase_of(rx, s->w, s->kw, s->sw, s->left, s->dw)};
            conv_gemm g = conv_gemm_of_phase(call, a, ry, rx, &t.y, &t.x);
            if (g.channels)
                fnn_parallel_for(s->c, 16, 0.7 * (double)(m * g.kh * g.kw), reverse_range, &t);
            conv_gemm_run(&g);
        }
    fnn_free(a);
    return CONV_DONE;
}
