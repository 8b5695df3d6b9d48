/* conv_pointwise.inc.h -- kernels of 1 x 1, stride 1: an image's planes are a product's operand as they are,
 * y[n] (m, h w) = bias + a (m, channels) x[n] (channels, h w). The transposed convolution is the same with a's strides
 * exchanged.
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
