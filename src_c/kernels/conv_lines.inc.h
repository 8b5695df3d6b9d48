/* conv_lines.inc.h -- convolutions of stride 1 of few images: like conv_images.inc.h without products by padding, but
 * with neighbouring positions of an output row as rows of a tile.
 *
 * For each column of the kernel the positions that meet the image by it are multiplied with all rows of the kernel
 * that do: x[y, c, x] and panels of the weight [j, i, c] make that one product of depth (i, c).
 */

#ifndef FNN_CONV_LINES_ONCE
#define FNN_CONV_LINES_ONCE
/* Which output positions meet the source by column t of the kernel, and how far from them. */
typedef struct {
    int32_t from, to, shift;
} conv_line;

static inline void conv_lines_make(const conv_axis *axis, int64_t taps, conv_line *lines)
{
    for (int64_t t = 0; t < taps; t++)
        lines[t] = (conv_line){0};
    for (int32_t q = 0; q < axis->size; q++)
        for (int32_t e = axis->first[q]; e < axis->first[q + 1]; e++) {
            conv_line *const line = &lines[axis->tap[e]];
            if (line->to == 0)
                line->from = q, line->shift = axis->source[e] - q;
            line->to = q + 1;
        }
}
#endif

/* x[y, c, x] of rows y0.. of one image. */
static void FN(lines_fill)(const FN(images) * g, REAL *copy, const REAL *src, int64_t y0, int64_t rows,
                           int64_t channels)
{
    for (int64_t y = 0; y < rows; y++)
        for (int64_t c = 0; c < channels; c++, copy += g->width)
            memcpy(copy, src + c * g->src_c + (y0 + y) * g->width, (size_t)g->width * sizeof(REAL));
}

/* Item = some panels of output channels for a block of output rows of an image of a group. */
static void FN(lines_range)(void *context, int64_t begin, int64_t end)
{
    const FN(images) *const g = context;
    const int64_t wide = 2 * VW, pitch = (g->m + VW - 1) / VW * VW, ow = g->columns.size;
    REAL *const copy = fnn_scratch((size_t)(g->copy + g->block_rows * ow * pitch) * sizeof(REAL) +
                                   (size_t)g->kw * sizeof(conv_line));
    if (!copy)
        return;
    REAL *const out = copy + g->copy;
    conv_line *const lines = (conv_line *)(out + g->block_rows * ow * pitch);
    conv_lines_make(&g->columns, g->kw, lines);
    for (int64_t item = begin; item < end; item++) {
        const int64_t part = item % g->parts, place = item / g->parts;
        const int64_t group = place / g->blocks_r / g->images, image = place / g->blocks_r % g->images;
        const int64_t r0 = place % g->blocks_r * g->block_rows;
        const int64_t r1 = r0 + g->block_rows < g->rows.size ? r0 + g->block_rows : g->rows.size;
        const int64_t p0 = g->panels * part / g->parts, p1 = g->panels * (part + 1) / g->parts, o0 = p0 * wide;
        const int64_t outs = (p1 * wide < g->m ? p1 * wide : g->m) - o0;
        int64_t y0;
        const int64_t rows = FN(images_rows)(g, r0, r1, &y0);
        if (item == begin || part == 0)
            FN(lines_fill)(g, copy, g->src + image * g->src_n + group * g->channels * g->src_c, y0, rows, g->channels);
        for (int64_t i = 0; i < (r1 - r0) * ow; i++)
            if (g->bias)
                memcpy(out + i * pitch + o0, g->bias + group * g->m + o0, (size_t)outs * sizeof(REAL));
            else
                memset(out + i * pitch + o0, 0, (size_t)outs * sizeof(REAL));
        for (int64_t p = p0; p < p1; p++) {
            const REAL *const panel = g->packed + (group * g->panels + p) * g->panel;
            const int64_t o = p * wide, n = g->m - o < wide ? g->m - o : wide, nv = n > VW ? 2 : 1;
            const int partial = n < nv * VW;
            FN(tile_ends) ends = {.from_c = 1};
            if (partial)
                ends.tail = FN(v_mask)(n - (nv - 1) * VW);
            for (int64_t r = r0; r < r1; r++)
                for (int64_t t = 0; t < g->kw; t++) {
                    const int64_t count = lines[t].to - lines[t].from, parts = (count + TILE_ROWS - 1) / TILE_ROWS;
                    const int32_t i1 = g->rows.first[r + 1];
                    for (int32_t i = g->rows.first[r], run; i < i1 && count > 0; i += run) {
                        run = conv_together(&g->rows, i, i1);
                        const REAL *const a = copy + (g->rows.source[i] - y0) * g->channels * g->width + lines[t].shift;
                        const REAL *const b = panel + (t * g->kh + g->rows.tap[i]) * g->channels * wide;
                        for (int64_t k = 0; k < parts; k++) {
                            const int64_t q = lines[t].from + count * k / parts;
                            const int64_t m = lines[t].from + count * (k + 1) / parts - q;
                            FN(tiles)[nv >> 1][partial][m - 1](run * g->channels, a + q, 1, g->width, b, wide,
                                                               out + ((r - r0) * ow + q) * pitch + o, pitch, &ends);
                        }
                    }
                }
        }
        for (int64_t i = 0; i < (r1 - r0) * ow && g->relu; i++)
            for (int64_t o = o0; o < o0 + outs; o += VW)
                FN(v_store)(out + i * pitch + o, FN(v_relu)(FN(v_load)(out + i * pitch + o)));
        FN(pack_b)(g->dst + image * g->dst_n + (group * g->m + o0) * g->dst_c + r0 * ow, g->dst_c, out + o0, 1, pitch,
                   outs, (r1 - r0) * ow);
    }
    fnn_free(copy);
}

