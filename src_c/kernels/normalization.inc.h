/* normalization.inc.h -- normalisation within rows: layer, group, instance and RMS normalisation.
 *
 * A row is what one mean and one variance belong to. x: (n, groups * c, s), a row is (c, s): layer normalisation is one
 * group with s = 1, instance normalisation c = 1. Variances are sums of squared distances from the mean, taken in a
 * second pass over a row that is in the cache by then. A mean as a REAL is off by its rounding; where it is large
 * beside the distances (is_far) another pass finds what is left, `rest` = the mean of x - mean, and whoever subtracts
 * the mean subtracts that too. Gradients of weight and bias are added up in FNN_NORM_BLOCKS fixed parts
 * of the rows (s = 1), or row by row and then over n.
 */

#define FNN_NORM_BLOCKS 32 /* parts of the rows that threads may share; fastnn/kernels/normalization.pyx knows it too */
#define FNN_FAR 4          /* standard deviations from 0 beyond which a mean's rounding counts */

/* ---- sums over a run of n contiguous elements ---- */

/* sum (x - mean)^2, and if `sum` *sum = sum (x - mean) */
FNN_INLINE REAL run_sums(const REAL *x, int64_t n, REAL mean, REAL *sum)
{
    const vec m = v_set1(mean);
    REAL total = 0, total_sum = 0, means[VW];
    v_store(means, m);
    for (int64_t at = 0; at < n; at += FNN_REDUCE_BLOCK) {
        const int64_t size = n - at < FNN_REDUCE_BLOCK ? n - at : FNN_REDUCE_BLOCK;
        const REAL *p = x + at;
        vec a[4] = {{0}}, b[4] = {{0}}, d;
        int64_t i = 0;
        for (; i + 4 * VW <= size; i += 4 * VW)
            FNN_UNROLL
        for (int j = 0; j < 4; j++)
            d = v_load(p + i + j * VW) - m, a[j] += d * d, b[j] += d;
        for (; i + VW <= size; i += VW)
            d = v_load(p + i) - m, a[0] += d * d, b[0] += d;
        if (i < size) {
            const vmask part = v_mask(size - i);
            d = v_load_part(p + i, part) - v_load_part(means, part), a[1] += d * d, b[1] += d;
        }
        total += v_sum((a[0] + a[1]) + (a[2] + a[3]));
        if (sum)
            total_sum += v_sum((b[0] + b[1]) + (b[2] + b[3]));
    }
    if (sum)
        *sum = total_sum;
    return total;
}

static REAL run_squares(const REAL *x, int64_t n, REAL mean)
{
    return run_sums(x, n, mean, NULL);
}

static REAL run_moments(const REAL *x, int64_t n, REAL mean, REAL *sum)
{
    return run_sums(x, n, mean, sum);
}

/* True for NaN, and where the squares of distances overflowed, as those from a rounded mean may. */
static inline int is_far(REAL mean, REAL rstd)
{
    return !(abs_(mean) * rstd <= FNN_FAR) || rstd == 0;
}

/* Whether n distances with these sums say more about the number they are from than about themselves, as if all are
 * equal and the mean is rounded: then it is to be moved by sum / n. False where that leads nowhere. */
static inline int off_center(REAL squares, REAL sum, REAL n)
{
    return squares > 0 && sum - sum == 0 && !(sum / n * sum < squares / 2);
}

/* The variance of n distances from a number near the mean. */
static inline REAL variance_about(REAL squares, REAL sum, REAL n)
{
    const REAL rest = sum / n, variance = squares / n - rest * rest;
    return variance < 0 ? 0 : variance;
}

/* 1 / sqrt(variance + eps) of a run; its mean is *mean + *rest. */
static REAL run_normal(const REAL *x, int64_t n, REAL eps, REAL *mean, REAL *rest)
{
    const REAL count = (REAL)n;
    REAL center = sum_row(x, n) / count, sum;
    REAL rstd = 1 / LIBM(sqrt)(run_squares(x, n, center) / count + eps);
    *rest = 0;
    if (n > 0 && is_far(center, rstd)) {
        if (center - center != 0) /* the sum may have overflowed */
            center = x[0];
        REAL squares = run_moments(x, n, center, &sum);
        if (off_center(squares, sum, count)) {
            center += sum / count;
            squares = run_moments(x, n, center, &sum);
        }
        *rest = sum / count;
        rstd = 1 / LIBM(sqrt)(variance_about(squares, sum, count) + eps);
        center += *rest - *rest != 0 ? *rest : 0; /* it was no overflow: infinities or NaN */
    }
    *mean = center;
    return rstd;
}

