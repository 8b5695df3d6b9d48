/* batch_norm.inc.h -- normalisation of channels over a batch: x is (n, c, s).
 *
 * Long channels (s >= FNN_BATCH_RUN) go channel by channel over runs of s elements. Else x is a matrix of n rows and
 * c * s columns, done in strips of columns: this is also the way of channels-last images, (n * s, c, 1). Either way
 * a channel's data is cut into `blocks` by size alone: one where channels give work to all threads, else up to
 * FNN_NORM_BLOCKS whose results are put together in block order.
 */

#ifndef FNN_BATCH_NORM_MACROS
#define FNN_BATCH_NORM_MACROS
#define FNN_BATCH_RUN 32
#define FNN_BATCH_BLOCK 16384 /* elements of a block, or more */
#endif

typedef struct {
    REAL *y, *mean, *rstd, *running_mean, *running_var;
    const REAL *x, *weight, *bias, *dy;
    REAL *dx, *dw, *db;
    REAL *scratch; /* (blocks, 2, c): what each block found */
    int64_t n, c, s, blocks, block;
    int64_t strip; /* channels done together */
    int training, done; /* done: the statistics are known, only write y or dx */
    REAL eps, momentum;
} FN(batch_context);

/* Means and sums of squared distances of channels [k0, k1) over samples [n0, n1). */
static void FN(batch_statistics)(const FN(batch_context) *c, int64_t k0, int64_t k1, int64_t n0, int64_t n1,
                                 REAL *mean, REAL *squares)
{
    const int64_t s = c->s, stride = c->c * s, rows = n1 - n0, width = (k1 - k0) * s;
    const REAL *x = c->x + n0 * stride + k0 * s, count = (REAL)(rows * s);
    if (s >= FNN_BATCH_RUN) {
        REAL sum = 0, total = 0;
        for (int64_t i = 0; i < rows; i++)
            sum += FN(sum_row)(x + i * stride, s);
        mean[0] = sum / count;
        for (int64_t i = 0; i < rows; i++)
            total += FN(run_squares)(x + i * stride, s, mean[0]);
        squares[0] = total;
        return;
    }
    REAL sum[FNN_REDUCE_WIDTH], center[FNN_REDUCE_WIDTH], part[FNN_REDUCE_WIDTH];
    FN(sum_columns)(sum, x, stride, rows, width);
    for (int64_t k = 0; k < k1 - k0; k++) {
        REAL total = 0;
        for (int64_t j = 0; j < s; j++)
            total += sum[k * s + j];
        mean[k] = total / count;
        for (int64_t j = 0; j < s; j++)
            center[k * s + j] = mean[k], sum[k * s + j] = 0;
    }
    for (int64_t from = 0; from < rows; from += FNN_REDUCE_ROWS) {
        const int64_t to = from + FNN_REDUCE_ROWS < rows ? from + FNN_REDUCE_ROWS : rows;
        for (int64_t j = 0; j < width; j++)
            part[j] = 0;
        for (int64_t i = from; i < to; i++)
            FNN_INDEPENDENT
            for (int64_t j = 0; j < width; j++) {
                const REAL d = x[i * stride + j] - center[j];
                part[j] += d * d;
            }
        for (int64_t j = 0; j < width; j++)
            sum[j] += part[j];
    }
    for (int64_t k = 0; k < k1 - k0; k++) {
        REAL total = 0;
        for (int64_t j = 0; j < s; j++)
            total += sum[k * s + j];
        squares[k] = total;
    }
}

/* Sums of dy and of dy (x - mean). */
static void FN(batch_products)(const FN(batch_context) *c, int64_t k0, int64_t k1, int64_t n0, int64_t n1, REAL *sum,
                               REAL *product)
{
    const int64_t s = c->s, stride = c->c * s, rows = n1 - n0, width = (k1 - k0) * s;
    const REAL *x = c->x + n0 * stride + k0 * s, *dy = c->dy + n0 * stride + k0 * s;
    if (s >= FNN_BATCH_RUN) {
        REAL a = 0, b = 0;
        for (int64_t i = 0; i < rows; i++) {
            REAL p, q;
            FN(run_products)(&p, &q, dy + i * stride, NULL, x + i * stride, s, c->mean[k0]);
            a += p, b += q;
        }
        sum[0] = a, product[0] = b;
        return;
    }
    REAL a[FNN_REDUCE_WIDTH], b[FNN_REDUCE_WIDTH], p[FNN_REDUCE_WIDTH], q[FNN_REDUCE_WIDTH], center[FNN_REDUCE_WIDTH];
    for (int64_t k = 0; k < k1 - k0; k++)
        for (int64_t j = 0; j < s; j++)
            center[k * s + j] = c->mean[k0 + k];
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
        REAL total = 0, total_product = 0;
        for (int64_t j = 0; j < s; j++)
            total += a[k * s + j], total_product += b[k * s + j];
        sum[k] = total, product[k] = total_product;
    }
}

