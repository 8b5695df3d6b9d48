/* direct_width.inc.h -- convolutions of stride 1 of few images: like direct_batch.inc.h without products by padding,
 * but with neighbouring positions of an output row as rows of a tile.
 *
 * For each column of the kernel the positions that meet the image by it are multiplied with all rows of the kernel
 * that do: x[y, c, x] and panels of the weight [j, i, c] make that one product of depth (i, c).
 */

/* Which output positions meet the source by column t of the kernel, and how far from them. */
typedef struct {
    int32_t from, to, shift;
} conv_span;

static inline void conv_spans_make(const conv_axis *axis, int64_t taps, conv_span *spans)
{
    for (int64_t t = 0; t < taps; t++)
        spans[t] = (conv_span){0};
    for (int32_t q = 0; q < axis->size; q++)
        for (int32_t e = axis->first[q]; e < axis->first[q + 1]; e++) {
            conv_span *const span = &spans[axis->tap[e]];
            if (span->to == 0)
                span->from = q, span->shift = axis->source[e] - q;
            span->to = q + 1;
        }
}

/* x[y, c, x] of rows y0.. of one image. */
static void direct_width_fill(const direct_conv *g, REAL *copy, const REAL *src, int64_t y0, int64_t rows,
                              int64_t channels)
{
    for (int64_t y = 0; y < rows; y++)
        for (int64_t c = 0; c < channels; c++, copy += g->width)
            memcpy(copy, src + c * g->src_c + (y0 + y) * g->width, (size_t)g->width * sizeof(REAL));
}

/* Item = some panels of output channels for a block of output rows of an image of a group. */
static void direct_width_range(void *context, int64_t begin, int64_t end)
{
    const direct_conv *const g = context;
    const int64_t wide = 2 * VW, pitch = (g->m + VW - 1) / VW * VW, ow = g->columns.size;
    REAL *const copy =
        fnn_scratch((size_t)(g->copy + g->block_rows * ow * pitch) * sizeof(REAL) + (size_t)g->kw * sizeof(conv_span));
    if (!copy)
        return;
    REAL *const out = copy + g->copy;
    conv_span *const spans = (conv_span *)(out + g->block_rows * ow * pitch);
    conv_spans_make(&g->columns, g->kw, spans);
    for (int64_t item = begin; item < end; item++) {
        const int64_t part = item % g->parts, block_item = item / g->parts;
        const int64_t group = block_item / g->blocks_r / g->images, image = block_item / g->blocks_r % g->images;
        const int64_t r0 = block_item % g->blocks_r * g->block_rows;
        const int64_t r1 = r0 + g->block_rows < g->rows.size ? r0 + g->block_rows : g->rows.size;
        const int64_t p0 = g->panels * part / g->parts, p1 = g->panels * (part + 1) / g->parts, o0 = p0 * wide;
        const int64_t outs = (p1 * wide < g->m ? p1 * wide : g->m) - o0;
        int64_t y0;
        const int64_t rows = direct_rows(g, r0, r1, &y0);
        if (item == begin || part == 0)
            direct_width_fill(g, copy, g->src + image * g->src_n + group * g->channels * g->src_c, y0, rows,
                              g->channels);
        for (int64_t i = 0; i < (r1 - r0) * ow; i++)
            if (g->bias)
                memcpy(out + i * pitch + o0, g->bias + group * g->m + o0, (size_t)outs * sizeof(REAL));
            else
                memset(out + i * pitch + o0, 0, (size_t)outs * sizeof(REAL));
        for (int64_t p = p0; p < p1; p++) {
            const REAL *const panel = g->packed + (group * g->panels + p) * g->panel;
            const int64_t o = p * wide, n = g->m - o < wide ? g->m - o : wide, nv = n > VW ? 2 : 1;
            const int partial = n < nv * VW;
            tile_ends ends = {.from_c = 1};
            if (partial)
                ends.tail = v_mask(n - (nv - 1) * VW);
            for (int64_t r = r0; r < r1; r++)
                for (int64_t t = 0; t < g->kw; t++) {
                    const int64_t count = spans[t].to - spans[t].from, parts = (count + TILE_ROWS - 1) / TILE_ROWS;
                    const int32_t i1 = g->rows.first[r + 1];
                    for (int32_t i = g->rows.first[r], run; i < i1 && count > 0; i += run) {
                        run = conv_neighbours(&g->rows, i, i1);
                        const REAL *const a = copy + (g->rows.source[i] - y0) * g->channels * g->width + spans[t].shift;
                        const REAL *const b = panel + (t * g->kh + g->rows.tap[i]) * g->channels * wide;
                        for (int64_t k = 0; k < parts; k++) {
                            const int64_t q = spans[t].from + count * k / parts;
                            const int64_t m = spans[t].from + count * (k + 1) / parts - q;
                            tile_kernels[nv >> 1][partial][m - 1](run * g->channels, a + q, 1, g->width, b, wide,
                                                                  out + ((r - r0) * ow + q) * pitch + o, pitch, &ends);
                        }
                    }
                }
        }
        for (int64_t i = 0; i < (r1 - r0) * ow && g->relu; i++)
            for (int64_t o = o0; o < o0 + outs; o += VW)
                v_store(out + i * pitch + o, v_relu(v_load(out + i * pitch + o)));
        gemm_pack_b(g->dst + image * g->dst_n + (group * g->m + o0) * g->dst_c + r0 * ow, g->dst_c, out + o0, 1, pitch,
                    outs, (r1 - r0) * ow);
    }
    fnn_free(copy);
}

