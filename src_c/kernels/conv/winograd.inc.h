/* winograd.inc.h -- convolutions with kernels of 3 x 3, stride and dilation 1, in fewer multiplications.
 *
 * Winograd's F(2 x 2, 3 x 3): 2 x 2 outputs y of a channel take 16 products instead of 36,
 *
 *   y = A' [(G w G') * (B' x B)] A   with x the 4 x 4 elements of the source below them and w a kernel,
 *
 * so that the sum over channels is 16 matrix products, one for each element ("plane") of *. The gradient of the weight
 * is the reverse of it: G' [(A dy A') * (B' x B)] G, summed over tiles. See Lavin and Gray, "Fast Algorithms for
 * Convolutional Neural Networks" (2016).
 *
 * Sums and differences spread an infinity over its tile: when a result is not finite everywhere, all of it is done
 * again without.
 */
#define WINOGRAD_SOURCE (384 << 10) /* bytes of a block's source in planes, about */
#define WINOGRAD_RESULT (128 << 10) /* of some channels' results in planes */
#define WINOGRAD_TILES 128          /* of a block at most, unless one line has more */
#define WINOGRAD_SUM 16             /* channels whose kernels of the weight's gradient are written at once */

typedef struct {
    const conv_gemm *conv;
    const REAL *weight;            /* (groups, m, channels, 3, 3), or */
    int transposed;                /* (groups, channels, m, 3, 3) with kernels reversed */
    REAL *u;                       /* in planes: (groups, 16, m, u_pitch) */
    int64_t tiles_h, tiles_w;      /* of an image */
    int64_t lines, block;          /* rows of tiles: of all images, and of a block */
    int64_t pitch, u_pitch, parts; /* of a channel in a plane; of a row of u; of the channels in a block */
    int not_finite;                /* a result is not finite */
} winograd;

static int winograd_fits(const conv_gemm *g)
{
    return g->kh == 3 && g->kw == 3 && g->sh == 1 && g->sw == 1 && g->dh == 1 && g->dw == 1 && g->src_w == 1 &&
           g->m > 0 && g->channels > 0;
}

/* Whether it is faster: vectors' operations here and there, as measured. Shapes alone decide. */
static int winograd_pays(const conv_gemm *g)
{
    if (g->m < 8 || g->channels < 8)
        return 0;
    const double c = (double)g->channels, m = (double)g->m, tiles_h = (double)((g->oh + 1) / 2);
    const int64_t tiles_w = (g->ow + 1) / 2;
    const double transforms = 45 * (c + m) * tiles_h * (double)((tiles_w + VW - 1) / VW);
    const double here = 16 * c * m * tiles_h * (double)tiles_w / VW + transforms + 12 * c * m / (double)g->images;
    return here < 0.9 * 9 * c * (m + 4) * (double)(g->oh * g->ow) / VW;
}

/* Blocks of so many rows of tiles that their vectors are full, if that can be. */
static void winograd_blocks(winograd *w, int64_t images)
{
    const int64_t channels = w->conv->channels > w->conv->m ? w->conv->channels : w->conv->m, tiles_w = w->tiles_w;
    int64_t most = WINOGRAD_SOURCE / (16 * channels * (int64_t)sizeof(REAL));
    most = most > WINOGRAD_TILES ? WINOGRAD_TILES : most < 2 * VW ? 2 * VW : most;
    most = most / tiles_w > 1 ? most / tiles_w : 1;
    w->lines = images * w->tiles_h;
    most = most < w->lines ? most : w->lines;
    w->block = most;
    for (int64_t lines = most; lines > most / 2; lines--) {
        const int64_t vectors = (lines * tiles_w + VW - 1) / VW, best = (w->block * tiles_w + VW - 1) / VW;
        if (lines * best > w->block * vectors)
            w->block = lines;
    }
    w->pitch = (w->block * tiles_w + VW - 1) / VW * VW + VW; /* vectors run over */
}

/* Distance of planes of so many elements, all 16 of which are written and read at once: in no two do the same elements
 * fall on the same set of the L1 cache, which knows 64 lines of 64 bytes apart. */
FNN_INLINE int64_t winograd_plane(int64_t size)
{
    const int64_t lines = (size * (int64_t)sizeof(REAL) + 63) / 64;
    return (lines + ((5 - lines) & 63)) * 64 / (int64_t)sizeof(REAL);
}

/* Elements of a line that the tiles of a row look at. */
FNN_INLINE int64_t winograd_line_size(int64_t tiles_w)
{
    return ((tiles_w + VW - 1) / VW * 2 + 1) * VW;
}

