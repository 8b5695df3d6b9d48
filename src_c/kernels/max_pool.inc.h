/* max_pool.inc.h -- largest elements of windows, and where they were. NaN wins, the last one of a window; of equal
 * elements the first one does.
 *
 * A tap is an element's number within its window, kh * kw + ... in row order. With inner == 1 loops run along a row of
 * outputs, with channels last (inner > 1) along the channels; few wide windows are searched one by one.
 */
#ifndef FNN_MAX_POOL_ONCE
#define FNN_MAX_POOL_ONCE
#define FNN_POOL_BLOCK 256 /* outputs whose taps are held on the stack */

/* Where window i begins and ends along an axis of n elements; adaptive windows (kernel 0) are spread evenly. */
static inline void fnn_window(int64_t i, int64_t n, int64_t out, int64_t kernel, int64_t stride, int64_t padding,
                              int64_t *begin, int64_t *end)
{
    if (kernel == 0) {
        *begin = (int64_t)((__int128)i * n / out);
        *end = (int64_t)(((__int128)(i + 1) * n + out - 1) / out);
        return;
    }
    const int64_t at = i * stride - padding;
    *begin = at > 0 ? at : 0;
    *end = at + kernel < n ? at + kernel : n;
}

/* The outputs [*begin, *end) of `out` whose window's element at offset `at` lies within 0..n-1. */
static inline void fnn_inside(int64_t at, int64_t n, int64_t out, int64_t stride, int64_t *begin, int64_t *end)
{
    *begin = at < 0 ? (-at + stride - 1) / stride : 0;
    *end = n > at ? (n - 1 - at) / stride + 1 : 0;
    *end = *end < out ? *end : out;
    *begin = *begin < *end ? *begin : *end;
}

/* The first tap along an axis that lies within it; 0 if none does. */
static inline int64_t fnn_first_tap(int64_t at, int64_t n, int64_t kernel, int64_t dilation)
{
    const int64_t k = at < 0 ? (-at + dilation - 1) / dilation : 0;
    return k < kernel && at + k * dilation < n ? k : 0;
}

/* Windows that are few and long are reduced one by one. */
static inline int fnn_windows_are_wide(const fnn_windows *g)
{
    return g->inner == 1 && g->dw == 1 && (g->kh == 0 || (g->kh * g->kw >= 8 && g->kw > g->ow));
}

static inline int fnn_windows_are_2x2(const fnn_windows *g)
{
    return g->kh == 2 && g->kw == 2 && g->sh == 2 && g->sw == 2 && g->ph == 0 && g->pw == 0 && g->dh == 1 &&
           g->dw == 1 && 2 * g->oh <= g->h && 2 * g->ow <= g->w;
}

/* Channels [*begin, *end) of part `part`: a plane with its channels last is cut into parts for threads. */
static inline int64_t fnn_channel_parts(const fnn_windows *g)
{
    return (g->inner + FNN_POOL_BLOCK - 1) / FNN_POOL_BLOCK;
}
#endif

#if REAL_IS_F32
typedef int32_t FN(tap);
#else
typedef int64_t FN(tap);
#endif

typedef struct {
    REAL *y; /* forward: y, backward: dx */
    void *index;
    int kind;
    const REAL *x; /* forward: x, backward: dy */
    const fnn_windows *g;
    int wide, small;
    int include_pad; /* averages */
    REAL divisor;    /* averages: 0 counts elements */
} FN(pool_context);

#define TAKES(v, best) ((v > best) | (v != v))

FNN_INLINE void FN(max_line_by)(REAL *y, FN(tap) *t, const REAL *x, int64_t step, int64_t n, FN(tap) k)
{
    for (int64_t j = 0; j < n; j++) {
        const REAL v = x[j * step];
        const int better = TAKES(v, y[j]);
        y[j] = better ? v : y[j];
        t[j] = better ? k : t[j];
    }
}

FNN_INLINE void FN(max_values_by)(REAL *y, const REAL *x, int64_t step, int64_t n)
{
    for (int64_t j = 0; j < n; j++)
        y[j] = TAKES(x[j * step], y[j]) ? x[j * step] : y[j];
}

