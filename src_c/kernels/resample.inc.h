/* resample.inc.h -- an axis at other positions: each output a weighted sum of a few inputs, given by tables; and the
 * windows of planes as columns; and positions that a grid names. */
#define FNN_RESAMPLE_BLOCK 256 /* columns that one thread takes together */

typedef struct {
    REAL *y;       /* forward: y, backward: dx */
    const REAL *x; /* forward: x, backward: dy */
    const int64_t *index;
    const REAL *weight;
    int64_t outer, n, m, inner, taps;
    const fnn_windows *g;
} resample_context;

/* Rows along the axis; inner == 1. */
static void resample_rows(void *context, int64_t begin, int64_t end)
{
    const resample_context *c = context;
    for (int64_t row = begin; row < end; row++) {
        REAL *restrict y = c->y + row * c->m;
        const REAL *restrict x = c->x + row * c->n;
        if (!c->weight) {
            for (int64_t i = 0; i < c->m; i++)
                y[i] = x[c->index[i]];
            continue;
        }
        for (int64_t t = 0; t < c->taps; t++) {
            const int64_t *restrict index = c->index + t * c->m;
            const REAL *restrict weight = c->weight + t * c->m;
            for (int64_t i = 0; i < c->m; i++) {
                const REAL old = t == 0 ? 0 : y[i], term = weight[i] * x[index[i]];
                y[i] = weight[i] != 0 ? old + term : old;
            }
        }
    }
}

/* Items are outputs along the axis, each a line of `inner` elements. */
static void resample_lines(void *context, int64_t begin, int64_t end)
{
    const resample_context *c = context;
    for (int64_t item = begin; item < end; item++) {
        const int64_t i = item % c->m;
        REAL *restrict y = c->y + item * c->inner;
        const REAL *x = c->x + item / c->m * c->n * c->inner;
        for (int64_t t = 0; t < c->taps; t++) {
            const REAL *restrict from = x + c->index[t * c->m + i] * c->inner;
            if (!c->weight) {
                memcpy(y, from, (size_t)c->inner * sizeof(REAL));
                continue;
            }
            const REAL weight = c->weight[t * c->m + i];
            if (t == 0)
                for (int64_t k = 0; k < c->inner; k++)
                    y[k] = weight != 0 ? weight * from[k] : 0;
            else if (weight != 0)
                for (int64_t k = 0; k < c->inner; k++)
                    y[k] += weight * from[k];
        }
    }
}

static void resample_forward(void *y, const void *x, const int64_t *index, const void *weight, int64_t taps,
                             int64_t outer, int64_t n, int64_t m, int64_t inner)
{
    resample_context c = {.y = y,
                          .x = x,
                          .index = index,
                          .weight = weight,
                          .outer = outer,
                          .n = n,
                          .m = m,
                          .inner = inner,
                          .taps = taps};
    if (inner == 1)
        fnn_parallel_for(outer, 1, 0.8 * (double)(m * taps) + 5, resample_rows, &c);
    else if (inner > 1)
        fnn_parallel_for(outer * m, 1, 0.15 * (double)(inner * taps) + 5, resample_lines, &c);
}

/* Items are blocks of columns of one of the outer parts. */
static void resample_back(void *context, int64_t begin, int64_t end)
{
    const resample_context *c = context;
    const int64_t blocks = (c->inner + FNN_RESAMPLE_BLOCK - 1) / FNN_RESAMPLE_BLOCK;
    for (int64_t item = begin; item < end; item++) {
        const int64_t part = item / blocks, at = item % blocks * FNN_RESAMPLE_BLOCK;
        const int64_t width = c->inner - at < FNN_RESAMPLE_BLOCK ? c->inner - at : FNN_RESAMPLE_BLOCK;
        REAL *dx = c->y + part * c->n * c->inner + at;
        const REAL *dy = c->x + part * c->m * c->inner + at;
        for (int64_t i = 0; i < c->n; i++)
            memset(dx + i * c->inner, 0, (size_t)width * sizeof(REAL));
        for (int64_t i = 0; i < c->m; i++)
            for (int64_t t = 0; t < c->taps; t++) {
                const REAL weight = c->weight ? c->weight[t * c->m + i] : 1;
                REAL *restrict to = dx + c->index[t * c->m + i] * c->inner;
                const REAL *restrict from = dy + i * c->inner;
                if (weight == 0)
                    continue;
                for (int64_t k = 0; k < width; k++)
                    to[k] += weight * from[k];
            }
    }
}