/* What a block needs besides planes: lines of the source, 4 * block at most, and behind them 8 strips. */
FNN_INLINE int64_t winograd_lines_size(const winograd *w)
{
    return 4 * w->block * winograd_line_size(w->tiles_w);
}

FNN_INLINE int64_t winograd_strip(const winograd *w)
{
    return winograd_plane(2 * w->block * w->tiles_w + VW);
}

FNN_INLINE int64_t winograd_rows_size(const winograd *w)
{
    return winograd_lines_size(w) + 8 * winograd_strip(w);
}

/* Row y of a channel, between zeros. The same row of the channel `ahead` is asked for: no prefetcher foresees it. */
static void winograd_line(const conv_gemm *g, REAL *to, int64_t size, const REAL *channel, int64_t y, int64_t ahead)
{
    const int64_t first = g->left > 0 ? g->left : 0, from = first - g->left, most = size - first;
    const int64_t count = g->width - from < most ? g->width - from : most;
    if (y < 0 || y >= g->height) {
        memset(to + first, 0, count > 0 ? (size_t)count * sizeof(REAL) : 0);
        return;
    }
    const REAL *const x = channel + y * g->src_h + from;
    for (int64_t q = 0; q < count; q += 64 / (int64_t)sizeof(REAL))
        __builtin_prefetch(x + ahead + q);
    v_copy(to + first, x, count);
}

#ifdef V_PICKS
/* winograd_source where a line of the source is a vector: tiles of two rows are done together, in registers. */
static void winograd_source_narrow(const winograd *w, REAL *planes, int64_t plane, const REAL *src, int64_t line,
                                   int64_t count)
{
    const conv_gemm *const g = w->conv;
    const int64_t tiles_w = w->tiles_w;
    const vmask inside = v_mask_between(g->left, g->left + g->width);
    vint at = {0}; /* of the first elements of tiles: of those of one row, then of the other */
    for (int t = 0; t < 2 * tiles_w; t++)
        at[t] = t < tiles_w ? 2 * t : VW + 2 * (t - (int)tiles_w);
    for (int64_t c = 0; c < g->channels; c++, planes += w->pitch) {
        const int64_t ahead = c + 1 < g->channels ? g->src_c : 0; /* no prefetcher foresees where that channel lies */
        for (int64_t l = 0, lines; l < count; l += lines) {
            const int64_t image = (line + l) / w->tiles_h, tile_row = (line + l) % w->tiles_h;
            const REAL *const channel = src + image * g->src_n + c * g->src_c;
            lines = w->tiles_h - tile_row < count - l ? w->tiles_h - tile_row : count - l;
            for (int64_t i = 0; i < lines; i += 2) {
                const int64_t y = 2 * (tile_row + i) - g->top;
                REAL *const to = planes + (l + i) * tiles_w;
                vec x[6];
                FNN_UNROLL
                for (int r = 0; r < 6; r++) {
                    const REAL *const row = channel + (y + r) * g->src_h - g->left;
                    const int there = (r < 4 || i + 1 < lines) && y + r >= 0 && y + r < g->height;
                    x[r] = there ? v_load_part(row, inside) : (vec){0};
                    if (r < 4 && there)
                        __builtin_prefetch(row + g->left + ahead);
                }
                vec strips[4][4];
                FNN_UNROLL
                for (int r = 0; r < 4; r++) {
                    const vec d0 = v_pick(x[r], x[r + 2], at);
                    const vec d1 = v_pick(x[r], x[r + 2], at + 1);
                    const vec d2 = v_pick(x[r], x[r + 2], at + 2);
                    const vec d3 = v_pick(x[r], x[r + 2], at + 3);
                    strips[r][0] = d0 - d2, strips[r][1] = d1 + d2, strips[r][2] = d2 - d1, strips[r][3] = d1 - d3;
                }
                FNN_UNROLL
                for (int j = 0; j < 4; j++) {
                    v_store(to + j * plane, strips[0][j] - strips[2][j]);
                    v_store(to + (4 + j) * plane, strips[1][j] + strips[2][j]);
                    v_store(to + (8 + j) * plane, strips[2][j] - strips[1][j]);
                    v_store(to + (12 + j) * plane, strips[1][j] - strips[3][j]);
                }
            }
        }
    }
}
#endif

