/* conv_images.inc.h -- convolutions of small images in batches: position by position, with images as rows of a tile.
 *
 * A position multiplies only with those elements of the kernel that meet the image: with kernels of 5 x 5 or 7 x 7 on
 * images of 7 x 7 the rest, padding, is half of the work. The source is copied with the image innermost,
 * x[y, x, c, n], so that neighbours in a row are one product of more depth; the weight as panels [i, j, c] of output
 * channels. The transposed convolution is the same with other pairs of positions and kernel elements.
 *
 * An output is one chain over (kernel row, kernel column, channel), an element of the weight's gradient one over
 * (output row, output column, image) in each share of the images.
 */
#ifndef FNN_CONV_IMAGES_ONCE
#define FNN_CONV_IMAGES_ONCE
#define IMAGES_LEAST 8              /* in a batch */
#define IMAGES_BYTES (1200 << 10)   /* of the copies of a block, which should stay in the L2 cache */
#define IMAGES_AXIS 4096            /* pairs of an axis at most */

/* Along one axis: which source positions an output position sees, and by which kernel elements, in the order of the
 * source. `first` has size + 1 entries. */
typedef struct {
    int64_t size, pairs;
    int32_t *first, *source, *tap; /* tap: counted in that order */
} conv_axis;

/* Fills in the tables; forward, output position o sees o stride - pad + tap dilation. */
static inline void conv_axis_make(conv_axis *axis, int transposed, int64_t size, int64_t sources, int64_t taps,
                                  int64_t stride, int64_t pad, int64_t dilation)
{
    int32_t n = 0;
    for (int64_t o = 0; o < size; o++) {
        axis->first[o] = n;
        for (int64_t t = 0; t < taps; t++) {
            const int64_t at = transposed ? o + pad - (taps - 1 - t) * dilation : o * stride - pad + t * dilation;
            const int64_t source = transposed ? at / stride : at;
            if (at < 0 || source >= sources || (transposed && at % stride))
                continue;
            axis->source[n] = (int32_t)source;
            axis->tap[n++] = (int32_t)t;
        }
    }
    axis->first[size] = n;
    axis->size = size;
    axis->pairs = n;
}
#endif

typedef struct {
    const REAL *src, *weight, *bias;
    REAL *dst;                 /* forward: (images, groups m, rows.size, columns.size) */
    int64_t src_n, src_c, dst_n, dst_c;
    int64_t images, groups, channels, m, height, width, kh, kw; /* height, width: of the source */
    int64_t of_m, of_c;        /* strides of the weight, whose kernel elements are turned around if transposed */
    int transposed, relu;
    conv_axis rows, columns;
    int64_t block, blocks, panel, panels; /* images in a block; elements of a panel of the weight */
    REAL *packed;              /* (groups, panels, kh, kw, channels, 2 VW) */
    const REAL *dy;            /* backward: (images, groups m, rows.size, columns.size) */
    int64_t dy_n, dy_c, shares, parts;
    REAL *sums;                /* (shares, groups, channels, kh, kw, m) */
} FN(images);

/* x[y, x, c, n] of a block of images and channels c0.. c0 + channels of a group. */
static void FN(images_fill)(const FN(images) * g, REAL *copy, const REAL *src, int64_t channels, int64_t images)
{
    const int64_t size = g->height * g->width;
    for (int64_t c = 0; c < channels; c++)
        FN(pack_b)(copy + c * images, channels * images, src + c * g->src_c, 1, g->src_n, size, images);
}

/* Item = a panel of output channels of a group of the weight. */
static void FN(images_pack)(void *context, int64_t begin, int64_t end)
{
    const FN(images) *const g = context;
    const int64_t taps = g->kh * g->kw, wide = 2 * VW;
    REAL *turned = g->transposed ? fnn_alloc((size_t)(taps * wide) * sizeof(REAL)) : NULL;
    if (g->transposed && !turned)
        return;
    for (int64_t item = begin; item < end; item++) {
        const int64_t group = item / g->panels, o = item % g->panels * wide, n = g->m - o < wide ? g->m - o : wide;
        const REAL *from = g->weight + group * g->m * g->channels * taps + o * g->of_m;
        REAL *const to = g->packed + item * g->panel;
        for (int64_t c = 0; c < g->channels; c++, from += g->of_c) {
            if (!g->transposed) {
                FN(pack_b)(to + c * wide, g->channels * wide, from, 1, g->of_m, taps, n);
                continue;
            }
            FN(pack_b)(turned, wide, from, 1, g->of_m, taps, n);
            for (int64_t t = 0; t < taps; t++)
                memcpy(to + ((taps - 1 - t) * g->channels + c) * wide, turned + t * wide, (size_t)n * sizeof(REAL));
        }
    }
    fnn_free(turned);
}