/* Items are rows along the axis; inner == 1. Outputs that follow each other at one input are added up first. */
static void resample_rows_back(void *context, int64_t begin, int64_t end)
{
    const resample_context *c = context;
    const int64_t n = c->n, m = c->m;
    int twice = !c->weight && m == 2 * n;
    for (int64_t i = 0; i < m && twice; i++)
        twice = c->index[i] == i / 2;
    for (int64_t row = begin; row < end; row++) {
        REAL *restrict dx = c->y + row * n;
        const REAL *restrict dy = c->x + row * m;
        if (twice) {
            for (int64_t i = 0; i < n; i++)
                dx[i] = dy[2 * i] + dy[2 * i + 1];
            continue;
        }
        memset(dx, 0, (size_t)n * sizeof(REAL));
        for (int64_t t = 0; t < c->taps && m > 0; t++) {
            const int64_t *restrict index = c->index + t * m;
            const REAL *restrict weight = c->weight ? c->weight + t * m : NULL;
            int64_t position = index[0];
            REAL sum = 0;
            for (int64_t i = 0; i < m; i++) {
                if (index[i] != position) {
                    dx[position] += sum;
                    position = index[i], sum = 0;
                }
                const REAL term = weight ? weight[i] * dy[i] : dy[i];
                sum += weight && weight[i] == 0 ? 0 : term;
            }
            dx[position] += sum;
        }
    }
}

static void resample_backward(void *dx, const void *dy, const int64_t *index, const void *weight, int64_t taps,
                              int64_t outer, int64_t n, int64_t m, int64_t inner)
{
    resample_context c = {.y = dx,
                          .x = dy,
                          .index = index,
                          .weight = weight,
                          .outer = outer,
                          .n = n,
                          .m = m,
                          .inner = inner,
                          .taps = taps};
    const int64_t blocks = (inner + FNN_RESAMPLE_BLOCK - 1) / FNN_RESAMPLE_BLOCK;
    const double width = (double)(inner < FNN_RESAMPLE_BLOCK ? inner : FNN_RESAMPLE_BLOCK);
    if (inner == 1) {
        fnn_parallel_for(outer, 1, 1.0 * (double)(m * taps) + 0.1 * (double)n + 5, resample_rows_back, &c);
        return;
    }
    fnn_parallel_for(outer * blocks, 1, (double)(m * taps) * (0.15 * width + 2) + 0.1 * (double)n * width,
                     resample_back, &c);
}

/* ---- windows as columns: y (outer, kh kw, oh ow) ---- */

/* Items are rows of y: one element of all windows of a plane. */
static void unfold_rows(void *context, int64_t begin, int64_t end)
{
    const resample_context *c = context;
    const fnn_windows *g = c->g;
    for (int64_t item = begin; item < end; item++) {
        const int64_t tap = item % (g->kh * g->kw);
        const int64_t top = tap / g->kw * g->dh - g->ph, left = tap % g->kw * g->dw - g->pw;
        const REAL *x = c->x + item / (g->kh * g->kw) * g->h * g->w;
        REAL *y = c->y + item * g->oh * g->ow;
        int64_t from, to;
        fnn_inside(left, g->w, g->ow, g->sw, &from, &to);
        for (int64_t i = 0; i < g->oh; i++, y += g->ow) {
            const int64_t h = top + i * g->sh;
            if (h < 0 || h >= g->h || from >= to) {
                memset(y, 0, (size_t)g->ow * sizeof(REAL));
                continue;
            }
            const REAL *restrict line = x + h * g->w + left;
            REAL *restrict out = y;
            for (int64_t j = 0; j < from; j++)
                out[j] = 0;
            if (g->sw == 1)
                memcpy(out + from, line + from, (size_t)(to - from) * sizeof(REAL));
            else
                for (int64_t j = from; j < to; j++)
                    out[j] = line[j * g->sw];
            for (int64_t j = to; j < g->ow; j++)
                out[j] = 0;
        }
    }
}

