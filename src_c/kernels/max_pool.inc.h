/* max_pool.inc.h -- largest elements of windows, and where they were. NaN wins, the last one of a window; of equal
 * elements the first one does.
 *
 * A tap is an element's number within its window, kh * kw + ... in row order. With inner == 1 loops run along a row of
 * outputs, with channels last (inner > 1) along the channels; few wide windows are searched one by one.
 */
#define TAKES(v, best) ((v > best) | (v != v))

FNN_INLINE void max_line_by(REAL *y, pool_tap *t, const REAL *x, int64_t step, int64_t n, pool_tap k)
{
    for (int64_t j = 0; j < n; j++) {
        const REAL v = x[j * step];
        const int better = TAKES(v, y[j]);
        y[j] = better ? v : y[j];
        t[j] = better ? k : t[j];
    }
}

FNN_INLINE void max_values_by(REAL *y, const REAL *x, int64_t step, int64_t n)
{
    for (int64_t j = 0; j < n; j++)
        y[j] = TAKES(x[j * step], y[j]) ? x[j * step] : y[j];
}

/* y[j] = max(y[j], x[j step]); t[j] = k where it was greater. t may be NULL. */
static void max_line(REAL *restrict y, pool_tap *restrict t, const REAL *restrict x, int64_t step, int64_t n,
                     pool_tap k)
{
    if (!t) {
        if (step == 1)
            max_values_by(y, x, 1, n);
        else if (step == 2)
            max_values_by(y, x, 2, n);
        else
            max_values_by(y, x, step, n);
    } else if (step == 1) {
        max_line_by(y, t, x, 1, n, k);
    } else if (step == 2) {
        max_line_by(y, t, x, 2, n, k);
    } else {
        max_line_by(y, t, x, step, n, k);
    }
}

/* Taps as index[at...]: bytes, int32, or positions in the plane as int64. Outputs (i, j0 + m / per_j), per_j = inner or
 * 1: a run along a row has per_j == 1, one along channels n <= per_j. */