/* Item = a block of images of a group. */
static void FN(images_range)(void *context, int64_t begin, int64_t end)
{
    const FN(images) *const g = context;
    const int64_t wide = 2 * VW, pitch = (g->m + VW - 1) / VW * VW, size = g->rows.size * g->columns.size;
    const int64_t copy_size = (g->height * g->width * g->channels * g->block + VW - 1) / VW * VW;
    REAL *const copy = fnn_alloc((size_t)(copy_size + size * g->block * pitch) * sizeof(REAL));
    if (!copy)
        return;
    REAL *const out = copy + copy_size;
    for (int64_t item = begin; item < end; item++) {
        const int64_t group = item / g->blocks, block = item % g->blocks;
        const int64_t image = g->images * block / g->blocks, images = g->images * (block + 1) / g->blocks - image;
        FN(images_fill)(g, copy, g->src + image * g->src_n + group * g->channels * g->src_c, g->channels, images);
        for (int64_t p = 0; p < g->panels; p++) {
            const REAL *const panel = g->packed + (group * g->panels + p) * g->panel;
            const int64_t o = p * wide, n = g->m - o < wide ? g->m - o : wide, nv = n > VW ? 2 : 1;
            const int partial = n < nv * VW;
            const FN(tile_function) tile = FN(tiles)[nv >> 1][partial][images - 1];
            FN(tile_ends) ends = {.from_c = 0};
            if (partial)
                ends.tail = FN(v_mask)(n - (nv - 1) * VW);
            for (int64_t r = 0; r < g->rows.size; r++)
                for (int64_t q = 0; q < g->columns.size; q++) {
                    REAL *const c = out + (r * g->columns.size + q) * images * pitch + o;
                    const int32_t i1 = g->rows.first[r + 1], j1 = g->columns.first[q + 1];
                    ends.from_c = 0;
                    ends.bias = NULL, ends.relu = 0;
                    for (int32_t i = g->rows.first[r]; i < i1; i++)
                        for (int32_t j = g->columns.first[q], run; j < j1; j += run) {
                            const int32_t x = g->columns.source[j], t = g->columns.tap[j];
                            for (run = 1; j + run < j1 && g->columns.source[j + run] == x + run &&
                                          g->columns.tap[j + run] == t + run;)
                                run++;
                            if (i == i1 - 1 && j + run == j1)
                                ends.bias = g->bias ? g->bias + group * g->m + o : NULL, ends.relu = g->relu;
                            tile(run * g->channels,
                                 copy + (g->rows.source[i] * g->width + x) * g->channels * images, 1, images,
                                 panel + (g->rows.tap[i] * g->kw + t) * g->channels * wide, wide, c, pitch, &ends);
                            ends.from_c = 1;
                        }
                    if (!ends.from_c) { /* it sees nothing */
                        ends.bias = g->bias ? g->bias + group * g->m + o : NULL, ends.relu = g->relu;
                        tile(0, copy, 1, images, panel, wide, c, pitch, &ends);
                    }
                }
        }
        for (int64_t n = 0; n < images; n++)
            FN(pack_b)(g->dst + (image + n) * g->dst_n + group * g->m * g->dst_c, g->dst_c, out + n * pitch, 1,
                       images * pitch, g->m, size);
    }
    fnn_free(copy);
}

