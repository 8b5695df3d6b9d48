/* batch_norm.inc.h -- normalisation of channels over a batch: x is (n, c, s).
 *
 * Long channels (s >= FNN_BATCH_RUN) go channel by channel over runs of s elements. Else x is a matrix of n rows and
 * c * s columns, done in strips of columns: this is also the way of channels-last images, (n * s, c, 1). Either way
 * a channel's data is cut into `blocks` by size alone: one where channels give work to all threads, else up to
 * FNN_NORM_BLOCKS whose results are put together in block order. One channel alone is one run, cut anywhere.
 * Means come with what rounding left of them, as in normalization.inc.h.
 */

#define FNN_BATCH_RUN 32
#define FNN_BATCH_BLOCK 16384 /* elements of a block, or more */
/* Arrays on the stack that are read and written together: a line more than a power of two, or they collide in the
 * cache. */
#define FNN_COLUMNS(name) __attribute__((aligned(64))) name[FNN_REDUCE_WIDTH + 64 / sizeof(REAL)]

typedef struct {
    REAL *y, *mean, *rstd, *running_mean, *running_var;
    const REAL *x, *weight, *bias, *dy;
    REAL *dx, *dw, *db;
    REAL *scratch; /* (blocks, 3, c): what each block found; then (c,): the rests of the means */
    int64_t n, c, s, blocks, block;
    int64_t strip;      /* channels done together */
    int training, done; /* done: the statistics are known, only write y or dx */
    REAL eps, momentum;
    REAL *variance; /* instead of y: squares / divisor */
    REAL divisor;
} batch_context;

/* Samples [n0, n1) as runs: how long one is, and how many. 0: they are rows of columns. */
static inline int64_t batch_runs(const batch_context *c, int64_t n0, int64_t n1, int64_t *length)
{
    const int64_t whole = c->c == 1 && c->s == 1;
    *length = whole ? n1 - n0 : c->s;
    return whole ? 1 : (c->s >= FNN_BATCH_RUN ? n1 - n0 : 0);
}

/* Sums of squares of x - center of `width` columns, and with `sum` of x - center. */
FNN_INLINE void column_sums(REAL *sum, REAL *squares, const REAL *x, int64_t stride, int64_t rows, int64_t width,
                            const REAL *center)
{
    REAL FNN_COLUMNS(a), FNN_COLUMNS(b);
    for (int64_t j = 0; j < width; j++)
        squares[j] = 0;
    for (int64_t j = 0; j < width && sum; j++)
        sum[j] = 0;
    for (int64_t from = 0; from < rows; from += FNN_REDUCE_ROWS) {
        const int64_t to = from + FNN_REDUCE_ROWS < rows ? from + FNN_REDUCE_ROWS : rows;
        for (int64_t j = 0; j < width; j++)
            a[j] = b[j] = 0;
        for (int64_t i = from; i < to; i++)
            FNN_INDEPENDENT
        for (int64_t j = 0; j < width; j++) {
            const REAL d = x[i * stride + j] - center[j];
            b[j] += d * d;
            if (sum)
                a[j] += d;
        }
        for (int64_t j = 0; j < width; j++)
            squares[j] += b[j];
        for (int64_t j = 0; j < width && sum; j++)
            sum[j] += a[j];
    }
}

static void column_squares(REAL *squares, const REAL *x, int64_t stride, int64_t rows, int64_t width,
                           const REAL *center)
{
    column_sums(NULL, squares, x, stride, rows, width, center);
}

static void column_moments(REAL *sum, REAL *squares, const REAL *x, int64_t stride, int64_t rows, int64_t width,
                           const REAL *center)
{
    column_sums(sum, squares, x, stride, rows, width, center);
}

/* The sum of the s columns of channel k. */
static inline REAL of_channel(const REAL *columns, int64_t k, int64_t s)
{
    REAL total = 0;
    for (int64_t j = 0; j < s; j++)
        total += columns[k * s + j];
    return total;
}

/* The same number for the s columns of a channel. */
static inline void to_columns(REAL *columns, const REAL *channels, int64_t count, int64_t s)
{
    columns[0] = channels[0]; /* or compilers warn that nothing might be written */
    for (int64_t k = 0; k < count; k++)
        for (int64_t j = 0; j < s; j++)
            columns[k * s + j] = channels[k];
}