/* Item = some channels of a group for a split of the images. */
static void direct_width_weight_range(void *context, int64_t begin, int64_t end)
{
    const direct_conv *const g = context;
    const int64_t taps = g->kh * g->kw, pitch = (g->m + VW - 1) / VW * VW, ow = g->columns.size;
    const int64_t most = (g->channels + g->parts - 1) / g->parts, dy_size = g->block_rows * ow * pitch;
    REAL *const copy = fnn_scratch((size_t)(g->copy + dy_size + taps * most * pitch) * sizeof(REAL) +
                                   (size_t)g->kw * sizeof(conv_span));
    if (!copy)
        return;
    REAL *const dy = copy + g->copy, *const sums = dy + dy_size;
    conv_span *const spans = (conv_span *)(sums + taps * most * pitch);
    conv_spans_make(&g->columns, g->kw, spans);
    for (int64_t item = begin; item < end; item++) {
        const int64_t part = item % g->parts, group = item / g->parts % g->groups, split = item / g->parts / g->groups;
        const int64_t c0 = g->channels * part / g->parts, channels = g->channels * (part + 1) / g->parts - c0;
        const int64_t n0 = g->images * split / g->splits, n1 = g->images * (split + 1) / g->splits;
        memset(sums, 0, (size_t)(taps * channels * pitch) * sizeof(REAL));
        for (int64_t at = n0 * g->blocks_r; at < n1 * g->blocks_r && !fnn_interrupted(); at++) {
            const int64_t image = at / g->blocks_r, r0 = at % g->blocks_r * g->block_rows;
            const int64_t r1 = r0 + g->block_rows < g->rows.size ? r0 + g->block_rows : g->rows.size;
            int64_t y0;
            const int64_t rows = direct_rows(g, r0, r1, &y0);
            direct_width_fill(g, copy, g->src + image * g->src_n + (group * g->channels + c0) * g->src_c, y0, rows,
                              channels);
            gemm_pack_b(dy, pitch, g->dy + image * g->dy_n + group * g->m * g->dy_c + r0 * ow, 1, g->dy_c,
                        (r1 - r0) * ow, g->m);
            /* Some output channels at a time: their sums stay in the cache. */
            for (int64_t k = 0; k < g->kw * ((g->m + 2 * VW - 1) / (2 * VW)); k++) {
                const int64_t t = k % g->kw, o = k / g->kw * 2 * VW;
                const int64_t n = g->m - o < 2 * VW ? g->m - o : 2 * VW, count = spans[t].to - spans[t].from;
                for (int64_t r = r0; r < r1 && count > 0; r++) {
                    const int32_t i1 = g->rows.first[r + 1];
                    for (int32_t i = g->rows.first[r], run; i < i1; i += run) {
                        run = conv_neighbours(&g->rows, i, i1);
                        const REAL *const x = copy + (g->rows.source[i] - y0) * channels * g->width;
                        gemm_panels(run * channels, n, count, x + spans[t].from + spans[t].shift, g->width, 1,
                                    dy + ((r - r0) * ow + spans[t].from) * pitch + o, 0, pitch,
                                    sums + (t * g->kh + g->rows.tap[i]) * channels * pitch + o, pitch, 1);
                    }
                }
            }
        }
        REAL *to = g->sums + ((split * g->groups + group) * g->channels + c0) * taps * g->m;
        for (int64_t c = 0; c < channels; c++)
            for (int64_t t = 0; t < taps; t++, to += g->m)
                memcpy(to, sums + ((t % g->kw * g->kh + t / g->kw) * channels + c) * pitch,
                       (size_t)g->m * sizeof(REAL));
    }
    fnn_free(copy);
}
