/* pool.inc.h -- what the kernels of windows share: where windows are, and small planes in the lanes of vectors.
 *
 * With inner == 1 loops run along a row of outputs, with channels last (inner > 1) along the channels. Rows of small
 * planes are too short for that: VW planes are transposed into a tile, an element of each to a vector, and a window is
 * a few whole vectors. Rows of outputs (backward: of dx) are taken in bands that a tile holds.
 */
#define FNN_POOL_BLOCK 256 /* outputs whose taps are held on the stack */

/* Where window i begins and ends along an axis of n elements; adaptive windows (kernel 0) are spread evenly. */
static inline void fnn_window(int64_t i, int64_t n, int64_t out, int64_t kernel, int64_t stride, int64_t padding,
                              int64_t *begin, int64_t *end)
{
    if (kernel == 0) {
        *begin = i * n / out;
        *end = ((i + 1) * n + out - 1) / out;
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

/* The first tap along an axis that lies within it; -1 if none does. */
static inline int64_t fnn_first_tap(int64_t at, int64_t n, int64_t kernel, int64_t dilation)
{
    const int64_t k = at < 0 ? (-at + dilation - 1) / dilation : 0;
    return k < kernel && at + k * dilation < n ? k : -1;
}

/* The same of a window, by its first taps along both axes; 0 if none lies within the plane. */
static inline int64_t fnn_first_of(const fnn_windows *g, int64_t row, int64_t column)
{
    return row < 0 || column < 0 ? 0 : row * g->kw + column;
}

/* The taps [*begin, *end) along an axis, of a window at offset `at`, that lie within 0..n-1; at >= n: none (a division
 * of n - 1 - at, which is negative then, rounds up). */
static inline void fnn_taps_inside(int64_t at, int64_t n, int64_t kernel, int64_t dilation, int64_t *begin,
                                   int64_t *end)
{
    *begin = at >= 0 ? 0 : dilation == 1 ? -at : (-at + dilation - 1) / dilation;
    *end = at + (kernel - 1) * dilation < n ? kernel
           : at >= n                        ? 0
           : dilation == 1                  ? n - at
                                            : (n - 1 - at) / dilation + 1;
    *begin = *begin < *end ? *begin : *end;
}

/* The columns [*begin, *end) of outputs whose windows have all their columns within the plane. */
static inline void fnn_whole_columns(const fnn_windows *g, int64_t *begin, int64_t *end)
{
    int64_t unused;
    fnn_inside(-g->pw, g->w, g->ow, g->sw, begin, &unused);
    fnn_inside((g->kw - 1) * g->dw - g->pw, g->w, g->ow, g->sw, &unused, end);
    *end = *end > *begin ? *end : *begin;
}

/* `rows` in *bands bands of *band rows, at most `most`. */
static inline void fnn_bands(int64_t rows, int64_t most, int64_t *band, int64_t *bands)
{
    *bands = (rows + most - 1) / most;
    *band = (rows + *bands - 1) / *bands;
}

/* Where window i begins along an axis, and its taps [*begin, *end) within it. */
static inline int64_t fnn_taps_of(int64_t i, int64_t n, int64_t out, int64_t kernel, int64_t stride, int64_t padding,
                                  int64_t dilation, int64_t *begin, int64_t *end)
{
    int64_t at = i * stride - padding;
    if (kernel) {
        fnn_taps_inside(at, n, kernel, dilation, begin, end);
        return at;
    }
    fnn_window(i, n, out, 0, 1, 0, &at, end);
    *begin = 0, *end -= at;
    return at;
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

#define FNN_POOL_TILE 512 /* vectors of a tile of planes in lanes */

/* Where byte e of 4 is in a word. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FNN_BYTE_SHIFT(e) (8 * (e))
#else
#define FNN_BYTE_SHIFT(e) (24 - 8 * (e))
#endif

/* From a window's first row to its last. */
static inline int64_t fnn_window_extent(const fnn_windows *g)
{
    return g->kh == 0 ? 0 : (g->kh - 1) * g->dh + 1;
}

/* The most rows of outputs that, and whose windows' rows, a tile holds; 0 if none. */
static inline int64_t fnn_output_band(const fnn_windows *g)
{
    if (g->ow == 0)
        return 0;
    const int64_t room = FNN_POOL_TILE / g->w, extent = fnn_window_extent(g);
    int64_t rows = g->oh;
    if (room < g->h && extent)
        rows = room < extent ? 0 : (room - extent) / g->sh + 1;
    else if (room < g->h)
        rows = room < 2 ? 0 : (room - 2) * g->oh / g->h;
    return rows < FNN_POOL_TILE / g->ow ? rows : FNN_POOL_TILE / g->ow;
}

/* The most rows of dx that, and the rows of outputs whose windows touch them, a tile holds; 0 or less if none. */
static inline int64_t fnn_input_band(const fnn_windows *g)
{
    if (g->ow == 0)
        return 0;
    const int64_t room = FNN_POOL_TILE / g->ow, extent = fnn_window_extent(g);
    int64_t rows = g->h;
    if (room < g->oh)
        rows = extent ? room * g->sh - extent + 1 : (room - 2) * g->h / g->oh;
    return rows < FNN_POOL_TILE / g->w ? rows : FNN_POOL_TILE / g->w;
}

/* The rows of outputs [*begin, *end) whose windows touch rows [h0, h1). */
static inline void fnn_windows_touching(const fnn_windows *g, int64_t h0, int64_t h1, int64_t *begin, int64_t *end)
{
    const int64_t extent = fnn_window_extent(g);
    int64_t i = 0, from, to;
    for (*begin = g->oh; i < g->oh; i++) {
        fnn_window(i, g->h, g->oh, extent, g->sh, g->ph, &from, &to);
        if (from >= h1)
            break;
        if (to > h0 && *begin == g->oh)
            *begin = i;
    }
    *end = i;
    *begin = *begin < i ? *begin : i;
}

#if REAL_IS_F32
typedef int32_t pool_tap;
#else
typedef int64_t pool_tap;
#endif

typedef struct {
    REAL *y; /* forward: y, backward: dx */
    void *index;
    int kind;
    const REAL *x; /* forward: x, backward: dy */
    const fnn_windows *g;
    int wide, small;
    int include_pad;     /* averages */
    REAL divisor;        /* averages: 0 counts elements */
    int64_t band, bands; /* planes in lanes: rows at a time, and how many times */
} pool_context;

/* ---- planes in lanes ---- */

/* The addresses of group `group` of VW planes of `size` elements; lanes beyond the last plane repeat it. */
FNN_INLINE void lane_planes(REAL **p, const REAL *x, int64_t group, int64_t planes, int64_t size)
{
    for (int64_t l = 0; l < VW; l++)
        p[l] = (REAL *)x + (group * VW + l < planes ? group * VW + l : planes - 1) * size;
}

/* tile[k] = elements at + k of planes p[0..VW-1], k < n. */
static void lanes_in(vec *tile, REAL *const *p, int64_t at, int64_t n)
{
    if (n < VQUAD) {
        for (int64_t k = 0; k < n; k++)
            for (int l = 0; l < VW; l++)
                ((REAL *)(tile + k))[l] = p[l][at + k];
        return;
    }
    for (int64_t k = 0; k < n; k += VQUAD) {
        vec v[VQUAD];
        if (n - k < VQUAD)
            k = n - VQUAD;
        FNN_UNROLL
        for (int q = 0; q < VQUAD; q++)
            v[q] = v_gather_lanes((const REAL *const *)p + q, at + k);
        v_transpose_lanes(v);
        FNN_UNROLL
        for (int q = 0; q < VQUAD; q++)
            tile[k + q] = v[q];
    }
}

/* The reverse. Lanes that repeat a plane hold the same. */
static void lanes_out(REAL *const *p, int64_t at, const vec *tile, int64_t n)
{
    if (n < VQUAD) {
        for (int64_t k = 0; k < n; k++)
            for (int l = 0; l < VW; l++)
                p[l][at + k] = ((const REAL *)(tile + k))[l];
        return;
    }
    for (int64_t k = 0; k < n; k += VQUAD) {
        vec v[VQUAD];
        if (n - k < VQUAD)
            k = n - VQUAD;
        FNN_UNROLL
        for (int q = 0; q < VQUAD; q++)
            v[q] = tile[k + q];
        v_transpose_lanes(v);
        FNN_UNROLL
        for (int q = 0; q < VQUAD; q++)
            v_scatter_lanes(p + q, at + k, v[q]);
    }
}

/* Whether planes are many enough and a tile holds bands, of at most `most` of `rows` rows; sets the bands. */
static int pool_in_lanes(pool_context *c, int64_t rows, int64_t most)
{
    const fnn_windows *g = c->g;
    if (g->inner > 1 || g->outer < VW / 2 || (g->oh * g->ow == 1 && g->h * g->w > 128) || g->kh * g->kw > 256 ||
        most < 1)
        return 0;
    fnn_bands(rows, most, &c->band, &c->bands);
    return 1;
}

static inline int64_t lane_groups(const fnn_windows *g)
{
    return (g->outer + VW - 1) / VW;
}

/* Elements of a window, about as many where they differ. */
static inline double window_size(const fnn_windows *g)
{
    return g->kh ? (double)(g->kh * g->kw) : (double)(g->h * g->w) / (double)(g->oh * g->ow + 1) + 2;
}
