/* implicit_gemm_weight.inc.h -- the gradient of a convolution with respect to its weight, as an implicit matrix
 * product.
 *
 * dw[o, (c, i, j)] is a sum over images and positions: a product of depth images * positions. Images are cut into a
 * number of splits that depends on shapes alone, their sums are added in order: the same bits for any thread count.
 */
#define CONV_DEPTH 384 /* positions of a block at most */

typedef struct {
    conv_gemm conv; /* of the forward pass; dst is not used */
    const REAL *dy;
    int64_t dy_n, dy_c, dy_h, dy_w;
    REAL *sums, *dw; /* (splits, groups, depth, m), (groups, m, depth) */
    int64_t splits, parts, columns;
    int pointwise; /* planes are products' operands as they are */
} conv_weight;

/* One output channel: sums[(c, i, j)] = [sums or 0] + sum over a block of dy times x, without packing. */
static void conv_weight_direct(const conv_gemm *g, REAL *sums, const REAL *dy, int64_t dy_n, int64_t dy_h,
                               const REAL *copy, const int64_t *taps, int64_t images, int64_t rows, int from_c)
{
    const int64_t count = g->kh * g->kw, whole = g->ow - g->ow % VW;
    const vmask mask = v_mask(g->ow - whole);
    for (int64_t c = 0; c < g->channels; c++, sums += count)
        for (int64_t t = 0; t < count; t += 4) { /* the last four may overlap those before */
            const int64_t t0 = t + 4 <= count || count < 4 ? t : count - 4;
            const int64_t t1 = t0 + 1 < count ? t0 + 1 : t0, t2 = t0 + 2 < count ? t0 + 2 : t0;
            const int64_t t3 = t0 + 3 < count ? t0 + 3 : t0;
            vec sum[4] = {{0}, {0}, {0}, {0}};
            for (int64_t n = 0; n < images; n++)
                for (int64_t r = 0; r < rows; r++) {
                    const REAL *const d = dy + n * dy_n + r * dy_h;
                    const REAL *const x = copy + n * g->image_pitch + c * g->channel_pitch + r * g->sh * g->pitch;
                    const REAL *const x0 = x + taps[t0], *const x1 = x + taps[t1], *const x2 = x + taps[t2];
                    const REAL *const x3 = x + taps[t3];
                    for (int64_t q = 0; q < whole; q += VW) {
                        const vec v = v_load(d + q);
                        sum[0] += v * v_load(x0 + q);
                        sum[1] += v * v_load(x1 + q);
                        sum[2] += v * v_load(x2 + q);
                        sum[3] += v * v_load(x3 + q);
                    }
                    if (whole < g->ow) {
                        const vec v = v_load_part(d + whole, mask);
                        sum[0] += v * v_load_part(x0 + whole, mask);
                        sum[1] += v * v_load_part(x1 + whole, mask);
                        sum[2] += v * v_load_part(x2 + whole, mask);
                        sum[3] += v * v_load_part(x3 + whole, mask);
                    }
                }
            for (int64_t i = t - t0; i < 4 && t0 + i < count; i++) {
                REAL total = 0;
                for (int l = 0; l < VW; l++)
                    total += sum[i][l];
                sums[t0 + i] = from_c ? sums[t0 + i] + total : total;
            }
        }
}

/* sums (channels, m) = the planes of x times those of dy, as they are. */
static void conv_weight_planes(const conv_gemm *g, REAL *sums, const REAL *x, const REAL *dy, int64_t dy_n,
                               int64_t dy_c, int64_t begin, int64_t end)
{
    for (int64_t image = begin; image < end && !fnn_interrupted(); image++) {
        const gemm product = {.c = sums,
                              .a = x + image * g->src_n,
                              .b = dy + image * dy_n,
                              .m = g->channels,
                              .n = g->m,
                              .k = g->oh * g->ow,
                              .ldc = g->m,
                              .as_m = g->src_c,
                              .as_k = 1,
                              .bs_k = 1,
                              .bs_n = dy_c,
                              .from_c = image > begin};
        gemm_part(&product, 0, product.m, 0, product.n);
    }
}

