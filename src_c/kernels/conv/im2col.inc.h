/* im2col.inc.h -- gradients for few images and large weights, and of few channels with strides, by im2col and col2im
 * (Chellapilla et al., "High Performance Convolutional Neural Networks for Document Processing", 2006): what a position
 * reads is a row (c, i, j) of a matrix, in the order of the weight's own rows.
 *
 * dx: rows = dy^T weight, added to where they were read; dw = dy rows. So the weight, which is larger than the images
 * here, is read once and its gradient written once, as they lie in memory.
 */
#define IM2COL_COLUMNS 384       /* elements of a row in an item, about */
#define IM2COL_BYTES (256 << 10) /* of an item's rows at a time */
#define IM2COL_FEW 6             /* channels of dx that fill no tile otherwise */

typedef struct {
    const fnn_conv *s;
    const REAL *dy, *x, *weight, *bias;
    REAL *dx, *dw;
    int64_t dy_n, dy_c, x_n, x_c, x_h;
    int64_t m, channels, taps, parts, block_rows; /* channels: of a group, cut into parts */
    int relu;
} im2col;

/* Which kernel elements of position (r, q) lie within the image: rows i0.. i1, and in each `count` from j0 on, of which
 * the first of row 0 would be at `at`. */
typedef struct {
    int64_t i0, i1, j0, count, at;
    vmask mask;
    int one; /* vector for a kernel row */
} im2col_window;

FNN_INLINE im2col_window im2col_window_at(const fnn_conv *s, int64_t r, int64_t q, int64_t x_h)
{
    im2col_window w;
    const int64_t y = r * s->sh - s->top, x = q * s->sw - s->left;
    fnn_inside(y, s->h, s->kh, s->dh, &w.i0, &w.i1);
    fnn_inside(x, s->w, s->kw, s->dw, &w.j0, &w.count);
    w.count -= w.j0;
    w.at = y * x_h + x + w.j0 * s->dw;
    w.one = s->dw == 1 && w.count <= VW;
    w.mask = v_mask(w.one ? w.count : 0);
    return w;
}

/* dx += the row of position (r, q), for so many channels. */
static void col2im_add(const im2col *g, REAL *dx, const REAL *row, int64_t channels, int64_t r, int64_t q)
{
    const fnn_conv *const s = g->s;
    const im2col_window w = im2col_window_at(s, r, q, s->w);
    for (int64_t c = 0; c < channels; c++, row += g->taps, dx += s->h * s->w)
        for (int64_t i = w.i0; i < w.i1; i++) {
            REAL *const to = dx + (w.at + i * s->dh * s->w);
            const REAL *const from = row + i * s->kw + w.j0;
            if (w.one)
                v_store_part(to, w.mask, v_load_part(to, w.mask) + v_load_part(from, w.mask));
            else
                for (int64_t j = 0; j < w.count; j++)
                    to[j * s->dw] += from[j];
        }
}

/* The row of position (r, q), for so many channels. */
static void im2col_fill(const im2col *g, REAL *row, const REAL *x, int64_t channels, int64_t r, int64_t q)
{
    const fnn_conv *const s = g->s;
    const im2col_window w = im2col_window_at(s, r, q, g->x_h);
    if ((w.i1 - w.i0) * w.count < g->taps)
        memset(row, 0, (size_t)(channels * g->taps) * sizeof(REAL));
    for (int64_t c = 0; c < channels; c++, row += g->taps, x += g->x_c)
        for (int64_t i = w.i0; i < w.i1; i++) {
            const REAL *const from = x + (w.at + i * s->dh * g->x_h);
            REAL *const to = row + i * s->kw + w.j0;
            if (w.one)
                v_store_part(to, w.mask, v_load_part(from, w.mask));
            else
                for (int64_t j = 0; j < w.count; j++)
                    to[j] = from[j * s->dw];
        }
}