/* Sums of (x - mean)^2 and, if `sum`, of x - mean of channels [k0, k1) over samples [n0, n1). */
static void batch_moments(const batch_context *c, int64_t k0, int64_t k1, int64_t n0, int64_t n1, const REAL *mean,
                          REAL *sum, REAL *squares)
{
    const int64_t s = c->s, stride = c->c * s, width = (k1 - k0) * s;
    const REAL *x = c->x + n0 * stride + k0 * s;
    int64_t length, runs = batch_runs(c, n0, n1, &length);
    if (runs) {
        double total = 0, total_sum = 0;
        REAL part = 0;
        for (int64_t i = 0; i < runs; i++, total_sum += part)
            total += sum ? run_moments(x + i * stride, length, mean[0], &part)
                         : run_squares(x + i * stride, length, mean[0]);
        squares[0] = (REAL)total;
        if (sum)
            sum[0] = (REAL)total_sum;
        return;
    }
    REAL FNN_COLUMNS(sums), FNN_COLUMNS(square), FNN_COLUMNS(center);
    to_columns(center, mean, k1 - k0, s);
    if (sum)
        column_moments(sums, square, x, stride, n1 - n0, width, center);
    else
        column_squares(square, x, stride, n1 - n0, width, center);
    for (int64_t k = 0; k < k1 - k0; k++) {
        squares[k] = of_channel(square, k, s);
        if (sum)
            sum[k] = of_channel(sums, k, s);
    }
}

/* Means, their rests and sums of squared distances of channels [k0, k1) over samples [n0, n1). */
static void batch_statistics(const batch_context *c, int64_t k0, int64_t k1, int64_t n0, int64_t n1, REAL *mean,
                             REAL *rest, REAL *squares)
{
    const int64_t s = c->s, stride = c->c * s, channels = k1 - k0;
    const REAL *x = c->x + n0 * stride + k0 * s, count = (REAL)((n1 - n0) * s);
    int64_t length, runs = batch_runs(c, n0, n1, &length);
    REAL FNN_COLUMNS(sum);
    if (runs) {
        double total = 0;
        for (int64_t i = 0; i < runs; i++)
            total += sum_row(x + i * stride, length);
        sum[0] = (REAL)total;
    } else {
        sum_columns(sum, x, stride, n1 - n0, channels * s);
    }
    for (int64_t k = 0; k < channels; k++) {
        mean[k] = (runs ? sum[0] : of_channel(sum, k, s)) / count;
        rest[k] = 0;
    }
    batch_moments(c, k0, k1, n0, n1, mean, NULL, squares);
    int again = 0;
    for (int64_t k = 0; k < channels; k++)
        if (is_far(mean[k], 1 / LIBM(sqrt)(squares[k] / count))) {
            again = 2;
            if (mean[k] - mean[k] != 0) /* the sum may have overflowed */
                mean[k] = x[k * s];
        }
    while (again--) {
        int moved = 0;
        batch_moments(c, k0, k1, n0, n1, mean, rest, squares);
        for (int64_t k = 0; k < channels; k++) {
            const int off = again && off_center(squares[k], rest[k], count);
            squares[k] = variance_about(squares[k], rest[k], count) * count;
            rest[k] /= count;
            mean[k] += off ? rest[k] : 0;
            moved |= off;
        }
        again = moved ? again : 0;
    }
}