/* Items are planes. */
static void unfold_back(void *context, int64_t begin, int64_t end)
{
    const resample_context *c = context;
    const fnn_windows *g = c->g;
    for (int64_t plane = begin; plane < end; plane++) {
        REAL *dx = c->y + plane * g->h * g->w;
        const REAL *dy = c->x + plane * g->kh * g->kw * g->oh * g->ow;
        memset(dx, 0, (size_t)(g->h * g->w) * sizeof(REAL));
        for (int64_t tap = 0; tap < g->kh * g->kw; tap++) {
            const int64_t top = tap / g->kw * g->dh - g->ph, left = tap % g->kw * g->dw - g->pw;
            int64_t from, to;
            fnn_inside(left, g->w, g->ow, g->sw, &from, &to);
            for (int64_t i = 0; i < g->oh && from < to; i++) {
                const int64_t h = top + i * g->sh;
                if (h >= 0 && h < g->h)
                    spread_line(dx + h * g->w + left + from * g->sw, dy + (tap * g->oh + i) * g->ow + from, g->sw,
                                to - from);
            }
        }
    }
}

static void unfold_forward(void *y, const void *x, const fnn_windows *g)
{
    resample_context c = {.y = y, .x = x, .g = g};
    fnn_parallel_for(g->outer * g->kh * g->kw, 1, (double)g->oh * ((g->sw == 1 ? 0.1 : 0.5) * (double)g->ow + 3),
                     unfold_rows, &c);
}

static void unfold_backward(void *dx, const void *dy, const fnn_windows *g)
{
    resample_context c = {.y = dx, .x = dy, .g = g};
    fnn_parallel_for(g->outer, 1, (double)(g->kh * g->kw * g->oh) * ((g->sw == 1 ? 0.15 : 0.6) * (double)g->ow + 3),
                     unfold_back, &c);
}

/* ---- positions that a grid names ---- */

enum { GRID_BILINEAR, GRID_NEAREST, GRID_BICUBIC };
enum { GRID_ZEROS, GRID_BORDER, GRID_REFLECTION };
enum { GRID_BLOCK = 64, GRID_TAPS = 16 }; /* points together; elements that a point reads, at most */

typedef struct {
    REAL *y, *dx, *dgrid;
    const REAL *x, *dy, *grid;
    int64_t n, c, size[3], points, axes,
        group; /* size: along x, y, z; group: channels that one thread takes together */
    int mode, padding, corners;
} grid_context;

/* What a position reads along one axis: elements (-1: outside, 0), their weights, and the weights' derivatives. */
typedef struct {
    int64_t at[4];
    REAL weight[4], slope[4];
} grid_axis;

/* The same of a block of points: at[tap][point]; slope[axis][tap][point]. */
typedef struct {
    int64_t at[GRID_TAPS][GRID_BLOCK];
    REAL weight[GRID_TAPS][GRID_BLOCK], slope[3][GRID_TAPS][GRID_BLOCK];
    int taps;
} grid_block;