/* planes[16][c][tile] = B' x B of rows line.. line + count of tiles. `rows`: winograd_rows_size zeros at first.
 *
 * x B is made per line of the source, into strips [line % 2][4][line / 2][tile]: there the tiles of an image follow
 * each other, so that vectors are full however narrow it is, and tiles one above the other share two lines. */
static void winograd_source(const winograd *w, REAL *planes, int64_t plane, REAL *rows, const REAL *src, int64_t line,
                            int64_t count)
{
    const conv_gemm *const g = w->conv;
    const int64_t tiles_w = w->tiles_w, size = winograd_line_size(tiles_w), strip = winograd_strip(w);
    REAL *const strips = rows + winograd_lines_size(w);
#ifdef V_PICKS
    if (2 * tiles_w + 2 <= VW) {
        winograd_source_narrow(w, planes, plane, src, line, count);
        return;
    }
#endif
    for (int64_t c = 0; c < g->channels; c++) {
        /* First copy all rows: what was just stored cannot be loaded at once from other addresses. */
        int64_t filled = 0;
        for (int64_t l = 0, lines; l < count; l += lines) {
            const int64_t image = (line + l) / w->tiles_h, tile_row = (line + l) % w->tiles_h;
            lines = w->tiles_h - tile_row < count - l ? w->tiles_h - tile_row : count - l;
            for (int64_t i = 0; i < 2 * lines + 2; i++, filled++)
                winograd_line(g, rows + filled * size, size, src + image * g->src_n + c * g->src_c,
                              2 * tile_row - g->top + i, c + 1 < g->channels ? g->src_c : 0);
        }
        for (int64_t i = 0; i < filled; i++)
            for (int64_t t = 0; t < tiles_w; t += VW) {
                const REAL *const x = rows + i * size + 2 * t;
                REAL *const to = strips + i % 2 * 4 * strip + i / 2 * tiles_w + t;
                const vec x0 = v_load(x), x1 = v_load(x + VW);
                const vec x2 = v_load(x + 2), x3 = v_load(x + VW + 2);
                const vec d0 = v_even(x0, x1), d1 = v_odd(x0, x1);
                const vec d2 = v_even(x2, x3), d3 = v_odd(x2, x3);
                v_store(to, d0 - d2);
                v_store(to + strip, d1 + d2);
                v_store(to + 2 * strip, d2 - d1);
                v_store(to + 3 * strip, d1 - d3);
            }
        const REAL *from = strips;
        for (int64_t l = 0, lines; l < count; l += lines, from += (lines + 1) * tiles_w) {
            const int64_t tile_row = (line + l) % w->tiles_h;
            lines = w->tiles_h - tile_row < count - l ? w->tiles_h - tile_row : count - l;
            for (int64_t t = 0; t < lines * tiles_w; t += VW) {
                REAL *const to = planes + c * w->pitch + l * tiles_w + t;
                FNN_UNROLL
                for (int j = 0; j < 4; j++) {
                    const REAL *const p = from + j * strip + t, *const q = p + 4 * strip;
                    const vec d0 = v_load(p), d1 = v_load(q);
                    const vec d2 = v_load(p + tiles_w), d3 = v_load(q + tiles_w);
                    v_store(to + j * plane, d0 - d2);
                    v_store(to + (4 + j) * plane, d1 + d2);
                    v_store(to + (8 + j) * plane, d2 - d1);
                    v_store(to + (12 + j) * plane, d1 - d3);
                }
            }
        }
    }
}

/* w[0..3] = G k for three elements of a column or row. */
#define WINOGRAD_KERNEL(w0, w1, w2, w3, k0, k1, k2)                                                                    \
    do {                                                                                                               \
        const vec outer = (k0 + k2) * (REAL)0.5, inner = k1 * (REAL)0.5;                                               \
        w0 = k0, w1 = outer + inner, w2 = outer - inner, w3 = k2;                                                      \
    } while (0)