/* y[j] = max(y[j], x[j step]); t[j] = k where it was greater. t may be NULL. */
static void FN(max_line)(REAL *restrict y, FN(tap) *restrict t, const REAL *restrict x, int64_t step, int64_t n,
                         FN(tap) k)
{
    if (!t) {
        if (step == 1)
            FN(max_values_by)(y, x, 1, n);
        else if (step == 2)
            FN(max_values_by)(y, x, 2, n);
        else
            FN(max_values_by)(y, x, step, n);
    } else if (step == 1) {
        FN(max_line_by)(y, t, x, 1, n, k);
    } else if (step == 2) {
        FN(max_line_by)(y, t, x, 2, n, k);
    } else {
        FN(max_line_by)(y, t, x, step, n, k);
    }
}

/* Taps as index[at...]: bytes, int32, or places in the plane as int64. Outputs (i, j0 + m / per_j), per_j = inner or 1:
 * a run along a row has per_j == 1, one along channels n <= per_j. */
static void FN(store_taps)(const FN(pool_context) *c, int64_t at, const FN(tap) *t, int64_t n, int64_t i, int64_t j0,
                           int along_row)
{
    const fnn_windows *g = c->g;
    if (c->kind == 1) {
        uint8_t *out = (uint8_t *)c->index + at;
        for (int64_t m = 0; m < n; m++)
            out[m] = (uint8_t)t[m];
    } else if (c->kind == 4) {
        int32_t *out = (int32_t *)c->index + at;
        for (int64_t m = 0; m < n; m++)
            out[m] = (int32_t)t[m];
    } else {
        int64_t *out = (int64_t *)c->index + at;
        for (int64_t m = 0; m < n; m++) {
            const int64_t h = i * g->sh - g->ph + t[m] / g->kw * g->dh;
            const int64_t w = (along_row ? j0 + m : j0) * g->sw - g->pw + t[m] % g->kw * g->dw;
            out[m] = h < 0 || h >= g->h || w < 0 || w >= g->w ? 0 : h * g->w + w;
        }
    }
}

/* Outputs j0..j0+n-1 of row i, from windows of 2 x 2 with stride 2. */
static void FN(max_row_2x2)(REAL *restrict y, FN(tap) *restrict t, const REAL *restrict p, const REAL *restrict q,
                            int64_t n)
{
    if (!t) {
        for (int64_t j = 0; j < n; j++) {
            const REAL a = p[2 * j], b = p[2 * j + 1], d = q[2 * j], e = q[2 * j + 1];
            const REAL u = TAKES(b, a) ? b : a, v = TAKES(e, d) ? e : d;
            y[j] = TAKES(v, u) ? v : u;
        }
        return;
    }
    for (int64_t j = 0; j < n; j++) {
        const REAL a = p[2 * j], b = p[2 * j + 1], d = q[2 * j], e = q[2 * j + 1];
        const int right = TAKES(b, a), right2 = TAKES(e, d);
        const REAL u = right ? b : a, v = right2 ? e : d;
        const FN(tap) tu = right ? 1 : 0, tv = right2 ? 3 : 2;
        const int below = TAKES(v, u);
        y[j] = below ? v : u;
        t[j] = below ? tv : tu;
    }
}

/* The largest of rows [h0, h1) and columns [w0, w1) of a plane, and its place. */
static REAL FN(max_window)(const REAL *x, int64_t w, int64_t h0, int64_t h1, int64_t w0, int64_t w1, int64_t *place)
{
    *place = 0;
    if (h0 >= h1 || w0 >= w1)
        return -INFINITY;
    int64_t rows = h1 - h0, n = w1 - w0;
    if (n == w) /* whole rows are one */
        n *= rows, rows = 1;
    REAL best = -INFINITY;
    const REAL *line = x + h0 * w + w0;
    for (int64_t k = 0; k < rows; k++) {
        const REAL v = FN(max_row)(x + (h0 + k) * w + w0, n);
        if (TAKES(v, best))
            best = v, line = x + (h0 + k) * w + w0;
    }
    int64_t k = 0;
    if (best != best) {
        for (k = n - 1; line[k] == line[k]; k--)
            ;
    } else {
        while (line[k] != best)
            k++;
    }
    *place = line - x + k;
    return best;
}

