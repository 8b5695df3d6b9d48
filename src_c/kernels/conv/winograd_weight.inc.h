/* winograd_gradient_job.inc.h -- the gradient of the weight of a convolution that winograd.inc.h can do: for each
 * of 16 planes a product of depth tiles, in the splits of images and with the order of sums of
 * implicit_gemm_weight.inc.h.
 */
typedef struct {
    winograd winograd;
    const REAL *dy;
    int64_t dy_n, dy_c, dy_h, dy_w;
    REAL *sums, *dw; /* (splits, groups, 16, channels, m), (groups, m, channels, 3, 3) */
    int64_t splits, parts;
    int not_finite; /* a result is not finite */
} winograd_gradient_job;

/* Of an image's rows of tiles: planes[16][tile][m] = A dy A', from dy laid out as [position][m]. */
static void winograd_gradient(const conv_gemm *g, REAL *planes, int64_t plane, const REAL *dy, int64_t ldb,
                              int64_t rows, int64_t tiles_w)
{
    for (int64_t r = 0; r < rows; r += 2)
        for (int64_t t = 0; t < tiles_w; t++, planes += ldb) {
            const int second_row = r + 1 < rows, second_column = 2 * t + 1 < g->ow;
            const REAL *const p = dy + (r * g->ow + 2 * t) * ldb;
            for (int64_t o = 0; o < g->m; o += VW) {
                const vec zero = {0};
                const vec y0 = v_load(p + o), y1 = second_column ? v_load(p + ldb + o) : zero;
                const vec y2 = second_row ? v_load(p + g->ow * ldb + o) : zero;
                const vec y3 = second_row && second_column ? v_load(p + (g->ow + 1) * ldb + o) : zero;
                const vec above[4] = {y0, y0 + y1, y0 - y1, -y1}, below[4] = {y2, y2 + y3, y2 - y3, -y3};
                FNN_UNROLL
                for (int j = 0; j < 4; j++) {
                    REAL *const to = planes + j * plane + o;
                    v_store(to, above[j]);
                    v_store(to + 4 * plane, above[j] + below[j]);
                    v_store(to + 8 * plane, above[j] - below[j]);
                    v_store(to + 12 * plane, -below[j]);
                }
            }
        }
}

/* Item = some channels of a group for a split of the images. */
static void winograd_weight_range(void *context, int64_t begin, int64_t end)
{
    const winograd_gradient_job *const all = context;
    const conv_gemm *const whole = all->winograd.conv;
    conv_gemm g = *whole;
    winograd w = all->winograd;
    w.conv = &g;
    const int64_t m = g.m, ldb = (m + VW - 1) / VW * VW, tiles = w.block * w.tiles_w;
    const int64_t most_c = (g.channels + all->parts - 1) / all->parts, plane = winograd_plane(most_c * w.pitch);
    const int64_t dy_plane = winograd_plane(tiles * ldb);
    const int64_t rows_size = winograd_rows_size(&w);
    const int64_t positions = 2 * w.block * g.ow;
    REAL *const source = fnn_scratch((size_t)(16 * (plane + dy_plane) + rows_size + positions * ldb) * sizeof(REAL));
    if (!source)
        return;
    REAL *const dy = source + 16 * plane, *const rows = dy + 16 * dy_plane, *const b = rows + rows_size;
    memset(rows, 0, (size_t)rows_size * sizeof(REAL));
    for (int64_t item = begin; item < end; item++) {
        const int64_t part = item % all->parts, group = item / all->parts % g.groups;
        const int64_t split = item / all->parts / g.groups;
        const int64_t c0 = whole->channels * part / all->parts, c1 = whole->channels * (part + 1) / all->parts;
        const int64_t l0 = g.images * split / all->splits * w.tiles_h;
        const int64_t l1 = g.images * (split + 1) / all->splits * w.tiles_h;
        g.channels = c1 - c0;
        for (int64_t line = l0; line < l1 && !fnn_interrupted(); line += w.block) {
            const int64_t count = l1 - line < w.block ? l1 - line : w.block;
            winograd_source(&w, source, plane, rows, g.src + (group * whole->channels + c0) * g.src_c, line, count);
            for (int64_t l = 0, lines; l < count; l += lines) {
                const int64_t image = (line + l) / w.tiles_h, tile_row = (line + l) % w.tiles_h;
                lines = w.tiles_h - tile_row < count - l ? w.tiles_h - tile_row : count - l;
                const int64_t row = 2 * tile_row, height = g.oh - row < 2 * lines ? g.oh - row : 2 * lines;
                const REAL *from = all->dy + image * all->dy_n + group * m * all->dy_c + row * all->dy_h;
                if (all->dy_h == g.ow * all->dy_w)
                    gemm_pack_b(b, ldb, from, all->dy_w, all->dy_c, height * g.ow, m);
                else
                    for (int64_t r = 0; r < height; r++)
                        gemm_pack_b(b + r * g.ow * ldb, ldb, from + r * all->dy_h, all->dy_w, all->dy_c, g.ow, m);
                winograd_gradient(&g, dy + l * w.tiles_w * ldb, dy_plane, b, ldb, height, w.tiles_w);
            }
            REAL *const sums = all->sums + ((split * g.groups + group) * 16 * whole->channels + c0) * m;
            for (int64_t p = 0; p < 16; p++)
                gemm_panels(g.channels, m, count * w.tiles_w, source + p * plane, w.pitch, 1, dy + p * dy_plane, 0, ldb,
                            sums + p * whole->channels * m, m, line > l0);
        }
    }
    fnn_free(source);
}