/* Item = some channels of a group for a share of the images. */
static void FN(lines_weight_range)(void *context, int64_t begin, int64_t end)
{
    const FN(images) *const g = context;
    const int64_t taps = g->kh * g->kw, pitch = (g->m + VW - 1) / VW * VW, ow = g->columns.size;
    const int64_t most = (g->channels + g->parts - 1) / g->parts, dy_size = g->block_rows * ow * pitch;
    REAL *const copy = fnn_scratch((size_t)(g->copy + dy_size + taps * most * pitch) * sizeof(REAL) +
                                   (size_t)g->kw * sizeof(conv_line));
    if (!copy)
        return;
    REAL *const dy = copy + g->copy, *const sums = dy + dy_size;
    conv_line *const lines = (conv_line *)(sums + taps * most * pitch);
    conv_lines_make(&g->columns, g->kw, lines);
    for (int64_t item = begin; item < end; item++) {
        const int64_t part = item % g->parts, group = item / g->parts % g->groups, share = item / g->parts / g->groups;
        const int64_t c0 = g->channels * part / g->parts, channels = g->channels * (part + 1) / g->parts - c0;
        const int64_t n0 = g->images * share / g->shares, n1 = g->images * (share + 1) / g->shares;
        memset(sums, 0, (size_t)(taps * channels * pitch) * sizeof(REAL));
        for (int64_t at = n0 * g->blocks_r; at < n1 * g->blocks_r && !fnn_interrupted(); at++) {
            const int64_t image = at / g->blocks_r, r0 = at % g->blocks_r * g->block_rows;
            const int64_t r1 = r0 + g->block_rows < g->rows.size ? r0 + g->block_rows : g->rows.size;
            int64_t y0;
            const int64_t rows = FN(images_rows)(g, r0, r1, &y0);
            FN(lines_fill)(g, copy, g->src + image * g->src_n + (group * g->channels + c0) * g->src_c, y0, rows,
                           channels);
            FN(pack_b)(dy, pitch, g->dy + image * g->dy_n + group * g->m * g->dy_c + r0 * ow, 1, g->dy_c,
                       (r1 - r0) * ow, g->m);
            /* Some output channels at a time: their sums stay in the cache. */
            for (int64_t k = 0; k < g->kw * ((g->m + 2 * VW - 1) / (2 * VW)); k++) {
                const int64_t t = k % g->kw, o = k / g->kw * 2 * VW;
                const int64_t n = g->m - o < 2 * VW ? g->m - o : 2 * VW, count = lines[t].to - lines[t].from;
                for (int64_t r = r0; r < r1 && count > 0; r++) {
                    const int32_t i1 = g->rows.first[r + 1];
                    for (int32_t i = g->rows.first[r], run; i < i1; i += run) {
                        run = conv_together(&g->rows, i, i1);
                        const REAL *const x = copy + (g->rows.source[i] - y0) * channels * g->width;
                        FN(gemm_panels)(run * channels, n, count, x + lines[t].from + lines[t].shift, g->width, 1,
                                        dy + ((r - r0) * ow + lines[t].from) * pitch + o, 0, pitch,
                                        sums + (t * g->kh + g->rows.tap[i]) * channels * pitch + o, pitch, 1);
                    }
                }
            }
        }
        REAL *to = g->sums + ((share * g->groups + group) * g->channels + c0) * taps * g->m;
        for (int64_t c = 0; c < channels; c++)
            for (int64_t t = 0; t < taps; t++, to += g->m)
                memcpy(to, sums + ((t % g->kw * g->kh + t / g->kw) * channels + c) * pitch,
                       (size_t)g->m * sizeof(REAL));
    }
    fnn_free(copy);
}

