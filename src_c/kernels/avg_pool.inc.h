/* avg_pool.inc.h -- averages of windows. Loops run as in max_pool.inc.h; adaptive windows (kernel 0) among them. */
#define FNN_MEAN_VECTORS 64 /* of a plane that is summed in one pass */

/* What a sum over window (i, j) is divided by, along one axis. */
static inline int64_t window_count(const pool_context *c, int64_t i, int64_t n, int64_t out, int64_t kernel,
                                   int64_t stride, int64_t padding)
{
    const int64_t at = i * stride - padding;
    if (kernel == 0) {
        int64_t begin, end;
        fnn_window(i, n, out, 0, 1, 0, &begin, &end);
        return end - begin;
    }
    const int64_t low = c->include_pad || at > 0 ? at : 0, most = c->include_pad ? n + padding : n;
    const int64_t high = at + kernel < most ? at + kernel : most;
    return high > low ? high - low : 0;
}

static inline REAL row_count(const pool_context *c, int64_t i)
{
    return (REAL)window_count(c, i, c->g->h, c->g->oh, c->g->kh, c->g->sh, c->g->ph);
}

static inline REAL column_count(const pool_context *c, int64_t j)
{
    return (REAL)window_count(c, j, c->g->w, c->g->ow, c->g->kw, c->g->sw, c->g->pw);
}

/* y[j] = x[j] / the divisors of outputs j0 + j of row i. */
static void divide_row(const pool_context *c, REAL *y, const REAL *x, int64_t i, int64_t j0, int64_t n)
{
    const fnn_windows *g = c->g;
    const REAL rows = row_count(c, i);
    int64_t from = 0, to = n;
    REAL divisor = c->divisor;
    if (divisor == 0) { /* the windows in the middle are whole */
        from = (g->pw + g->sw - 1) / g->sw - j0;
        from = from < 0 ? 0 : from < n ? from : n;
        to = g->w + g->pw >= g->kw ? (g->w + g->pw - g->kw) / g->sw + 1 - j0 : 0;
        to = to < from || g->kw == 0 ? from : to < n ? to : n;
        divisor = rows * (REAL)g->kw;
        for (int64_t j = 0; j < n; j++) {
            if (j == from)
                j = to;
            if (j < n)
                y[j] = x[j] / (rows * column_count(c, j0 + j));
        }
    }
    for (int64_t j = from; j < to; j++)
        y[j] = x[j] / divisor;
}

FNN_INLINE void gather_line_by(REAL *restrict y, const REAL *restrict x, int64_t step, int64_t n)
{
    for (int64_t j = 0; j < n; j++)
        y[j] += x[j * step];
}

FNN_INLINE void spread_line_by(REAL *restrict dx, const REAL *restrict dy, int64_t step, int64_t n)
{
    for (int64_t j = 0; j < n; j++)
        dx[j * step] += dy[j];
}

/* y[j] += x[j step] */
static void gather_line(REAL *y, const REAL *x, int64_t step, int64_t n)
{
    if (step == 1)
        gather_line_by(y, x, 1, n);
    else if (step == 2)
        gather_line_by(y, x, 2, n);
    else
        gather_line_by(y, x, step, n);
}

/* dx[j step] += dy[j] */
static void spread_line(REAL *dx, const REAL *dy, int64_t step, int64_t n)
{
    if (step == 1)
        spread_line_by(dx, dy, 1, n);
    else if (step == 2)
        spread_line_by(dx, dy, 2, n);
    else
        spread_line_by(dx, dy, step, n);
}

/* Sums of outputs j0..j0+n-1 of row i. */
static void avg_pool_block(const pool_context *c, REAL *restrict y, const REAL *restrict x, int64_t i, int64_t j0,
                           int64_t n)
{
    const fnn_windows *g = c->g;
    memset(y, 0, (size_t)n * sizeof(REAL));
    int64_t h0, h1;
    fnn_window(i, g->h, g->oh, g->kh, g->sh, g->ph, &h0, &h1);
    for (int64_t h = h0; h < h1; h++)
        for (int64_t kw = 0; kw < g->kw; kw++) {
            const int64_t at = j0 * g->sw - g->pw + kw;
            int64_t from, to;
            fnn_inside(at, g->w, n, g->sw, &from, &to);
            if (from < to)
                gather_line(y + from, x + h * g->w + at + from * g->sw, g->sw, to - from);
        }
}

