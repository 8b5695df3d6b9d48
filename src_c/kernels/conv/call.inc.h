/* call.inc.h -- what a convolution is asked to do, how an implementation answers, and what several of them share. */

enum { CONV_FORWARD, CONV_INPUT, CONV_WEIGHT, CONV_PASSES };

/* A call of one of the three kernels: y of x and weight, dx of dy and weight, dw of dy and x. */
typedef struct {
    const fnn_conv *s; /* sizes, stride, padding, dilation, groups */
    const REAL *x, *dy, *weight, *bias;
    REAL *out;               /* y, dx or dw, contiguous as the weight is */
    const int64_t *xs, *dys; /* strides of x and dy: (image, channel, row, column) */
    int relu;                /* of y, or dx */
    int forced;              /* for tests: do it if that is possible, even where it does not pay */
} conv_call;

/* CONV_DECLINED: it cannot do the call, or it does not pay; nothing is written. CONV_NOT_FINITE: its results would be
 * wrong, because a number is infinite or NaN; the implementations after it do the call again. */
typedef enum { CONV_DONE, CONV_DECLINED, CONV_NOT_FINITE } conv_outcome;
typedef conv_outcome (*conv_function)(const conv_call *call);

/* Does a call by the first implementation that takes it; list.inc.h. */
static void conv_choose(int pass, const conv_call *call);

#define CONV_SPLITS 16              /* of the images, for the weight's gradient, at most */
#define CONV_SPLITS_BYTES (1 << 20) /* of all their sums, about */

/* Where element t of the kernel looks from output (0, 0), and the outputs, rows r0.. r1 and columns q0.. q1, for which
 * that is inside. */
typedef struct {
    int64_t down, right, r0, r1, q0, q1;
} conv_view;

static inline conv_view conv_view_of(const fnn_conv *s, int64_t t)
{
    conv_view v = {.down = t / s->kw * s->dh - s->top, .right = t % s->kw * s->dw - s->left};
    fnn_inside(v.down, s->h, s->oh, s->sh, &v.r0, &v.r1);
    fnn_inside(v.right, s->w, s->ow, s->sw, &v.q0, &v.q1);
    return v;
}

/* Whether there are no gaps within a plane, by the strides (image, channel, row, column). */
FNN_INLINE int conv_whole_planes(const int64_t *strides, int64_t height, int64_t width)
{
    return strides[3] == 1 && (height == 1 || strides[2] == width);
}

/* Splits of the reduction over images (split-K), for sums of `size` REALs each: shapes alone decide. */
static int64_t conv_splits(int64_t images, int64_t size)
{
    int64_t splits = CONV_SPLITS_BYTES / (int64_t)sizeof(REAL) / size;
    splits = splits < 1 ? 1 : splits < CONV_SPLITS ? splits : CONV_SPLITS;
    return splits < images ? splits : images;
}

/* Into how many parts threads cut the channels, where there are so many items of so much work without it. */
static int64_t conv_parts(int64_t items, int64_t channels, double cost)
{
    const int threads = fnn_threads_for(cost);
    return items >= 2 * threads ? 1 : threads < channels ? threads : channels;
}
