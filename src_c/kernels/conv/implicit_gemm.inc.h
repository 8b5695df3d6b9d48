/* implicit_gemm.inc.h -- the general convolution: an implicit matrix product (Chetlur et al., "cuDNN: Efficient
 * Primitives for Deep Learning", 2014) with the register tiles of gemm_tile.inc.h.
 *
 * The image's side, im2col's matrix, is never laid out whole: a block
 * of output positions (some images, or some rows of one) is done at a time. Its source is copied into a buffer with
 * the padding around it, columns sorted by their remainder modulo the stride: then the positions of an output row are
 * neighbours for every element of the kernel, whatever stride and dilation are, and packing is copying of runs.
 *
 * An output is one chain over (channel, kernel row, kernel column), so cuts do not show in its bits.
 */

/* What is convolved: y[n, m, r, q] = bias[m] + sum over c, i, j of
 * a[m, (c, i, j)] x[n, c, r sh - top + i dh, q sw - left + j dw], x = 0 outside; per group of channels. */
typedef struct {
    const REAL *src, *a, *bias;
    REAL *dst;
    int64_t src_n, src_c, src_h, src_w, dst_n, dst_c, dst_h, dst_w;
    int64_t images, groups, channels, height, width, m; /* channels and m: of one group */
    int64_t kh, kw, oh, ow, sh, sw, top, left, dh, dw;
    int relu;
    /* blocks and the copy of the source, filled in by conv_plan */
    int64_t block_images, block_rows, blocks_n, blocks_r, parts_m;
    int64_t phase, pitch, channel_pitch, image_pitch; /* of one remainder's columns, a row, a channel, an image */
} conv_gemm;

#define CONV_COLUMNS 1024 /* positions of a block at most */
#define CONV_PIECES 32    /* vectors of a row of the copy that are described beforehand, at most */
#define CONV_DIRECT 2     /* output channels of a group at most, to be done without packing */
typedef struct {
    int64_t from, to, count; /* a run: positions in the source's copy and in the panel */
} conv_run;

FNN_INLINE int64_t conv_ceil(int64_t x, int64_t y)
{
    return x > 0 ? (x + y - 1) / y : -(-x / y);
}

/* The shape of the copy for blocks of so many images and rows. */
static void conv_pitches(conv_gemm *g)
{
    const int64_t rows = (g->block_rows - 1) * g->sh + (g->kh - 1) * g->dh + 1;
    g->phase = g->ow + (g->kw - 1) * g->dw / g->sw;
    g->pitch = g->sw * g->phase;
    g->channel_pitch = rows * g->pitch + VW; /* vectors run over */
    g->image_pitch = g->channels * g->channel_pitch;
}

/* Blocks of about `columns` positions: several images, or rows of one. */
static void conv_blocks(conv_gemm *g, int64_t columns)
{
    const int64_t size = g->oh * g->ow;
    g->block_images = columns / size > 1 ? columns / size : 1;
    g->block_images = g->block_images < g->images ? g->block_images : g->images;
    g->block_rows = columns / g->ow > 1 ? columns / g->ow : 1;
    g->blocks_r = g->block_rows < g->oh ? (g->oh + g->block_rows - 1) / g->block_rows : 1;
    g->block_rows = (g->oh + g->blocks_r - 1) / g->blocks_r;
    g->blocks_r = (g->oh + g->block_rows - 1) / g->block_rows;
    g->blocks_n = (g->images + g->block_images - 1) / g->block_images;
    g->block_images = (g->images + g->blocks_n - 1) / g->blocks_n;
    g->blocks_n = (g->images + g->block_images - 1) / g->block_images;
    conv_pitches(g);
}

FNN_INLINE int64_t conv_copy_size(const conv_gemm *g)
{
    return (g->block_images * g->image_pitch + 3 * VW) / VW * VW;
}