/* Of VW windows, from two rows on. */
FNN_INLINE vec mean_2x2(const REAL *p, const REAL *q, REAL divisor)
{
    const vec a = v_load(p), b = v_load(p + VW), d = v_load(q), e = v_load(q + VW);
    return (v_even(a, b) + v_odd(a, b) + v_even(d, e) + v_odd(d, e)) / divisor;
}

/* Items are rows of outputs of windows of 2 x 2. Rows shorter than a vector are stored as whole ones while what they
 * overwrite is this range's and yet to come. */
static void avg_pool_2x2(void *context, int64_t begin, int64_t end)
{
    const pool_context *c = context;
    const fnn_windows *g = c->g;
    const int64_t ow = g->ow, w = g->w, last = end * ow, size = g->outer * g->h * w;
    const REAL divisor = c->divisor != 0 ? c->divisor : 4;
    int64_t plane = begin / g->oh, i = begin % g->oh - 1;
    for (int64_t row = begin; row < end; row++) {
        if (++i == g->oh)
            i = 0, plane++;
        const int64_t from = (plane * g->h + 2 * i) * w;
        const REAL *p = c->x + from, *q = p + w;
        REAL *y = c->y + row * ow;
        if (ow >= VW || (row * ow + VW <= last && from + w + 2 * VW <= size)) {
            for (int64_t j = 0; j < ow; j += VW) {
                if (ow - j < VW && ow >= VW)
                    j = ow - VW;
                v_store(y + j, mean_2x2(p + 2 * j, q + 2 * j, divisor));
            }
        } else { /* in the same way, so that NaN too do not depend on the range */
            REAL rows[2][2 * VW] = {{0}};
            memcpy(rows[0], p, (size_t)(2 * ow) * sizeof(REAL));
            memcpy(rows[1], q, (size_t)(2 * ow) * sizeof(REAL));
            v_store_part(y, v_mask(ow), mean_2x2(rows[0], rows[1], divisor));
        }
    }
}

/* One window that is the plane, of at most FNN_MEAN_VECTORS vectors. */
static int window_is_plane(const fnn_windows *g)
{
    return g->inner == 1 && g->oh == 1 && g->ow == 1 && g->kh == g->h && g->kw == g->w && g->ph == 0 && g->pw == 0 &&
           g->h * g->w <= FNN_MEAN_VECTORS * VW;
}

/* Items are groups of VQUAD planes, the windows' only one each. */
static void avg_pool_means(void *context, int64_t begin, int64_t end)
{
    const pool_context *c = context;
    const int64_t n = c->g->h * c->g->w, planes = c->g->outer, whole = n / VW * VW;
    const REAL divisor = c->divisor != 0 ? c->divisor : (REAL)n;
    const vmask rest = v_mask(n - whole);
    for (int64_t group = begin; group < end; group++) {
        const int64_t first = group * VQUAD;
        const int count = planes - first < VQUAD ? (int)(planes - first) : VQUAD;
        vec sums[VQUAD];
        for (int l = 0; l < VQUAD; l++) {
            const REAL *x = c->x + (first + (l < count ? l : 0)) * n;
            sums[l] = v_load_part(x + whole, rest);
            for (int64_t k = 0; k < whole; k += VW)
                sums[l] += v_load(x + k);
        }
        REAL to[VQUAD];
        v_sums(to, sums);
        for (int l = 0; l < count; l++)
            c->y[first + l] = to[l] / divisor;
    }
}

/* Items are planes. */
static void avg_pool_fill(void *context, int64_t begin, int64_t end)
{
    const pool_context *c = context;
    const int64_t n = c->g->h * c->g->w;
    const REAL divisor = c->divisor != 0 ? c->divisor : (REAL)n;
    for (int64_t plane = begin; plane < end; plane++) {
        REAL *restrict dx = c->y + plane * n;
        const REAL v = c->x[plane] / divisor;
        int64_t k = 0;
        for (; k + VW <= n; k += VW)
            v_store(dx + k, v_set1(v));
        if (k < n)
            v_store_part(dx + k, v_mask(n - k), v_set1(v));
    }
}