/* Rows (group, m) of u: G w G'. */
static void winograd_kernels(void *context, int64_t begin, int64_t end)
{
    const winograd *const w = context;
    const int64_t m = w->conv->m, channels = w->conv->channels, plane = m * w->u_pitch;
    const int64_t of_m = w->transposed ? 9 : channels * 9, of_c = w->transposed ? m * 9 : 9;
    for (int64_t c = 0; c < channels; c += VW)
        for (int64_t row = begin; row < end; row++) {
            const int64_t group = row / m, n = channels - c < VW ? channels - c : VW;
            const REAL *from = w->weight + group * m * channels * 9 + row % m * of_m + c * of_c;
            REAL *const to = w->u + group * 16 * plane + row % m * w->u_pitch + c;
            REAL taps[9][VW] __attribute__((aligned(VBYTES))) = {{0}};
            vec k[9], half[4][3];
            for (int64_t l = 0; l < n; l++, from += of_c)
                for (int t = 0; t < 9; t++)
                    taps[t][l] = from[t];
            for (int t = 0; t < 9; t++)
                k[t] = v_load(taps[w->transposed ? 8 - t : t]);
            for (int j = 0; j < 3; j++)
                WINOGRAD_KERNEL(half[0][j], half[1][j], half[2][j], half[3][j], k[j], k[3 + j], k[6 + j]);
            for (int i = 0; i < 4; i++) {
                vec u[4];
                WINOGRAD_KERNEL(u[0], u[1], u[2], u[3], half[i][0], half[i][1], half[i][2]);
                for (int j = 0; j < 4; j++)
                    v_store(to + (4 * i + j) * plane, u[j]);
            }
        }
}
#undef WINOGRAD_KERNEL

/* y of one channel = A' planes A + bias; whether all of it is finite. `rows` as of winograd_source. */
static int winograd_put(const winograd *w, REAL *dst, const REAL *planes, int64_t plane, REAL *rows, REAL bias,
                        int64_t line, int64_t count)
{
    const conv_gemm *const g = w->conv;
    const int64_t tiles = count * w->tiles_w, below = 4 * winograd_strip(w);
    REAL *const strips = rows + winograd_lines_size(w); /* rows of y, above and below, as long as its tiles */
    vec check = {0};
    for (int64_t t = 0; t < tiles; t += VW) {
        const vmask mask = v_mask(tiles - t < VW ? tiles - t : VW);
        vec s[4][2], z[2][2];
        FNN_UNROLL
        for (int i = 0; i < 4; i++) {
            const REAL *const p = planes + 4 * i * plane + t;
            const vec m0 = v_load_part(p, mask), m1 = v_load_part(p + plane, mask);
            const vec m2 = v_load_part(p + 2 * plane, mask), m3 = v_load_part(p + 3 * plane, mask);
            s[i][0] = m0 + (m1 + m2), s[i][1] = (m1 - m2) - m3;
        }
        FNN_UNROLL
        for (int j = 0; j < 2; j++) {
            z[0][j] = s[0][j] + (s[1][j] + s[2][j]) + bias, z[1][j] = (s[1][j] - s[2][j]) - s[3][j] + bias;
            check += (z[0][j] - z[0][j]) + (z[1][j] - z[1][j]);
            if (g->relu)
                z[0][j] = v_relu(z[0][j]), z[1][j] = v_relu(z[1][j]);
        }
        FNN_UNROLL
        for (int i = 0; i < 2; i++) {
            v_store(strips + i * below + 2 * t, v_zip_low(z[i][0], z[i][1]));
            v_store(strips + i * below + 2 * t + VW, v_zip_high(z[i][0], z[i][1]));
        }
    }
    int64_t image = line / w->tiles_h, tile_row = line % w->tiles_h;
    for (int64_t l = 0; l < count; l++, tile_row++) {
        if (tile_row == w->tiles_h) {
            image++;
            tile_row = 0;
        }
        REAL *const y = dst + image * g->dst_n + 2 * tile_row * g->dst_h;
        for (int i = 0; i < 2 && 2 * tile_row + i < g->oh; i++)
            v_copy(y + i * g->dst_h, strips + i * below + 2 * l * w->tiles_w, g->ow);
    }
    return v_sum(check) == 0;
}

