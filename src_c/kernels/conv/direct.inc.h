/* direct.inc.h -- plans for direct convolutions, which do not multiply by padding: by batch (direct_batch.inc.h) or by
 * width (direct_width.inc.h).
 */

/* The tables of both axes in one block of memory, NULL when that is out. */
static int32_t *direct_axes(direct_conv *g, const fnn_conv *s)
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
static void direct_cut(direct_conv *g, int64_t blocks)
{
    g->block_rows = (g->rows.size + blocks - 1) / blocks;
    g->blocks_r = (g->rows.size + g->block_rows - 1) / g->block_rows;
}

/* Blocks of at most so many images, and of rows of them, that stay in the cache; 0: there are none. */
static int direct_blocks(direct_conv *g, int64_t most, int64_t stride, int64_t reach)
{
    const int64_t ow = g->columns.size, pitch = (g->m + VW - 1) / VW * VW;
    most = g->by_width ? 1 : most;
    g->blocks = (g->images + most - 1) / most;
    g->block = (g->images + g->blocks - 1) / g->blocks;
    for (g->block_rows = g->rows.size; g->block_rows > 0; g->block_rows--) {
        int64_t rows = g->transposed ? (g->block_rows + reach) / stride + 1 : (g->block_rows - 1) * stride + reach;
        rows = rows < g->height ? rows : g->height;
        g->copy = (rows * g->width * g->channels * g->block + VW - 1) / VW * VW;
        if ((g->copy + g->block_rows * ow * g->block * pitch) * (int64_t)sizeof(REAL) <= DIRECT_BYTES)
            break;
    }
    if (g->block_rows == 0)
        return 0;
    direct_cut(g, (g->rows.size + g->block_rows - 1) / g->block_rows);
    return 1;
}

/* Whether a convolution can be done so: then its axes and blocks of at most so many images are filled in. `by_width` is
 * given. */
static int direct_fits(direct_conv *g, const fnn_conv *s, int64_t most)
{
    g->kh = s->kh, g->kw = s->kw, g->images = s->n, g->groups = s->groups;
    if (s->kh * s->kw <= 1 || s->n == 0 || g->m == 0 || g->channels == 0 || (g->by_width && (s->sh != 1 || s->sw != 1)))
        return 0;
    g->rows.size = g->transposed ? s->h : s->oh, g->columns.size = g->transposed ? s->w : s->ow;
    g->rows.pairs = conv_pairs(s->oh, s->h, s->kh, s->sh, s->top, s->dh);
    g->columns.pairs = conv_pairs(s->ow, s->w, s->kw, s->sw, s->left, s->dw);
    return g->rows.pairs > 0 && g->columns.pairs > 0 && direct_blocks(g, most, s->sh, (s->kh - 1) * s->dh + 1);
}

/* Vectors' operations of an image: products and copies, as measured. */
static double direct_work(const direct_conv *g)
{
    const double size = (double)(g->rows.size * g->columns.size);
    const double pairs = (double)g->rows.pairs * (double)g->columns.pairs;
    return 1.15 * pairs * (double)(g->channels * ((g->m + VW - 1) / VW)) +
           0.5 * ((double)(g->channels * g->height * g->width) + (double)g->m * size);
}

/* The same when the kernel meets its padding too (implicit_gemm.inc.h). */
static double direct_otherwise(const direct_conv *g, const fnn_conv *s)
{
    const double channels = (double)g->channels, taps = (double)(s->kh * s->kw), size = (double)(s->oh * s->ow);
    const double copies = 25 * channels * (double)(g->height + s->kh) * (double)s->sw;
    if (g->m <= CONV_DIRECT)
        return copies + 1.2 * (double)g->m * channels * taps * (double)((s->oh + 3) / 4 * 4 * ((s->ow + VW - 1) / VW));
    const double reverse = g->transposed ? 5 * taps * channels * (double)g->m / (double)g->images : 0;
    return copies + reverse + size * taps * channels * (1.15 * (double)g->m / VW + 0.8);
}