/* dw = G' (the splits' sums) G. Item = a vector of output channels for WINOGRAD_SUM channels of a group: rows of dw so
 * long are written at once. */
static void winograd_weight_sum(void *context, int64_t begin, int64_t end)
{
    winograd_gradient_job *const all = context;
    const conv_gemm *const g = all->winograd.conv;
    const int64_t m = g->m, channels = g->channels, plane = channels * m, vectors = (m + VW - 1) / VW;
    const int64_t blocks = (channels + WINOGRAD_SUM - 1) / WINOGRAD_SUM;
    REAL kernels[WINOGRAD_SUM * 9 * VW] __attribute__((aligned(VBYTES))); /* [channel][element][output channel] */
    vec check = {0};
    for (int64_t item = begin; item < end; item++) {
        const int64_t o = item % vectors * VW, c0 = item / vectors % blocks * WINOGRAD_SUM;
        const int64_t group = item / vectors / blocks, n = m - o < VW ? m - o : VW;
        const int64_t count = channels - c0 < WINOGRAD_SUM ? channels - c0 : WINOGRAD_SUM;
        const vmask mask = v_mask(n);
        for (int64_t c = 0; c < count; c++) {
            const REAL *const from = all->sums + (group * 16 * channels + c0 + c) * m + o;
            vec half[4][3], k[9];
            for (int i = 0; i < 4; i++) {
                vec s[4];
                for (int j = 0; j < 4; j++) {
                    const REAL *const p = from + (4 * i + j) * plane;
                    s[j] = v_load_part(p, mask);
                    for (int64_t split = 1; split < all->splits; split++)
                        s[j] += v_load_part(p + split * g->groups * 16 * plane, mask);
                }
                const vec inner = (s[1] + s[2]) * (REAL)0.5;
                half[i][0] = s[0] + inner, half[i][1] = (s[1] - s[2]) * (REAL)0.5, half[i][2] = inner + s[3];
            }
            for (int j = 0; j < 3; j++) {
                const vec inner = (half[1][j] + half[2][j]) * (REAL)0.5;
                k[j] = half[0][j] + inner, k[3 + j] = (half[1][j] - half[2][j]) * (REAL)0.5;
                k[6 + j] = inner + half[3][j];
            }
            for (int t = 0; t < 9; t++) {
                check += k[t] - k[t];
                v_store(kernels + (c * 9 + t) * VW, k[t]);
            }
        }
        gemm_pack_b(all->dw + ((group * m + o) * channels + c0) * 9, channels * 9, kernels, 1, VW, n, count * 9);
    }
    if (v_sum(check) != 0)
        __atomic_store_n(&all->not_finite, 1, __ATOMIC_RELAXED);
}

static conv_outcome winograd_weight(const conv_call *call)
{
    if (call->s->kh != 3 || call->s->kw != 3 || (!call->forced && call->s->c < 8 * call->s->groups))
        return CONV_DECLINED;
    const conv_weight given = conv_weight_of(call);
    const conv_gemm *const g = &given.conv;
    if (!winograd_fits(g) || (!call->forced && (g->channels < 8 || g->m == 1)))
        return CONV_DECLINED;
    winograd_gradient_job all = {.winograd = {.conv = g, .tiles_h = (g->oh + 1) / 2, .tiles_w = (g->ow + 1) / 2},
                                 .dy = given.dy,
                                 .dy_n = given.dy_n,
                                 .dy_c = given.dy_c,
                                 .dy_h = given.dy_h,
                                 .dy_w = given.dy_w,
                                 .dw = given.dw};
    const int64_t size = g->groups * g->channels * g->m * 16, tiles_w = all.winograd.tiles_w;
    all.splits = conv_splits(g->images, size);
    /* vectors' operations here and there, as measured */
    const double c = (double)g->channels, vectors = (double)((g->m + VW - 1) / VW);
    const double lines = (double)(g->images * all.winograd.tiles_h), tiles = lines * (double)tiles_w;
    const double transforms = 90 * c * lines * (double)((tiles_w + VW - 1) / VW) + 40 * vectors * tiles +
                              (double)all.splits * 16 * 3 * c * vectors;
    const double here = 16 * c * vectors * tiles + transforms;
    if (!call->forced && here > 0.9 * 9 * c * (vectors + 0.5) * (double)(g->images * g->oh * g->ow))
        return CONV_DECLINED;
    winograd_blocks(&all.winograd, g->images);
    const double cost = 0.25 * here * (double)g->groups;
    all.parts = conv_parts(all.splits * g->groups, g->channels, cost);
    all.sums = fnn_scratch((size_t)(all.splits * size) * sizeof(REAL));
    if (!all.sums)
        return CONV_DONE;
    const int64_t items = all.splits * g->groups * all.parts;
    fnn_parallel_for(items, 1, cost / (double)items, winograd_weight_range, &all);
    fnn_parallel_for(g->groups * ((g->channels + WINOGRAD_SUM - 1) / WINOGRAD_SUM) * ((g->m + VW - 1) / VW), 1,
                     (double)((all.splits + 4) * 4 * WINOGRAD_SUM), winograd_weight_sum, &all);
    fnn_free(all.sums);
    return all.not_finite ? CONV_NOT_FINITE : CONV_DONE;
}