/* sums (channels, taps, m) = [sums or 0] + a block of positions, packed as a, times dy there, packed as b. */
FNN_INLINE void conv_weight_block(const conv_weight *w, const conv_gemm *g, REAL *sums, const REAL *copy,
                                  const int64_t *taps, REAL *a, int64_t lda, REAL *b, int64_t ldb, const REAL *dy,
                                  int64_t images, int64_t rows, int from_c)
{
    const int64_t m = g->m, depth = g->channels * g->kh * g->kw, size = rows * g->ow, n = images * size;
    for (int64_t j = 0; j < n; j += 64) {
        conv_run runs[64];
        const int64_t take = n - j < 64 ? n - j : 64;
        const int count = conv_runs(g, rows, j, take, runs);
        conv_pack(g, a + j, lda, copy, taps, runs, count, 0, depth);
    }
    gemm product = {.c = sums,
                    .a = a,
                    .b = b,
                    .m = depth,
                    .n = m,
                    .k = n,
                    .ldc = m,
                    .as_m = lda,
                    .as_k = 1,
                    .bs_k = ldb,
                    .bs_n = 1,
                    .from_c = from_c};
    const int few = n >= VW && m <= (n >= 8 * VW ? DOT_FEW_DEEP : DOT_FEW); /* as gemm_is_dot says */
    if (few && images == 1 && w->dy_w == 1 && w->dy_h == g->ow) {
        product.b = dy;
        product.bs_k = 1;
        product.bs_n = w->dy_c;
    } else
        for (int64_t i = 0; i < images; i++, dy += w->dy_n) {
            if (w->dy_h == g->ow * w->dy_w)
                gemm_pack_b(b + i * size * ldb, ldb, dy, w->dy_w, w->dy_c, size, m);
            else
                for (int64_t r = 0; r < rows; r++)
                    gemm_pack_b(b + (i * size + r * g->ow) * ldb, ldb, dy + r * w->dy_h, w->dy_w, w->dy_c, g->ow, m);
        }
    gemm_part(&product, 0, product.m, 0, m);
}

/* Item = some channels of a group for a split of the images. */
static void conv_weight_range(void *context, int64_t begin, int64_t end)
{
    const conv_weight *const w = context;
    const int64_t taps_n = w->conv.kh * w->conv.kw, m = w->conv.m, depth = w->conv.channels * taps_n;
    conv_gemm g = w->conv;
    g.channels = (w->conv.channels + w->parts - 1) / w->parts;
    conv_blocks(&g, w->columns);
    const int64_t most = g.block_images * g.block_rows * g.ow, lda = most + VW, ldb = (m + VW - 1) / VW * VW;
    const int direct = m == 1 && w->dy_w == 1;
    const int64_t copy_size = conv_copy_size(&g), a_size = direct ? 0 : lda * g.channels * taps_n + VW;
    const int64_t b_size = (most + 1) * ldb + VW;
    REAL *const copy =
        fnn_scratch((size_t)(copy_size + a_size + b_size) * sizeof(REAL) + (size_t)taps_n * sizeof(int64_t) + 16);
    if (!copy)
        return;
    REAL *const a = copy + copy_size, *const b = a + (a_size + 1) / 2 * 2;
    int64_t *const taps = (int64_t *)(b + b_size / 2 * 2);
    conv_taps(&g, taps);
    for (int64_t item = begin; item < end; item++) {
        const int64_t part = item % w->parts, group = item / w->parts % w->conv.groups;
        const int64_t split = item / w->parts / w->conv.groups;
        const int64_t c0 = w->conv.channels * part / w->parts, c1 = w->conv.channels * (part + 1) / w->parts;
        const int64_t n0 = g.images * split / w->splits, n1 = g.images * (split + 1) / w->splits;
        REAL *const sums = w->sums + ((split * g.groups + group) * depth + c0 * taps_n) * m;
        int from_c = 0;
        g.channels = c1 - c0;
        if (w->pointwise) {
            conv_weight_planes(&g, sums, g.src + (group * w->conv.channels + c0) * g.src_c, w->dy + group * m * w->dy_c,
                               w->dy_n, w->dy_c, n0, n1);
            continue;
        }
        for (int64_t image = n0; image < n1; image += g.block_images)
            for (int64_t row = 0; row < g.oh && !fnn_interrupted(); row += g.block_rows) {
                const int64_t images = n1 - image < g.block_images ? n1 - image : g.block_images;
                const int64_t rows = g.oh - row < g.block_rows ? g.oh - row : g.block_rows;
                conv_fill(&g, copy, g.src + image * g.src_n + (group * w->conv.channels + c0) * g.src_c, images, row,
                          rows);
                if (direct) {
                    conv_weight_direct(&g, sums, w->dy + image * w->dy_n + group * w->dy_c + row * w->dy_h, w->dy_n,
                                       w->dy_h, copy, taps, images, rows, from_c);
                    from_c = 1;
                    continue;
                }
                conv_weight_block(w, &g, sums, copy, taps, a, lda, b, ldb,
                                  w->dy + image * w->dy_n + group * m * w->dy_c + row * w->dy_h, images, rows, from_c);
                from_c = 1;
            }
    }
    fnn_free(copy);
}

