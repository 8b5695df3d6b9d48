/* direct_batch.inc.h -- direct convolution of small images in batches: position by position, with images as rows of a
 * tile, as in Krizhevsky's cuda-convnet (2011).
 *
 * A position multiplies only with those elements of the kernel that meet the image: with kernels of 5 x 5 or 7 x 7 on
 * images of 7 x 7 the rest, padding, is half of the work. The source is copied with the image innermost,
 * x[y, x, c, n], so that neighbours in a row are one product of more depth; the weight as panels [i, j, c] of output
 * channels. The transposed convolution is the same with other pairs of positions and kernel elements.
 *
 * An output is one chain over (kernel row, kernel column, channel), an element of the weight's gradient one over
 * (output row, output column, image) in each split of the images.
 */
#define DIRECT_BATCH 8            /* in a batch */
#define DIRECT_DEPTH 32           /* images in a block of the product for the weight's gradient at most */
#define DIRECT_BYTES (1200 << 10) /* of the copies of a block, which should stay in the L2 cache */

/* Along one axis: which source positions an output position sees, and by which kernel elements, in the order of the
 * source. `first` has size + 1 entries. */
typedef struct {
    int64_t size, pairs;
    int32_t *first, *source, *tap; /* tap: counted in that order */
} conv_axis;

/* Pairs of an output position and a source position that it sees, along one axis. */
static inline int64_t conv_pairs(int64_t size, int64_t sources, int64_t taps, int64_t stride, int64_t pad,
                                 int64_t dilation)
{
    int64_t n = 0;
    for (int64_t t = 0; t < taps; t++) {
        int64_t begin, end;
        fnn_inside(t * dilation - pad, sources, size, stride, &begin, &end);
        n += end - begin;
    }
    return n;
}

