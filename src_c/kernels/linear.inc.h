/* linear.inc.h -- the dense layer: y = f(x W^T + bias) and its gradients, each in one call. */

static int linear_forward(void *y, const void *x, const void *weight, const void *bias, int64_t m, int64_t n, int64_t k,
                          int64_t xs_m, int64_t xs_k, int64_t ws_n, int64_t ws_k, int op, double a, double b)
{
    if (m == 0 || n == 0)
        return fnn_status();
    gemm_job job = {.gemm = {.c = y,
                             .a = x,
                             .b = weight,
                             .bias = bias,
                             .m = m,
                             .n = n,
                             .k = k,
                             .ldc = n,
                             .as_m = xs_m,
                             .as_k = xs_k,
                             .bs_k = ws_k,
                             .bs_n = ws_n,
                             .relu = op == FNN_relu,
                             .map = op >= 0 && op != FNN_relu ? 1 + op : 0,
                             .p0 = (REAL)a,
                             .p1 = (REAL)b}};
    gemm_run(&job, 1);
    return fnn_status();
}

typedef struct {
    REAL *dz, *db;
    const REAL *dy, *y;
    int64_t m, n, dys_m;
    int op, accumulate;
    REAL a, b;
} bias_context;

/* Columns begin..end of dz = dy * f'(y), if there is a map, and of db = sum over rows of dz, in ascending order. */
static void bias_range(void *context, int64_t begin, int64_t end)
{
    const bias_context *c = context;
    const REAL *dy = c->dy;
    int64_t dys_m = c->dys_m;
    const int relu = c->op == FNN_relu; /* in the same pass as the sums */
    if (c->op >= 0 && !relu) {
        unary_context map = {.y = c->dz, .dy = dy, .saved = c->y, .a = c->a, .b = c->b};
        if (begin == 0 && end == c->n)
            unary_backward_ranges[c->op](&map, 0, c->m * c->n);
        else
            for (int64_t i = 0; i < c->m; i++)
                unary_backward_ranges[c->op](&map, i * c->n + begin, i * c->n + end);
        dy = c->dz;
        dys_m = c->n;
    }
    if (!c->db && !relu)
        return;
    const REAL *const y = c->y;
    REAL *const dz = c->dz, *const db = c->db;
    for (int64_t j = begin; j < end; j += 4 * VW) {
        vmask mask[4];
        vec sum[4];
        for (int v = 0; v < 4; v++) {
            const int64_t left = end - j - v * VW;
            mask[v] = v_mask(left < 0 ? 0 : left < VW ? left : VW);
            sum[v] = db && c->accumulate ? v_load_part(db + j + v * VW, mask[v]) : (vec){0};
        }
        for (int64_t i = 0; i < c->m; i++) {
            FNN_UNROLL
            for (int v = 0; v < 4; v++) {
                const int64_t at = j + v * VW;
                vec x = v_load_part(dy + i * dys_m + at, mask[v]);
                if (relu) {
                    x = v_relu_backward(x, v_load_part(y + i * c->n + at, mask[v]));
                    v_store_part(dz + i * c->n + at, mask[v], x);
                }
                sum[v] += x;
            }
        }
        if (db)
            for (int v = 0; v < 4; v++)
                v_store_part(db + j + v * VW, mask[v], sum[v]);
    }
}

static int linear_backward(void *dx, void *dw, void *db, void *dz, const void *dy, const void *x, const void *weight,
                           const void *y, int64_t m, int64_t n, int64_t k, int64_t dys_m, int64_t dys_n, int64_t xs_m,
                           int64_t xs_k, int64_t ws_n, int64_t ws_k, int op, double a, double b, int accumulate,
                           int dw_transposed)
{
    if ((op >= 0 || db) && n > 0) {
        bias_context c = {.dz = dz,
                          .db = db,
                          .dy = dy,
                          .y = y,
                          .m = m,
                          .n = n,
                          .dys_m = dys_m,
                          .op = op,
                          .accumulate = accumulate,
                          .a = (REAL)a,
                          .b = (REAL)b};
        const double map = op >= 0 ? unary_costs[op] + 0.1 : 0;
        fnn_parallel_for(n, 64, 1 + (0.05 + map) * (double)m, bias_range, &c);
        if (op >= 0) {
            dy = dz;
            dys_m = n;
            dys_n = 1;
        }
    }
    gemm_group group = {.count = 0};
    if (dw && n > 0 && k > 0 && dw_transposed) /* dW^T (k, n) = x^T dz */
        group.jobs[group.count++].gemm = (gemm){.c = dw,
                                                .a = x,
                                                .b = dy,
                                                .m = k,
                                                .n = n,
                                                .k = m,
                                                .ldc = n,
                                                .as_m = xs_k,
                                                .as_k = xs_m,
                                                .bs_k = dys_m,
                                                .bs_n = dys_n,
                                                .from_c = accumulate};
    else if (dw && n > 0 && k > 0) /* dW (n, k) = dz^T x */
        group.jobs[group.count++].gemm = (gemm){.c = dw,
                                                .a = dy,
                                                .b = x,
                                                .m = n,
                                                .n = k,
                                                .k = m,
                                                .ldc = k,
                                                .as_m = dys_n,
                                                .as_k = dys_m,
                                                .bs_k = xs_m,
                                                .bs_n = xs_k,
                                                .from_c = accumulate};
    if (dx && m > 0 && k > 0) /* dx (m, k) = dz W */
        group.jobs[group.count++].gemm = (gemm){.c = dx,
                                                .a = dy,
                                                .b = weight,
                                                .m = m,
                                                .n = k,
                                                .k = n,
                                                .ldc = k,
                                                .as_m = dys_m,
                                                .as_k = dys_n,
                                                .bs_k = ws_n,
                                                .bs_n = ws_k};
    gemm_together(&group);
    return fnn_status();
}