/* Item = some channels of a group of an image of dx. */
static void im2col_input_range(void *context, int64_t begin, int64_t end)
{
    const im2col *const g = context;
    const fnn_conv *const s = g->s;
    const int64_t most = (g->channels + g->parts - 1) / g->parts * g->taps, plane = s->h * s->w;
    REAL *const panels = fnn_scratch((size_t)(PANELS(g->m, most) + g->block_rows * s->ow * most) * sizeof(REAL));
    if (!panels)
        return;
    REAL *const rows = panels + PANELS(g->m, most);
    for (int64_t item = begin; item < end; item++) {
        const int64_t part = item % g->parts, group = item / g->parts % s->groups, image = item / g->parts / s->groups;
        const int64_t c0 = g->channels * part / g->parts, channels = g->channels * (part + 1) / g->parts - c0;
        const int64_t size = channels * g->taps, depth = g->channels * g->taps, first = group * g->channels + c0;
        REAL *const dx = g->dx + (image * s->c + first) * plane;
        for (int64_t c = 0; c < channels; c++)
            for (int64_t i = 0; i < plane; i++)
                dx[c * plane + i] = g->bias ? g->bias[first + c] : 0;
        pack_panels(panels, g->weight + group * g->m * depth + c0 * g->taps, depth, 1, g->m, size);
        for (int64_t r0 = 0, r1; r0 < s->oh && !fnn_interrupted(); r0 = r1) {
            r1 = r0 + g->block_rows < s->oh ? r0 + g->block_rows : s->oh;
            const gemm product = {.c = rows,
                                  .a = g->dy + image * g->dy_n + group * g->m * g->dy_c + r0 * s->ow,
                                  .b = panels,
                                  .m = (r1 - r0) * s->ow,
                                  .n = size,
                                  .k = g->m,
                                  .ldc = size,
                                  .as_m = 1,
                                  .as_k = g->dy_c,
                                  .bs_k = g->m,
                                  .bs_n = 1,
                                  .panels = 1};
            gemm_part(&product, 0, product.m, 0, size);
            for (int64_t i = 0; i < product.m; i++)
                col2im_add(g, dx, rows + i * size, channels, r0 + i / s->ow, i % s->ow);
        }
        for (int64_t i = 0; i < channels * plane && g->relu; i++)
            dx[i] = dx[i] < 0 ? 0 : dx[i];
    }
    fnn_free(panels);
}

/* Item = some channels of a group of dw. */
static void im2col_weight_range(void *context, int64_t begin, int64_t end)
{
    const im2col *const g = context;
    const fnn_conv *const s = g->s;
    const int64_t most = (g->channels + g->parts - 1) / g->parts * g->taps;
    REAL *const rows = fnn_scratch((size_t)(g->block_rows * s->ow * most) * sizeof(REAL));
    if (!rows)
        return;
    for (int64_t item = begin; item < end; item++) {
        const int64_t part = item % g->parts, group = item / g->parts;
        const int64_t c0 = g->channels * part / g->parts, channels = g->channels * (part + 1) / g->parts - c0;
        const int64_t size = channels * g->taps, depth = g->channels * g->taps;
        for (int64_t at = 0, r1; at < s->n * s->oh && !fnn_interrupted(); at = at / s->oh * s->oh + r1) {
            const int64_t image = at / s->oh, r0 = at % s->oh;
            r1 = r0 + g->block_rows < s->oh ? r0 + g->block_rows : s->oh;
            const REAL *const x = g->x + image * g->x_n + (group * g->channels + c0) * g->x_c;
            for (int64_t i = 0; i < (r1 - r0) * s->ow; i++)
                im2col_fill(g, rows + i * size, x, channels, r0 + i / s->ow, i % s->ow);
            const gemm product = {.c = g->dw + group * g->m * depth + c0 * g->taps,
                                  .a = g->dy + image * g->dy_n + group * g->m * g->dy_c + r0 * s->ow,
                                  .b = rows,
                                  .m = g->m,
                                  .n = size,
                                  .k = (r1 - r0) * s->ow,
                                  .ldc = depth,
                                  .as_m = g->dy_c,
                                  .as_k = 1,
                                  .bs_k = size,
                                  .bs_n = 1,
                                  .from_c = at > 0};
            gemm_part(&product, 0, g->m, 0, size);
        }
    }
    fnn_free(rows);
}