/* Items are rows of outputs. */
static void avg_pool_rows(void *context, int64_t begin, int64_t end)
{
    const pool_context *c = context;
    const fnn_windows *g = c->g;
    const int64_t inner = g->inner;
    for (int64_t row = begin; row < end; row++) {
        const int64_t i = row % g->oh;
        REAL *y = c->y + row * g->ow * inner;
        const REAL *x = c->x + row / g->oh * g->h * g->w * inner;
        int64_t h0, h1, w0, w1;
        fnn_window(i, g->h, g->oh, g->kh, g->sh, g->ph, &h0, &h1);
        for (int64_t j = 0; c->wide && j < g->ow; j++) {
            fnn_window(j, g->w, g->ow, g->kw, g->sw, g->pw, &w0, &w1);
            y[j] = 0;
            if (w0 == 0 && w1 == g->w && h0 < h1) /* whole rows are one */
                y[j] = sum_row(x + h0 * g->w, (h1 - h0) * g->w);
            else
                for (int64_t h = h0; h < h1 && w0 < w1; h++)
                    y[j] += sum_row(x + h * g->w + w0, w1 - w0);
        }
        if (inner == 1) {
            for (int64_t j = 0; j < g->ow && !c->wide; j += FNN_POOL_BLOCK)
                avg_pool_block(c, y + j, x, i, j, g->ow - j < FNN_POOL_BLOCK ? g->ow - j : FNN_POOL_BLOCK);
            divide_row(c, y, y, i, 0, g->ow);
            continue;
        }
        const REAL rows = row_count(c, i);
        for (int64_t j = 0; j < g->ow; j++, y += inner) {
            const REAL divisor = c->divisor != 0 ? c->divisor : rows * column_count(c, j);
            memset(y, 0, (size_t)inner * sizeof(REAL));
            fnn_window(j, g->w, g->ow, g->kw, g->sw, g->pw, &w0, &w1);
            for (int64_t h = h0; h < h1; h++)
                for (int64_t w = w0; w < w1; w++)
                    gather_line(y, x + (h * g->w + w) * inner, 1, inner);
            for (int64_t m = 0; m < inner; m++)
                y[m] /= divisor;
        }
    }
}

/* Items are bands of rows of outputs, of VW planes each. */
static void avg_pool_lanes(void *context, int64_t begin, int64_t end)
{
    const pool_context *c = context;
    const fnn_windows *g = c->g;
    const int64_t w = g->w, ow = g->ow;
    vec x[FNN_POOL_TILE], y[FNN_POOL_TILE];
    for (int64_t item = begin; item < end; item++) {
        const int64_t group = item / c->bands, i0 = item % c->bands * c->band;
        const int64_t i1 = i0 + c->band < g->oh ? i0 + c->band : g->oh;
        int64_t top, bottom, h0, h1, w0, w1, o = 0;
        REAL *planes[VW];
        fnn_window(i0, g->h, g->oh, g->kh, g->sh, g->ph, &top, &bottom);
        fnn_window(i1 - 1, g->h, g->oh, g->kh, g->sh, g->ph, &h0, &bottom);
        lane_planes(planes, c->x, group, g->outer, g->h * w);
        lanes_in(x, planes, top * w, (bottom - top) * w);
        for (int64_t i = i0; i < i1; i++) {
            const REAL rows = row_count(c, i);
            fnn_window(i, g->h, g->oh, g->kh, g->sh, g->ph, &h0, &h1);
            for (int64_t j = 0; j < ow; j++) {
                fnn_window(j, w, ow, g->kw, g->sw, g->pw, &w0, &w1);
                vec sum = {0};
                for (int64_t h = h0 - top; h < h1 - top; h++)
                    for (int64_t k = w0; k < w1; k++)
                        sum += x[h * w + k];
                y[o++] = sum / (c->divisor != 0 ? c->divisor : rows * column_count(c, j));
            }
        }
        lane_planes(planes, c->y, group, g->outer, g->oh * ow);
        lanes_out(planes, i0 * ow, y, o);
    }
}

