/* lbfgs.inc.h -- the direction of a step of L-BFGS: two loops over the history, each entry one pass over memory that
 * finishes one dot product's use and starts the next dot product.
 *
 * Dot products are taken over blocks of LBFGS_BLOCK elements and the blocks added in order, so bits do not
 * depend on threads.
 */
#define LBFGS_BLOCK 4096

/* d = scale (d + factor x), and for each block the sum of d y. */
typedef struct {
    REAL *d;
    const REAL *x, *y;
    REAL factor, scale;
    double *sums;
    int64_t n;
} lbfgs_pass;

static void lbfgs_range(void *context, int64_t begin, int64_t end)
{
    const lbfgs_pass *c = context;
    const REAL factor = c->factor, scale = c->scale;
    for (int64_t block = begin; block < end; block += LBFGS_BLOCK) {
        const int64_t n = end - block < LBFGS_BLOCK ? end - block : LBFGS_BLOCK;
        REAL *restrict d = c->d + block, sum = 0;
        if (c->x) {
            const REAL *restrict x = c->x + block;
            for (int64_t k = 0; k < n; k++)
                d[k] = scale * (d[k] + factor * x[k]);
        }
        if (c->y) {
            const REAL *restrict y = c->y + block;
#pragma omp simd reduction(+ : sum)
            for (int64_t k = 0; k < n; k++)
                sum += d[k] * y[k];
            c->sums[block / LBFGS_BLOCK] = (double)sum;
        }
    }
}

/* d = scale (d + factor x), returns the dot product of d and y; x or y may be NULL. */
static double lbfgs_move(REAL *d, const REAL *x, double factor, double scale, const REAL *y, double *sums, int64_t n)
{
    lbfgs_pass c = {.d = d, .x = x, .y = y, .factor = (REAL)factor, .scale = (REAL)scale, .sums = sums};
    fnn_parallel_for(n, LBFGS_BLOCK, REAL_IS_F32 ? 0.2 : 0.4, lbfgs_range, &c);
    double total = 0;
    for (int64_t i = 0; y && i * LBFGS_BLOCK < n; i++)
        total += sums[i];
    return total;
}

static int lbfgs_direction(void *d_, const void *g_, void *const *dirs, void *const *stps, const double *ro, double *al,
                           int64_t count, int64_t n, double h_diag)
{
    REAL *restrict d = d_;
    const REAL *restrict g = g_;
    double *sums = fnn_scratch((size_t)(n / LBFGS_BLOCK + 1) * sizeof(double));
    if (!sums)
        return fnn_status();
    for (int64_t k = 0; k < n; k++)
        d[k] = -g[k];
    double dot = count ? lbfgs_move(d, NULL, 0, 1, stps[count - 1], sums, n) : 0;
    for (int64_t i = count - 1; i >= 0; i--) {
        al[i] = dot * ro[i];
        dot = lbfgs_move(d, dirs[i], -al[i], i ? 1 : h_diag, i ? stps[i - 1] : dirs[0], sums, n);
    }
    for (int64_t i = 0; i < count; i++)
        dot = lbfgs_move(d, stps[i], al[i] - dot * ro[i], 1, i + 1 < count ? dirs[i + 1] : NULL, sums, n);
    if (count == 0)
        for (int64_t k = 0; k < n; k++)
            d[k] *= (REAL)h_diag;
    fnn_free(sums);
    return fnn_status();
}