/* Blocks of rows, parts of the channels. */
static void im2col_cut(im2col *g, int64_t items, double cost)
{
    const fnn_conv *const s = g->s;
    int64_t some = IM2COL_COLUMNS / g->taps;
    some = some < 1 ? 1 : some;
    g->block_rows = IM2COL_BYTES / (int64_t)sizeof(REAL) / (some * g->taps * s->ow); /* shapes alone decide */
    g->block_rows = g->block_rows < 1 ? 1 : g->block_rows < s->oh ? g->block_rows : s->oh;
    g->parts = (g->channels + some - 1) / some;
    const int64_t threads = fnn_threads_for(cost);
    if (g->parts * items < 2 * threads)
        g->parts = 2 * threads < g->channels ? 2 * threads : g->channels;
}

/* Nanoseconds on one core of the products alone. */
static double im2col_products(const im2col *g)
{
    const double positions = (double)(g->s->n * g->s->groups * g->s->oh * g->s->ow);
    return 0.29 * positions * (double)(g->channels * g->taps) * (double)((g->m + VW - 1) / VW);
}

static conv_outcome im2col_input(const conv_call *call)
{
    const fnn_conv *const s = call->s;
    im2col g = {.s = s,
                .dy = call->dy,
                .weight = call->weight,
                .bias = call->bias,
                .dx = call->out,
                .dy_n = call->dys[0],
                .dy_c = call->dys[1],
                .m = s->o / s->groups,
                .channels = s->c / s->groups,
                .taps = s->kh * s->kw,
                .relu = call->relu};
    const int few = g.channels <= IM2COL_FEW;
    if (!conv_whole_planes(call->dys, s->oh, s->ow) || g.m == 0 || s->oh * s->ow == 0 ||
        (!call->forced && (s->sh * s->sw == 1 || (s->n >= DIRECT_BATCH && !few))))
        return CONV_DECLINED;
    const double size = (double)(s->o * g.channels * g.taps), products = im2col_products(&g);
    const double cost = products + 3 * (double)(s->n * s->c * s->oh * s->ow * s->kh) + 0.3 * (double)s->n * size;
    const double reverse = g.taps > 9 && size * sizeof(REAL) > (1 << 20) ? 2.5 : g.taps > 9 ? 1.5 : 1.0;
    if (!call->forced && !few && cost > 1.2 * products + reverse * size)
        return CONV_DECLINED;
    im2col_cut(&g, s->n * s->groups, cost);
    const int64_t items = g.parts * s->n * s->groups;
    fnn_parallel_for(items, 1, cost / (double)items, im2col_input_range, &g);
    return CONV_DONE;
}

static conv_outcome im2col_weight(const conv_call *call)
{
    const fnn_conv *const s = call->s;
    im2col g = {.s = s,
                .dy = call->dy,
                .x = call->x,
                .dw = call->out,
                .dy_n = call->dys[0],
                .dy_c = call->dys[1],
                .x_n = call->xs[0],
                .x_c = call->xs[1],
                .x_h = call->xs[2],
                .m = s->o / s->groups,
                .channels = s->c / s->groups,
                .taps = s->kh * s->kw};
    const int64_t positions = s->n * s->oh * s->ow * (s->sh * s->sw == 1 ? 5 : 1);
    if (!conv_whole_planes(call->dys, s->oh, s->ow) || call->xs[3] != 1 || g.taps == 1 ||
        (!call->forced && (s->n >= DIRECT_BATCH || g.channels < 8 || positions > g.m * s->kw)))
        return CONV_DECLINED;
    const double cost = im2col_products(&g) + 2 * (double)(s->n * s->c * s->oh * s->ow * s->kh);
    im2col_cut(&g, s->groups, cost);
    const int64_t items = g.parts * s->groups;
    fnn_parallel_for(items, 1, cost / (double)items, im2col_weight_range, &g);
    return CONV_DONE;
}