#ifdef V_MASK_BETWEEN
/* A vector of a row of the copy: the source's columns from `from` on, or every second of them; outside is 0. */
typedef struct {
    int64_t from, to;
    int every, odd;
    vmask low, high;
} conv_piece;

/* A row's pieces in ascending order: what one runs over, the next one writes. 0: too many, or columns too far apart. */
static int conv_pieces(const conv_gemm *g, conv_piece *pieces)
{
    int n = 0;
    if (g->src_w != 1 || g->sw > 2 || g->sw * (g->phase + VW) > CONV_PIECES * VW)
        return 0;
    for (int64_t f = 0; f < g->sw; f++)
        for (int64_t q = 0; q < g->phase; q += VW) {
            const int64_t from = q * g->sw - g->left, begin = -from, end = g->width - from;
            pieces[n++] = (conv_piece){.from = from,
                                       .to = f * g->phase + q,
                                       .every = g->sw == 2,
                                       .odd = f > 0,
                                       .low = v_mask_between(begin, end),
                                       .high = v_mask_between(begin - VW, end - VW)};
        }
    return n;
}

FNN_INLINE void conv_fill_row(REAL *to, const REAL *row, const conv_piece *pieces, int n)
{
    for (const conv_piece *p = pieces; p < pieces + n; p++) {
        const REAL *const from = row + p->from;
        vec v = v_load_part(from, p->low);
        if (p->every) {
            const vec high = v_load_part(from + VW, p->high);
            v = p->odd ? v_odd(v, high) : v_even(v, high);
        }
        v_store(to + p->to, v);
    }
}

/* conv_fill by pieces, from row `first` of the source on: whether it was done. */
static int conv_fill_vectors(const conv_gemm *g, REAL *copy, const REAL *src, int64_t images, int64_t first,
                             int64_t height)
{
    conv_piece pieces[CONV_PIECES];
    const int many = conv_pieces(g, pieces);
    for (int64_t plane = 0; many && plane < images * g->channels; plane++) {
        const int64_t n = plane / g->channels, c = plane % g->channels;
        const REAL *const from = src + n * g->src_n + c * g->src_c;
        REAL *to = copy + n * g->image_pitch + c * g->channel_pitch;
        for (int64_t y = first; y < first + height; y++, to += g->pitch)
            if (y >= 0 && y < g->height)
                conv_fill_row(to, from + y * g->src_h, pieces, many);
            else
                for (int64_t q = 0; q < g->pitch; q += VW)
                    v_store(to + q, (vec){0});
    }
    return many;
}
#endif

/* The copy of the source for `images` images from src on, output rows row.. row + rows. */
static void conv_fill(const conv_gemm *g, REAL *copy, const REAL *src, int64_t images, int64_t row, int64_t rows)
{
    const int64_t reach = (g->kh - 1) * g->dh + 1, height = (rows - 1) * g->sh + reach;
    const int transpose = g->src_c == 1 && g->src_w != 1 && g->sw == 1 && g->channels >= VQUAD;
#ifdef V_MASK_BETWEEN
    if (conv_fill_vectors(g, copy, src, images, row * g->sh - g->top, height))
        return;
#endif
    for (int64_t f = 0; f < g->sw; f++) {
        int used = 0;
        for (int64_t j = 0; j < g->kw && j < g->sw && !used; j++)
            used = j * g->dw % g->sw == f;
        if (!used)
            continue;
        int64_t first = conv_ceil(g->left - f, g->sw), last = conv_ceil(g->width + g->left - f, g->sw);
        first = first < 0 ? 0 : first > g->phase ? g->phase : first;
        last = last < first ? first : last > g->phase ? g->phase : last;
        const int64_t x0 = first * g->sw + f - g->left, step = g->sw * g->src_w, run = last - first;
        for (int64_t n = 0; n < images; n++)
            for (int64_t c = 0; c < g->channels; c += transpose ? g->channels : 1)
                for (int64_t y = 0; y < height; y++) {
                    if (y % g->sh >= reach)
                        continue;
                    const int64_t from_y = row * g->sh - g->top + y;
                    REAL *to = copy + n * g->image_pitch + c * g->channel_pitch + y * g->pitch + f * g->phase;
                    const REAL *from = src;
                    if (from_y < 0 || from_y >= g->height || run == 0) {
                        for (int64_t k = 0; k < (transpose ? g->channels : 1); k++, to += g->channel_pitch)
                            for (int64_t q = 0; q < g->phase; q++)
                                to[q] = 0;
                        continue;
                    }
                    from += n * g->src_n + c * g->src_c + from_y * g->src_h + x0 * g->src_w;
                    if (transpose) /* its last vectors run over what comes later */
                        gemm_pack_b(to + first, g->channel_pitch, from, 1, step, g->channels, run);
                    else if (step == 1)
                        for (int64_t q = 0; q < run; q++)
                            to[first + q] = from[q];
                    else
                        for (int64_t q = 0; q < run; q++)
                            to[first + q] = from[q * step];
                    for (int64_t k = 0; k < (transpose ? g->channels : 1); k++, to += g->channel_pitch) {
                        for (int64_t q = 0; q < first; q++)
                            to[q] = 0;
                        for (int64_t q = last; q < g->phase; q++)
                            to[q] = 0;
                    }
                }
    }
}

