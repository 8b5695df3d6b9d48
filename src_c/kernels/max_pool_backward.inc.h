/* max_pool_backward.inc.h -- gradients of windows' largest elements, back to where the taps of max_pool.inc.h say. */

/* dy where its tap is k, else 0. */
FNN_INLINE vec max_pick(vec dy, vint t, pool_tap k)
{
    return (vec)((vint)(t == k) & (vint)dy);
}

/* Rows p and q of dx for windows of 2 x 2, from n outputs whose gradients are dy and taps t, or (t NULL) averages by
 * `divisor`; by whole vectors, the last one of n >= VW shifted back. */
FNN_INLINE void rows_2x2(REAL *p, REAL *q, const REAL *dy, const uint8_t *t, REAL divisor, int64_t n)
{
    for (int64_t j = 0; j < n; j += VW) {
        if (n - j < VW && n >= VW)
            j = n - VW;
        vec v = v_load(dy + j), a, b, d, e;
        if (t) {
            const vint taps = v_from_bytes(t + j);
            a = max_pick(v, taps, 0), b = max_pick(v, taps, 1);
            d = max_pick(v, taps, 2), e = max_pick(v, taps, 3);
        } else {
            a = b = d = e = v / divisor;
        }
        v_store(p + 2 * j, v_zip_low(a, b));
        if (n > VW / 2)
            v_store(p + 2 * j + VW, v_zip_high(a, b));
        v_store(q + 2 * j, v_zip_low(d, e));
        if (n > VW / 2)
            v_store(q + 2 * j + VW, v_zip_high(d, e));
    }
}

/* Planes [begin, end) of windows of 2 x 2 that do not overlap: each element of dx is written by its own window. Rows
 * shorter than a vector overwrite what follows them while that is of these planes and yet to come. */
FNN_INLINE void planes_2x2(const pool_context *c, const uint8_t *t, REAL divisor, int64_t begin, int64_t end)
{
    const fnn_windows *g = c->g;
    const int64_t size = g->h * g->w, ow = g->ow, w = g->w, outputs = g->outer * g->oh * ow;
    const REAL *dy = c->x + begin * g->oh * ow;
    int64_t at = begin * g->oh * ow;
    for (int64_t plane = begin; plane < end; plane++) {
        REAL *dx = c->y + plane * size;
        const int64_t room = (end - plane) * size - w - 2 * VW;
        for (int64_t i = 0; i < g->oh; i++, at += ow, dy += ow) {
            REAL *p = dx + 2 * i * w, *q = p + w;
            const uint8_t *taps = t ? t + at : NULL;
            if (ow >= VW || (at + VW <= outputs && 2 * i * w <= room)) {
                rows_2x2(p, q, dy, taps, divisor, ow);
            } else {
                for (int64_t j = 0; j < ow; j++) {
                    const REAL v = t ? dy[j] : dy[j] / divisor;
                    p[2 * j] = !t || taps[j] == 0 ? v : 0;
                    p[2 * j + 1] = !t || taps[j] == 1 ? v : 0;
                    q[2 * j] = !t || taps[j] == 2 ? v : 0;
                    q[2 * j + 1] = !t || taps[j] == 3 ? v : 0;
                }
            }
            for (int64_t k = 2 * ow; k < w; k++)
                p[k] = q[k] = 0;
        }
        for (int64_t k = 2 * g->oh * w; k < size; k++)
            dx[k] = 0;
    }
}

/* Adds dy to element (h, w), unless it is padding. */
FNN_INLINE void max_add(const fnn_windows *g, REAL *dx, REAL dy, int64_t h, int64_t w)
{
    if (h >= 0 && h < g->h && w >= 0 && w < g->w)
        dx[h * g->w + w] += dy;
}

/* A plane with inner == 1; offset[tap] is a byte's position from a window's first element and row[tap] its row, the
 * windows of columns [lo, hi) have no padding at their sides. */