static void avg_pool_forward(void *y, const void *x, const fnn_windows *g, int include_pad, double divisor)
{
    pool_context c =
        {.y = y, .x = x, .g = g, .wide = fnn_windows_are_wide(g), .include_pad = include_pad, .divisor = (REAL)divisor};
    const double size = window_size(g);
    if (window_is_plane(g))
        fnn_parallel_for((g->outer + VQUAD - 1) / VQUAD, 1, VQUAD * (0.07 * size + 2), avg_pool_means, &c);
    else if (!(fnn_windows_are_2x2(g) && 4 * g->ow > VW) && pool_in_lanes(&c, g->oh, fnn_output_band(g)))
        fnn_parallel_for(lane_groups(g) * c.bands, 1,
                         VW * (0.06 * (double)(g->h * g->w) + (0.03 * size + 0.1) * (double)(g->oh * g->ow)) /
                             (double)c.bands,
                         avg_pool_lanes, &c);
    else if (g->inner == 1 && fnn_windows_are_2x2(g))
        fnn_parallel_for(g->outer * g->oh, 1, 0.3 * (double)g->ow + 5, avg_pool_2x2, &c);
    else
        fnn_parallel_for(g->outer * g->oh, 1, (double)(g->ow * g->inner) * (0.2 * size + 0.5) + 10, avg_pool_rows, &c);
}

/* ---- backward ---- */

/* A row of outputs' gradients, divided, to the rows of dx that its windows cover; inner == 1. */
static void avg_spread(const pool_context *c, REAL *dx, const REAL *dy, int64_t i)
{
    const fnn_windows *g = c->g;
    REAL part[FNN_POOL_BLOCK];
    int64_t h0, h1;
    fnn_window(i, g->h, g->oh, g->kh, g->sh, g->ph, &h0, &h1);
    for (int64_t j0 = 0; j0 < g->ow; j0 += FNN_POOL_BLOCK) {
        const int64_t n = g->ow - j0 < FNN_POOL_BLOCK ? g->ow - j0 : FNN_POOL_BLOCK;
        divide_row(c, part, dy + j0, i, j0, n);
        for (int64_t h = h0; h < h1; h++) {
            REAL *line = dx + h * g->w;
            for (int64_t j = 0; c->wide && j < n; j++) {
                int64_t w0, w1;
                fnn_window(j0 + j, g->w, g->ow, g->kw, g->sw, g->pw, &w0, &w1);
                for (int64_t w = w0; w < w1; w++)
                    line[w] += part[j];
            }
            for (int64_t kw = 0; kw < g->kw && !c->wide; kw++) {
                const int64_t at = j0 * g->sw - g->pw + kw;
                int64_t from, to;
                fnn_inside(at, g->w, n, g->sw, &from, &to);
                if (from < to)
                    spread_line(line + at + from * g->sw, part + from, g->sw, to - from);
            }
        }
    }
}

/* Items are planes, or with channels last parts of their channels. */
static void avg_pool_planes(void *context, int64_t begin, int64_t end)
{
    const pool_context *c = context;
    const fnn_windows *g = c->g;
    const int64_t parts = fnn_channel_parts(g), inner = g->inner;
    if (c->small) {
        planes_2x2(c, NULL, c->divisor != 0 ? c->divisor : 4, begin, end);
        return;
    }
    for (int64_t item = begin; item < end; item++) {
        const int64_t plane = item / parts, c0 = item % parts * FNN_POOL_BLOCK;
        const int64_t n = inner - c0 < FNN_POOL_BLOCK ? inner - c0 : FNN_POOL_BLOCK;
        REAL *dx = c->y + plane * g->h * g->w * inner + c0;
        const REAL *dy = c->x + plane * g->oh * g->ow * inner + c0;
        if (n == inner)
            memset(dx, 0, (size_t)(g->h * g->w * inner) * sizeof(REAL));
        else
            for (int64_t k = 0; k < g->h * g->w; k++)
                memset(dx + k * inner, 0, (size_t)n * sizeof(REAL));
        for (int64_t i = 0; i < g->oh; i++) {
            if (inner == 1) {
                avg_spread(c, dx, dy + i * g->ow, i);
                continue;
            }
            REAL part[FNN_POOL_BLOCK];
            const REAL rows = row_count(c, i);
            int64_t h0, h1, w0, w1;
            fnn_window(i, g->h, g->oh, g->kh, g->sh, g->ph, &h0, &h1);
            for (int64_t j = 0; j < g->ow; j++) {
                const REAL divisor = c->divisor != 0 ? c->divisor : rows * column_count(c, j);
                for (int64_t m = 0; m < n; m++)
                    part[m] = dy[(i * g->ow + j) * inner + m] / divisor;
                fnn_window(j, g->w, g->ow, g->kw, g->sw, g->pw, &w0, &w1);
                for (int64_t h = h0; h < h1; h++)
                    for (int64_t w = w0; w < w1; w++)
                        gather_line(dx + (h * g->w + w) * inner, part, 1, n);
            }
        }
    }
}