/* A position within the axis, by the padding; *sign: what its change is multiplied by (-1, 0, 1). */
static REAL grid_within(const grid_context *c, REAL x, REAL last, REAL *sign)
{
    *sign = 1;
    if (c->padding == GRID_ZEROS)
        return x;
    if (c->padding == GRID_REFLECTION) {
        const REAL low = c->corners ? 0 : PICK(-0.5, -0.5), span = c->corners ? last : last + 1;
        const REAL far = abs_(x - low);
        *sign = span == 0 ? 0 : x < low ? -1 : 1;
        if (span > 0) {
            const REAL rest = LIBM(fmod)(far, span), odd = LIBM(fmod)(LIBM(floor)(far / span), 2);
            *sign = odd != 0 ? -*sign : *sign;
            x = (odd != 0 ? span - rest : rest) + low;
        } else {
            x = 0;
        }
    }
    *sign = (x <= 0) | (x >= last) ? 0 : *sign;
    return x <= 0 ? 0 : x >= last ? last : x;
}

static inline int64_t grid_element(REAL x, REAL last)
{
    return x >= 0 && x <= last ? (int64_t)x : -1;
}

/* Keys 1981 with a = -3/4: weights of the elements at distances 1 + t, t, 1 - t, 2 - t. */
static void grid_cubic(REAL t, REAL *weight, REAL *slope)
{
    const REAL a = PICK(-0.75, -0.75), u = 1 - t;
    weight[0] = a * (((t - 2) * t + 1) * t);
    weight[1] = ((a + 2) * t - (a + 3)) * t * t + 1;
    weight[2] = ((a + 2) * u - (a + 3)) * u * u + 1;
    weight[3] = a * (((u - 2) * u + 1) * u);
    slope[0] = a * ((3 * t - 4) * t + 1);
    slope[1] = (3 * (a + 2) * t - 2 * (a + 3)) * t;
    slope[2] = -(3 * (a + 2) * u - 2 * (a + 3)) * u;
    slope[3] = -a * ((3 * u - 4) * u + 1);
}

static void grid_find(const grid_context *c, int64_t size, REAL g, grid_axis *found)
{
    const REAL last = (REAL)(size - 1), far = PICK(1e30, 1e300);
    const REAL scale = PICK(0.5, 0.5) * (c->corners ? last : (REAL)size);
    g = g != g ? -1 : g > far ? far : g < -far ? -far : g;
    REAL sign, x = (g + 1) * scale - (c->corners ? 0 : PICK(0.5, 0.5));
    if (c->mode == GRID_BICUBIC) {
        const REAL low = LIBM(floor)(x);
        grid_cubic(x - low, found->weight, found->slope);
        for (int i = 0; i < 4; i++) {
            found->at[i] = grid_element(grid_within(c, low + (REAL)(i - 1), last, &sign), last);
            found->slope[i] *= scale;
        }
        return;
    }
    x = grid_within(c, x, last, &sign);
    if (c->mode == GRID_NEAREST) {
        found->at[0] = grid_element(LIBM(rint)(x), last);
        found->weight[0] = 1, found->slope[0] = 0;
        return;
    }
    const REAL low = LIBM(floor)(x);
    found->at[0] = grid_element(low, last), found->at[1] = grid_element(low + 1, last);
    found->weight[1] = x - low, found->weight[0] = 1 - found->weight[1];
    found->slope[1] = sign * scale, found->slope[0] = -found->slope[1];
}

