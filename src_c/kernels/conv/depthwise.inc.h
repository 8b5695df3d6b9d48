/* depthwise.inc.h -- convolution of each channel with a kernel of its own. There is no matrix product in it, and
 * rows of small planes are short: VW planes lie in the lanes of vectors, as in pool.inc.h.
 *
 * An output is one chain over (kernel row, kernel column); with strides an element of dx is one over the outputs that
 * saw it; an element of dw one over (image, output row, output column) in each split of the images.
 */
#define DEPTHWISE_TAPS 64 /* at most */
#define DEPTHWISE_SIDE 4  /* outputs side by side */

typedef struct {
    fnn_windows g; /* of planes (images, channels) */
    int64_t images, channels;
    const REAL *src, *weight, *bias, *dy;
    REAL *dst, *sums; /* sums: (splits, channels, taps) */
    int64_t src_n, src_c, dy_n, dy_c;
    int64_t band, bands, splits;
    int reversed, relu; /* reversed: the kernel's elements in reverse */
} depthwise;

/* The addresses of VW planes from `first` on; lanes beyond the last plane repeat it. */
FNN_INLINE void depthwise_planes(const depthwise *d, REAL **p, const REAL *x, int64_t of_n, int64_t of_c, int64_t first)
{
    int64_t image = first / d->channels, c = first % d->channels;
    for (int l = 0; l < VW; l++) {
        p[l] = (REAL *)x + image * of_n + c * of_c;
        if (first + l + 1 >= d->g.outer)
            continue;
        if (++c == d->channels)
            c = 0, image++;
    }
}

/* The kernels and biases of VW planes from `first` on. */
static vec depthwise_kernels(const depthwise *d, vec *w, int64_t first)
{
    const int64_t taps = d->g.kh * d->g.kw;
    REAL *p[VW];
    vec bias = {0};
    depthwise_planes(d, p, d->weight, 0, taps, first);
    lanes_in(w, p, 0, taps);
    for (int64_t t = 0; d->reversed && t < taps / 2; t++) {
        const vec other = w[t];
        w[t] = w[taps - 1 - t];
        w[taps - 1 - t] = other;
    }
    if (d->bias) {
        depthwise_planes(d, p, d->bias, 0, 1, first);
        for (int l = 0; l < VW; l++)
            bias[l] = *p[l];
    }
    return bias;
}

/* y[0..count] = start + what they see by so many rows and columns of the kernel, `step` apart. */
FNN_INLINE void depthwise_outputs(vec *y, const int count, const vec *x, int64_t step, int64_t rows,
                                  const int64_t columns, int64_t line, int64_t dw, const vec *w, int64_t kw, vec start,
                                  int relu)
{
    vec sum[DEPTHWISE_SIDE];
    FNN_UNROLL
    for (int q = 0; q < count; q++)
        sum[q] = start;
    for (int64_t k = 0; k < rows; k++, x += line, w += kw)
        for (int64_t b = 0; b < columns; b++)
            FNN_UNROLL
    for (int q = 0; q < count; q++)
        sum[q] += w[b] * x[b * dw + q * step];
    FNN_UNROLL
    for (int q = 0; q < count; q++)
        y[q] = relu ? v_relu(sum[q]) : sum[q];
}

/* Outputs [from, to) of a row, DEPTHWISE_SIDE together; all see every column of the kernel. */
FNN_INLINE void depthwise_row(vec *y, int64_t from, int64_t to, const vec *x, int64_t step, int64_t rows,
                              const int64_t columns, int64_t line, int64_t dw, const vec *w, vec start, int relu)
{
    int64_t j = from;
    for (; j + DEPTHWISE_SIDE <= to; j += DEPTHWISE_SIDE)
        depthwise_outputs(y + j, DEPTHWISE_SIDE, x + j * step, step, rows, columns, line, dw, w, columns, start, relu);
    for (; j < to; j++)
        depthwise_outputs(y + j, 1, x + j * step, step, rows, columns, line, dw, w, columns, start, relu);
}