/* Where kernel element (i, j) looks, from the position's address in the copy. */
static void conv_taps(const conv_gemm *g, int64_t *taps)
{
    for (int64_t i = 0; i < g->kh; i++)
        for (int64_t j = 0; j < g->kw; j++)
            taps[i * g->kw + j] = i * g->dh * g->pitch + j * g->dw % g->sw * g->phase + j * g->dw / g->sw;
}

/* The runs that positions at.. at + count of a block with so many rows make. */
static int conv_runs(const conv_gemm *g, int64_t rows, int64_t at, int64_t count, conv_run *runs)
{
    int n = 0;
    for (int64_t to = 0; to < count;) {
        const int64_t image = (at + to) / (rows * g->ow), rest = (at + to) % (rows * g->ow);
        const int64_t r = rest / g->ow, q = rest % g->ow, from = image * g->image_pitch + r * g->sh * g->pitch + q;
        const int64_t run = g->ow - q < count - to ? g->ow - q : count - to;
        if (n > 0 && runs[n - 1].from + runs[n - 1].count == from)
            runs[n - 1].count += run;
        else
            runs[n++] = (conv_run){from, to, run};
        to += run;
    }
    return n;
}

/* dst[k, ...] = what the positions of the runs see of depth k0 + k, k < depth. May write VW - 1 beyond each run: what
 * belongs there is written later, or nothing does. */
static void conv_pack(const conv_gemm *g, REAL *dst, int64_t width, const REAL *copy, const int64_t *taps,
                      const conv_run *runs, int n, int64_t k0, int64_t depth)
{
    const int64_t count = g->kh * g->kw;
    const REAL *from = copy + k0 / count * g->channel_pitch;
    int64_t tap = k0 % count;
    struct {
        int64_t from, to;
    } pieces[64 + 64 / VW];
    int many = 0; /* of a vector each */
    for (int s = 0; s < n; s++)
        for (int64_t x = 0; x < runs[s].count; x += VW, many++) {
            pieces[many].from = runs[s].from + x;
            pieces[many].to = runs[s].to + x;
        }
    for (int64_t k = 0; k < depth; k++, dst += width) {
        const REAL *const p = from + taps[tap];
        for (int i = 0; i < many; i++)
            v_store(dst + pieces[i].to, v_load(p + pieces[i].from));
        if (++tap == count) {
            tap = 0;
            from += g->channel_pitch;
        }
    }
}