/* mean, rstd and running statistics of channels [k0, k1) from the blocks' results. */
static void FN(batch_finish)(const FN(batch_context) *c, int64_t k0, int64_t k1)
{
    const REAL count = (REAL)(c->n * c->s);
    for (int64_t k = k0; k < k1; k++) {
        REAL mean = 0, squares = 0;
        for (int64_t b = 0; b < c->blocks; b++) {
            const int64_t rows = (b + 1) * c->block < c->n ? c->block : c->n - b * c->block;
            mean += c->scratch[2 * b * c->c + k] * ((REAL)(rows * c->s) / count);
        }
        for (int64_t b = 0; b < c->blocks; b++) {
            const int64_t rows = (b + 1) * c->block < c->n ? c->block : c->n - b * c->block;
            const REAL away = c->scratch[2 * b * c->c + k] - mean;
            squares += c->scratch[(2 * b + 1) * c->c + k] + away * away * (REAL)(rows * c->s);
        }
        c->mean[k] = mean;
        c->rstd[k] = 1 / LIBM(sqrt)(squares / count + c->eps);
        if (c->running_mean)
            c->running_mean[k] = (1 - c->momentum) * c->running_mean[k] + c->momentum * mean;
        if (c->running_var)
            c->running_var[k] = (1 - c->momentum) * c->running_var[k] + c->momentum * (squares / (count - 1));
    }
}

/* y of channels [k0, k1), samples [n0, n1). */
static void FN(batch_write)(const FN(batch_context) *c, int64_t k0, int64_t k1, int64_t n0, int64_t n1)
{
    const int64_t s = c->s, stride = c->c * s, width = (k1 - k0) * s;
    const REAL *x = c->x + k0 * s;
    REAL *y = c->y + k0 * s;
    if (s >= FNN_BATCH_RUN) {
        const REAL scale = c->weight ? c->rstd[k0] * c->weight[k0] : c->rstd[k0], shift = c->bias ? c->bias[k0] : 0;
        for (int64_t i = n0; i < n1; i++)
            FN(run_scale)(y + i * stride, x + i * stride, s, c->mean[k0], scale, shift);
        return;
    }
    REAL center[FNN_REDUCE_WIDTH], scale[FNN_REDUCE_WIDTH], shift[FNN_REDUCE_WIDTH];
    for (int64_t k = k0; k < k1; k++)
        for (int64_t j = (k - k0) * s; j < (k - k0 + 1) * s; j++) {
            center[j] = c->mean[k];
            scale[j] = c->weight ? c->rstd[k] * c->weight[k] : c->rstd[k];
            shift[j] = c->bias ? c->bias[k] : 0;
        }
    for (int64_t i = n0; i < n1; i++) {
        FNN_INDEPENDENT
        for (int64_t j = 0; j < width; j++)
            y[i * stride + j] = (x[i * stride + j] - center[j]) * scale[j] + shift[j];
    }
}

/* dx = (dy - a - (x - mean) b) scale of channels [k0, k1), samples [n0, n1); a and b from the blocks' sums. */
static void FN(batch_write_backward)(const FN(batch_context) *c, int64_t k0, int64_t k1, int64_t n0, int64_t n1)
{
    const int64_t s = c->s, stride = c->c * s, width = (k1 - k0) * s;
    const REAL *x = c->x + k0 * s, *dy = c->dy + k0 * s, count = (REAL)(c->n * s);
    REAL *dx = c->dx + k0 * s;
    REAL center[FNN_REDUCE_WIDTH], a[FNN_REDUCE_WIDTH], b[FNN_REDUCE_WIDTH], scale[FNN_REDUCE_WIDTH];
    for (int64_t k = k0; k < k1; k++) {
        REAL sum = 0, product = 0;
        if (c->training)
            for (int64_t block = 0; block < c->blocks; block++) {
                sum += c->scratch[2 * block * c->c + k];
                product += c->scratch[(2 * block + 1) * c->c + k];
            }
        const int64_t from = s >= FNN_BATCH_RUN ? 0 : (k - k0) * s, to = s >= FNN_BATCH_RUN ? 1 : from + s;
        for (int64_t j = from; j < to; j++) {
            center[j] = c->mean[k];
            a[j] = sum / count;
            b[j] = product * (c->rstd[k] * c->rstd[k]) / count;
            scale[j] = c->weight ? c->rstd[k] * c->weight[k] : c->rstd[k];
        }
    }
    for (int64_t i = n0; i < n1; i++) {
        if (s >= FNN_BATCH_RUN) {
            FN(run_scale_backward)(dx + i * stride, dy + i * stride, x + i * stride, s, center[0], a[0], b[0],
                                   scale[0]);
            continue;
        }
        FNN_INDEPENDENT
        for (int64_t j = 0; j < width; j++)
            dx[i * stride + j] = (dy[i * stride + j] - a[j] - (x[i * stride + j] - center[j]) * b[j]) * scale[j];
    }
}