/* The tables of both axes in one block of memory, NULL when that is out. */
static int32_t *FN(images_axes)(FN(images) * g, const fnn_conv *s)
{
    const int back = g->transposed;
    const int64_t h = back ? s->h : s->oh, w = back ? s->w : s->ow;
    int32_t *const memory = fnn_alloc((size_t)(h + 1 + 2 * h * s->kh + w + 1 + 2 * w * s->kw) * sizeof(int32_t));
    if (!memory)
        return NULL;
    g->rows.first = memory, g->rows.source = memory + h + 1, g->rows.tap = g->rows.source + h * s->kh;
    g->columns.first = g->rows.tap + h * s->kh, g->columns.source = g->columns.first + w + 1;
    g->columns.tap = g->columns.source + w * s->kw;
    conv_axis_make(&g->rows, back, h, g->height, s->kh, s->sh, s->top, s->dh);
    conv_axis_make(&g->columns, back, w, g->width, s->kw, s->sw, s->left, s->dw);
    return memory;
}

/* Blocks of images that fill a tile's rows and stay in the cache; 0: there are none. */
static int FN(images_blocks)(FN(images) * g, int64_t most, int64_t size)
{
    const int64_t each = (g->height * g->width * g->channels + size * ((g->m + VW - 1) / VW * VW)) * (int64_t)sizeof(REAL);
    const int64_t fit = each > 0 ? IMAGES_BYTES / each : 0;
    most = most < fit ? most : fit;
    if (g->images < IMAGES_LEAST || most < (IMAGES_LEAST < TILE_ROWS ? IMAGES_LEAST : TILE_ROWS))
        return 0;
    g->blocks = (g->images + most - 1) / most;
    g->block = (g->images + g->blocks - 1) / g->blocks;
    return 1;
}

/* Whether it was done, because it pays. `strides` are those of the source, dst is contiguous. */
static int FN(images_run)(REAL *dst, const REAL *src, const REAL *weight, const REAL *bias, const fnn_conv *s,
                          const int64_t *strides, int relu, int transposed)
{
    const int64_t ins = s->c / s->groups, outs = s->o / s->groups, taps = s->kh * s->kw;
    FN(images) g = {.src = src, .weight = weight, .bias = bias, .dst = dst, .src_n = strides[0], .src_c = strides[1],
                    .images = s->n, .groups = s->groups, .channels = transposed ? outs : ins,
                    .m = transposed ? ins : outs, .height = transposed ? s->oh : s->h,
                    .width = transposed ? s->ow : s->w, .kh = s->kh, .kw = s->kw,
                    .of_m = transposed ? taps : ins * taps, .of_c = transposed ? ins * taps : taps,
                    .transposed = transposed, .relu = relu};
    const int64_t h = transposed ? s->h : s->oh, w = transposed ? s->w : s->ow;
    g.dst_c = h * w, g.dst_n = s->groups * g.m * g.dst_c;
    if (taps <= 1 || g.m < 8 || g.channels == 0 || strides[3] != 1 || strides[2] != g.width ||
        !FN(images_blocks)(&g, TILE_ROWS, h * w))
        return 0;
    int32_t *const tables = FN(images_axes)(&g, s);
    if (!tables)
        return 1;
    /* vectors' operations here and there, as measured */
    const double images = (double)s->n, vectors = (double)((g.m + VW - 1) / VW), channels = (double)g.channels;
    const double pairs = (double)g.rows.pairs * (double)g.columns.pairs;
    const double here = images * (1.15 * pairs * channels * vectors + 60 * vectors * (double)g.dst_c / (double)g.block *
                                  (double)g.kh) + 0.5 * images * (channels * (double)(g.height * g.width) +
                                  (double)(g.m * g.dst_c)) + 0.5 * (double)taps * channels * (double)g.m;
    const double there = images * (double)(s->oh * s->ow * taps) * channels * ((double)g.m / VW + 0.4);
    if (here > there || g.rows.pairs == 0 || g.columns.pairs == 0) {
        fnn_free(tables);
        return 0;
    }
    g.panels = (g.m + 2 * VW - 1) / (2 * VW), g.panel = taps * g.channels * 2 * VW;
    g.packed = fnn_alloc((size_t)(g.groups * g.panels * g.panel) * sizeof(REAL));
    if (g.packed) {
        fnn_parallel_for(g.groups * g.panels, 1, 0.5 * (double)g.panel, FN(images_pack), &g);
        const double cost = 0.27 * here * (double)g.groups, items = (double)(g.blocks * g.groups);
        fnn_parallel_for(g.blocks * g.groups, 1, cost / items, FN(images_range), &g);
    }
    fnn_free(g.packed);
    fnn_free(tables);
    return 1;
}