static void max_plane_back(const pool_context *c, int64_t plane, const int64_t *offset, const int64_t *row, int64_t lo,
                           int64_t hi)
{
    const fnn_windows *g = c->g;
    const int64_t size = g->h * g->w, outputs = g->oh * g->ow;
    REAL *dx = c->y + plane * size;
    const REAL *dy = c->x + plane * outputs;
    memset(dx, 0, (size_t)size * sizeof(REAL));
    if (c->kind == 8) {
        const int64_t *to = (const int64_t *)c->index + plane * outputs;
        for (int64_t o = 0; o < outputs; o++)
            if (to[o] >= 0 && to[o] < size)
                dx[to[o]] += dy[o];
        return;
    }
    for (int64_t i = 0; i < g->oh; i++, dy += g->ow) {
        const int64_t top = i * g->sh - g->ph, at = (plane * g->oh + i) * g->ow;
        const uint8_t *bytes = c->kind == 1 ? (const uint8_t *)c->index + at : NULL;
        const int32_t *taps = c->kind == 4 ? (const int32_t *)c->index + at : NULL;
        const int inside = bytes && top >= 0 && top + (g->kh - 1) * g->dh < g->h;
        for (int64_t j = 0; j < g->ow; j++) {
            if (inside && j == lo) {
                REAL *corner = dx + (top * g->w - g->pw + lo * g->sw);
                for (; j < hi; j++, corner += g->sw)
                    corner[offset[bytes[j]]] += dy[j];
            }
            if (j == g->ow)
                break;
            const int64_t left = j * g->sw - g->pw;
            if (bytes)
                max_add(g, dx, dy[j], top + row[bytes[j]], left + offset[bytes[j]] - row[bytes[j]] * g->w);
            else
                max_add(g, dx, dy[j], top + taps[j] / g->kw * g->dh, left + taps[j] % g->kw * g->dw);
        }
    }
}

