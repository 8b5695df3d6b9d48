/* resample.inc.h -- an axis at other positions: each output a weighted sum of a few inputs, given by tables; and the
 * windows of planes as columns. */
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