/* Items are bands of rows of outputs, of VW planes each. */
static void depthwise_range(void *context, int64_t begin, int64_t end)
{
    const depthwise *const d = context;
    const fnn_windows *const g = &d->g;
    const int64_t extent = fnn_window_extent(g), w = g->w, ow = g->ow, line = g->dh * w, dw = g->dw;
    vec x[FNN_POOL_TILE], y[FNN_POOL_TILE], kernels[DEPTHWISE_TAPS], start = {0};
    int64_t lo, hi, filled = -1;
    fnn_whole_columns(g, &lo, &hi);
    for (int64_t item = begin; item < end; item++) {
        const int64_t group = item / d->bands, i0 = item % d->bands * d->band;
        const int64_t i1 = i0 + d->band < g->oh ? i0 + d->band : g->oh;
        int64_t top, bottom, k0, k1, b0, b1;
        REAL *planes[VW];
        if (group != filled)
            start = depthwise_kernels(d, kernels, group * VW);
        filled = group;
        fnn_window(i0, g->h, g->oh, extent, g->sh, g->ph, &top, &bottom);
        fnn_window(i1 - 1, g->h, g->oh, extent, g->sh, g->ph, &k0, &bottom);
        depthwise_planes(d, planes, d->src, d->src_n, d->src_c, group * VW);
        lanes_in(x, planes, top * w, (bottom - top) * w);
        for (int64_t i = i0; i < i1; i++) {
            const int64_t row = fnn_taps_of(i, g->h, g->oh, g->kh, g->sh, g->ph, g->dh, &k0, &k1);
            const int64_t at = (row + k0 * g->dh - top) * w, rows = k1 - k0;
            const vec *const of_row = kernels + k0 * g->kw;
            vec *const to = y + (i - i0) * ow;
            for (int64_t j = 0; j < ow; j++) {
                if (j == lo) {
                    if (g->kw == 3 && dw == 1)
                        depthwise_row(to, lo, hi, x + at - g->pw, g->sw, rows, 3, line, 1, of_row, start, d->relu);
                    else if (g->kw == 5 && dw == 1)
                        depthwise_row(to, lo, hi, x + at - g->pw, g->sw, rows, 5, line, 1, of_row, start, d->relu);
                    else
                        depthwise_row(to, lo, hi, x + at - g->pw, g->sw, rows, g->kw, line, dw, of_row, start, d->relu);
                    j = hi;
                    if (j == ow)
                        break;
                }
                const int64_t column = fnn_taps_of(j, w, ow, g->kw, g->sw, g->pw, dw, &b0, &b1);
                depthwise_outputs(to + j, 1, x + at + column + b0 * dw, 0, rows, b1 - b0, line, dw, of_row + b0, g->kw,
                                  start, d->relu);
            }
        }
        depthwise_planes(d, planes, d->dst, d->channels * g->oh * ow, g->oh * ow, group * VW);
        lanes_out(planes, i0 * ow, y, (i1 - i0) * ow);
    }
}

