/* optim_factor.inc.h -- Adafactor's step: the average square of a matrix' gradient is kept as its row and column means.
 *
 * A parameter is (batch, rows, cols) and done by one thread from beginning to end, for every element needs sums over
 * all of them; so bits do not depend on threads.
 */

typedef struct {
    void *const *p, *const *g, *const *row, *const *col;
    float *const *steps;
    const int64_t *sizes, *rows, *cols;
    double lr, beta2_decay, eps1, eps2, d, decay, sign;
} factor_context;

/* From x towards y, exact at the nearer end. */
static inline REAL factor_lerp(REAL x, REAL y, double weight)
{
    return weight < 0.5 ? x + (REAL)weight * (y - x) : y - (y - x) * (REAL)(1 - weight);
}

static double factor_sum_squares(const REAL *restrict x, int64_t n)
{
    double total = 0;
    for (int64_t k = 0; k < n; k += 4096) {
        const int64_t end = n - k < 4096 ? n - k : 4096;
        REAL sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int64_t j = 0; j < end; j++)
            sum += x[k + j] * x[k + j];
        total += (double)sum;
    }
    return total;
}

/* New row and column means of one matrix; returns what the product of the two is divided by. */
static REAL factor_means(const REAL *restrict g, REAL *restrict row, REAL *restrict col, REAL *restrict sums,
                         int64_t rows, int64_t cols, double weight, double eps1)
{
    double mean = 0;
    for (int64_t c = 0; c < cols; c++)
        sums[c] = 0;
    for (int64_t r = 0; r < rows; r++) {
        const REAL *restrict x = g + r * cols;
        for (int64_t c = 0; c < cols; c++)
            sums[c] += x[c] * x[c];
        row[r] = factor_lerp(row[r], (REAL)(factor_sum_squares(x, cols) / (double)cols), weight);
        mean += (double)row[r];
    }
    for (int64_t c = 0; c < cols; c++)
        col[c] = factor_lerp(col[c], sums[c] / (REAL)rows, weight);
    mean /= (double)rows;
    return mean < eps1 ? (REAL)eps1 : (REAL)mean;
}

/* g / sqrt(variance) of one row: `square` gets its sum of squares, or `p` moves by -rate times it. */
#define FACTOR_CHANGE(variance)                                                                                        \
    REAL v = (variance);                                                                                               \
    v = v < least ? least : v;                                                                                         \
    REAL change = g[c] / (REAL_IS_F32 ? (REAL)sqrtf((float)v) : (REAL)sqrt((double)v));

static double factor_norm(const REAL *restrict g, const REAL *restrict variance, REAL scale, REAL least, int64_t n)
{
    double total = 0;
    for (int64_t k = 0; k < n; k += 4096) {
        const int64_t end = n - k < 4096 ? n : k + 4096;
        REAL sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int64_t c = k; c < end; c++) {
            FACTOR_CHANGE(scale * variance[c])
            sum += change * change;
        }
        total += (double)sum;
    }
    return total;
}

static void factor_move(REAL *restrict p, const REAL *restrict g, const REAL *restrict variance, REAL scale, REAL least,
                        REAL rate, REAL shrink, int64_t n)
{
    for (int64_t c = 0; c < n; c++) {
        FACTOR_CHANGE(scale * variance[c])
        p[c] = shrink * p[c] - rate * change;
    }
}
#undef FACTOR_CHANGE

static void factor_one(const factor_context *c, int64_t i, REAL *scratch)
{
    REAL *p = c->p[i], *row = c->row[i], *col = c->col[i];
    const REAL *g = c->g[i];
    const int64_t size = c->sizes[i], rows = c->rows[i], cols = c->cols[i], matrix = rows * cols;
    const double step = *c->steps[i], weight = pow(step, c->beta2_decay);
    const REAL least = (REAL)(c->eps1 * c->eps1), shrink = (REAL)(1 - c->lr * c->decay);
    const double slowest = 1 / sqrt(step), length = sqrt((double)size);
    double alpha = sqrt(factor_sum_squares(p, size)) / length, norm = 0;
    alpha = (alpha > c->eps2 ? alpha : c->eps2) * (c->lr < slowest ? c->lr : slowest);
    REAL *divisors = scratch + cols;
    if (!col)
        for (int64_t k = 0; k < size; k++)
            row[k] = factor_lerp(row[k], g[k] * g[k], weight);
    for (int64_t b = 0; col && b * matrix < size; b++)
        divisors[b] =
            factor_means(g + b * matrix, row + b * rows, col + b * cols, scratch, rows, cols, weight, c->eps1);
    for (int pass = 0; pass < 2; pass++) {
        double denominator = sqrt(norm) / (length * c->d);
        denominator = denominator > 1 ? denominator : 1;
        const REAL rate = (REAL)(c->sign * alpha / denominator);
        for (int64_t start = 0; start < size; start += cols) {
            const int64_t b = start / matrix;
            const REAL *variance = col ? col + b * cols : row;
            const REAL scale = col ? row[start / cols] / divisors[b] : 1;
            if (pass == 0)
                norm += factor_norm(g + start, variance, scale, least, cols);
            else
                factor_move(p + start, g + start, variance, scale, least, rate, shrink, cols);
        }
    }
}

static void factor_range(void *context, int64_t begin, int64_t end)
{
    const factor_context *c = context;
    int64_t most = 1;
    for (int64_t i = begin; i < end; i++) {
        const int64_t needed = c->sizes[i] ? c->cols[i] + c->sizes[i] / (c->rows[i] * c->cols[i]) : 0;
        most = needed > most ? needed : most;
    }
    REAL *scratch = fnn_scratch((size_t)most * sizeof(REAL));
    if (!scratch)
        return;
    for (int64_t i = begin; i < end; i++)
        if (c->sizes[i] > 0)
            factor_one(c, i, scratch);
    fnn_free(scratch);
}

static int adafactor_step(void *const *p, void *const *g, void *const *row, void *const *col, float *const *steps,
                          const int64_t *sizes, const int64_t *rows, const int64_t *cols, int64_t count, double lr,
                          double beta2_decay, double eps1, double eps2, double d, double decay, int maximize)
{
    optim_count(steps, count);
    factor_context c = {.p = p,
                        .g = g,
                        .row = row,
                        .col = col,
                        .steps = steps,
                        .sizes = sizes,
                        .rows = rows,
                        .cols = cols,
                        .lr = lr,
                        .beta2_decay = beta2_decay,
                        .eps1 = eps1,
                        .eps2 = eps2,
                        .d = d,
                        .decay = decay,
                        .sign = maximize ? -1 : 1};
    int64_t total = 0;
    for (int64_t i = 0; i < count; i++)
        total += sizes[i];
    fnn_parallel_for(count, 1, count ? (double)total / (double)count * 1.5 : 0, factor_range, &c);
    return fnn_status();
}