/* *sum = sum g, *product = sum g (x - mean), g = dy w, or dy if w is NULL */
static void run_products(REAL *sum, REAL *product, const REAL *dy, const REAL *w, const REAL *x, int64_t n, REAL mean)
{
    const vec m = v_set1(mean);
    REAL total = 0, total_product = 0, means[VW];
    v_store(means, m);
    for (int64_t at = 0; at < n; at += FNN_REDUCE_BLOCK) {
        const int64_t size = n - at < FNN_REDUCE_BLOCK ? n - at : FNN_REDUCE_BLOCK;
        vec a[2] = {{0}}, b[2] = {{0}};
        int64_t i = at;
        for (; i + 2 * VW <= at + size; i += 2 * VW)
            FNN_UNROLL
        for (int j = 0; j < 2; j++) {
            vec g = v_load(dy + i + j * VW);
            if (w)
                g *= v_load(w + i + j * VW);
            a[j] += g;
            b[j] += g * (v_load(x + i + j * VW) - m);
        }
        for (; i < at + size; i += VW) {
            const vmask rest = v_mask(at + size - i < VW ? at + size - i : VW);
            vec g = v_load_part(dy + i, rest);
            if (w)
                g *= v_load_part(w + i, rest);
            a[1] += g;
            b[1] += g * (v_load_part(x + i, rest) - v_load_part(means, rest));
        }
        total += v_sum(a[0] + a[1]);
        total_product += v_sum(b[0] + b[1]);
    }
    *sum = total;
    *product = total_product;
}

/* y = (x - mean) scale + shift */
static void run_scale(REAL *y, const REAL *x, int64_t n, REAL mean, REAL scale, REAL shift)
{
    FNN_INDEPENDENT
    for (int64_t i = 0; i < n; i++)
        y[i] = (x[i] - mean) * scale + shift;
}

/* dx = (dy - a - (x - mean) b) scale */
static void run_scale_backward(REAL *dx, const REAL *dy, const REAL *x, int64_t n, REAL mean, REAL a, REAL b,
                               REAL scale)
{
    FNN_INDEPENDENT
    for (int64_t i = 0; i < n; i++)
        dx[i] = (dy[i] - a - (x[i] - mean) * b) * scale;
}

typedef struct {
    REAL *y, *mean, *rstd;
    const REAL *x, *weight, *bias;
    int64_t groups, c, s;
    REAL eps;
    int rms;
    /* backward */
    const REAL *dy;
    REAL *dx, *dw, *db, *scratch;
    int64_t n, block;
} norm_context;

static void norm_rows(void *context, int64_t begin, int64_t end)
{
    const norm_context *k = context;
    const int64_t c = k->c, s = k->s, n = c * s;
    for (int64_t i = begin; i < end; i++) {
        const REAL *x = k->x + i * n;
        const REAL *w = k->weight ? k->weight + i % k->groups * c : NULL;
        const REAL *b = k->bias ? k->bias + i % k->groups * c : NULL;
        REAL *y = k->y + i * n;
        REAL mean = 0, rest = 0;
        const REAL rstd =
            k->rms ? 1 / LIBM(sqrt)(run_squares(x, n, 0) / (REAL)n + k->eps) : run_normal(x, n, k->eps, &mean, &rest);
        const REAL lift = rest * rstd;
        k->mean[i] = mean;
        k->rstd[i] = rstd;
        if (s > 1 || !(w || b)) {
            if (!(w || b))
                run_scale(y, x, n, mean, rstd, -lift);
            else
                for (int64_t j = 0; j < c; j++) {
                    const REAL weight = w ? w[j] : 1;
                    run_scale(y + j * s, x + j * s, s, mean, rstd * weight, (b ? b[j] : 0) - lift * weight);
                }
        } else if (w && b) {
            FNN_INDEPENDENT
            for (int64_t j = 0; j < n; j++)
                y[j] = ((x[j] - mean) * rstd - lift) * w[j] + b[j];
        } else if (w) {
            FNN_INDEPENDENT
            for (int64_t j = 0; j < n; j++)
                y[j] = ((x[j] - mean) * rstd - lift) * w[j];
        } else {
            FNN_INDEPENDENT
            for (int64_t j = 0; j < n; j++)
                y[j] = ((x[j] - mean) * rstd - lift) + b[j];
        }
    }
}