/* Items are bands of rows of dx, of VW planes each. */
static void depthwise_input_range(void *context, int64_t begin, int64_t end)
{
    const depthwise *const d = context;
    const fnn_windows *const g = &d->g;
    const int64_t w = g->w, ow = g->ow;
    vec dx[FNN_POOL_TILE], dy[FNN_POOL_TILE], kernels[DEPTHWISE_TAPS], start = {0};
    int64_t filled = -1;
    for (int64_t item = begin; item < end; item++) {
        const int64_t group = item / d->bands, h0 = item % d->bands * d->band;
        const int64_t h1 = h0 + d->band < g->h ? h0 + d->band : g->h;
        int64_t i0, i1, k0, k1, b0, b1, o = 0;
        REAL *planes[VW];
        if (group != filled)
            start = depthwise_kernels(d, kernels, group * VW);
        filled = group;
        fnn_windows_touching(g, h0, h1, &i0, &i1);
        depthwise_planes(d, planes, d->src, d->src_n, d->src_c, group * VW);
        lanes_in(dy, planes, i0 * ow, (i1 - i0) * ow);
        for (int64_t k = 0; k < (h1 - h0) * w; k++)
            dx[k] = start;
        for (int64_t i = i0; i < i1; i++) {
            const int64_t row = i * g->sh - g->ph;
            fnn_taps_inside(row - h0, h1 - h0, g->kh, g->dh, &k0, &k1);
            for (int64_t j = 0; j < ow; j++, o++) {
                const int64_t column = j * g->sw - g->pw;
                fnn_taps_inside(column, w, g->kw, g->dw, &b0, &b1);
                for (int64_t k = k0; k < k1; k++) {
                    vec *const to = dx + (row + k * g->dh - h0) * w + column;
                    for (int64_t b = b0; b < b1; b++)
                        to[b * g->dw] += dy[o] * kernels[k * g->kw + b];
                }
            }
        }
        for (int64_t k = 0; k < (h1 - h0) * w && d->relu; k++)
            dx[k] = v_relu(dx[k]);
        depthwise_planes(d, planes, d->dst, d->channels * g->h * w, g->h * w, group * VW);
        lanes_out(planes, h0 * w, dx, (h1 - h0) * w);
    }
}

/* sums[k, b] += x (at row k and column b of the kernel) times dy, over outputs [from, to) of a row; all see every
 * column. */
FNN_INLINE void depthwise_weight_row(vec *sums, const vec *x, const vec *dy, int64_t from, int64_t to, int64_t step,
                                     const int64_t rows, const int64_t columns, int64_t line, int64_t dw)
{
    vec sum[DEPTHWISE_TAPS];
    for (int64_t t = 0; t < rows * columns; t++)
        sum[t] = sums[t];
    for (int64_t j = from; j < to; j++)
        for (int64_t k = 0; k < rows; k++)
            for (int64_t b = 0; b < columns; b++)
                sum[k * columns + b] += dy[j] * x[j * step + k * line + b * dw];
    for (int64_t t = 0; t < rows * columns; t++)
        sums[t] = sum[t];
}