/* The elements of `count` points; what lacks to a block reads nothing. */
static void grid_find_block(const grid_context *c, const REAL *grid, int64_t count, grid_block *b)
{
    const int each = c->mode == GRID_BILINEAR ? 2 : c->mode == GRID_NEAREST ? 1 : 4, depth = c->axes == 3 ? each : 1;
    b->taps = each * each * depth;
    for (int64_t i = count; i < GRID_BLOCK; i++)
        for (int t = 0; t < b->taps; t++) {
            b->at[t][i] = -1;
            b->weight[t][i] = b->slope[0][t][i] = b->slope[1][t][i] = b->slope[2][t][i] = 0;
        }
    grid_axis x, y, z = {.weight = {1}};
    for (int64_t i = 0; i < count; i++) {
        const REAL *at = grid + i * c->axes;
        grid_find(c, c->size[0], at[0], &x);
        grid_find(c, c->size[1], at[1], &y);
        if (c->axes == 3)
            grid_find(c, c->size[2], at[2], &z);
        for (int t = 0; t < b->taps; t++) {
            const int p = t % each, q = t / each % each, r = t / (each * each);
            const int outside = (x.at[p] < 0) | (y.at[q] < 0) | (z.at[r] < 0);
            b->at[t][i] = outside ? -1 : (z.at[r] * c->size[1] + y.at[q]) * c->size[0] + x.at[p];
            b->weight[t][i] = x.weight[p] * y.weight[q] * z.weight[r];
            b->slope[0][t][i] = x.slope[p] * y.weight[q] * z.weight[r];
            b->slope[1][t][i] = x.weight[p] * y.slope[q] * z.weight[r];
            b->slope[2][t][i] = x.weight[p] * y.weight[q] * z.slope[r];
        }
    }
}

/* Items are blocks of points of one sample. */
static void grid_forward_range(void *context, int64_t begin, int64_t end)
{
    const grid_context *c = context;
    const int64_t blocks = (c->points + GRID_BLOCK - 1) / GRID_BLOCK, plane = c->size[0] * c->size[1] * c->size[2];
    grid_block b;
    for (int64_t item = begin; item < end; item++) {
        const int64_t sample = item / blocks, first = item % blocks * GRID_BLOCK;
        const int64_t count = c->points - first < GRID_BLOCK ? c->points - first : GRID_BLOCK;
        grid_find_block(c, c->grid + (sample * c->points + first) * c->axes, count, &b);
        for (int64_t k = 0; k < c->c; k++) {
            const REAL *x = c->x + (sample * c->c + k) * plane;
            REAL sum[GRID_BLOCK] = {0};
            for (int t = 0; t < b.taps; t++)
                for (int i = 0; i < GRID_BLOCK; i++) {
                    const int64_t at = b.at[t][i];
                    const REAL value = x[at < 0 ? 0 : at];
                    sum[i] += b.weight[t][i] * (at < 0 ? 0 : value);
                }
            memcpy(c->y + (sample * c->c + k) * c->points + first, sum, (size_t)count * sizeof(REAL));
        }
    }
}

/* Items are groups of channels of one sample: a plane is one thread's, which adds to it in the order of the points. */
static void grid_input_range(void *context, int64_t begin, int64_t end)
{
    const grid_context *c = context;
    const int64_t groups = (c->c + c->group - 1) / c->group, plane = c->size[0] * c->size[1] * c->size[2];
    grid_block b;
    for (int64_t item = begin; item < end; item++) {
        const int64_t sample = item / groups, from = item % groups * c->group;
        const int64_t to = from + c->group < c->c ? from + c->group : c->c;
        memset(c->dx + (sample * c->c + from) * plane, 0, (size_t)((to - from) * plane) * sizeof(REAL));
        for (int64_t first = 0; first < c->points && !fnn_interrupted(); first += GRID_BLOCK) {
            const int64_t count = c->points - first < GRID_BLOCK ? c->points - first : GRID_BLOCK;
            grid_find_block(c, c->grid + (sample * c->points + first) * c->axes, count, &b);
            for (int64_t k = from; k < to; k++) {
                REAL *dx = c->dx + (sample * c->c + k) * plane;
                const REAL *dy = c->dy + (sample * c->c + k) * c->points + first;
                for (int64_t i = 0; i < count; i++)
                    for (int t = 0; t < b.taps; t++)
                        if (b.at[t][i] >= 0)
                            dx[b.at[t][i]] += b.weight[t][i] * dy[i];
            }
        }
    }
}