/* Items: (strip of channels, block of samples). */
static void FN(batch_range)(void *context, int64_t begin, int64_t end)
{
    const FN(batch_context) *c = context;
    for (int64_t i = begin; i < end; i++) {
        const int64_t b = i % c->blocks, k0 = i / c->blocks * c->strip, n0 = b * c->block;
        const int64_t k1 = k0 + c->strip < c->c ? k0 + c->strip : c->c;
        const int64_t n1 = n0 + c->block < c->n ? n0 + c->block : c->n;
        REAL *first = c->scratch + 2 * b * c->c + k0, *second = first + c->c;
        if (!c->done) {
            if (c->dy)
                FN(batch_products)(c, k0, k1, n0, n1, first, second);
            else
                FN(batch_statistics)(c, k0, k1, n0, n1, first, second);
            if (c->blocks > 1)
                continue;
            if (!c->dy)
                FN(batch_finish)(c, k0, k1);
        }
        if (c->dx)
            FN(batch_write_backward)(c, k0, k1, n0, n1);
        else if (!c->dy)
            FN(batch_write)(c, k0, k1, n0, n1);
    }
}

/* One region where a strip is one block; else one for the blocks' results and one that writes. */
static void FN(batch_run)(FN(batch_context) *c, double cost)
{
    c->strip = c->s >= FNN_BATCH_RUN ? 1 : FNN_REDUCE_WIDTH / c->s;
    const int64_t strips = (c->c + c->strip - 1) / c->strip, size = c->n * c->c * c->s;
    c->blocks = strips < 4 ? size / strips / FNN_BATCH_BLOCK : 1;
    c->blocks = c->blocks < 1 ? 1 : (c->blocks > FNN_NORM_BLOCKS ? FNN_NORM_BLOCKS : c->blocks);
    c->blocks = c->blocks > c->n ? c->n : c->blocks;
    c->block = (c->n + c->blocks - 1) / c->blocks;
    c->blocks = (c->n + c->block - 1) / c->block;
    const int64_t items = strips * c->blocks;
    cost *= (REAL_IS_F32 ? 1 : 2) * (double)size / (double)items;
    fnn_parallel_for(items, 1, cost, FN(batch_range), c);
    if (c->blocks > 1 && !c->done) {
        c->done = 1;
        if (!c->dy) {
            const unsigned mode = fnn_enter();
            FN(batch_finish)(c, 0, c->c);
            fnn_leave(mode);
        }
        if (!c->dy || c->dx)
            fnn_parallel_for(items, 1, cost, FN(batch_range), c);
    }
}

static void FN(batch_norm_forward)(void *y, void *mean, void *rstd, void *running_mean, void *running_var,
                                   void *scratch, const void *x, const void *weight, const void *bias, int64_t n,
                                   int64_t c, int64_t s, int training, double momentum, double eps)
{
    FN(batch_context) k = {.y = y, .mean = mean, .rstd = rstd, .running_mean = running_mean,
                           .running_var = running_var, .scratch = scratch, .x = x, .weight = weight, .bias = bias,
                           .n = n, .c = c, .s = s, .training = training, .done = !training, .eps = (REAL)eps,
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
        FN(batch_run)(&k, training ? 0.35 : 0.15);
}

static void FN(batch_norm_backward)(void *dx, void *dw, void *db, void *scratch, const void *dy, const void *x,
                                    const void *mean, const void *rstd, const void *weight, int64_t n, int64_t c,
                                    int64_t s, int training)
{
    FN(batch_context) k = {.dx = dx, .dw = dw, .db = db, .scratch = scratch, .dy = dy, .x = x, .mean = (REAL *)mean,
                           .rstd = (REAL *)rstd, .weight = weight, .n = n, .c = c, .s = s, .training = training,
                           .done = !(dw || db || training)};
    if (n > 0 && c > 0 && s > 0)
        FN(batch_run)(&k, 0.4);
    const unsigned mode = fnn_enter();
    for (int64_t j = 0; j < c && (dw || db); j++) {
        REAL sum = 0, product = 0;
        for (int64_t b = 0; b < k.blocks; b++) {
            sum += k.scratch[2 * b * c + j];
            product += k.scratch[(2 * b + 1) * c + j];
        }
        if (dw)
            ((REAL *)dw)[j] = product * k.rstd[j];
        if (db)
            ((REAL *)db)[j] = sum;
    }
    fnn_leave(mode);
}