static void FN(max_pool_wide)(const FN(pool_context) *c, int64_t begin, int64_t end)
{
    const fnn_windows *g = c->g;
    for (int64_t row = begin; row < end; row++) {
        const int64_t i = row % g->oh;
        const REAL *x = c->x + row / g->oh * g->h * g->w;
        int64_t h0, h1, w0, w1, place;
        fnn_window(i, g->h, g->oh, g->kh, g->sh, g->ph, &h0, &h1);
        for (int64_t j = 0; j < g->ow; j++) {
            fnn_window(j, g->w, g->ow, g->kw, g->sw, g->pw, &w0, &w1);
            c->y[row * g->ow + j] = FN(max_window)(x, g->w, h0, h1, w0, w1, &place);
            if (c->kind == 8) {
                ((int64_t *)c->index)[row * g->ow + j] = place;
            } else if (c->kind) {
                const int64_t tap = (place / g->w - (i * g->sh - g->ph)) * g->kw + place % g->w - (j * g->sw - g->pw);
                if (c->kind == 4)
                    ((int32_t *)c->index)[row * g->ow + j] = (int32_t)tap;
                else
                    ((uint8_t *)c->index)[row * g->ow + j] = (uint8_t)tap;
            }
        }
    }
}

/* Outputs j0..j0+n-1 of row i of a plane. */
static void FN(max_pool_block)(const FN(pool_context) *c, REAL *y, FN(tap) *t, const REAL *x, int64_t i, int64_t j0,
                               int64_t n)
{
    const fnn_windows *g = c->g;
    const int64_t top = i * g->sh - g->ph, first = fnn_first_tap(top, g->h, g->kh, g->dh) * g->kw;
    if (c->small) {
        const REAL *p = x + 2 * i * g->w + 2 * j0;
        FN(max_row_2x2)(y, t, p, p + g->w, n);
        return;
    }
    for (int64_t j = 0; j < n; j++)
        y[j] = -INFINITY;
    for (int64_t j = 0; t && j < n; j++)
        t[j] = (FN(tap))first;
    for (int64_t j = 0; t && j < n && (j0 + j) * g->sw < g->pw; j++)
        t[j] += (FN(tap))fnn_first_tap((j0 + j) * g->sw - g->pw, g->w, g->kw, g->dw);
    for (int64_t kh = 0; kh < g->kh; kh++) {
        const int64_t h = top + kh * g->dh;
        if (h < 0 || h >= g->h)
            continue;
        for (int64_t kw = 0; kw < g->kw; kw++) {
            const int64_t at = j0 * g->sw - g->pw + kw * g->dw;
            int64_t from, to;
            fnn_inside(at, g->w, n, g->sw, &from, &to);
            if (from < to)
                FN(max_line)(y + from, t ? t + from : NULL, x + h * g->w + at + from * g->sw, g->sw, to - from,
                             (FN(tap))(kh * g->kw + kw));
        }
    }
}

/* Channels c0..c0+n-1 of output (i, j); x is a plane with its channels last. */
static void FN(max_pool_channels)(const FN(pool_context) *c, REAL *y, FN(tap) *t, const REAL *x, int64_t i, int64_t j,
                                  int64_t n)
{
    const fnn_windows *g = c->g;
    const int64_t top = i * g->sh - g->ph, left = j * g->sw - g->pw;
    const int64_t first = fnn_first_tap(top, g->h, g->kh, g->dh) * g->kw + fnn_first_tap(left, g->w, g->kw, g->dw);
    for (int64_t m = 0; m < n; m++)
        y[m] = -INFINITY;
    for (int64_t m = 0; t && m < n; m++)
        t[m] = (FN(tap))first;
    for (int64_t kh = 0; kh < g->kh; kh++) {
        const int64_t h = top + kh * g->dh;
        if (h < 0 || h >= g->h)
            continue;
        for (int64_t kw = 0; kw < g->kw; kw++) {
            const int64_t w = left + kw * g->dw;
            if (w >= 0 && w < g->w)
                FN(max_line)(y, t, x + (h * g->w + w) * g->inner, 1, n, (FN(tap))(kh * g->kw + kw));
        }
    }
}

