/* clip.inc.h -- the norm of all gradients of a model together, and their scaling, for tables of arrays.
 *
 * As in optim.inc.h the arrays lie side by side on a line of numbers that threads share; sums are taken for blocks of
 * that line and added in block order. */
enum { FNN_NORM_1, FNN_NORM_2, FNN_NORM_MAX };

typedef struct {
    void *const *x;
    const int64_t *sizes;
    int64_t count;
    int order;
    REAL factor;
    double *partial;
} clip_context;

/* Calls `body` with i, from and to: elements [from, to) of array i lie in [begin, end) of the line. */
#define FOR_PARTS(c, begin, end, body)                                                                                 \
    for (int64_t i = 0, start = 0; i < (c)->count && start < (end); i++) {                                             \
        const int64_t size = (c)->sizes[i];                                                                            \
        const int64_t from = (begin) > start ? (begin) - start : 0;                                                    \
        const int64_t to = (end) - start < size ? (end) - start : size;                                                \
        if (from < to)                                                                                                 \
            body;                                                                                                      \
        start += optim_span(size);                                                                                     \
    }

/* Sum of |x|, of x^2, or the largest |x| (NaN if any is). The squares of floats are summed in double: no overflow. */
static double norm_part(const REAL *x, int64_t n, int order)
{
    if (order == FNN_NORM_MAX) {
        REAL most = 0, wrong = 0;
#pragma omp simd reduction(max : most) reduction(+ : wrong)
        for (int64_t i = 0; i < n; i++) {
            const REAL a = abs_(x[i]);
            most = a > most ? a : most;
            wrong += a == a ? 0 : 1;
        }
        return wrong > 0 ? (double)NAN : (double)most;
    }
    double sum = 0;
    if (order == FNN_NORM_1) {
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < n; i++)
            sum += (double)abs_(x[i]);
    } else {
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < n; i++)
            sum += (double)x[i] * (double)x[i];
    }
    return sum;
}

static inline double norm_join(double a, double b, int order)
{
    if (order == FNN_NORM_MAX)
        return b > a || b != b ? b : a;
    return a + b;
}

static void norm_range(void *context, int64_t begin, int64_t end)
{
    const clip_context *c = context;
    for (int64_t at = begin; at < end; at += OPTIM_GRAIN) {
        const int64_t stop = end - at < OPTIM_GRAIN ? end : at + OPTIM_GRAIN;
        double joined = 0;
        FOR_PARTS(c, at, stop,
                  joined = norm_join(joined, norm_part((const REAL *)c->x[i] + from, to - from, c->order), c->order))
        c->partial[at / OPTIM_GRAIN] = joined;
    }
}

static int total_norm(double *norm, void *const *x, const int64_t *sizes, int64_t count, int order)
{
    const int64_t line = optim_line(sizes, count), blocks = (line + OPTIM_GRAIN - 1) / OPTIM_GRAIN;
    double few[64], joined = 0;
    clip_context c = {.x = x,
                      .sizes = sizes,
                      .count = count,
                      .order = order,
                      .partial = blocks <= 64 ? few : fnn_scratch((size_t)blocks * sizeof(double))};
    if (!c.partial)
        return fnn_status();
    fnn_parallel_for(line, OPTIM_GRAIN, REAL_IS_F32 ? 0.1 : 0.15, norm_range, &c);
    for (int64_t i = 0; i < blocks; i++)
        joined = norm_join(joined, c.partial[i], order);
    if (c.partial != few)
        fnn_free(c.partial);
    *norm = order == FNN_NORM_2 ? __builtin_sqrt(joined) : joined;
    return fnn_status();
}

static void scale_range(void *context, int64_t begin, int64_t end)
{
    const clip_context *c = context;
    FOR_PARTS(c, begin, end, {
        REAL *x = c->x[i];
        const REAL factor = c->factor;
        for (int64_t k = from; k < to; k++)
            x[k] *= factor;
    })
}

static void scale_arrays(void *const *x, const int64_t *sizes, int64_t count, double factor)
{
    clip_context c = {.x = x, .sizes = sizes, .count = count, .factor = (REAL)factor};
    fnn_parallel_for(optim_line(sizes, count), OPTIM_GRAIN, REAL_IS_F32 ? 0.05 : 0.1, scale_range, &c);
}

#undef FOR_PARTS