static conv_outcome direct_run(const conv_call *call, int transposed, int by_width)
{
    const fnn_conv *const s = call->s;
    if (s->kh * s->kw <= 1 || (!call->forced && by_width != (s->n < DIRECT_BATCH)))
        return CONV_DECLINED;
    const int64_t *const strides = transposed ? call->dys : call->xs;
    const int64_t ins = s->c / s->groups, outs = s->o / s->groups, taps = s->kh * s->kw;
    direct_conv g = {.src = transposed ? call->dy : call->x,
                     .weight = call->weight,
                     .bias = call->bias,
                     .dst = call->out,
                     .src_n = strides[0],
                     .src_c = strides[1],
                     .channels = transposed ? outs : ins,
                     .m = transposed ? ins : outs,
                     .height = transposed ? s->oh : s->h,
                     .width = transposed ? s->ow : s->w,
                     .of_m = transposed ? taps : ins * taps,
                     .of_c = transposed ? ins * taps : taps,
                     .transposed = transposed,
                     .relu = call->relu,
                     .by_width = by_width};
    if (!conv_whole_planes(strides, g.height, g.width) || !direct_fits(&g, s, TILE_ROWS))
        return CONV_DECLINED;
    const int64_t h = g.rows.size, w = g.columns.size;
    g.dst_c = h * w, g.dst_n = s->groups * g.m * g.dst_c;
    const double calls =
        by_width ? (double)(h * g.kw * ((w + TILE_ROWS - 1) / TILE_ROWS)) : (double)(g.dst_c * g.kh) / (double)g.block;
    const double here = direct_work(&g) + 60 * (double)((g.m + VW - 1) / VW) * calls +
                        2 * (double)(taps * g.channels * g.m) / (double)s->n;
    if (!call->forced && here > direct_otherwise(&g, s))
        return CONV_DECLINED;
    int32_t *const tables = direct_axes(&g, s);
    g.panels = (g.m + 2 * VW - 1) / (2 * VW), g.panel = taps * g.channels * 2 * VW;
    g.packed = tables ? fnn_scratch((size_t)(g.groups * g.panels * g.panel) * sizeof(REAL)) : NULL;
    if (g.packed) {
        const double cost = 0.27 * here * (double)(s->n * g.groups);
        const int64_t threads = fnn_threads_for(cost), blocks = g.groups * g.blocks;
        if (blocks * g.blocks_r < 2 * threads)
            direct_cut(&g, (2 * threads + blocks - 1) / blocks);
        g.parts = blocks * g.blocks_r >= 2 * threads ? 1 : threads < g.panels ? threads : g.panels;
        const int64_t items = blocks * g.blocks_r * g.parts;
        fnn_parallel_for(g.groups * g.panels, 1, 0.5 * (double)g.panel, direct_pack, &g);
        fnn_parallel_for(items, 1, cost / (double)items, by_width ? direct_width_range : direct_batch_range, &g);
    }
    fnn_free(g.packed);
    fnn_free(tables);
    return CONV_DONE;
}

static conv_outcome direct_weight_run(const conv_call *call, int by_width)
{
    const fnn_conv *const s = call->s;
    if (s->kh * s->kw <= 1 || (!call->forced && by_width != (s->n < DIRECT_BATCH)))
        return CONV_DECLINED;
    direct_conv g = {.src = call->x,
                     .src_n = call->xs[0],
                     .src_c = call->xs[1],
                     .dy = call->dy,
                     .dy_n = call->dys[0],
                     .dy_c = call->dys[1],
                     .channels = s->c / s->groups,
                     .m = s->o / s->groups,
                     .height = s->h,
                     .width = s->w,
                     .options = s,
                     .splits = s->n / DIRECT_BATCH > 1 ? s->n / DIRECT_BATCH : 1,
                     .by_width = by_width};
    if (!conv_whole_planes(call->xs, s->h, s->w) || !conv_whole_planes(call->dys, s->oh, s->ow) ||
        !direct_fits(&g, s, s->sw == 1 ? TILE_ROWS : DIRECT_DEPTH))
        return CONV_DECLINED;
    const double vectors = (double)((g.m + VW - 1) / VW), tiles = (double)((g.channels + TILE_ROWS - 1) / TILE_ROWS);
    const double visits = (double)(g.rows.pairs * (s->sw == 1 ? s->kw : g.columns.pairs)); /* of each sum */
    const double here = direct_work(&g) + visits * vectors * (60 * tiles + (double)g.channels) / (double)g.block;
    if (!call->forced && here > direct_otherwise(&g, s))
        return CONV_DECLINED;
    conv_weight w = conv_weight_of(call);
    if (!conv_weight_begin(&w))
        return CONV_DONE;
    int32_t *const tables = direct_axes(&g, s);
    if (tables) {
        const double cost = 0.27 * here * (double)(s->n * g.groups);
        g.sums = w.sums;
        g.splits = w.splits = g.splits < w.splits ? g.splits : w.splits;
        g.parts = conv_parts(g.splits * g.groups, g.channels, cost);
        const int64_t items = g.splits * g.groups * g.parts;
        fnn_parallel_for(items, 1, cost / (double)items,
                         by_width ? direct_width_weight_range : direct_batch_weight_range, &g);
    }
    fnn_free(tables);
    conv_weight_end(&w);
    return CONV_DONE;
}

static conv_outcome direct_batch_forward(const conv_call *call)
{
    return direct_run(call, 0, 0);
}

static conv_outcome direct_batch_input(const conv_call *call)
{
    return direct_run(call, 1, 0);
}

static conv_outcome direct_batch_weight(const conv_call *call)
{
    return direct_weight_run(call, 0);
}

static conv_outcome direct_width_forward(const conv_call *call)
{
    return direct_run(call, 0, 1);
}

static conv_outcome direct_width_input(const conv_call *call)
{
    return direct_run(call, 1, 1);
}

static conv_outcome direct_width_weight(const conv_call *call)
{
    return direct_weight_run(call, 1);
}