/* Sums of dy, of dy (x - mean), and of x - mean where a mean is far from 0. */
static void batch_products(const batch_context *c, int64_t k0, int64_t k1, int64_t n0, int64_t n1, REAL *sum,
                           REAL *product, REAL *away)
{
    const int64_t s = c->s, stride = c->c * s, rows = n1 - n0, width = (k1 - k0) * s;
    const REAL *x = c->x + n0 * stride + k0 * s, *dy = c->dy + n0 * stride + k0 * s;
    int64_t length, runs = batch_runs(c, n0, n1, &length);
    int far = 0;
    for (int64_t k = k0; k < k1 && c->training; k++)
        far |= is_far(c->mean[k], c->rstd[k]);
    memset(away, 0, (size_t)(k1 - k0) * sizeof(REAL));
    if (far) /* `product` for now: squares that nobody asks for */
        batch_moments(c, k0, k1, n0, n1, c->mean + k0, away, product);
    if (runs) {
        double a = 0, b = 0;
        for (int64_t i = 0; i < runs; i++) {
            REAL p, q;
            run_products(&p, &q, dy + i * stride, NULL, x + i * stride, length, c->mean[k0]);
            a += p, b += q;
        }
        sum[0] = (REAL)a, product[0] = (REAL)b;
        return;
    }
    REAL FNN_COLUMNS(a), FNN_COLUMNS(b), FNN_COLUMNS(p), FNN_COLUMNS(q), FNN_COLUMNS(center);
    to_columns(center, c->mean + k0, k1 - k0, s);
    for (int64_t j = 0; j < width; j++)
        a[j] = b[j] = 0;
    for (int64_t from = 0; from < rows; from += FNN_REDUCE_ROWS) {
        const int64_t to = from + FNN_REDUCE_ROWS < rows ? from + FNN_REDUCE_ROWS : rows;
        for (int64_t j = 0; j < width; j++)
            p[j] = q[j] = 0;
        for (int64_t i = from; i < to; i++)
            FNN_INDEPENDENT
        for (int64_t j = 0; j < width; j++) {
            p[j] += dy[i * stride + j];
            q[j] += dy[i * stride + j] * (x[i * stride + j] - center[j]);
        }
        for (int64_t j = 0; j < width; j++)
            a[j] += p[j], b[j] += q[j];
    }
    for (int64_t k = 0; k < k1 - k0; k++) {
        sum[k] = of_channel(a, k, s);
        product[k] = of_channel(b, k, s);
    }
}

/* mean, its rest, rstd and running statistics of channels [k0, k1) from the blocks' results. */
static void batch_finish(const batch_context *c, int64_t k0, int64_t k1)
{
    const REAL count = (REAL)(c->n * c->s);
    for (int64_t k = k0; k < k1; k++) {
        const REAL *means = c->scratch + k, *rests = means + c->c, *squared = rests + c->c;
        const int64_t next = 3 * c->c; /* from one block to the following */
        REAL away = 0, rest = 0, squares = 0;
        for (int64_t b = 0; b < c->blocks; b++) {
            const int64_t rows = (b + 1) * c->block < c->n ? c->block : c->n - b * c->block;
            away += ((means[b * next] - means[0]) + rests[b * next]) * ((REAL)(rows * c->s) / count);
        }
        const REAL mean = means[0] + away;
        for (int64_t b = 0; b < c->blocks; b++) {
            const int64_t rows = (b + 1) * c->block < c->n ? c->block : c->n - b * c->block;
            const REAL distance = (means[b * next] - mean) + rests[b * next];
            rest += distance * ((REAL)(rows * c->s) / count);
            squares += squared[b * next] + distance * distance * (REAL)(rows * c->s);
        }
        const REAL variance = variance_about(squares, rest * count, count);
        c->mean[k] = mean;
        c->scratch[k] = rest;
        if (c->variance) {
            c->variance[k] = variance * count / c->divisor;
            continue;
        }
        c->rstd[k] = 1 / LIBM(sqrt)(variance + c->eps);
        if (c->running_mean)
            c->running_mean[k] = (1 - c->momentum) * c->running_mean[k] + c->momentum * mean;
        if (c->running_var)
            c->running_var[k] = (1 - c->momentum) * c->running_var[k] + c->momentum * (variance * count / (count - 1));
    }
}

/* y = (x - center) scale + shift of channel k. */
static inline void batch_map(const batch_context *c, int64_t k, REAL *center, REAL *scale, REAL *shift)
{
    *center = c->mean[k];
    *scale = c->weight ? c->rstd[k] * c->weight[k] : c->rstd[k];
    *shift = (c->bias ? c->bias[k] : 0) - (c->training ? c->scratch[k] * *scale : 0);
}

/* y of channels [k0, k1), samples [n0, n1). */
static void batch_write(const batch_context *c, int64_t k0, int64_t k1, int64_t n0, int64_t n1)
{
    const int64_t s = c->s, stride = c->c * s, width = (k1 - k0) * s;
    const REAL *x = c->x + n0 * stride + k0 * s;
    REAL *y = c->y + n0 * stride + k0 * s;
    int64_t length, runs = batch_runs(c, n0, n1, &length);
    if (runs) {
        REAL center, scale, shift;
        batch_map(c, k0, &center, &scale, &shift);
        for (int64_t i = 0; i < runs; i++)
            run_scale(y + i * stride, x + i * stride, length, center, scale, shift);
        return;
    }
    REAL FNN_COLUMNS(center), FNN_COLUMNS(scale), FNN_COLUMNS(shift);
    for (int64_t k = 0; k < k1 - k0; k++) {
        REAL first, factor, last;
        batch_map(c, k0 + k, &first, &factor, &last);
        for (int64_t j = k * s; j < (k + 1) * s; j++)
            center[j] = first, scale[j] = factor, shift[j] = last;
    }
    for (int64_t i = 0; i < n1 - n0; i++) {
        FNN_INDEPENDENT
        for (int64_t j = 0; j < width; j++)
            y[i * stride + j] = (x[i * stride + j] - center[j]) * scale[j] + shift[j];
    }
}