/* One output channel of a block without packing: too few multiplications for it. Four rows at a time. */
static void conv_direct(const conv_gemm *g, REAL *dst, const REAL *copy, const int64_t *taps, const REAL *a, REAL start,
                        int64_t images, int64_t rows)
{
    const int64_t count = g->kh * g->kw, line = g->sh * g->pitch;
    for (int64_t n = 0; n < images; n++, copy += g->image_pitch, dst += g->dst_n)
        for (int64_t r = 0; r < rows; r += 4) {
            const int64_t last = rows - 1 - r < 3 ? rows - 1 - r : 3; /* rows that are not there repeat it */
            const int64_t r1 = last < 1 ? 0 : line, r2 = (last < 2 ? last : 2) * line, r3 = last * line;
            for (int64_t q = 0; q < g->ow; q += VW) {
                const REAL *p = copy + r * line + q, *w = a;
                vec s0 = v_set1(start), s1 = s0, s2 = s0, s3 = s0;
                for (int64_t c = 0; c < g->channels; c++, p += g->channel_pitch, w += count)
                    for (int64_t t = 0; t < count; t++) {
                        const REAL *const x = p + taps[t];
                        const vec v = v_set1(w[t]);
                        s0 = v_add_product_at(s0, v, x);
                        s1 = v_add_product_at(s1, v, x + r1);
                        s2 = v_add_product_at(s2, v, x + r2);
                        s3 = v_add_product_at(s3, v, x + r3);
                    }
                const vec sum[4] = {s0, s1, s2, s3};
                const int64_t left = g->ow - q < VW ? g->ow - q : VW;
                const vmask mask = v_mask(left);
                for (int64_t i = 0; i <= last; i++) {
                    REAL *y = dst + (r + i) * g->dst_h + q * g->dst_w;
                    const vec z = g->relu ? v_relu(sum[i]) : sum[i];
                    if (g->dst_w == 1)
                        v_store_part(y, mask, z);
                    else {
                        REAL numbers[VW];
                        v_store(numbers, z);
                        for (int64_t l = 0; l < left; l++)
                            y[l * g->dst_w] = numbers[l];
                    }
                }
            }
        }
}

/* Between a tile of its own and its positions in y. */
static void conv_move(const conv_gemm *g, REAL *tile, int64_t width, REAL *dst, int64_t image, int64_t row,
                      int64_t rows, int64_t at, int64_t count, int64_t m, int load)
{
    for (int64_t x = 0; x < count;) {
        const int64_t n = image + (at + x) / (rows * g->ow), rest = (at + x) % (rows * g->ow);
        const int64_t r = row + rest / g->ow, q = rest % g->ow;
        const int64_t run = g->ow - q < count - x ? g->ow - q : count - x;
        for (int64_t i = 0; i < m; i++) {
            REAL *y = dst + n * g->dst_n + i * g->dst_c + r * g->dst_h + q * g->dst_w, *t = tile + i * width + x;
            if (load)
                for (int64_t l = 0; l < run; l++)
                    t[l] = y[l * g->dst_w];
            else
                for (int64_t l = 0; l < run; l++)
                    y[l * g->dst_w] = t[l];
        }
        x += run;
    }
}

/* A block of positions of a group: rows row.. of some images. */
typedef struct {
    int64_t group, image, images, row, rows;
} conv_block;

FNN_INLINE conv_block conv_block_at(const conv_gemm *g, int64_t block)
{
    conv_block b = {.group = block / (g->blocks_n * g->blocks_r),
                    .image = block / g->blocks_r % g->blocks_n * g->block_images,
                    .row = block % g->blocks_r * g->block_rows};
    b.rows = g->oh - b.row < g->block_rows ? g->oh - b.row : g->block_rows;
    b.images = g->images - b.image < g->block_images ? g->images - b.image : g->block_images;
    return b;
}