static void group_norm_forward(void *y, void *mean, void *rstd, const void *x, const void *weight, const void *bias,
                               int64_t n, int64_t groups, int64_t c, int64_t s, double eps, int rms)
{
    norm_context k = {.y = y,
                      .mean = mean,
                      .rstd = rstd,
                      .x = x,
                      .weight = weight,
                      .bias = bias,
                      .groups = groups,
                      .c = c,
                      .s = s,
                      .eps = (REAL)eps,
                      .rms = rms};
    fnn_parallel_for(n * groups, 1, (REAL_IS_F32 ? 0.3 : 0.6) * (double)(c * s) + 15, norm_rows, &k);
}

/* dx = (g - a - (x - mean) b) rstd of one row with s = 1, where g = dy w; adds dy ((x - mean) rstd - lift) to dw and
 * dy to db. All may be NULL. */
static inline void norm_row_gradients(REAL *dx, REAL *dw, REAL *db, const REAL *dy, const REAL *w, const REAL *x,
                                      int64_t n, REAL mean, REAL rstd, REAL a, REAL b, REAL lift)
{
    if (dx && dw && db && w) {
        FNN_INDEPENDENT
        for (int64_t j = 0; j < n; j++) {
            const REAL d = x[j] - mean;
            dx[j] = (dy[j] * w[j] - a - d * b) * rstd;
            dw[j] += dy[j] * (d * rstd - lift);
            db[j] += dy[j];
        }
        return;
    }
    if (dx && w) {
        FNN_INDEPENDENT
        for (int64_t j = 0; j < n; j++)
            dx[j] = (dy[j] * w[j] - a - (x[j] - mean) * b) * rstd;
    } else if (dx) {
        run_scale_backward(dx, dy, x, n, mean, a, b, rstd);
    }
    if (dw)
        FNN_INDEPENDENT
    for (int64_t j = 0; j < n; j++)
        dw[j] += dy[j] * ((x[j] - mean) * rstd - lift);
    if (db)
        FNN_INDEPENDENT
    for (int64_t j = 0; j < n; j++)
        db[j] += dy[j];
}

/* s = 1: items are blocks of the n samples. */
static void norm_backward_elements(void *context, int64_t begin, int64_t end)
{
    const norm_context *k = context;
    const int64_t c = k->c, channels = k->groups * c;
    for (int64_t block = begin; block < end; block++) {
        const int64_t last = (block + 1) * k->block < k->n ? (block + 1) * k->block : k->n;
        REAL *dw = k->dw ? k->scratch + 2 * block * channels : NULL;
        REAL *db = k->db ? k->scratch + (2 * block + 1) * channels : NULL;
        for (int64_t j = 0; j < channels; j++) {
            if (dw)
                dw[j] = 0;
            if (db)
                db[j] = 0;
        }
        for (int64_t i = block * k->block * k->groups; i < last * k->groups; i++) {
            const int64_t first = i % k->groups * c;
            const REAL *x = k->x + i * c, *dy = k->dy + i * c, *w = k->weight ? k->weight + first : NULL;
            /* one element is its own mean: its gradient is 0, not a rounding error times a large rstd */
            const REAL mean = k->mean[i], rstd = c == 1 && !k->rms ? 0 : k->rstd[i];
            REAL a = 0, b = 0, rest = 0;
            if (k->dx)
                run_products(&a, &b, dy, w, x, c, mean);
            if (!k->rms && is_far(mean, rstd)) {
                run_moments(x, c, mean, &rest);
                rest /= (REAL)c;
            }
            b = (b - a * rest) * (rstd * rstd) / (REAL)c;
            a = k->rms ? 0 : a / (REAL)c - rest * b;
            norm_row_gradients(k->dx ? k->dx + i * c : NULL, dw ? dw + first : NULL, db ? db + first : NULL, dy, w, x,
                               c, mean, rstd, a, b, rest * rstd);
        }
    }
}

