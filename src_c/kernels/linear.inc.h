/* linear.inc.h -- the dense layer: y = f(x W^T + bias) and its gradients, each in one call. */

static void FN(linear_forward)(void *y, const void *x, const void *weight, const void *bias, int64_t m, int64_t n,
                               int64_t k, int64_t xs_m, int64_t xs_k, int64_t ws_n, int64_t ws_k, int op, double a,
                               double b)
{
    if (m == 0 || n == 0)
        return;
    FN(gemm_job) job = {.gemm = {.c = y, .a = x, .b = weight, .bias = bias, .m = m, .n = n, .k = k, .ldc = n,
                                 .as_m = xs_m, .as_k = xs_k, .bs_k = ws_k, .bs_n = ws_n, .relu = op == FNN_relu}};
    FN(gemm_run)(&job, 1);
    if (op >= 0 && op != FNN_relu)
        FN(unary_forward)(op, y, y, m * n, a, b);
}

typedef struct {
    REAL *dz, *db;
    const REAL *dy, *y;
    int64_t m, n, dys_m;
    int accumulate;
} FN(bias_context);

/* db[j] = sum over rows of dz[i, j], each in ascending order of i; dz = dy except where y <= 0, if y is given. */
static void FN(bias_range)(void *context, int64_t begin, int64_t end)
{
    const FN(bias_context) *c = context;
    const REAL *const dy = c->dy, *const y = c->y;
    REAL *const dz = c->dz, *const db = c->db;
    for (int64_t j = begin; j < end; j += VW) {
        const int64_t left = end - j;
        const FN(mask) mask = FN(v_mask)(left < VW ? left : VW);
        FN(vec) sum = {0};
        if (db && c->accumulate)
            sum = FN(v_load_part)(db + j, mask);
        for (int64_t i = 0; i < c->m; i++) {
            FN(vec) v = FN(v_load_part)(dy + i * c->dys_m + j, mask);
            if (y) {
                v = FN(v_relu_backward)(v, FN(v_load_part)(y + i * c->n + j, mask));
                FN(v_store_part)(dz + i * c->n + j, mask, v);
            }
            sum += v;
        }
        if (db)
            FN(v_store_part)(db + j, mask, sum);
    }
}

typedef struct {
    FN(gemm_job) jobs[2];
    int count, parts;
} FN(pair_context);

/* Part p of every product: all of them are cut into as many parts. */
static void FN(pair_range)(void *context, int64_t begin, int64_t end)
{
    FN(pair_context) *pair = context;
    for (int64_t part = begin; part < end; part++)
        for (int i = 0; i < pair->count; i++)
            FN(gemm_range)(&pair->jobs[i], part, part + 1);
}

static void FN(linear_backward)(void *dx, void *dw, void *db, void *dz, const void *dy, const void *x,
                                const void *weight, const void *y, int64_t m, int64_t n, int64_t k, int64_t dys_m,
                                int64_t dys_n, int64_t xs_m, int64_t xs_k, int64_t ws_n, int64_t ws_k, int op, double a,
                                double b, int accumulate)
{
    if (op >= 0 && op != FNN_relu) {
        FN(unary_backward)(op, dz, dy, NULL, y, m * n, a, b);
        dy = dz;
        op = -1;
    }
    if ((op >= 0 || db) && n > 0) {
        FN(bias_context) c = {.dz = dz, .db = db, .dy = dy, .y = op >= 0 ? y : NULL, .m = m, .n = n, .dys_m = dys_m,
                              .accumulate = accumulate};
        fnn_parallel_for(n, 64, 5 + 0.15 * (double)m, FN(bias_range), &c);
        if (op >= 0) {
            dy = dz;
            dys_m = n;
            dys_n = 1;
        }
    }
    FN(pair_context) pair = {.count = 0};
    if (dw && n > 0 && k > 0) /* dW (n, k) = dz^T x */
        pair.jobs[pair.count++].gemm = (FN(gemm)){.c = dw, .a = dy, .b = x, .m = n, .n = k, .k = m, .ldc = k,
                                                  .as_m = dys_n, .as_k = dys_m, .bs_k = xs_m, .bs_n = xs_k,
                                                  .from_c = accumulate};
    if (dx && m > 0 && k > 0) /* dx (m, k) = dz W */
        pair.jobs[pair.count++].gemm = (FN(gemm)){.c = dx, .a = dy, .b = weight, .m = m, .n = k, .k = n, .ldc = k,
                                                  .as_m = dys_m, .as_k = dys_n, .bs_k = ws_n, .bs_n = ws_k};
    if (pair.count == 0)
        return;
    double cost = 0;
    for (int i = 0; i < pair.count; i++)
        cost += FN(gemm_cost)(&pair.jobs[i].gemm);
    pair.parts = fnn_threads_for(cost);
    for (int i = 0; i < pair.count; i++)
        FN(gemm_grid)(&pair.jobs[i].gemm, pair.parts, &pair.jobs[i].parts_m, &pair.jobs[i].parts_n);
    fnn_parallel_for(pair.parts, 1, cost / pair.parts, FN(pair_range), &pair);
}