/* A tile of positions at.. at + count of a block: in y itself if they are neighbours there, else in `own`. */
FNN_INLINE void conv_tile(const conv_gemm *g, const conv_block *b, tile_function tile, int64_t k, const REAL *a,
                          int64_t as_m, int64_t as_k, const REAL *panel, int64_t ldb, REAL *dst, int64_t at,
                          int64_t count, int64_t m, REAL *own, const tile_ends *ends)
{
    const int64_t size = b->rows * g->ow, from = at / size;
    if (g->dst_w == 1 && g->dst_h == g->ow && (at + count - 1) / size == from) {
        tile(k, a, as_m, as_k, panel, ldb, dst + (b->image + from) * g->dst_n + b->row * g->dst_h + at % size, g->dst_c,
             ends);
        return;
    }
    if (ends->from_c)
        conv_move(g, own, 4 * VW, dst, b->image, b->row, b->rows, at, count, m, 1);
    tile(k, a, as_m, as_k, panel, ldb, own, 4 * VW, ends);
    conv_move(g, own, 4 * VW, dst, b->image, b->row, b->rows, at, count, m, 0);
}

/* Item = rows of A for a block of positions of a group. */
static void conv_range(void *context, int64_t begin, int64_t end)
{
    const conv_gemm *const g = context;
    const int64_t k = g->channels * g->kh * g->kw, most_m = (g->m + g->parts_m - 1) / g->parts_m;
    const int wide = most_m <= TILE_ROWS_WIDE && g->block_images * g->block_rows * g->ow > 2 * VW;
    const int64_t width = wide ? 4 * VW : 2 * VW;
    const int64_t deepest = GEMM_DEPTH_BYTES / (int64_t)sizeof(REAL);
    const int64_t depths = k > deepest ? (k + deepest - 1) / deepest : 1, depth = (k + depths - 1) / depths;
    const int64_t most = (g->block_images * g->block_rows * g->ow + width - 1) / width * width;
    const int pack_a = k >= 16 && k * (int64_t)sizeof(REAL) % 2048 == 0;

    const int64_t copy_size = conv_copy_size(g), panel_size = g->m > CONV_DIRECT ? most * depth + VW : 0,
                  tile_size = TILE_ROWS * 4 * VW;
    const int64_t a_size = pack_a ? PACKED_ROWS * (depth + 2 * VW) : 0;
    REAL *const copy = fnn_scratch((size_t)(copy_size + panel_size + tile_size + a_size) * sizeof(REAL) +
                                   (size_t)(g->kh * g->kw) * sizeof(int64_t));
    if (!copy)
        return;
    REAL *const panels = copy + copy_size, *const own = panels + panel_size, *const packed_a = own + tile_size;
    int64_t *const taps = (int64_t *)(packed_a + (a_size + 1) / 2 * 2);
    conv_taps(g, taps);
    int64_t filled = -1;
    for (int64_t item = begin; item < end; item++) {
        const int64_t part = item % g->parts_m, block = item / g->parts_m;
        const conv_block at = conv_block_at(g, block);
        const int64_t n = at.images * at.rows * g->ow;
        const int64_t m0 = g->m * part / g->parts_m, m = g->m * (part + 1) / g->parts_m - m0;
        const int64_t tiles = (m + TILE_ROWS - 1) / TILE_ROWS;
        if (block != filled)
            conv_fill(g, copy, g->src + at.image * g->src_n + at.group * g->channels * g->src_c, at.images, at.row,
                      at.rows);
        filled = block;
        if (g->m <= CONV_DIRECT) {
            for (int64_t channel = at.group * g->m + m0; channel < at.group * g->m + m0 + m; channel++)
                conv_direct(g, g->dst + at.image * g->dst_n + channel * g->dst_c + at.row * g->dst_h, copy, taps,
                            g->a + channel * k, g->bias ? g->bias[channel] : 0, at.images, at.rows);
            continue;
        }
        for (int64_t b = 0, pc = 0; b < depths; b++, pc += depth) {
            const int64_t kc = k - pc < depth ? k - pc : depth;
            tile_ends ends = {.from_c = b > 0, .relu = g->relu && b == depths - 1};
            for (int64_t t = 0; t < tiles; t++) {
                const int64_t i = m0 + m * t / tiles, mr = m0 + m * (t + 1) / tiles - i, channel = at.group * g->m + i;
                const REAL *a = g->a + channel * k + pc;
                int64_t as_m = k, as_k = 1;
                if (pack_a) {
                    gemm_pack_a(packed_a, &as_m, &as_k, a, mr, kc);
                    a = packed_a;
                }
                ends.start = g->bias ? g->bias + channel : NULL;
                REAL *const dst = g->dst + channel * g->dst_c;
                for (int64_t j = 0; j < n;) {
                    const int64_t left = n - j;
                    const int nv = wide && left > 3 * VW ? 4 : left > VW ? 2 : 1;
                    const int64_t take = left < nv * VW ? left : nv * VW;
                    REAL *const panel = panels + j * kc;
                    if (t == 0) {
                        conv_run runs[64];
                        const int count = conv_runs(g, at.rows, j, take, runs);
                        conv_pack(g, panel, nv * VW, copy, taps, runs, count, pc, kc);
                    }
                    const int partial = take < nv * VW;
                    if (partial)
                        ends.tail = v_mask(take - (nv - 1) * VW);
                    conv_tile(g, &at, tile_kernels[nv >> 1][partial][mr - 1], kc, a, as_m, as_k, panel, nv * VW, dst, j,
                              take, mr, own, &ends);
                    j += take;
                }
            }
        }
    }
    fnn_free(copy);
}