/* s > 1: items are rows; the sums of each channel of each sample go to scratch: (n, 2, channels). */
static void norm_backward_rows(void *context, int64_t begin, int64_t end)
{
    const norm_context *k = context;
    const int64_t c = k->c, s = k->s, channels = k->groups * c;
    for (int64_t i = begin; i < end; i++) {
        const int64_t first = i % k->groups * c;
        const REAL *x = k->x + i * c * s, *dy = k->dy + i * c * s, *w = k->weight ? k->weight + first : NULL;
        REAL *dw = k->scratch + i / k->groups * 2 * channels + first, *db = dw + channels;
        const REAL mean = k->mean[i], rstd = k->rstd[i];
        REAL a = 0, b = 0, rest = 0;
        if (s && is_far(mean, rstd)) {
            run_moments(x, c * s, mean, &rest);
            rest /= (REAL)(c * s);
        }
        for (int64_t j = 0; j < c; j++) {
            REAL product;
            run_products(&db[j], &product, dy + j * s, NULL, x + j * s, s, mean);
            dw[j] = s ? (product - db[j] * rest) * rstd : 0;
            a += w ? db[j] * w[j] : db[j];
            b += w ? dw[j] * w[j] : dw[j];
        }
        if (!k->dx)
            continue;
        b = b * rstd / (REAL)(c * s);
        a = k->rms ? 0 : a / (REAL)(c * s) - rest * b;
        for (int64_t j = 0; j < c; j++) {
            /* (dy w - a - (x - mean) b) rstd; a weight of 0 must not be divided by */
            const REAL weight = w ? w[j] : 1, scale = rstd * weight;
            const REAL *xj = x + j * s, *dyj = dy + j * s;
            REAL *dx = k->dx + (i * c + j) * s;
            FNN_INDEPENDENT
            for (int64_t e = 0; e < s; e++)
                dx[e] = dyj[e] * scale - (a + (xj[e] - mean) * b) * rstd;
        }
    }
}

/* out[j] = sum of parts[0..count-1][j], rows `stride` apart, in a fixed tree. */
static void add_parts(REAL *out, const REAL *parts, int64_t stride, int64_t count, int64_t width)
{
    for (int64_t at = 0; at < width; at += FNN_REDUCE_WIDTH)
        sum_columns(out + at, parts + at, stride, count, width - at < FNN_REDUCE_WIDTH ? width - at : FNN_REDUCE_WIDTH);
}

static void group_norm_backward(void *dx, void *dw, void *db, void *scratch, const void *dy, const void *x,
                                const void *mean, const void *rstd, const void *weight, int64_t n, int64_t groups,
                                int64_t c, int64_t s, int rms)
{
    norm_context k = {.dx = dx,
                      .dw = dw,
                      .db = db,
                      .scratch = scratch,
                      .dy = dy,
                      .x = x,
                      .mean = (REAL *)mean,
                      .rstd = (REAL *)rstd,
                      .weight = weight,
                      .groups = groups,
                      .c = c,
                      .s = s,
                      .n = n,
                      .rms = rms};
    const int64_t channels = groups * c;
    const double cost = (REAL_IS_F32 ? 0.5 : 1.0) * (double)(c * s) + 30;
    int64_t parts = n;
    if (s == 1) {
        k.block = n <= 16 * FNN_NORM_BLOCKS ? 16 : (n + FNN_NORM_BLOCKS - 1) / FNN_NORM_BLOCKS;
        parts = (n + k.block - 1) / k.block;
        fnn_parallel_for(parts, 1, cost * (double)(k.block * groups), norm_backward_elements, &k);
    } else {
        fnn_parallel_for(n * groups, 1, cost, norm_backward_rows, &k);
    }
    const unsigned mode = fnn_enter();
    if (dw)
        add_parts(dw, scratch, 2 * channels, parts, channels);
    if (db)
        add_parts(db, (REAL *)scratch + channels, 2 * channels, parts, channels);
    fnn_leave(mode);
}