/* What the blocks say of channel k: the sum of dy, that of dy (x - mean - rest), and in training the mean's rest. */
static inline void batch_sums(const batch_context *c, int64_t k, REAL *sum, REAL *product, REAL *rest)
{
    *sum = *product = *rest = 0;
    for (int64_t b = 0; b < c->blocks; b++) {
        *sum += c->scratch[3 * b * c->c + k];
        *product += c->scratch[(3 * b + 1) * c->c + k];
        *rest += c->scratch[(3 * b + 2) * c->c + k];
    }
    if (*rest != 0) { /* only where the mean is far from 0 */
        *rest /= (REAL)(c->n * c->s);
        *product -= *rest * *sum;
    }
}

/* dx = (dy - a - (x - center) b) scale of channel k. */
static inline void batch_map_backward(const batch_context *c, int64_t k, REAL *center, REAL *a, REAL *b, REAL *scale)
{
    const REAL count = (REAL)(c->n * c->s);
    REAL sum = 0, product = 0, rest = 0;
    if (c->training)
        batch_sums(c, k, &sum, &product, &rest);
    *center = c->mean[k];
    *b = product * (c->rstd[k] * c->rstd[k]) / count;
    *a = sum / count - rest * *b;
    *scale = c->weight ? c->rstd[k] * c->weight[k] : c->rstd[k];
}

/* dx of channels [k0, k1), samples [n0, n1). */
static void batch_write_backward(const batch_context *c, int64_t k0, int64_t k1, int64_t n0, int64_t n1)
{
    const int64_t s = c->s, stride = c->c * s, width = (k1 - k0) * s, at = n0 * stride + k0 * s;
    const REAL *x = c->x + at, *dy = c->dy + at;
    REAL *dx = c->dx + at;
    int64_t length, runs = batch_runs(c, n0, n1, &length);
    if (runs) {
        REAL center, a, b, scale;
        batch_map_backward(c, k0, &center, &a, &b, &scale);
        for (int64_t i = 0; i < runs; i++)
            run_scale_backward(dx + i * stride, dy + i * stride, x + i * stride, length, center, a, b, scale);
        return;
    }
    REAL FNN_COLUMNS(center), FNN_COLUMNS(a), FNN_COLUMNS(b), FNN_COLUMNS(scale);
    for (int64_t k = 0; k < k1 - k0; k++) {
        REAL first, minus, slope, factor;
        batch_map_backward(c, k0 + k, &first, &minus, &slope, &factor);
        for (int64_t j = k * s; j < (k + 1) * s; j++)
            center[j] = first, a[j] = minus, b[j] = slope, scale[j] = factor;
    }
    for (int64_t i = 0; i < n1 - n0; i++) {
        FNN_INDEPENDENT
        for (int64_t j = 0; j < width; j++)
            dx[i * stride + j] = (dy[i * stride + j] - a[j] - (x[i * stride + j] - center[j]) * b[j]) * scale[j];
    }
}

/* Items: (strip of channels, block of samples). */
static void batch_range(void *context, int64_t begin, int64_t end)
{
    const batch_context *c = context;
    for (int64_t i = begin; i < end; i++) {
        const int64_t b = i % c->blocks, k0 = i / c->blocks * c->strip, n0 = b * c->block;
        const int64_t k1 = k0 + c->strip < c->c ? k0 + c->strip : c->c;
        const int64_t n1 = n0 + c->block < c->n ? n0 + c->block : c->n;
        REAL *first = c->scratch + 3 * b * c->c + k0, *second = first + c->c, *third = second + c->c;
        if (!c->done) {
            if (c->dy)
                batch_products(c, k0, k1, n0, n1, first, second, third);
            else
                batch_statistics(c, k0, k1, n0, n1, first, second, third);
            if (c->blocks > 1)
                continue;
            if (!c->dy)
                batch_finish(c, k0, k1);
        }
        if (c->dx)
            batch_write_backward(c, k0, k1, n0, n1);
        else if (c->y)
            batch_write(c, k0, k1, n0, n1);
    }
}