/* The tables of both axes in one block of memory, NULL when that is out. */
static int32_t *FN(images_axes)(FN(images) * g, const fnn_conv *s)
{
    const int back = g->transposed;
    const int64_t h = g->rows.size, w = g->columns.size;
    int32_t *const memory = fnn_scratch((size_t)(h + 1 + 2 * h * s->kh + w + 1 + 2 * w * s->kw) * sizeof(int32_t));
    if (!memory)
        return NULL;
    g->rows.first = memory, g->rows.source = memory + h + 1, g->rows.tap = g->rows.source + h * s->kh;
    g->columns.first = g->rows.tap + h * s->kh, g->columns.source = g->columns.first + w + 1;
    g->columns.tap = g->columns.source + w * s->kw;
    conv_axis_make(&g->rows, back, g->height, s->kh, s->sh, s->top, s->dh);
    conv_axis_make(&g->columns, back, g->width, s->kw, s->sw, s->left, s->dw);
    return memory;
}

/* Output rows in so many blocks, or fewer. */
static void FN(images_cut)(FN(images) * g, int64_t blocks)
{
    g->block_rows = (g->rows.size + blocks - 1) / blocks;
    g->blocks_r = (g->rows.size + g->block_rows - 1) / g->block_rows;
}

/* Blocks of at most so many images, and of rows of them, that stay in the cache; 0: there are none. */
static int FN(images_blocks)(FN(images) * g, int64_t most, int64_t stride, int64_t reach)
{
    const int64_t ow = g->columns.size, pitch = (g->m + VW - 1) / VW * VW;
    most = g->lines ? 1 : most;
    g->blocks = (g->images + most - 1) / most;
    g->block = (g->images + g->blocks - 1) / g->blocks;
    for (g->block_rows = g->rows.size; g->block_rows > 0; g->block_rows--) {
        int64_t rows = g->transposed ? (g->block_rows + reach) / stride + 1 : (g->block_rows - 1) * stride + reach;
        rows = rows < g->height ? rows : g->height;
        g->copy = (rows * g->width * g->channels * g->block + VW - 1) / VW * VW;
        if ((g->copy + g->block_rows * ow * g->block * pitch) * (int64_t)sizeof(REAL) <= IMAGES_BYTES)
            break;
    }
    if (g->block_rows == 0)
        return 0;
    FN(images_cut)(g, (g->rows.size + g->block_rows - 1) / g->block_rows);
    return 1;
}

/* Whether a convolution can be done so: then its axes and blocks of at most so many images are filled in. */
static int FN(images_fit)(FN(images) * g, const fnn_conv *s, int64_t most)
{
    g->kh = s->kh, g->kw = s->kw, g->images = s->n, g->groups = s->groups;
    g->lines = s->n < IMAGES_LEAST;
    if (s->kh * s->kw <= 1 || s->n == 0 || g->m == 0 || g->channels == 0 || (g->lines && (s->sh != 1 || s->sw != 1)))
        return 0;
    g->rows.size = g->transposed ? s->h : s->oh, g->columns.size = g->transposed ? s->w : s->ow;
    g->rows.pairs = conv_pairs(s->oh, s->h, s->kh, s->sh, s->top, s->dh);
    g->columns.pairs = conv_pairs(s->ow, s->w, s->kw, s->sw, s->left, s->dw);
    return g->rows.pairs > 0 && g->columns.pairs > 0 &&
           FN(images_blocks)(g, most, s->sh, (s->kh - 1) * s->dh + 1);
}

/* Vectors' operations of an image: products and copies, as measured. */
static double FN(images_work)(const FN(images) * g)
{
    const double size = (double)(g->rows.size * g->columns.size);
    const double pairs = (double)g->rows.pairs * (double)g->columns.pairs;
    return 1.15 * pairs * (double)(g->channels * ((g->m + VW - 1) / VW)) +
           0.5 * ((double)(g->channels * g->height * g->width) + (double)g->m * size);
}

/* The same when the kernel meets its padding too (conv.inc.h). */
static double FN(images_otherwise)(const FN(images) * g, const fnn_conv *s)
{
    const double channels = (double)g->channels, taps = (double)(s->kh * s->kw), size = (double)(s->oh * s->ow);
    const double copies = 25 * channels * (double)(g->height + s->kh) * (double)s->sw;
    if (g->m <= CONV_DIRECT)
        return copies + 1.2 * (double)g->m * channels * taps * (double)((s->oh + 3) / 4 * 4 * ((s->ow + VW - 1) / VW));
    const double turn = g->transposed ? 5 * taps * channels * (double)g->m / (double)g->images : 0;
    return copies + turn + size * taps * channels * (1.15 * (double)g->m / VW + 0.8);
}