static void conv_gemm_run(conv_gemm *g)
{
    const int64_t k = g->channels * g->kh * g->kw, columns = g->images * g->oh * g->ow;
    if (columns == 0 || g->m == 0 || g->groups == 0)
        return;
    const double cost =
        100 + (double)g->groups * (double)columns / VW * (0.25 * ((double)g->m + 6) * (double)k + 0.5 * (double)g->m);
    const int threads = fnn_threads_for(cost);
    const int64_t deepest = GEMM_DEPTH_BYTES / (int64_t)sizeof(REAL), depth = k < 1 ? 1 : k < deepest ? k : deepest;
    int64_t block = GEMM_PANELS_BYTES / (int64_t)sizeof(REAL) / depth;
    block = block < CONV_COLUMNS && g->m > CONV_DIRECT ? block : CONV_COLUMNS;
    if (threads > 1) { /* some blocks for each thread, if they are not too small */
        const int64_t per_thread = columns * g->groups / (4 * threads);
        block = block < per_thread ? block : per_thread;
    }
    conv_blocks(g, block > 4 * VW ? block : 4 * VW);
    const int64_t blocks = g->blocks_n * g->blocks_r * g->groups;
    g->parts_m = blocks < threads && g->m >= 2 * threads ? threads : 1;
    fnn_parallel_for(blocks * g->parts_m, 1, cost / (double)(blocks * g->parts_m), conv_range, g);
}

/* A forward call as such a product. */
static conv_gemm conv_gemm_of(const conv_call *call)
{
    const fnn_conv *const s = call->s;
    const int64_t *const xs = call->xs;
    return (conv_gemm){.src = call->x,
                       .a = call->weight,
                       .bias = call->bias,
                       .dst = call->out,
                       .src_n = xs[0],
                       .src_c = xs[1],
                       .src_h = xs[2],
                       .src_w = xs[3],
                       .dst_n = s->o * s->oh * s->ow,
                       .dst_c = s->oh * s->ow,
                       .dst_h = s->ow,
                       .dst_w = 1,
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
                       .dw = s->dw,
                       .relu = call->relu};
}

static conv_outcome implicit_gemm_forward(const conv_call *call)
{
    conv_gemm g = conv_gemm_of(call);
    conv_gemm_run(&g);
    return CONV_DONE;
}