/* One region where a strip is one block; else one for the blocks' results and one that writes. */
static void batch_run(batch_context *c, double cost)
{
    if (c->c == 1)
        c->n *= c->s, c->s = 1;
    c->strip = c->s >= FNN_BATCH_RUN ? 1 : FNN_REDUCE_WIDTH / c->s;
    const int64_t strips = (c->c + c->strip - 1) / c->strip, size = c->n * c->c * c->s;
    c->blocks = strips < 4 ? size / strips / FNN_BATCH_BLOCK : 1;
    c->blocks = c->blocks < 1 ? 1 : (c->blocks > FNN_NORM_BLOCKS ? FNN_NORM_BLOCKS : c->blocks);
    c->blocks = c->blocks > c->n ? c->n : c->blocks;
    c->block = (c->n + c->blocks - 1) / c->blocks;
    c->blocks = (c->n + c->block - 1) / c->block;
    const int64_t items = strips * c->blocks;
    cost *= (REAL_IS_F32 ? 1 : 2) * (double)size / (double)items;
    fnn_parallel_for(items, 1, cost, batch_range, c);
    if (c->blocks > 1 && !c->done) {
        c->done = 1;
        if (!c->dy) {
            const unsigned mode = fnn_enter();
            batch_finish(c, 0, c->c);
            fnn_leave(mode);
        }
        if (c->y || c->dx)
            fnn_parallel_for(items, 1, cost, batch_range, c);
    }
}

static void batch_norm_forward(void *y, void *mean, void *rstd, void *running_mean, void *running_var, void *scratch,
                               const void *x, const void *weight, const void *bias, int64_t n, int64_t c, int64_t s,
                               int training, double momentum, double eps)
{
    batch_context k = {.y = y,
                       .mean = mean,
                       .rstd = rstd,
                       .running_mean = running_mean,
                       .running_var = running_var,
                       .scratch = scratch,
                       .x = x,
                       .weight = weight,
                       .bias = bias,
                       .n = n,
                       .c = c,
                       .s = s,
                       .training = training,
                       .done = !training,
                       .eps = (REAL)eps,
                       .momentum = (REAL)momentum};
    if (!training) {
        const unsigned mode = fnn_enter();
        for (int64_t j = 0; j < c; j++) {
            k.mean[j] = k.running_mean[j];
            k.rstd[j] = 1 / LIBM(sqrt)(k.running_var[j] + k.eps);
        }
        fnn_leave(mode);
    }
    if (n > 0 && c > 0 && s > 0)
        batch_run(&k, training ? 0.35 : 0.15);
}

static void variance(void *variance, void *mean, void *scratch, const void *x, int64_t n, int64_t c, int64_t s,
                     double divisor)
{
    batch_context k = {.mean = mean,
                       .scratch = scratch,
                       .x = x,
                       .n = n,
                       .c = c,
                       .s = s,
                       .training = 1,
                       .variance = variance,
                       .divisor = (REAL)divisor};
    if (n > 0 && c > 0 && s > 0)
        batch_run(&k, 0.2);
}

static void batch_norm_backward(void *dx, void *dw, void *db, void *scratch, const void *dy, const void *x,
                                const void *mean, const void *rstd, const void *weight, int64_t n, int64_t c, int64_t s,
                                int training)
{
    batch_context k = {.dx = dx,
                       .dw = dw,
                       .db = db,
                       .scratch = scratch,
                       .dy = dy,
                       .x = x,
                       .mean = (REAL *)mean,
                       .rstd = (REAL *)rstd,
                       .weight = weight,
                       .n = n,
                       .c = c,
                       .s = s,
                       .training = training,
                       .done = !(dw || db || training)};
    if (n > 0 && c > 0 && s > 0)
        batch_run(&k, 0.4);
    const unsigned mode = fnn_enter();
    for (int64_t j = 0; j < c && (dw || db); j++) {
        REAL sum, product, rest;
        batch_sums(&k, j, &sum, &product, &rest);
        if (dw)
            ((REAL *)dw)[j] = product * k.rstd[j];
        if (db)
            ((REAL *)db)[j] = sum;
    }
    fnn_leave(mode);
}