/* Whether it was done, because it pays. `strides` are those of the source, dst is contiguous. */
static int FN(images_run)(REAL *dst, const REAL *src, const REAL *weight, const REAL *bias, const fnn_conv *s,
                          const int64_t *strides, int relu, int transposed)
{
    const int64_t ins = s->c / s->groups, outs = s->o / s->groups, taps = s->kh * s->kw;
    FN(images) g = {.src = src, .weight = weight, .bias = bias, .dst = dst, .src_n = strides[0], .src_c = strides[1],
                    .channels = transposed ? outs : ins, .m = transposed ? ins : outs,
                    .height = transposed ? s->oh : s->h, .width = transposed ? s->ow : s->w,
                    .of_m = transposed ? taps : ins * taps, .of_c = transposed ? ins * taps : taps,
                    .transposed = transposed, .relu = relu};
    if (!conv_whole_planes(strides, g.height, g.width) || !FN(images_fit)(&g, s, TILE_ROWS))
        return 0;
    const int64_t h = g.rows.size, w = g.columns.size;
    g.dst_c = h * w, g.dst_n = s->groups * g.m * g.dst_c;
    const double calls = g.lines ? (double)(h * g.kw * ((w + TILE_ROWS - 1) / TILE_ROWS))
                                 : (double)(g.dst_c * g.kh) / (double)g.block;
    const double here = FN(images_work)(&g) + 60 * (double)((g.m + VW - 1) / VW) * calls +
                        2 * (double)(taps * g.channels * g.m) / (double)s->n;
    if (here > FN(images_otherwise)(&g, s))
        return 0;
    int32_t *const tables = FN(images_axes)(&g, s);
    g.panels = (g.m + 2 * VW - 1) / (2 * VW), g.panel = taps * g.channels * 2 * VW;
    g.packed = tables ? fnn_scratch((size_t)(g.groups * g.panels * g.panel) * sizeof(REAL)) : NULL;
    if (g.packed) {
        const double cost = 0.27 * here * (double)(s->n * g.groups);
        const int64_t threads = fnn_threads_for(cost), blocks = g.groups * g.blocks;
        if (blocks * g.blocks_r < 2 * threads)
            FN(images_cut)(&g, (2 * threads + blocks - 1) / blocks);
        g.parts = blocks * g.blocks_r >= 2 * threads ? 1 : threads < g.panels ? threads : g.panels;
        const int64_t items = blocks * g.blocks_r * g.parts;
        fnn_parallel_for(g.groups * g.panels, 1, 0.5 * (double)g.panel, FN(images_pack), &g);
        fnn_parallel_for(items, 1, cost / (double)items, g.lines ? FN(lines_range) : FN(images_range), &g);
    }
    fnn_free(g.packed);
    fnn_free(tables);
    return 1;
}

/* The same for the gradient of the weight: sums = (shares, groups, channels, kh, kw, m). */
static int FN(images_weight_run)(const REAL *dy, const REAL *x, const fnn_conv *s, const int64_t *dys,
                                 const int64_t *xs, int64_t *shares, REAL *sums)
{
    FN(images) g = {.src = x, .src_n = xs[0], .src_c = xs[1], .dy = dy, .dy_n = dys[0], .dy_c = dys[1],
                    .channels = s->c / s->groups, .m = s->o / s->groups, .height = s->h, .width = s->w, .options = s,
                    .sums = sums, .shares = s->n / IMAGES_LEAST > 1 ? s->n / IMAGES_LEAST : 1};
    if (!conv_whole_planes(xs, s->h, s->w) || !conv_whole_planes(dys, s->oh, s->ow) ||
        !FN(images_fit)(&g, s, s->sw == 1 ? TILE_ROWS : IMAGES_DEPTH))
        return 0;
    const double vectors = (double)((g.m + VW - 1) / VW), tiles = (double)((g.channels + TILE_ROWS - 1) / TILE_ROWS);
    const double visits = (double)(g.rows.pairs * (s->sw == 1 ? s->kw : g.columns.pairs)); /* of each sum */
    const double here = FN(images_work)(&g) +
                        visits * vectors * (60 * tiles + (double)g.channels) / (double)g.block;
    if (here > FN(images_otherwise)(&g, s))
        return 0;
    int32_t *const tables = FN(images_axes)(&g, s);
    if (tables) {
        const double cost = 0.27 * here * (double)(s->n * g.groups);
        g.shares = g.shares < *shares ? g.shares : *shares;
        g.parts = FN(conv_parts)(g.shares * g.groups, g.channels, cost);
        *shares = g.shares;
        const int64_t items = g.shares * g.groups * g.parts;
        fnn_parallel_for(items, 1, cost / (double)items,
                         g.lines ? FN(lines_weight_range) : FN(images_weight_range), &g);
    }
    fnn_free(tables);
    return 1;
}