/* Fills in the tables; forward, output position o sees o stride - pad + tap dilation. */
static inline void conv_axis_make(conv_axis *axis, int transposed, int64_t sources, int64_t taps, int64_t stride,
                                  int64_t pad, int64_t dilation)
{
    int32_t n = 0;
    for (int64_t o = 0; o < axis->size; o++) {
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
    axis->first[axis->size] = n;
}

/* From pair i of an axis on, below end: neighbours in the source and in the kernel. */
static inline int32_t conv_neighbours(const conv_axis *axis, int32_t i, int32_t end)
{
    int32_t run = 1;
    while (i + run < end && axis->source[i + run] == axis->source[i] + run && axis->tap[i + run] == axis->tap[i] + run)
        run++;
    return run;
}

typedef struct {
    const REAL *src, *weight, *bias;
    REAL *dst; /* forward: (images, groups m, rows.size, columns.size) */
    int64_t src_n, src_c, dst_n, dst_c;
    int64_t images, groups, channels, m, height, width, kh, kw; /* height, width: of the source */
    int64_t of_m, of_c;             /* strides of the weight, whose kernel elements are reversed if transposed */
    int transposed, relu, by_width; /* by_width: as direct_width.inc.h does */
    conv_axis rows, columns;
    int64_t block, blocks, block_rows, blocks_r; /* images and output rows in a block, and how many of these */
    int64_t parts;                               /* of the panels, or backward of the channels */
    int64_t copy, panel, panels; /* elements of a block's copy of the source, of a panel of the weight */
    REAL *packed;                /* (groups, panels, kh, kw, channels, 2 VW); by_width: kw before kh */
    const fnn_conv *options;
    const REAL *dy; /* backward: (images, groups m, rows.size, columns.size) */
    int64_t dy_n, dy_c, splits;
    REAL *sums; /* (splits, groups, channels, kh, kw, m) */
} direct_conv;

/* The source rows that output rows r0.. r1 see: *from.. and how many. */
FNN_INLINE int64_t direct_rows(const direct_conv *g, int64_t r0, int64_t r1, int64_t *from)
{
    int64_t low = g->height, high = 0;
    for (int32_t i = g->rows.first[r0]; i < g->rows.first[r1]; i++) {
        low = g->rows.source[i] < low ? g->rows.source[i] : low;
        high = g->rows.source[i] + 1 > high ? g->rows.source[i] + 1 : high;
    }
    *from = low < high ? low : 0;
    return low < high ? high - low : 0;
}

/* x[y, x, c, n] of so many rows and images. */
static void direct_batch_fill(const direct_conv *g, REAL *copy, const REAL *src, int64_t rows, int64_t channels,
                              int64_t images)
{
    for (int64_t c = 0; c < channels; c++)
        gemm_pack_b(copy + c * images, channels * images, src + c * g->src_c, 1, g->src_n, rows * g->width, images);
}

/* Item = a panel of output channels of a group of the weight. */
static void direct_pack(void *context, int64_t begin, int64_t end)
{
    const direct_conv *const g = context;
    const int64_t taps = g->kh * g->kw, wide = 2 * VW;
    REAL *const panel = fnn_scratch((size_t)(taps * wide) * sizeof(REAL));
    if (!panel)
        return;
    for (int64_t item = begin; item < end; item++) {
        const int64_t group = item / g->panels, o = item % g->panels * wide, n = g->m - o < wide ? g->m - o : wide;
        const REAL *from = g->weight + group * g->m * g->channels * taps + o * g->of_m;
        REAL *const to = g->packed + item * g->panel;
        for (int64_t c = 0; c < g->channels; c++, from += g->of_c) {
            gemm_pack_b(panel, wide, from, 1, g->of_m, taps, n);
            for (int64_t t = 0; t < taps; t++) {
                const int64_t tap = g->transposed ? taps - 1 - t : t;
                const int64_t at = g->by_width ? tap % g->kw * g->kh + tap / g->kw : tap;
                memcpy(to + (at * g->channels + c) * wide, panel + t * wide, (size_t)n * sizeof(REAL));
            }
        }
    }
    fnn_free(panel);
}

/* Item = some panels of output channels for a block of output rows of a block of images of a group. */
static void direct_batch_range(void *context, int64_t begin, int64_t end)
{
    const direct_conv *const g = context;
    const int64_t wide = 2 * VW, pitch = (g->m + VW - 1) / VW * VW, ow = g->columns.size;
    REAL *const copy = fnn_scratch((size_t)(g->copy + g->block_rows * ow * g->block * pitch) * sizeof(REAL));
    if (!copy)
        return;
    REAL *const out = copy + g->copy;
    for (int64_t item = begin; item < end; item++) {
        const int64_t part = item % g->parts, block_item = item / g->parts;
        const int64_t group = block_item / g->blocks_r / g->blocks, block = block_item / g->blocks_r % g->blocks;
        const int64_t image = g->images * block / g->blocks, images = g->images * (block + 1) / g->blocks - image;
        const int64_t r0 = block_item % g->blocks_r * g->block_rows;
        const int64_t r1 = r0 + g->block_rows < g->rows.size ? r0 + g->block_rows : g->rows.size;
        const int64_t p0 = g->panels * part / g->parts, p1 = g->panels * (part + 1) / g->parts, o0 = p0 * wide;
        const int64_t outs = (p1 * wide < g->m ? p1 * wide : g->m) - o0;
        int64_t y0;
        const int64_t rows = direct_rows(g, r0, r1, &y0);
        if (item == begin || part == 0)
            direct_batch_fill(g, copy, g->src + image * g->src_n + group * g->channels * g->src_c + y0 * g->width, rows,
                              g->channels, images);
        for (int64_t p = p0; p < p1; p++) {
            const REAL *const panel = g->packed + (group * g->panels + p) * g->panel;
            const int64_t o = p * wide, n = g->m - o < wide ? g->m - o : wide, nv = n > VW ? 2 : 1;
            const int partial = n < nv * VW;
            const tile_function tile = tile_kernels[nv >> 1][partial][images - 1];
            const REAL *const bias = g->bias ? g->bias + group * g->m + o : NULL;
            tile_ends ends = {.from_c = 0};
            if (partial)
                ends.tail = v_mask(n - (nv - 1) * VW);
            for (int64_t r = r0; r < r1; r++)
                for (int64_t q = 0; q < ow; q++) {
                    REAL *const c = out + ((r - r0) * ow + q) * images * pitch + o;
                    const int32_t i1 = g->rows.first[r + 1], j1 = g->columns.first[q + 1];
                    ends.from_c = ends.relu = 0;
                    ends.bias = NULL;
                    for (int32_t i = g->rows.first[r]; i < i1; i++)
                        for (int32_t j = g->columns.first[q], run; j < j1; j += run) {
                            const int32_t x = g->columns.source[j], t = g->columns.tap[j];
                            run = conv_neighbours(&g->columns, j, j1);
                            if (i == i1 - 1 && j + run == j1)
                                ends.bias = bias, ends.relu = g->relu;
                            tile(run * g->channels,
                                 copy + ((g->rows.source[i] - y0) * g->width + x) * g->channels * images, 1, images,
                                 panel + (g->rows.tap[i] * g->kw + t) * g->channels * wide, wide, c, pitch, &ends);
                            ends.from_c = 1;
                        }
                    if (!ends.from_c) { /* it sees nothing */
                        ends.bias = bias, ends.relu = g->relu;
                        tile(0, copy, 1, images, panel, wide, c, pitch, &ends);
                    }
                }
        }
        for (int64_t n = 0; n < images; n++)
            gemm_pack_b(g->dst + (image + n) * g->dst_n + (group * g->m + o0) * g->dst_c + r0 * ow, g->dst_c,
                        out + n * pitch + o0, 1, images * pitch, outs, (r1 - r0) * ow);
    }
    fnn_free(copy);
}

/* Item = some channels of a group for a split of the images: their sums of x[y, c, x, n] times dy[r, q, n, m], in which
 * a row's positions and images are one depth. */
static void direct_batch_weight_range(void *context, int64_t begin, int64_t end)
{
    const direct_conv *const g = context;
    const fnn_conv *const s = g->options;
    const int64_t taps = g->kh * g->kw, pitch = (g->m + VW - 1) / VW * VW, ow = g->columns.size;
    const int64_t most = (g->channels + g->parts - 1) / g->parts, dy_size = g->block_rows * ow * g->block * pitch;
    REAL *const copy = fnn_scratch((size_t)(g->copy + dy_size + taps * most * pitch) * sizeof(REAL));
    if (!copy)
        return;
    REAL *const dy = copy + g->copy, *const sums = dy + dy_size;
    for (int64_t item = begin; item < end; item++) {
        const int64_t part = item % g->parts, group = item / g->parts % g->groups, split = item / g->parts / g->groups;
        const int64_t c0 = g->channels * part / g->parts, channels = g->channels * (part + 1) / g->parts - c0;
        const int64_t n1 = g->images * (split + 1) / g->splits;
        memset(sums, 0, (size_t)(taps * channels * pitch) * sizeof(REAL));
        for (int64_t image = g->images * split / g->splits, images; image < n1; image += images) {
            images = n1 - image < g->block ? n1 - image : g->block;
            for (int64_t r0 = 0, r1; r0 < g->rows.size && !fnn_interrupted(); r0 = r1) {
                r1 = r0 + g->block_rows < g->rows.size ? r0 + g->block_rows : g->rows.size;
                int64_t y0;
                const int64_t rows = direct_rows(g, r0, r1, &y0);
                const REAL *const src = g->src + image * g->src_n + (group * g->channels + c0) * g->src_c;
                for (int64_t y = 0; y < rows; y++)
                    for (int64_t c = 0; c < channels; c++)
                        gemm_pack_b(copy + (y * channels + c) * g->width * images, images,
                                    src + c * g->src_c + (y0 + y) * g->width, 1, g->src_n, g->width, images);
                for (int64_t n = 0; n < images; n++)
                    gemm_pack_b(dy + n * pitch, images * pitch,
                                g->dy + (image + n) * g->dy_n + group * g->m * g->dy_c + r0 * ow, 1, g->dy_c,
                                (r1 - r0) * ow, g->m);
                for (int64_t t = 0; t < taps; t++) {
                    const conv_view v = conv_view_of(s, t);
                    const int64_t from = v.r0 < r0 ? r0 : v.r0, end = v.r1 < r1 ? v.r1 : r1;
                    const int64_t together = s->sw == 1 ? v.q1 - v.q0 : 1;
                    for (int64_t r = from; r < end; r++)
                        for (int64_t q = v.q0; q < v.q1; q += together)
                            gemm_panels(channels, g->m, together * images,
                                        copy + ((r * s->sh + v.down - y0) * channels * g->width + q * s->sw + v.right) *
                                                   images,
                                        g->width * images, 1, dy + ((r - r0) * ow + q) * images * pitch, 0, pitch,
                                        sums + t * channels * pitch, pitch, 1);
                }
            }
        }
        REAL *to = g->sums + ((split * g->groups + group) * g->channels + c0) * taps * g->m;
        for (int64_t c = 0; c < channels; c++)
            for (int64_t t = 0; t < taps; t++, to += g->m)
                memcpy(to, sums + (t * channels + c) * pitch, (size_t)g->m * sizeof(REAL));
    }
    fnn_free(copy);
}