/* Items are rows of outputs. */
static void FN(max_pool_rows)(void *context, int64_t begin, int64_t end)
{
    const FN(pool_context) *c = context;
    const fnn_windows *g = c->g;
    FN(tap) taps[FNN_POOL_BLOCK], *t = c->kind ? taps : NULL;
    if (c->wide) {
        FN(max_pool_wide)(c, begin, end);
        return;
    }
    for (int64_t row = begin; row < end; row++) {
        const int64_t i = row % g->oh, at = row * g->ow * g->inner;
        const REAL *x = c->x + row / g->oh * g->h * g->w * g->inner;
        const int64_t columns = g->inner == 1 ? g->ow : g->inner, turns = g->inner == 1 ? 1 : g->ow;
        for (int64_t j = 0; j < turns; j++)
            for (int64_t k = 0; k < columns; k += FNN_POOL_BLOCK) {
                const int64_t n = columns - k < FNN_POOL_BLOCK ? columns - k : FNN_POOL_BLOCK;
                const int64_t place = at + j * columns + k;
                if (g->inner == 1)
                    FN(max_pool_block)(c, c->y + place, t, x, i, k, n);
                else
                    FN(max_pool_channels)(c, c->y + place, t, x + k, i, j, n);
                if (t)
                    FN(store_taps)(c, place, t, n, i, g->inner == 1 ? k : j, g->inner == 1);
            }
    }
}

static void FN(max_pool_forward)(void *y, void *index, int kind, const void *x, const fnn_windows *g)
{
    FN(pool_context) c = {.y = y, .index = index, .kind = kind, .x = x, .g = g,
                          .wide = fnn_windows_are_wide(g) && (g->kh == 0 || g->dh == 1),
                          .small = g->inner == 1 && fnn_windows_are_2x2(g)};
    const double size = g->kh ? (double)(g->kh * g->kw) : (double)(g->h * g->w) / (double)(g->oh * g->ow + 1) + 2;
    fnn_parallel_for(g->outer * g->oh, 1, (double)(g->ow * g->inner) * (0.3 * size + 0.5) + 10, FN(max_pool_rows), &c);
}

/* ---- backward ---- */

static void FN(scatter_2x2)(REAL *restrict p, REAL *restrict q, const REAL *restrict dy, const uint8_t *restrict t,
                            int64_t n)
{
    for (int64_t j = 0; j < n; j++) {
        p[2 * j] = t[j] == 0 ? dy[j] : 0;
        p[2 * j + 1] = t[j] == 1 ? dy[j] : 0;
        q[2 * j] = t[j] == 2 ? dy[j] : 0;
        q[2 * j + 1] = t[j] == 3 ? dy[j] : 0;
    }
}

/* Windows of 2 x 2 that do not overlap: each element of dx is written once. */
static void FN(max_plane_2x2)(const FN(pool_context) *c, int64_t plane)
{
    const fnn_windows *g = c->g;
    REAL *dx = c->y + plane * g->h * g->w;
    for (int64_t i = 0; i < g->oh; i++) {
        const int64_t at = (plane * g->oh + i) * g->ow;
        REAL *p = dx + 2 * i * g->w, *q = p + g->w;
        FN(scatter_2x2)(p, q, c->x + at, (const uint8_t *)c->index + at, g->ow);
        for (int64_t w = 2 * g->ow; w < g->w; w++)
            p[w] = q[w] = 0;
    }
    for (int64_t k = 2 * g->oh * g->w; k < g->h * g->w; k++)
        dx[k] = 0;
}