/* Items are bands of rows of dx, of VW planes each. */
static void avg_pool_lanes_back(void *context, int64_t begin, int64_t end)
{
    const pool_context *c = context;
    const fnn_windows *g = c->g;
    const int64_t w = g->w, ow = g->ow;
    vec dx[FNN_POOL_TILE], dy[FNN_POOL_TILE];
    for (int64_t item = begin; item < end; item++) {
        const int64_t group = item / c->bands, top = item % c->bands * c->band;
        const int64_t bottom = top + c->band < g->h ? top + c->band : g->h;
        int64_t i0, i1, h0, h1, w0, w1, o = 0;
        REAL *planes[VW];
        fnn_windows_touching(g, top, bottom, &i0, &i1);
        lane_planes(planes, c->x, group, g->outer, g->oh * ow);
        lanes_in(dy, planes, i0 * ow, (i1 - i0) * ow);
        memset(dx, 0, (size_t)((bottom - top) * w) * sizeof *dx);
        for (int64_t i = i0; i < i1; i++) {
            const REAL rows = row_count(c, i);
            fnn_window(i, g->h, g->oh, g->kh, g->sh, g->ph, &h0, &h1);
            h0 = h0 > top ? h0 : top, h1 = h1 < bottom ? h1 : bottom;
            for (int64_t j = 0; j < ow; j++) {
                const vec part = dy[o++] / (c->divisor != 0 ? c->divisor : rows * column_count(c, j));
                fnn_window(j, w, ow, g->kw, g->sw, g->pw, &w0, &w1);
                for (int64_t h = h0 - top; h < h1 - top; h++)
                    for (int64_t k = w0; k < w1; k++)
                        dx[h * w + k] += part;
            }
        }
        lane_planes(planes, c->y, group, g->outer, g->h * w);
        lanes_out(planes, top * w, dx, (bottom - top) * w);
    }
}

static void avg_pool_backward(void *dx, const void *dy, const fnn_windows *g, int include_pad, double divisor)
{
    pool_context c = {.y = dx,
                      .x = dy,
                      .g = g,
                      .wide = fnn_windows_are_wide(g),
                      .small = g->inner == 1 && fnn_windows_are_2x2(g),
                      .include_pad = include_pad,
                      .divisor = (REAL)divisor};
    const int64_t parts = fnn_channel_parts(g);
    const double elements = (double)(g->inner < FNN_POOL_BLOCK ? g->inner : FNN_POOL_BLOCK);
    const double size = (double)(g->h * g->w), outputs = (double)(g->oh * g->ow);
    if (window_is_plane(g))
        fnn_parallel_for(g->outer, 1, 0.07 * size + 2, avg_pool_fill, &c);
    else if (!(c.small ? 4 * g->ow > VW : g->sw == 1 && g->ow > 4 * VW) && pool_in_lanes(&c, g->h, fnn_input_band(g)))
        fnn_parallel_for(lane_groups(g) * c.bands, 1,
                         VW * (0.06 * size + (0.04 * window_size(g) + 0.1) * outputs) / (double)c.bands,
                         avg_pool_lanes_back, &c);
    else
        fnn_parallel_for(g->outer * parts, 1,
                         elements * (0.1 * size + (c.small ? 0 : 0.3 * window_size(g) + 0.5) * outputs) + 10,
                         avg_pool_planes, &c);
}