/* One output's gradient for n channels, by passes over the window's elements. */
static void max_spread(const pool_context *c, REAL *dx, const REAL *dy, const uint8_t *t, int64_t i, int64_t j,
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

/* Items are planes. */
static void max_pool_planes(void *context, int64_t begin, int64_t end)
{
    const pool_context *c = context;
    const fnn_windows *g = c->g;
    int64_t offset[256], row[256], lo = 0, hi = 0;
    if (c->small) {
        planes_2x2(c, c->index, 1, begin, end);
        return;
    }
    if (c->kind == 1) { /* bytes that are no taps count as tap 0 */
        for (int64_t k = 0; k < 256; k++) {
            const int64_t tap = k < g->kh * g->kw ? k : 0;
            row[k] = tap / g->kw * g->dh;
            offset[k] = row[k] * g->w + tap % g->kw * g->dw;
        }
        fnn_whole_columns(g, &lo, &hi);
    }
    for (int64_t plane = begin; plane < end; plane++)
        max_plane_back(c, plane, offset, row, lo, hi);
}

/* The reverse of lane_taps_out; lanes beyond the last plane repeat it. */
static void lane_taps_in(vint *taps, const uint8_t *index, int64_t first, int64_t planes, int64_t size, int64_t at,
                         int64_t n)
{
    const int count = planes - first < VW ? (int)(planes - first) : VW;
    const uint8_t *from = index + first * size + at;
    pool_tap words[VW];
    for (int64_t k = 0; k < n; k += 4) {
        if (n < 4) {
            for (k = 0; k < n; k++)
                for (int l = 0; l < VW; l++)
                    taps[k][l] = from[(l < count ? l : count - 1) * size + k];
            return;
        }
        if (n - k < 4)
            k = n - 4;
        for (int l = 0; l < VW; l++) {
            uint32_t word;
            memcpy(&word, from + (l < count ? l : count - 1) * size + k, 4);
            words[l] = (pool_tap)word;
        }
        vint four;
        memcpy(&four, words, sizeof four);
        for (int e = 0; e < 4; e++)
            taps[k + e] = four >> FNN_BYTE_SHIFT(e) & 255;
    }
}

/* Items are bands of rows of dx, of VW planes each. */
static void max_pool_lanes_back(void *context, int64_t begin, int64_t end)
{
    const pool_context *c = context;
    const fnn_windows *g = c->g;
    const int64_t w = g->w, ow = g->ow;
    vec dx[FNN_POOL_TILE], dy[FNN_POOL_TILE];
    vint taps[FNN_POOL_TILE];
    for (int64_t item = begin; item < end; item++) {
        const int64_t group = item / c->bands, h0 = item % c->bands * c->band;
        const int64_t h1 = h0 + c->band < g->h ? h0 + c->band : g->h;
        int64_t i0, i1, k0, k1, b0, b1, o = 0;
        REAL *planes[VW];
        fnn_windows_touching(g, h0, h1, &i0, &i1);
        lane_planes(planes, c->x, group, g->outer, g->oh * ow);
        lanes_in(dy, planes, i0 * ow, (i1 - i0) * ow);
        lane_taps_in(taps, c->index, group * VW, g->outer, g->oh * ow, i0 * ow, (i1 - i0) * ow);
        memset(dx, 0, (size_t)((h1 - h0) * w) * sizeof *dx);
        for (int64_t i = i0; i < i1; i++) {
            const int64_t row = i * g->sh - g->ph;
            fnn_taps_inside(row - h0, h1 - h0, g->kh, g->dh, &k0, &k1);
            for (int64_t j = 0; j < ow; j++, o++) {
                const int64_t column = j * g->sw - g->pw;
                const vint t = taps[o];
                fnn_taps_inside(column, w, g->kw, g->dw, &b0, &b1);
                for (int64_t k = k0; k < k1; k++) {
                    const int64_t line = (row + k * g->dh - h0) * w + column;
                    for (int64_t b = b0; b < b1; b++)
                        dx[line + b * g->dw] += max_pick(dy[o], t, (pool_tap)(k * g->kw + b));
                }
            }
        }
        lane_planes(planes, c->y, group, g->outer, g->h * w);
        lanes_out(planes, h0 * w, dx, (h1 - h0) * w);
    }
}

/* Items are parts of the channels of a plane with its channels last. */
static void max_pool_parts(void *context, int64_t begin, int64_t end)
{
    const pool_context *c = context;
    const fnn_windows *g = c->g;
    const int64_t parts = fnn_channel_parts(g), inner = g->inner;
    int64_t row[256], column[256];
    for (int64_t tap = 0; tap < 256 && c->kind == 1; tap++)
        row[tap] = tap / g->kw * g->dh, column[tap] = tap % g->kw * g->dw;
    for (int64_t item = begin; item < end; item++) {
        const int64_t plane = item / parts, c0 = item % parts * FNN_POOL_BLOCK;
        const int64_t n = inner - c0 < FNN_POOL_BLOCK ? inner - c0 : FNN_POOL_BLOCK;
        REAL *dx = c->y + plane * g->h * g->w * inner + c0;
        if (n == inner)
            memset(dx, 0, (size_t)(g->h * g->w * inner) * sizeof(REAL));
        else
            for (int64_t k = 0; k < g->h * g->w; k++)
                memset(dx + k * inner, 0, (size_t)n * sizeof(REAL));
        for (int64_t o = 0; o < g->oh * g->ow; o++) {
            const int64_t position = (plane * g->oh * g->ow + o) * inner + c0;
            const REAL *dy = c->x + position;
            if (c->kind == 8) {
                const int64_t *to = (const int64_t *)c->index + position;
                for (int64_t m = 0; m < n; m++)
                    if (to[m] >= 0 && to[m] < g->h * g->w)
                        dx[to[m] * inner + m] += dy[m];
                continue;
            }
            const int64_t i = o / g->ow, j = o % g->ow;
            if (c->kind == 1 && g->kh * g->kw <= 16) {
                max_spread(c, dx, dy, (const uint8_t *)c->index + position, i, j, n);
                continue;
            }
            const int64_t top = i * g->sh - g->ph, left = j * g->sw - g->pw;
            for (int64_t m = 0; m < n; m++) {
                int64_t h, w;
                if (c->kind == 1) {
                    const uint8_t tap = ((const uint8_t *)c->index)[position + m];
                    h = top + row[tap], w = left + column[tap];
                } else {
                    const int32_t tap = ((const int32_t *)c->index)[position + m];
                    h = top + tap / g->kw * g->dh, w = left + tap % g->kw * g->dw;
                }
                if (h >= 0 && h < g->h && w >= 0 && w < g->w)
                    dx[(h * g->w + w) * inner + m] += dy[m];
            }
        }
    }
}

/* Whether passes over whole windows of VW planes take less time than adding output by output. */
static int max_back_is_for_lanes(const pool_context *c)
{
    const fnn_windows *g = c->g;
    const int64_t n = g->h * g->w, outputs = g->oh * g->ow;
    if (c->kind != 1 || c->small)
        return c->small && 4 * g->ow <= VW;
    if (n <= 4 * VW)
        return outputs * VW >= n;
    return g->kh * g->kw <= 9 && n <= 25 * VW && outputs * 4 >= n && g->outer >= VW;
}

static void max_pool_backward(void *dx, const void *dy, const void *index, int kind, const fnn_windows *g)
{
    pool_context c = {.y = dx,
                      .index = (void *)index,
                      .kind = kind,
                      .x = dy,
                      .g = g,
                      .small = kind == 1 && g->inner == 1 && fnn_windows_are_2x2(g)};
    const int64_t parts = fnn_channel_parts(g);
    const double elements = (double)(g->inner < FNN_POOL_BLOCK ? g->inner : FNN_POOL_BLOCK);
    const double n = (double)(g->h * g->w), m = (double)(g->oh * g->ow);
    if (max_back_is_for_lanes(&c) && pool_in_lanes(&c, g->h, fnn_input_band(g)))
        fnn_parallel_for(lane_groups(g) * c.bands, 1,
                         VW * (0.06 * n + 0.1 * (double)(g->kh * g->kw) * m) / (double)c.bands, max_pool_lanes_back,
                         &c);
    else if (g->inner == 1)
        fnn_parallel_for(g->outer, 1, 0.1 * n + (c.small ? 0 : 1.2 * m) + 10, max_pool_planes, &c);
    else
        fnn_parallel_for(g->outer * parts, 1, elements * (0.2 * n + m) + 10, max_pool_parts, &c);
}