/* Rows (group, m) of dw: the splits' sums, turned around. */
static void conv_weight_sum(void *context, int64_t begin, int64_t end)
{
    const conv_weight *const w = context;
    const int64_t m = w->conv.m, depth = w->conv.channels * w->conv.kh * w->conv.kw;
    for (int64_t row = begin, rows; row < end; row += rows) { /* those of one group together */
        rows = m - row % m < end - row ? m - row % m : end - row;
        REAL *const sums = w->sums + row / m * depth * m + row % m;
        for (int64_t s = 1; s < w->splits; s++) {
            const REAL *const from = sums + s * w->conv.groups * depth * m;
            for (int64_t k = 0; k < depth; k++)
                v_add_line(sums + k * m, from + k * m, rows);
        }
        gemm_pack_b(w->dw + row * depth, depth, sums, 1, m, rows, depth);
    }
}

/* A call as that, without the splits' sums. */
static conv_weight conv_weight_of(const conv_call *call)
{
    const fnn_conv *const s = call->s;
    const int64_t *const xs = call->xs, *const dys = call->dys;
    return (conv_weight){.conv = {.src = call->x,
                                  .src_n = xs[0],
                                  .src_c = xs[1],
                                  .src_h = xs[2],
                                  .src_w = xs[3],
                                  .images = s->n,
                                  .groups = s->groups,
                                  .channels = s->c / s->groups,
                                  .height = s->h,
                                  .width = s->w,
                                  .m = s->o / s->groups,
                                  .kh = s->kh,
                                  .kw = s->kw,
                                  .oh = s->oh,
                                  .ow = s->ow,
                                  .sh = s->sh,
                                  .sw = s->sw,
                                  .top = s->top,
                                  .left = s->left,
                                  .dh = s->dh,
                                  .dw = s->dw},
                         .dy = call->dy,
                         .dy_n = dys[0],
                         .dy_c = dys[1],
                         .dy_h = dys[2],
                         .dy_w = dys[3],
                         .dw = call->out};
}

/* Elements of dw. */
FNN_INLINE int64_t conv_weight_size(const conv_weight *w)
{
    return w->conv.groups * w->conv.m * w->conv.channels * w->conv.kh * w->conv.kw;
}

/* Memory for the splits' sums: whether there is any. */
static int conv_weight_begin(conv_weight *w)
{
    w->splits = conv_splits(w->conv.images, conv_weight_size(w));
    w->sums = fnn_scratch((size_t)(w->splits * conv_weight_size(w)) * sizeof(REAL));
    return w->sums != NULL;
}

/* dw of them. */
static void conv_weight_end(conv_weight *w)
{
    const conv_gemm *const g = &w->conv;
    fnn_parallel_for(g->groups * g->m, 16, 0.3 * (double)(g->channels * g->kh * g->kw * (w->splits + 1)),
                     conv_weight_sum, w);
    fnn_free(w->sums);
}

/* Of blocks of positions, or with `pointwise` of whole planes. */
static conv_outcome conv_weight_run(conv_weight *w)
{
    const conv_gemm *const g = &w->conv;
    const int64_t depth = g->channels * g->kh * g->kw;
    if (!conv_weight_begin(w))
        return CONV_DONE;
    const double cost = 200 + 0.25 * (double)g->images * (double)(g->oh * g->ow) * (double)g->groups *
                                  (double)(depth + 8) * (double)((g->m + VW - 1) / VW + 1);
    w->parts = conv_parts(w->splits * g->groups, g->channels, cost);
    if (w->pointwise && w->parts > g->channels / (DOT_FEW_DEEP + 1)) /* all parts are dot products, or none is */
        w->parts = g->channels > DOT_FEW_DEEP ? g->channels / (DOT_FEW_DEEP + 1) : 1;
    w->columns = GEMM_PANELS_BYTES / (int64_t)sizeof(REAL) / (depth + 1); /* shapes alone decide: dot products' bits */
    w->columns = w->columns < 64 ? 64 : w->columns > CONV_DEPTH ? CONV_DEPTH : w->columns;
    if (g->m == 1 && w->dy_w == 1)
        w->columns = CONV_COLUMNS; /* nothing is packed */
    const int64_t items = w->splits * g->groups * w->parts;
    fnn_parallel_for(items, 1, cost / (double)items, conv_weight_range, w);
    conv_weight_end(w);
    return CONV_DONE;
}

static conv_outcome implicit_gemm_weight(const conv_call *call)
{
    conv_weight w = conv_weight_of(call);
    return conv_weight_run(&w);
}