/* Items are blocks of points of one sample. */
static void grid_positions_range(void *context, int64_t begin, int64_t end)
{
    const grid_context *c = context;
    const int64_t blocks = (c->points + GRID_BLOCK - 1) / GRID_BLOCK, plane = c->size[0] * c->size[1] * c->size[2];
    grid_block b;
    for (int64_t item = begin; item < end; item++) {
        const int64_t sample = item / blocks, first = item % blocks * GRID_BLOCK;
        const int64_t count = c->points - first < GRID_BLOCK ? c->points - first : GRID_BLOCK;
        grid_find_block(c, c->grid + (sample * c->points + first) * c->axes, count, &b);
        REAL sum[3][GRID_BLOCK] = {{0}}, dy[GRID_BLOCK] = {0};
        for (int64_t k = 0; k < c->c; k++) {
            const REAL *x = c->x + (sample * c->c + k) * plane;
            memcpy(dy, c->dy + (sample * c->c + k) * c->points + first, (size_t)count * sizeof(REAL));
            for (int t = 0; t < b.taps; t++)
                for (int i = 0; i < GRID_BLOCK; i++) {
                    const int64_t at = b.at[t][i];
                    const REAL value = x[at < 0 ? 0 : at], term = at < 0 ? 0 : value * dy[i];
                    sum[0][i] += b.slope[0][t][i] * term;
                    sum[1][i] += b.slope[1][t][i] * term;
                    sum[2][i] += b.slope[2][t][i] * term;
                }
        }
        REAL *dgrid = c->dgrid + (sample * c->points + first) * c->axes;
        for (int64_t i = 0; i < count; i++)
            for (int64_t a = 0; a < c->axes; a++)
                dgrid[i * c->axes + a] = sum[a][i];
    }
}

static grid_context grid_of(const int64_t *sizes, int mode, int padding, int corners)
{
    return (grid_context){.n = sizes[0],
                          .c = sizes[1],
                          .size = {sizes[4], sizes[3], sizes[2]},
                          .points = sizes[5],
                          .axes = sizes[6],
                          .group = sizes[1] >= 32  ? 8
                                   : sizes[1] >= 8 ? 2
                                                   : 1,
                          .mode = mode,
                          .padding = padding,
                          .corners = corners};
}

/* Nanoseconds for a block of points: to find their elements, and to read them in `channels` planes. */
static double grid_cost(const grid_context *c, double channels)
{
    const double taps = (c->mode == GRID_BILINEAR ? 4 : c->mode == GRID_NEAREST ? 1 : 16) * (c->axes == 3 ? 2 : 1);
    return GRID_BLOCK * (10 * (double)c->axes + taps * (3 + 0.7 * channels));
}

static void grid_sample_forward(void *y, const void *x, const void *grid, const int64_t *sizes, int mode, int padding,
                                int corners)
{
    grid_context c = grid_of(sizes, mode, padding, corners);
    c.y = y, c.x = x, c.grid = grid;
    fnn_parallel_for(c.n * ((c.points + GRID_BLOCK - 1) / GRID_BLOCK), 1, grid_cost(&c, (double)c.c),
                     grid_forward_range, &c);
}

static void grid_sample_backward(void *dx, void *dgrid, const void *dy, const void *x, const void *grid,
                                 const int64_t *sizes, int mode, int padding, int corners)
{
    grid_context c = grid_of(sizes, mode, padding, corners);
    c.dx = dx, c.dgrid = dgrid, c.dy = dy, c.x = x, c.grid = grid;
    const int64_t blocks = (c.points + GRID_BLOCK - 1) / GRID_BLOCK;
    if (dx)
        fnn_parallel_for(c.n * ((c.c + c.group - 1) / c.group), 1,
                         (double)blocks * grid_cost(&c, 2 * (double)c.group) +
                             0.1 * (double)(c.group * c.size[0] * c.size[1] * c.size[2]),
                         grid_input_range, &c);
    if (dgrid)
        fnn_parallel_for(c.n * blocks, 1, grid_cost(&c, 2 * (double)c.c), grid_positions_range, &c);
}