static void store_taps(const pool_context *c, int64_t at, const pool_tap *t, int64_t n, int64_t i, int64_t j0,
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

/* ---- vectors of windows side by side, in a row of outputs; inner == 1 ---- */

/* Where v is better than the best so far, it and its tap k. */
FNN_INLINE void max_take(vec *best, vint *t, vec v, pool_tap k)
{
#if defined(__AVX512F__) && REAL_IS_F32
    const __mmask16 better = (__mmask16)(_mm512_cmp_ps_mask((__m512)v, (__m512)*best, _CMP_GT_OQ) |
                                         _mm512_cmp_ps_mask((__m512)v, (__m512)v, _CMP_UNORD_Q));
    *best = (vec)_mm512_mask_mov_ps((__m512)*best, better, (__m512)v);
    *t = (vint)_mm512_mask_mov_epi32((__m512i)*t, better, _mm512_set1_epi32(k));
#elif defined(__AVX512F__)
    const __mmask8 better = (__mmask8)(_mm512_cmp_pd_mask((__m512d)v, (__m512d)*best, _CMP_GT_OQ) |
                                       _mm512_cmp_pd_mask((__m512d)v, (__m512d)v, _CMP_UNORD_Q));
    *best = (vec)_mm512_mask_mov_pd((__m512d)*best, better, (__m512d)v);
    *t = (vint)_mm512_mask_mov_epi64((__m512i)*t, better, _mm512_set1_epi64(k));
#else
    const vint better = (vint)TAKES(v, *best);
    *best = (vec)((better & (vint)v) | (~better & (vint)*best));
    *t = (better & k) | (~better & *t);
#endif
}

/* Elements p[0], p[step], ... */
FNN_INLINE vec v_load_steps(const REAL *p, int64_t step)
{
    REAL v[VW];
    FNN_UNROLL
    for (int l = 0; l < VW; l++)
        v[l] = p[l * step];
    return v_load(v);
}

/* v where output lanes[l] has its column's tap inside the plane, else -inf; `inside` from and to which output. */
FNN_INLINE vec v_inside(vec v, vint lanes, const int64_t *inside)
{
    const vint in = (vint)(lanes >= (pool_tap)inside[0]) & (vint)(lanes < (pool_tap)inside[1]);
    return (vec)((in & (vint)v) | (~in & (vint)v_set1(-INFINITY)));
}

/* The largest of VW windows, `sw` apart, the first one's rows at x + k line for k < rows, and their taps; those begin
 * as
 * *taps. At a plane's sides `inside` says for each column which outputs have it. Reads as far as
 * x + (rows - 1) line + (kw - 1) dw + sw VW. */
FNN_INLINE vec max_windows(vint *taps, const REAL *x, int64_t line, int64_t rows, int64_t kw, int64_t sw, int64_t dw,
                           pool_tap tap, const int64_t *inside, vint lanes)
{
    vec best = v_set1(-INFINITY);
    vint t = *taps;
    for (int64_t k = 0; k < rows; k++) {
        const REAL *p = x + k * line;
        for (int64_t b = 0; b < kw; b++, tap++) {
            vec v, next = {0};
            const int two = sw == 2 && dw == 1 && b + 1 < kw;
            if (sw == 1) {
                v = v_load(p + b * dw);
            } else if (sw == 2 && dw == 1) {
                const vec low = v_load(p + b), high = v_load(p + b + VW);
                v = v_even(low, high), next = v_odd(low, high);
            } else {
                v = v_load_steps(p + b * dw, sw);
            }
            max_take(&best, &t, inside ? v_inside(v, lanes, inside + 2 * b) : v, tap);
            if (two) {
                b++, tap++;
                max_take(&best, &t, inside ? v_inside(next, lanes, inside + 2 * b) : next, tap);
            }
        }
    }
    *taps = t;
    return best;
}

/* One window, any part of which may be padding; x is its plane. */
static REAL max_one(const fnn_windows *g, const REAL *x, int64_t i, int64_t j, int64_t *tap)
{
    const int64_t top = i * g->sh - g->ph, left = j * g->sw - g->pw;
    REAL best = -INFINITY;
    *tap = fnn_first_of(g, fnn_first_tap(top, g->h, g->kh, g->dh), fnn_first_tap(left, g->w, g->kw, g->dw));
    for (int64_t k = 0; k < g->kh; k++) {
        const int64_t h = top + k * g->dh;
        if (h < 0 || h >= g->h)
            continue;
        for (int64_t b = 0; b < g->kw; b++) {
            const int64_t w = left + b * g->dw;
            if (w < 0 || w >= g->w)
                continue;
            const REAL v = x[h * g->w + w];
            if (TAKES(v, best))
                best = v, *tap = k * g->kw + b;
        }
    }
    return best;
}

static int max_fits_vectors(const fnn_windows *g, int kind)
{
    return g->inner == 1 && kind != 4 && g->kh > 0 && g->kh * g->kw <= 256 && g->sw <= 64 && g->ow < 1 << 30;
}

/* Items are rows of outputs. Where a row of them is shorter than a vector, whole vectors are stored all the same while
 * what they overwrite is this range's and yet to come; and whole ones are loaded while within x. */
static void max_pool_lines(void *context, int64_t begin, int64_t end)
{
    const pool_context *c = context;
    const fnn_windows *g = c->g;
    const int64_t kh = g->kh, kw = g->kw, sw = g->sw, dw = g->dw, line = g->dh * g->w, ow = g->ow;
    const int64_t size = g->outer * g->h * g->w, last = end * ow;
    uint8_t *bytes = c->kind == 1 ? c->index : NULL;
    int64_t *flat = c->kind == 8 ? c->index : NULL;
    int64_t offset[256], inside[512], lo = 0, hi = ow;
    pool_tap first[2 * VW];
    vint lane;
    for (int64_t k = 0; k < kh * kw && flat; k++)
        offset[k] = k / kw * line + k % kw * dw;
    for (int64_t b = 0; b < kw; b++) {
        fnn_inside(b * dw - g->pw, g->w, ow, sw, inside + 2 * b, inside + 2 * b + 1);
        lo = lo > inside[2 * b] ? lo : inside[2 * b];
        hi = hi < inside[2 * b + 1] ? hi : inside[2 * b + 1];
    }
    for (int64_t j = 0; j < 2 * VW; j++)
        first[j] = g->pw ? (pool_tap)fnn_first_tap(j * sw - g->pw, g->w, kw, dw) : 0;
    for (int l = 0; l < VW; l++)
        lane[l] = l;
    int64_t plane = begin / g->oh, i = begin % g->oh - 1;
    for (int64_t row = begin; row < end; row++) {
        if (++i == g->oh)
            i = 0, plane++;
        const int64_t top = i * g->sh - g->ph, at = row * ow;
        const int64_t k0 = top < 0 ? (-top + g->dh - 1) / g->dh : 0;
        const int64_t k1 = top + (kh - 1) * g->dh < g->h ? kh : (g->h - top + g->dh - 1) / g->dh, rows = k1 - k0;
        const int64_t corner = plane * g->h * g->w + (top + k0 * g->dh) * g->w - g->pw;
        for (int64_t j = 0; j < ow; j += VW) {
            if (ow - j < VW && ow >= VW)
                j = ow - VW;
            const int64_t from = corner + j * sw;
            if (rows <= 0 || lo > VW || from < 0 || at + j + VW > last ||
                from + (rows - 1) * line + (kw - 1) * dw + sw * VW > size) {
                const int64_t stop = j + VW < ow ? j + VW : ow;
                for (int64_t m = j; m < stop; m++) {
                    int64_t tap;
                    c->y[at + m] = max_one(g, c->x + plane * g->h * g->w, i, m, &tap);
                    if (c->kind) {
                        const pool_tap t = (pool_tap)tap;
                        store_taps(c, at + m, &t, 1, i, m, 1);
                    }
                }
                continue;
            }
            const REAL *x = c->x + from;
            const pool_tap tap = (pool_tap)(k0 * kw);
            vint t = tap - (vint){0};
            vec best;
            if (j < lo || (j + VW > hi && hi < ow)) {
                if (j < lo)
                    for (int l = 0; l < VW; l++)
                        t[l] = (pool_tap)fnn_first_of(g, k0, first[j + l]);
                const vint lanes = lane + (pool_tap)j;
                if (rows == 3 && kw == 3 && sw == 2 && dw == 1)
                    best = max_windows(&t, x, line, 3, 3, 2, 1, tap, inside, lanes);
                else if (rows == 3 && kw == 3 && sw == 1)
                    best = max_windows(&t, x, line, 3, 3, 1, dw, tap, inside, lanes);
                else
                    best = max_windows(&t, x, line, rows, kw, sw, dw, tap, inside, lanes);
            } else if (rows == 3 && kw == 3 && sw == 2 && dw == 1) {
                best = max_windows(&t, x, line, 3, 3, 2, 1, tap, NULL, lane);
            } else if (rows == 3 && kw == 3 && sw == 1) {
                best = max_windows(&t, x, line, 3, 3, 1, dw, tap, NULL, lane);
            } else {
                best = max_windows(&t, x, line, rows, kw, sw, dw, tap, NULL, lane);
            }
            v_store(c->y + at + j, best);
            if (bytes) {
                v_to_bytes(bytes + at + j, t);
            } else if (flat) {
                const int64_t position = top * g->w - g->pw + j * sw;
                for (int l = 0; l < VW; l++)
                    flat[at + j + l] = j < lo && first[j + l] < 0 ? 0 : position + l * sw + offset[t[l]];
            }
        }
    }
}

/* Items are rows of outputs of windows of 2 x 2 that do not overlap, taps as bytes or none. Vectors as in lines. */
static void max_pool_2x2(void *context, int64_t begin, int64_t end)
{
    const pool_context *c = context;
    const fnn_windows *g = c->g;
    const int64_t w = g->w, ow = g->ow, last = end * ow, size = g->outer * g->h * w - w - 2 * VW;
    uint8_t *const bytes = c->kind ? c->index : NULL;
    int64_t plane = begin / g->oh * g->h * w, i = begin % g->oh;
    for (int64_t at = begin * ow; at < last; at += ow) {
        const int64_t corner = plane + 2 * i * w;
        for (int64_t j = 0; j < ow; j += VW) {
            if (ow - j < VW && ow >= VW)
                j = ow - VW;
            if (at + j + VW > last || corner + 2 * j > size) {
                for (int64_t m = j; m < ow; m++) {
                    int64_t tap;
                    c->y[at + m] = max_one(g, c->x + plane, i, m, &tap);
                    if (bytes)
                        bytes[at + m] = (uint8_t)tap;
                }
                break;
            }
            const REAL *const p = c->x + corner + 2 * j, *const q = p + w;
            const vec a = v_load(p), b = v_load(p + VW), d = v_load(q), e = v_load(q + VW);
            vec best = v_even(a, b);
            vint t = {0};
            max_take(&best, &t, v_odd(a, b), 1);
            max_take(&best, &t, v_even(d, e), 2);
            max_take(&best, &t, v_odd(d, e), 3);
            v_store(c->y + at + j, best);
            if (bytes)
                v_to_bytes(bytes + at + j, t);
        }
        if (++i == g->oh)
            i = 0, plane += g->h * w;
    }
}

/* The largest of rows [h0, h1) and columns [w0, w1) of a plane, and its position. */
static REAL max_window(const REAL *x, int64_t w, int64_t h0, int64_t h1, int64_t w0, int64_t w1, int64_t *position)
{
    *position = 0;
    if (h0 >= h1 || w0 >= w1)
        return -INFINITY;
    int64_t rows = h1 - h0, n = w1 - w0;
    if (n == w) /* whole rows are one */
        n *= rows, rows = 1;
    REAL best = -INFINITY;
    const REAL *line = x + h0 * w + w0;
    for (int64_t k = 0; k < rows; k++) {
        const REAL v = max_row(x + (h0 + k) * w + w0, n);
        if (TAKES(v, best))
            best = v, line = x + (h0 + k) * w + w0;
    }
    int64_t k = 0;
    if (best != best) {
        for (k = n - 1; line[k] == line[k]; k--)
            ;
    } else {
        for (; k + 64 <= n; k += 64) {
            int found = 0;
            for (int m = 0; m < 64; m++)
                found |= line[k + m] == best;
            if (found)
                break;
        }
        while (line[k] != best)
            k++;
    }
    *position = line - x + k;
    return best;
}

static void max_pool_wide(const pool_context *c, int64_t begin, int64_t end)
{
    const fnn_windows *g = c->g;
    for (int64_t row = begin; row < end; row++) {
        const int64_t i = row % g->oh;
        const REAL *x = c->x + row / g->oh * g->h * g->w;
        int64_t h0, h1, w0, w1, position;
        fnn_window(i, g->h, g->oh, g->kh, g->sh, g->ph, &h0, &h1);
        for (int64_t j = 0; j < g->ow; j++) {
            fnn_window(j, g->w, g->ow, g->kw, g->sw, g->pw, &w0, &w1);
            c->y[row * g->ow + j] = max_window(x, g->w, h0, h1, w0, w1, &position);
            if (c->kind == 8) {
                ((int64_t *)c->index)[row * g->ow + j] = position;
            } else if (c->kind) {
                const int64_t tap =
                    (position / g->w - (i * g->sh - g->ph)) * g->kw + position % g->w - (j * g->sw - g->pw);
                if (c->kind == 4)
                    ((int32_t *)c->index)[row * g->ow + j] = (int32_t)tap;
                else
                    ((uint8_t *)c->index)[row * g->ow + j] = (uint8_t)tap;
            }
        }
    }
}

/* Outputs j0..j0+n-1 of row i of a plane. */
static void max_pool_block(const pool_context *c, REAL *y, pool_tap *t, const REAL *x, int64_t i, int64_t j0, int64_t n)
{
    const fnn_windows *g = c->g;
    const int64_t top = i * g->sh - g->ph, row = fnn_first_tap(top, g->h, g->kh, g->dh);
    for (int64_t j = 0; j < n; j++)
        y[j] = -INFINITY;
    for (int64_t j = 0; t && j < n; j++)
        t[j] = (pool_tap)fnn_first_of(g, row, 0);
    for (int64_t j = 0; t && j < n && (j0 + j) * g->sw < g->pw; j++)
        t[j] = (pool_tap)fnn_first_of(g, row, fnn_first_tap((j0 + j) * g->sw - g->pw, g->w, g->kw, g->dw));
    for (int64_t kh = 0; kh < g->kh; kh++) {
        const int64_t h = top + kh * g->dh;
        if (h < 0 || h >= g->h)
            continue;
        for (int64_t kw = 0; kw < g->kw; kw++) {
            const int64_t at = j0 * g->sw - g->pw + kw * g->dw;
            int64_t from, to;
            fnn_inside(at, g->w, n, g->sw, &from, &to);
            if (from < to)
                max_line(y + from, t ? t + from : NULL, x + h * g->w + at + from * g->sw, g->sw, to - from,
                         (pool_tap)(kh * g->kw + kw));
        }
    }
}

/* Channels c0..c0+n-1 of output (i, j); x is a plane with its channels last. */
static void max_pool_channels(const pool_context *c, REAL *y, pool_tap *t, const REAL *x, int64_t i, int64_t j,
                              int64_t n)
{
    const fnn_windows *g = c->g;
    const int64_t top = i * g->sh - g->ph, left = j * g->sw - g->pw;
    const int64_t first =
        fnn_first_of(g, fnn_first_tap(top, g->h, g->kh, g->dh), fnn_first_tap(left, g->w, g->kw, g->dw));
    for (int64_t m = 0; m < n; m++)
        y[m] = -INFINITY;
    for (int64_t m = 0; t && m < n; m++)
        t[m] = (pool_tap)first;
    for (int64_t kh = 0; kh < g->kh; kh++) {
        const int64_t h = top + kh * g->dh;
        if (h < 0 || h >= g->h)
            continue;
        for (int64_t kw = 0; kw < g->kw; kw++) {
            const int64_t w = left + kw * g->dw;
            if (w >= 0 && w < g->w)
                max_line(y, t, x + (h * g->w + w) * g->inner, 1, n, (pool_tap)(kh * g->kw + kw));
        }
    }
}

/* Items are rows of outputs. */
static void max_pool_rows(void *context, int64_t begin, int64_t end)
{
    const pool_context *c = context;
    const fnn_windows *g = c->g;
    pool_tap taps[FNN_POOL_BLOCK], *t = c->kind ? taps : NULL;
    if (c->wide) {
        max_pool_wide(c, begin, end);
        return;
    }
    for (int64_t row = begin; row < end; row++) {
        const int64_t i = row % g->oh, at = row * g->ow * g->inner;
        const REAL *x = c->x + row / g->oh * g->h * g->w * g->inner;
        const int64_t columns = g->inner == 1 ? g->ow : g->inner, positions = g->inner == 1 ? 1 : g->ow;
        for (int64_t j = 0; j < positions; j++)
            for (int64_t k = 0; k < columns; k += FNN_POOL_BLOCK) {
                const int64_t n = columns - k < FNN_POOL_BLOCK ? columns - k : FNN_POOL_BLOCK;
                const int64_t position = at + j * columns + k;
                if (g->inner == 1)
                    max_pool_block(c, c->y + position, t, x, i, k, n);
                else
                    max_pool_channels(c, c->y + position, t, x + k, i, j, n);
                if (t)
                    store_taps(c, position, t, n, i, g->inner == 1 ? k : j, g->inner == 1);
            }
    }
}

/* Taps of VW planes as bytes, or positions as int64, to elements at + k of planes of `size`, the first one `first`. */
static void lane_taps_out(const pool_context *c, int64_t first, int64_t size, int64_t at, const vint *taps, int64_t n)
{
    const int64_t planes = c->g->outer, from = first * size + at;
    const int count = planes - first < VW ? (int)(planes - first) : VW;
    if (c->kind == 8 || n < 4) {
        for (int l = 0; l < count; l++)
            for (int64_t k = 0; k < n; k++) {
                const pool_tap t = ((const pool_tap *)(taps + k))[l];
                if (c->kind == 8)
                    ((int64_t *)c->index)[from + l * size + k] = t;
                else
                    ((uint8_t *)c->index)[from + l * size + k] = (uint8_t)t;
            }
        return;
    }
    uint8_t *to = (uint8_t *)c->index + from;
    for (int64_t k = 0; k < n; k += 4) {
        if (n - k < 4)
            k = n - 4;
        vint four = {0};
        pool_tap words[VW];
        for (int e = 0; e < 4; e++)
            four |= taps[k + e] << FNN_BYTE_SHIFT(e);
        memcpy(words, &four, sizeof words);
        for (int l = 0; l < count; l++) {
            const uint32_t word = (uint32_t)words[l];
            memcpy(to + l * size + k, &word, 4);
        }
    }
}

/* Items are bands of rows of outputs, of VW planes each. */
static void max_pool_lanes(void *context, int64_t begin, int64_t end)
{
    const pool_context *c = context;
    const fnn_windows *g = c->g;
    const int64_t extent = fnn_window_extent(g), w = g->w, ow = g->ow;
    const int64_t line = c->kind == 8 ? w : g->kw; /* positions count elements of planes, taps those of windows */
    const int64_t dh = c->kind == 8 ? g->dh : 1, dw = c->kind == 8 ? g->dw : 1;
    vec x[FNN_POOL_TILE], y[FNN_POOL_TILE];
    vint taps[FNN_POOL_TILE];
    for (int64_t item = begin; item < end; item++) {
        const int64_t group = item / c->bands, i0 = item % c->bands * c->band;
        const int64_t i1 = i0 + c->band < g->oh ? i0 + c->band : g->oh;
        int64_t top, bottom, k0, k1, b0, b1, o = 0;
        REAL *planes[VW];
        fnn_window(i0, g->h, g->oh, extent, g->sh, g->ph, &top, &bottom);
        fnn_window(i1 - 1, g->h, g->oh, extent, g->sh, g->ph, &k0, &bottom);
        lane_planes(planes, c->x, group, g->outer, g->h * w);
        lanes_in(x, planes, top * w, (bottom - top) * w);
        for (int64_t i = i0; i < i1; i++) {
            const int64_t row = fnn_taps_of(i, g->h, g->oh, g->kh, g->sh, g->ph, g->dh, &k0, &k1);
            for (int64_t j = 0; j < ow; j++, o++) {
                const int64_t column = fnn_taps_of(j, w, ow, g->kw, g->sw, g->pw, g->dw, &b0, &b1);
                const int64_t corner = c->kind == 8 ? row * w + column : 0;
                const int64_t first = k0 < k1 && b0 < b1 ? corner + k0 * dh * line + b0 * dw : 0;
                vec best = v_set1(-INFINITY);
                vint t = (pool_tap)first - (vint){0};
                for (int64_t k = k0; k < k1; k++) {
                    const int64_t from = (row + k * g->dh - top) * w + column, tap = corner + k * dh * line;
                    for (int64_t b = b0; b < b1; b++)
                        max_take(&best, &t, x[from + b * g->dw], (pool_tap)(tap + b * dw));
                }
                y[o] = best, taps[o] = t;
            }
        }
        lane_planes(planes, c->y, group, g->outer, g->oh * ow);
        lanes_out(planes, i0 * ow, y, o);
        if (c->kind)
            lane_taps_out(c, group * VW, g->oh * ow, i0 * ow, taps, o);
    }
}

/* Whether transposing planes takes less time than rows of outputs with their tails, or windows one by one. */
static int max_is_for_lanes(const pool_context *c)
{
    const fnn_windows *g = c->g;
    const int64_t width = g->outer < VW ? g->outer : VW;
    return c->kind != 4 && g->h * g->w < 1 << 30 &&
           (c->wide || g->sw > 2 || g->ow <= (fnn_windows_are_2x2(g) ? width / 2 : width));
}

static void max_pool_forward(void *y, void *index, int kind, const void *x, const fnn_windows *g)
{
    pool_context c = {.y = y,
                      .index = index,
                      .kind = kind,
                      .x = x,
                      .g = g,
                      .wide = fnn_windows_are_wide(g) && (g->kh == 0 || g->dh == 1)};
    const double size = window_size(g);
    if (max_is_for_lanes(&c) && pool_in_lanes(&c, g->oh, fnn_output_band(g)))
        fnn_parallel_for(lane_groups(g) * c.bands, 1,
                         VW * (0.06 * (double)(g->h * g->w) + 0.1 * size * (double)(g->oh * g->ow)) / (double)c.bands,
                         max_pool_lanes, &c);
    else if (!c.wide && max_fits_vectors(g, kind))
        fnn_parallel_for(g->outer * g->oh, 1, (double)g->ow * (0.08 * size + 0.2) + 5,
                         fnn_windows_are_2x2(g) && kind != 8 ? max_pool_2x2 : max_pool_lines, &c);
    else
        fnn_parallel_for(g->outer * g->oh, 1, (double)(g->ow * g->inner) * (0.3 * size + 0.5) + 10, max_pool_rows, &c);
}