/* One output's gradient for n channels, by passes over the window's elements. */
static void FN(max_spread)(const FN(pool_context) *c, REAL *dx, const REAL *dy, const uint8_t *t, int64_t i, int64_t j,
                           int64_t n)
{
    const fnn_windows *g = c->g;
    for (int64_t kh = 0; kh < g->kh; kh++) {
        const int64_t h = i * g->sh - g->ph + kh * g->dh;
        if (h < 0 || h >= g->h)
            continue;
        for (int64_t kw = 0; kw < g->kw; kw++) {
            const int64_t w = j * g->sw - g->pw + kw * g->dw;
            if (w < 0 || w >= g->w)
                continue;
            REAL *restrict to = dx + (h * g->w + w) * g->inner;
            const uint8_t k = (uint8_t)(kh * g->kw + kw);
            for (int64_t m = 0; m < n; m++)
                to[m] += t[m] == k ? dy[m] : 0;
        }
    }
}

/* Items are planes, or with channels last parts of their channels. */
static void FN(max_pool_planes)(void *context, int64_t begin, int64_t end)
{
    const FN(pool_context) *c = context;
    const fnn_windows *g = c->g;
    const int64_t parts = fnn_channel_parts(g), inner = g->inner;
    int64_t row[256], column[256];
    for (int64_t tap = 0; tap < 256 && c->kind == 1; tap++)
        row[tap] = tap / g->kw * g->dh, column[tap] = tap % g->kw * g->dw;
    for (int64_t item = begin; item < end; item++) {
        const int64_t plane = item / parts, c0 = item % parts * FNN_POOL_BLOCK;
        const int64_t n = inner - c0 < FNN_POOL_BLOCK ? inner - c0 : FNN_POOL_BLOCK;
        if (c->small) {
            FN(max_plane_2x2)(c, plane);
            continue;
        }
        REAL *dx = c->y + plane * g->h * g->w * inner + c0;
        if (n == inner)
            memset(dx, 0, (size_t)(g->h * g->w * inner) * sizeof(REAL));
        else
            for (int64_t k = 0; k < g->h * g->w; k++)
                memset(dx + k * inner, 0, (size_t)n * sizeof(REAL));
        for (int64_t o = 0; o < g->oh * g->ow; o++) {
            const int64_t place = (plane * g->oh * g->ow + o) * inner + c0;
            const REAL *dy = c->x + place;
            if (c->kind == 8) {
                const int64_t *to = (const int64_t *)c->index + place;
                for (int64_t m = 0; m < n; m++)
                    if (to[m] >= 0 && to[m] < g->h * g->w)
                        dx[to[m] * inner + m] += dy[m];
                continue;
            }
            const int64_t i = o / g->ow, j = o % g->ow;
            if (inner > 1 && c->kind == 1 && g->kh * g->kw <= 16) {
                FN(max_spread)(c, dx, dy, (const uint8_t *)c->index + place, i, j, n);
                continue;
            }
            const int64_t top = i * g->sh - g->ph, left = j * g->sw - g->pw;
            for (int64_t m = 0; m < n; m++) {
                int64_t h, w;
                if (c->kind == 1) {
                    const uint8_t tap = ((const uint8_t *)c->index)[place + m];
                    h = top + row[tap], w = left + column[tap];
                } else {
                    const int32_t tap = ((const int32_t *)c->index)[place + m];
                    h = top + tap / g->kw * g->dh, w = left + tap % g->kw * g->dw;
                }
                if (h >= 0 && h < g->h && w >= 0 && w < g->w)
                    dx[(h * g->w + w) * inner + m] += dy[m];
            }
        }
    }
}

static void FN(max_pool_backward)(void *dx, const void *dy, const void *index, int kind, const fnn_windows *g)
{
    FN(pool_context) c = {.y = dx, .index = (void *)index, .kind = kind, .x = dy, .g = g,
                          .small = kind == 1 && g->inner == 1 && fnn_windows_are_2x2(g)};
    const int64_t parts = fnn_channel_parts(g);
    const double elements = (double)(g->inner < FNN_POOL_BLOCK ? g->inner : FNN_POOL_BLOCK);
    fnn_parallel_for(g->outer * parts, 1,
                     elements * (0.2 * (double)(g->h * g->w) + 1.0 * (double)(g->oh * g->ow)) + 10,
                     FN(max_pool_planes), &c);
}