/* Item = a vector of channels (where they are few, of some images together) for a split of the images. */
static void depthwise_weight_range(void *context, int64_t begin, int64_t end)
{
    const depthwise *const d = context;
    const fnn_windows *const g = &d->g;
    const int64_t extent = fnn_window_extent(g), w = g->w, ow = g->ow, line = g->dh * w, dw = g->dw;
    const int64_t taps = g->kh * g->kw;
    const int64_t wide = d->channels < VW ? d->channels : VW, together = VW / wide;
    const int64_t groups = (d->channels + wide - 1) / wide;
    vec x[FNN_POOL_TILE], dy[FNN_POOL_TILE], sums[DEPTHWISE_TAPS];
    int64_t lo, hi;
    fnn_whole_columns(g, &lo, &hi);
    for (int64_t item = begin; item < end; item++) {
        const int64_t c0 = item % groups * wide, split = item / groups;
        const int64_t n0 = d->images * split / d->splits, n1 = d->images * (split + 1) / d->splits;
        const int64_t channels = d->channels - c0 < wide ? d->channels - c0 : wide;
        for (int64_t t = 0; t < taps; t++)
            sums[t] = v_set1(0);
        for (int64_t n = n0; n < n1 && !fnn_interrupted(); n += together)
            for (int64_t i0 = 0, i1; i0 < g->oh; i0 = i1) {
                int64_t top, bottom, k0, k1, b0, b1;
                REAL *of_x[VW], *of_dy[VW];
                i1 = i0 + d->band < g->oh ? i0 + d->band : g->oh;
                fnn_window(i0, g->h, g->oh, extent, g->sh, g->ph, &top, &bottom);
                fnn_window(i1 - 1, g->h, g->oh, extent, g->sh, g->ph, &k0, &bottom);
                int64_t c = 0, image = n;
                for (int l = 0; l < VW; l++) { /* lanes without a channel or an image of their own repeat one */
                    of_x[l] = (REAL *)d->src + image * d->src_n + (c0 + (c < channels ? c : 0)) * d->src_c;
                    of_dy[l] = (REAL *)d->dy + image * d->dy_n + (c0 + (c < channels ? c : 0)) * d->dy_c;
                    if (++c == wide)
                        c = 0, image = image + 1 < n1 && image + 1 < n + together ? image + 1 : n;
                }
                lanes_in(x, of_x, top * w, (bottom - top) * w);
                lanes_in(dy, of_dy, i0 * ow, (i1 - i0) * ow);
                if (n + together > n1) { /* and the former count for nothing */
                    const vmask mask = v_mask((n1 - n) * wide);
                    for (int64_t k = 0; k < (i1 - i0) * ow; k++)
                        dy[k] = v_load_part((const REAL *)(dy + k), mask);
                }
                for (int64_t i = i0; i < i1; i++) {
                    const int64_t row = fnn_taps_of(i, g->h, g->oh, g->kh, g->sh, g->ph, g->dh, &k0, &k1);
                    const vec *const of_row = dy + (i - i0) * ow;
                    const vec *const from = x + (row + k0 * g->dh - top) * w - g->pw;
                    vec *const to = sums + k0 * g->kw;
                    for (int64_t j = 0; j < ow; j++) {
                        if (j == lo) {
                            if (k1 - k0 == 3 && g->kw == 3 && dw == 1)
                                depthwise_weight_row(to, from, of_row, lo, hi, g->sw, 3, 3, line, 1);
                            else if (g->kw == 5 && dw == 1)
                                for (int64_t k = 0; k < k1 - k0; k++)
                                    depthwise_weight_row(to + k * 5, from + k * line, of_row, lo, hi, g->sw, 1, 5, 0,
                                                         1);
                            else
                                for (int64_t k = 0; k < k1 - k0; k++)
                                    depthwise_weight_row(to + k * g->kw, from + k * line, of_row, lo, hi, g->sw, 1,
                                                         g->kw, 0, dw);
                            j = hi;
                            if (j == ow)
                                break;
                        }
                        fnn_taps_of(j, w, ow, g->kw, g->sw, g->pw, dw, &b0, &b1);
                        for (int64_t k = 0; k < k1 - k0; k++)
                            for (int64_t b = b0; b < b1; b++)
                                to[k * g->kw + b] += of_row[j] * from[j * g->sw + k * line + b * dw];
                    }
                }
            }
        for (int64_t t = 0; t < taps; t++)
            for (int64_t c = 0; c < channels; c++) {
                REAL sum = sums[t][c];
                for (int64_t l = c + wide; l < together * wide; l += wide)
                    sum += sums[t][l];
                d->sums[(split * d->channels + c0 + c) * taps + t] = sum;
            }
    }
}

/* Whether a convolution is of this kind: then its windows are filled in. */
static int depthwise_fits(depthwise *d, const fnn_conv *s, const int64_t *strides)
{
    if (s->c != s->o || s->n * s->c < VW / 2 || s->kh * s->kw > DEPTHWISE_TAPS || s->oh * s->ow == 0 ||
        s->h * s->w == 0)
        return 0;
    d->g = (fnn_windows){.outer = s->n * s->c,
                         .h = s->h,
                         .w = s->w,
                         .inner = 1,
                         .oh = s->oh,
                         .ow = s->ow,
                         .kh = s->kh,
                         .kw = s->kw,
                         .sh = s->sh,
                         .sw = s->sw,
                         .ph = s->top,
                         .pw = s->left,
                         .dh = s->dh,
                         .dw = s->dw};
    d->images = s->n, d->channels = s->c, d->src_n = strides[0], d->src_c = strides[1];
    return 1;
}

/* Rows in bands of at most `most`, if a tile holds any. */
static int depthwise_bands(depthwise *d, int64_t rows, int64_t most)
{
    if (most < 1)
        return 0;
    fnn_bands(rows, most, &d->band, &d->bands);
    return 1;
}