/* Item = some channels of a block of rows of tiles of a group. */
static void winograd_range(void *context, int64_t begin, int64_t end)
{
    winograd *const w = context;
    const conv_gemm *const g = w->conv;
    const int64_t channels = g->channels, plane = winograd_plane(channels * w->pitch), u_plane = g->m * w->u_pitch;
    const int64_t blocks = (w->lines + w->block - 1) / w->block, most_m = (g->m + w->parts - 1) / w->parts;
    int64_t chunk = WINOGRAD_RESULT / (16 * w->pitch * (int64_t)sizeof(REAL)) / TILE_ROWS * TILE_ROWS;
    chunk = chunk < TILE_ROWS ? TILE_ROWS : chunk;
    chunk = chunk < most_m ? chunk : most_m;
    const int64_t result_plane = winograd_plane(chunk * w->pitch);
    const int64_t rows_size = winograd_rows_size(w);
    REAL *const source = fnn_scratch((size_t)(16 * (plane + result_plane) + rows_size) * sizeof(REAL));
    if (!source)
        return;
    REAL *const result = source + 16 * plane, *const rows = result + 16 * result_plane;
    memset(rows, 0, (size_t)rows_size * sizeof(REAL));
    int64_t filled = -1;
    for (int64_t item = begin; item < end && !__atomic_load_n(&w->not_finite, __ATOMIC_RELAXED); item++) {
        const int64_t part = item % w->parts, block = item / w->parts, group = block / blocks;
        const int64_t line = block % blocks * w->block;
        const int64_t count = w->lines - line < w->block ? w->lines - line : w->block;
        const int64_t m0 = g->m * part / w->parts, m1 = g->m * (part + 1) / w->parts;
        if (block != filled)
            winograd_source(w, source, plane, rows, g->src + group * channels * g->src_c, line, count);
        filled = block;
        const int64_t chunks = (m1 - m0 + chunk - 1) / chunk;
        for (int64_t k = 0; k < chunks; k++) {
            const int64_t from = m0 + (m1 - m0) * k / chunks, m = m0 + (m1 - m0) * (k + 1) / chunks - from;
            const REAL *const u = w->u + group * 16 * u_plane + from * w->u_pitch;
            for (int64_t p = 0; p < 16; p++)
                gemm_panels(m, count * w->tiles_w, channels, u + p * u_plane, w->u_pitch, 1, source + p * plane, 0,
                            w->pitch, result + p * result_plane, w->pitch, 0);
            for (int64_t i = 0; i < m; i++) {
                const int64_t channel = group * g->m + from + i;
                if (!winograd_put(w, g->dst + channel * g->dst_c, result + i * w->pitch, result_plane, rows,
                                  g->bias ? g->bias[channel] : 0, line, count))
                    __atomic_store_n(&w->not_finite, 1, __ATOMIC_RELAXED);
            }
        }
    }
    fnn_free(source);
}

/* `weight` is that of the forward pass. */
static conv_outcome winograd_run(const conv_gemm *g, const REAL *weight, int transposed, int forced)
{
    if (!winograd_fits(g) || g->dst_w != 1 || (!forced && !winograd_pays(g)))
        return CONV_DECLINED;
    winograd w = {.conv = g,
                  .weight = weight,
                  .transposed = transposed,
                  .tiles_h = (g->oh + 1) / 2,
                  .tiles_w = (g->ow + 1) / 2,
                  .u_pitch = (g->channels + VW - 1) / VW * VW + VW,
                  .parts = 1};
    winograd_blocks(&w, g->images);
    w.u = fnn_scratch((size_t)(g->groups * 16 * g->m * w.u_pitch) * sizeof(REAL));
    if (!w.u)
        return CONV_DONE;
    const double channels = (double)g->channels, m = (double)g->m, tiles = (double)(w.lines * w.tiles_w);
    fnn_parallel_for(g->groups * g->m, 4, 4 * channels, winograd_kernels, &w);
    const int64_t blocks = (w.lines + w.block - 1) / w.block * g->groups;
    const double cost = (double)g->groups * (4 * tiles / VW * channels * m + 12 * (channels + m) * (double)w.lines);
    const int threads = fnn_threads_for(cost);
    w.parts = blocks < 2 * threads && blocks % threads && g->m >= 2 * TILE_ROWS ? threads : 1;
    fnn_parallel_for(blocks * w.parts, 1, cost / (double)(blocks * w.parts), winograd_range, &w);
    fnn_free(w.u);
    return w.not_finite ? CONV_NOT_FINITE : CONV_DONE;
}

/* Whether it is worth while to describe a call. */
FNN_INLINE int winograd_may_pay(const conv_call *call)
{
    const fnn_conv *const s = call->s;
    return s->kh == 3 && s->kw == 3 && (call->forced || (s->c >= 8 * s->groups && s->o >= 8 * s->groups));
}

static conv_outcome winograd_forward(const conv_call *call)
{
    if (!winograd_may_pay(call))
        return CONV_DECLINED;
    const conv_gemm g = conv_gemm_of(call);
    return winograd_run(&g, call->weight, 0, call->forced);
}

static conv_outcome winograd_input(const conv_call *call)
{
    if (!winograd_may_pay(call) || call->s->sh != 1 || call->s->sw != 1)
        return CONV_DECLINED;
    const conv_gemm g = conv_gemm_of_input(call);
    return winograd_run(&g, call->weight, 1, call->forced);
}