/* Nanoseconds for a vector of planes: transposes, and the kernel's elements. */
static double depthwise_cost(const depthwise *d)
{
    const fnn_windows *const g = &d->g;
    const double outputs = (double)(g->oh * g->ow);
    return 1.5 * (double)(g->h * g->w) + outputs * (1 + 0.6 * (double)(g->kh * g->kw)) + 50;
}

static conv_outcome depthwise_forward(const conv_call *call)
{
    const fnn_conv *const s = call->s;
    if (s->groups != s->c)
        return CONV_DECLINED;
    depthwise d = {.src = call->x, .weight = call->weight, .bias = call->bias, .dst = call->out, .relu = call->relu};
    if (!conv_whole_planes(call->xs, s->h, s->w) || !depthwise_fits(&d, s, call->xs) ||
        !depthwise_bands(&d, s->oh, fnn_output_band(&d.g)))
        return CONV_DECLINED;
    fnn_parallel_for(lane_groups(&d.g) * d.bands, 1, depthwise_cost(&d) / (double)d.bands, depthwise_range, &d);
    return CONV_DONE;
}

static conv_outcome depthwise_input(const conv_call *call)
{
    const fnn_conv *const s = call->s;
    if (s->groups != s->c)
        return CONV_DECLINED;
    depthwise d = {.src = call->dy, .weight = call->weight, .bias = call->bias, .dst = call->out, .relu = call->relu};
    if (!conv_whole_planes(call->dys, s->oh, s->ow) || !depthwise_fits(&d, s, call->dys))
        return CONV_DECLINED;
    if (s->sh == 1 && s->sw == 1) { /* a convolution */
        d.g.h = s->oh, d.g.w = s->ow, d.g.oh = s->h, d.g.ow = s->w;
        d.g.ph = (s->kh - 1) * s->dh - s->top, d.g.pw = (s->kw - 1) * s->dw - s->left;
        d.reversed = 1;
    }
    if (!depthwise_bands(&d, s->h, d.reversed ? fnn_output_band(&d.g) : fnn_input_band(&d.g)))
        return CONV_DECLINED;
    fnn_parallel_for(lane_groups(&d.g) * d.bands, 1, depthwise_cost(&d) / (double)d.bands,
                     d.reversed ? depthwise_range : depthwise_input_range, &d);
    return CONV_DONE;
}

static conv_outcome depthwise_weight(const conv_call *call)
{
    const fnn_conv *const s = call->s;
    if (s->groups != s->c)
        return CONV_DECLINED;
    REAL *const dw = call->out;
    depthwise d = {.src = call->x, .dy = call->dy, .dy_n = call->dys[0], .dy_c = call->dys[1]};
    if (!conv_whole_planes(call->xs, s->h, s->w) || !conv_whole_planes(call->dys, s->oh, s->ow) ||
        !depthwise_fits(&d, s, call->xs) || !depthwise_bands(&d, s->oh, fnn_output_band(&d.g)))
        return CONV_DECLINED;
    const int64_t size = s->c * s->kh * s->kw, wide = s->c < VW ? s->c : VW, together = VW / wide;
    d.splits = conv_splits((s->n + together - 1) / together, size);
    d.sums = d.splits > 1 ? fnn_scratch((size_t)(d.splits * size) * sizeof(REAL)) : dw;
    if (!d.sums)
        return CONV_DONE;
    const int64_t items = d.splits * ((s->c + wide - 1) / wide);
    fnn_parallel_for(items, 1, depthwise_cost(&d) * (double)s->n / (double)(d.splits * together),
                     depthwise_weight_range, &d);
    if (d.splits == 1)
        return CONV_DONE;
    memcpy(dw, d.sums, (size_t)size * sizeof(REAL));
    for (int64_t split = 1; split < d.splits; split++)
        for (int64_t i = 0; i < size; i++)
            dw[i] += d.sums[split * size + i];
    fnn_free(d.sums);
    return CONV_DONE;
}
