/* recurrent.inc.h -- RNN, LSTM and GRU layers over whole sequences, forward and backward through time.
 *
 * The inputs of all steps go through one matrix product. Then the batch is cut among the threads, and each thread
 * takes its rows through all steps: sequences do not meet, so there is nothing to wait for inside the one region, and
 * a row's bits do not depend on the cut. Only a batch too small to cut goes step by step, each step cut by units.
 *
 * Row r(t, b) = first[t] + b * along of x, y and all saved arrays belongs to step t of sequence b; the sequences
 * b < sizes[t] are alive at step t, and sizes do not grow. Direction 1 runs from the last step to the first.
 */
#ifndef FNN_RECURRENT_ONCE
#define FNN_RECURRENT_ONCE
enum { RNN_TANH, RNN_RELU, LSTM, GRU };
#define PACK_STEPS 3        /* steps from which a transposed copy of the weights pays */
#define FEW_ROWS 4          /* rows of a batch that is rather cut by units ... */
#define MANY_WEIGHTS 200000 /* ... if the recurrent weights are so many */
#endif

typedef struct {
    int mode, directions;
    int64_t steps, batch, rows, along, in, hidden;
    const int64_t *first, *sizes;
    int64_t cut, kept; /* blocks of `hidden` in the weights, and in a saved row */
    const REAL *x, *h0, *c0, *const *weights;
    REAL *y, *gates, *c;        /* gates, c of direction d: at d * rows * kept * hidden, d * rows * hidden */
    int64_t gates_row;          /* distance of rows of gates */
    const REAL *packed, *bias;  /* per direction: transposed recurrent weights, GRU's bias inside the reset gate */
    int64_t ws_k, ws_n, packed_size;
    const REAL *dy;
    REAL *dh, *dc, *dgates, *before; /* before: h of the step before, row by row */
} FN(recurrent);

/* Gates of one row: activations in place, state out. c_before and c for LSTM, h_before for GRU. */
FNN_INLINE void FN(cell_forward)(const int mode, REAL *g, int64_t n, const REAL *before, REAL *c, REAL *h)
{
    for (int64_t j = 0; j < n; j += VW) {
        const FN(mask) mask = FN(v_mask)(n - j < VW ? n - j : VW);
        REAL p[4][VW] __attribute__((aligned(64))), s[VW] __attribute__((aligned(64)));
        REAL out[VW] __attribute__((aligned(64)));
        const int gates = mode >= LSTM ? 4 : 1;
        for (int i = 0; i < gates; i++)
            FN(v_store)(p[i], FN(v_load_part)(g + i * n + j, mask));
        if (mode >= LSTM)
            FN(v_store)(s, FN(v_load_part)(before + j, mask));
        for (int l = 0; l < VW; l++) {
            if (mode == RNN_TANH) {
                out[l] = FN(tanh_)(p[0][l]);
            } else if (mode == RNN_RELU) {
                out[l] = p[0][l] < 0 ? 0 : p[0][l];
            } else if (mode == LSTM) {
                p[0][l] = FN(sigmoid_)(p[0][l]);
                p[1][l] = FN(sigmoid_)(p[1][l]);
                p[2][l] = FN(tanh_)(p[2][l]);
                p[3][l] = FN(sigmoid_)(p[3][l]);
                s[l] = p[1][l] * s[l] + p[0][l] * p[2][l];
                out[l] = p[3][l] * FN(tanh_)(s[l]);
            } else {
                p[0][l] = FN(sigmoid_)(p[0][l]);
                p[1][l] = FN(sigmoid_)(p[1][l]);
                p[2][l] = FN(tanh_)(p[2][l] + p[0][l] * p[3][l]);
                out[l] = p[2][l] + p[1][l] * (s[l] - p[2][l]);
            }
        }
        if (mode >= LSTM)
            for (int i = 0; i < 3 + (mode == LSTM); i++)
                FN(v_store_part)(g + i * n + j, mask, FN(v_load)(p[i]));
        if (mode == LSTM)
            FN(v_store_part)(c + j, mask, FN(v_load)(s));
        FN(v_store_part)(h + j, mask, FN(v_load)(out));
    }
}

/* Gradients of one row's gates before their activations. dh comes in; out goes what of it passes by the matrix product
 * (GRU). dc in and out (LSTM). y: the output (RNN); before: state of the step before. */
FNN_INLINE void FN(cell_backward)(const int mode, REAL *dg, const REAL *g, int64_t n, const REAL *before,
                                  const REAL *state, const REAL *dy, REAL *dh, REAL *dc)
{
    for (int64_t j = 0; j < n; j += VW) {
        const FN(mask) mask = FN(v_mask)(n - j < VW ? n - j : VW);
        REAL p[4][VW] __attribute__((aligned(64))), s[VW] __attribute__((aligned(64)));
        REAL now[VW] __attribute__((aligned(64))), d[VW] __attribute__((aligned(64)));
        REAL e[VW] __attribute__((aligned(64)));
        FN(vec) sum = FN(v_load_part)(dh + j, mask);
        if (dy)
            sum += FN(v_load_part)(dy + j, mask);
        FN(v_store)(d, sum);
        if (mode >= LSTM) {
            for (int i = 0; i < 4; i++)
                FN(v_store)(p[i], FN(v_load_part)(g + i * n + j, mask));
            FN(v_store)(s, FN(v_load_part)(before + j, mask));
        }
        if (mode != GRU)
            FN(v_store)(now, FN(v_load_part)(state + j, mask));
        if (mode == LSTM)
            FN(v_store)(e, FN(v_load_part)(dc + j, mask));
        for (int l = 0; l < VW; l++) {
            if (mode == RNN_TANH) {
                p[0][l] = d[l] * (1 - now[l] * now[l]);
            } else if (mode == RNN_RELU) {
                p[0][l] = now[l] <= 0 ? 0 : d[l];
            } else if (mode == LSTM) {
                const REAL i = p[0][l], f = p[1][l], a = p[2][l], o = p[3][l], t = FN(tanh_)(now[l]);
                const REAL down = e[l] + d[l] * o * (1 - t * t);
                p[0][l] = down * a * i * (1 - i);
                p[1][l] = down * s[l] * f * (1 - f);
                p[2][l] = down * i * (1 - a * a);
                p[3][l] = d[l] * t * o * (1 - o);
                e[l] = down * f;
            } else { /* r, z, n, W h + b: the gradients of r, z, W h + b, n */
                const REAL r = p[0][l], z = p[1][l], a = p[2][l], inner = p[3][l];
                const REAL down = d[l] * (1 - z) * (1 - a * a);
                p[0][l] = down * inner * r * (1 - r);
                p[1][l] = d[l] * (s[l] - a) * z * (1 - z);
                p[2][l] = down * r;
                p[3][l] = down;
                d[l] *= z;
            }
        }
        for (int i = 0; i < (mode >= LSTM ? 4 : 1); i++)
            FN(v_store_part)(dg + i * n + j, mask, FN(v_load)(p[i]));
        if (mode == LSTM)
            FN(v_store_part)(dc + j, mask, FN(v_load)(e));
        if (mode == GRU)
            FN(v_store_part)(dh + j, mask, FN(v_load)(d));
    }
}

/* One compiled loop body for each mode. */
#define EACH_MODE(call)                                                                                                \
    switch (r->mode) {                                                                                                 \
    case RNN_TANH: call(RNN_TANH); break;                                                                              \
    case RNN_RELU: call(RNN_RELU); break;                                                                              \
    case LSTM: call(LSTM); break;                                                                                      \
    default: call(GRU);                                                                                                \
    }

/* Sequences b0..b1 that are alive at step t of direction d; the first *old of them have lived before. */
FNN_INLINE int64_t FN(alive)(const FN(recurrent) * r, int d, int64_t t, int64_t b0, int64_t b1, int64_t *old)
{
    const int64_t before = d ? t + 1 : t - 1;
    const int64_t count = r->sizes[t] < b1 ? r->sizes[t] : b1;
    const int64_t living = before < 0 || before >= r->steps ? 0 : r->sizes[before];
    *old = living < b0 ? b0 : living < count ? living : count;
    return count;
}

/* c (rows of the sequences b0..b1, `columns`) += h w. */
static void FN(recurrent_product)(const FN(recurrent) * r, int threads, REAL *c, int64_t ldc, const REAL *h, int64_t hs,
                                  const REAL *w, int64_t m, int64_t n, const REAL *bias, int from_c)
{
    FN(gemm_job) job = {.gemm = {.c = c, .a = h, .b = w, .bias = bias, .m = m, .n = n, .k = r->hidden, .ldc = ldc,
                                 .as_m = hs, .as_k = 1, .bs_k = r->ws_k, .bs_n = r->ws_n, .from_c = from_c}};
    if (threads)
        FN(gemm_run)(&job, 1);
    else
        FN(gemm_part)(&job.gemm, 0, m, 0, n);
}

/* The recurrent product of step t, added to what the inputs gave. */
static void FN(step_product)(const FN(recurrent) * r, int threads, int d, int64_t t, int64_t b0, int64_t b1)
{
    int64_t old, end = FN(alive)(r, d, t, b0, b1, &old);
    const int64_t n = r->hidden, width = r->directions * n;
    REAL *const gates = r->gates + d * (r->mode >= LSTM ? r->rows * r->kept * n : n);
    for (int fresh = 0; fresh < 2; fresh++) {
        const int64_t from = fresh ? old : b0, to = fresh ? end : old;
        if (from >= to)
            continue;
        const int64_t before = d ? t + 1 : t - 1;
        const REAL *h = fresh ? r->h0 + (d * r->batch + from) * n
                              : r->y + (r->first[before] + from * r->along) * width + d * n;
        const int64_t hs = fresh ? n : r->along * width, ldc = r->along * r->gates_row;
        REAL *c = gates + (r->first[t] + from * r->along) * r->gates_row;
        const REAL *w = r->packed ? r->packed + d * r->packed_size : r->weights[4 * d + 1];
        if (r->mode != GRU) {
            FN(recurrent_product)(r, threads, c, ldc, h, hs, w, to - from, r->cut * n, NULL, 1);
            continue;
        }
        FN(recurrent_product)(r, threads, c, ldc, h, hs, w, to - from, 2 * n, NULL, 1);
        FN(recurrent_product)(r, threads, c + 3 * n, ldc, h, hs, w + 2 * n * r->ws_n, to - from, n,
                              r->weights[4 * d + 3] ? r->weights[4 * d + 3] + 2 * n : NULL, 0);
    }
}

static void FN(step_cells)(const FN(recurrent) * r, int d, int64_t t, int64_t b0, int64_t b1)
{
    int64_t old, end = FN(alive)(r, d, t, b0, b1, &old);
    const int64_t n = r->hidden, width = r->directions * n, last = d ? t + 1 : t - 1;
    REAL *const gates = r->gates + d * (r->mode >= LSTM ? r->rows * r->kept * n : n);
#define CELLS(mode_)                                                                                                   \
    for (int64_t b = b0; b < end; b++) {                                                                               \
        const int64_t row = r->first[t] + b * r->along, earlier = b < old ? r->first[last] + b * r->along : 0;         \
        const REAL *before = NULL;                                                                                     \
        if (mode_ == LSTM)                                                                                             \
            before = b < old ? r->c + (d * r->rows + earlier) * n : r->c0 + (d * r->batch + b) * n;                    \
        if (mode_ == GRU)                                                                                              \
            before = b < old ? r->y + earlier * width + d * n : r->h0 + (d * r->batch + b) * n;                        \
        FN(cell_forward)(mode_, gates + row * r->gates_row, n, before,                                                 \
                         mode_ == LSTM ? r->c + (d * r->rows + row) * n : NULL, r->y + row * width + d * n);           \
    }
    EACH_MODE(CELLS)
#undef CELLS
}

/* Item = one sequence of one direction, through all steps. */
static void FN(recurrent_range)(void *context, int64_t begin, int64_t end)
{
    const FN(recurrent) *r = context;
    for (int d = 0; d < r->directions; d++) {
        int64_t b0 = begin - d * r->batch, b1 = end - d * r->batch;
        b0 = b0 < 0 ? 0 : b0;
        b1 = b1 > r->batch ? r->batch : b1;
        if (b0 >= b1)
            continue;
        for (int64_t s = 0; s < r->steps; s++) {
            const int64_t t = d ? r->steps - 1 - s : s;
            FN(step_product)(r, 0, d, t, b0, b1);
            FN(step_cells)(r, d, t, b0, b1);
        }
    }
}

typedef struct {
    const FN(recurrent) * r;
    int d;
    int64_t t;
} FN(one_step);

static void FN(cells_range)(void *context, int64_t begin, int64_t end)
{
    const FN(one_step) *s = context;
    FN(step_cells)(s->r, s->d, s->t, begin, end);
}

/* Nanoseconds of all steps of one sequence. */
FNN_INLINE double FN(recurrent_cost)(const FN(recurrent) * r)
{
    const double n = (double)r->hidden, vectors = (double)((r->hidden + VW - 1) / VW);
    return (double)r->steps * (20 + vectors * ((double)r->cut * 0.3 * n + 8.0 * (double)r->kept));
}

/* Whether threads share each step instead of the batch. */
static int FN(by_step)(const FN(recurrent) * r)
{
    return !r->packed || (r->batch * r->directions < FEW_ROWS && r->cut * r->hidden * r->hidden > MANY_WEIGHTS);
}

static void FN(recurrent_forward)(int mode, int64_t steps, int64_t batch, int64_t rows, int64_t along,
                                  const int64_t *first, const int64_t *sizes, int64_t in, int64_t hidden, int directions,
                                  void *y, void *hn, void *cn, void *saved, void *scratch, const void *x,
                                  const void *h0, const void *c0, void *const *weights)
{
    if (hidden == 0 || batch == 0)
        return;
    const int64_t n = hidden, cut = mode == LSTM ? 4 : mode == GRU ? 3 : 1;
    FN(recurrent) r = {.mode = mode, .directions = directions, .steps = steps, .batch = batch, .rows = rows,
                       .along = along, .in = in, .hidden = n, .first = first, .sizes = sizes, .cut = cut,
                       .kept = mode >= LSTM ? 4 : 1, .x = x, .h0 = h0, .c0 = c0, .weights = (const REAL *const *)weights,
                       .y = y, .gates = mode >= LSTM ? saved : y, .ws_k = 1, .ws_n = n};
    r.gates_row = mode >= LSTM ? 4 * n : directions * n;
    if (mode == LSTM)
        r.c = r.gates + directions * rows * 4 * n;
    REAL *const bias = scratch;
    const int64_t width = (cut * n + VW - 1) / VW * VW;
    if (steps > PACK_STEPS) {
        r.packed = (REAL *)scratch + cut * n;
        r.packed_size = n * width;
        r.ws_k = width, r.ws_n = 1;
    }
    for (int d = 0; d < directions; d++) {
        const REAL *const *w = r.weights + 4 * d;
        if (r.packed)
            FN(pack_b)((REAL *)scratch + cut * n + d * r.packed_size, width, w[1], 1, n, n, cut * n);
        if (w[2])
            for (int64_t j = 0; j < cut * n; j++)
                bias[j] = mode == GRU && j >= 2 * n ? w[2][j] : w[2][j] + w[3][j];
        FN(gemm_job) job = {.gemm = {.c = r.gates + d * (mode >= LSTM ? rows * 4 * n : n), .a = x, .b = w[0],
                                     .bias = w[2] ? bias : NULL, .m = rows, .n = cut * n, .k = in, .ldc = r.gates_row,
                                     .as_m = in, .as_k = 1, .bs_k = 1, .bs_n = in}};
        if (rows > 0)
            FN(gemm_run)(&job, 1);
    }
    const double cost = FN(recurrent_cost)(&r);
    if (FN(by_step)(&r)) {
        for (int d = 0; d < directions; d++)
            for (int64_t s = 0; s < steps; s++) {
                const int64_t t = d ? steps - 1 - s : s;
                FN(step_product)(&r, 1, d, t, 0, batch);
                FN(one_step) step = {&r, d, t};
                fnn_parallel_for(sizes[t], 1, 10.0 * (double)(n / VW + 1), FN(cells_range), &step);
            }
    } else
        fnn_parallel_for(directions * batch, 1, cost, FN(recurrent_range), &r);
    for (int d = 0; d < directions; d++)
        for (int64_t t = 0; t < steps; t++) { /* sequences whose last step is t */
            const int64_t from = d ? 0 : t + 1 < steps ? sizes[t + 1] : 0, to = d && t > 0 ? 0 : sizes[t];
            for (int64_t b = from; b < to; b++) {
                const int64_t row = first[t] + b * along;
                memcpy((REAL *)hn + (d * batch + b) * n, r.y + (row * directions + d) * n, (size_t)n * sizeof(REAL));
                if (mode == LSTM)
                    memcpy((REAL *)cn + (d * batch + b) * n, r.c + (d * rows + row) * n, (size_t)n * sizeof(REAL));
            }
        }
}

static void FN(step_cells_backward)(const FN(recurrent) * r, int d, int64_t t, int64_t b0, int64_t b1)
{
    int64_t old, end = FN(alive)(r, d, t, b0, b1, &old);
    const int64_t n = r->hidden, width = r->directions * n, last = d ? t + 1 : t - 1;
    const REAL *const gates = r->gates + d * r->rows * r->kept * n;
    REAL *const dgates = r->dgates + d * r->rows * r->kept * n;
#define CELLS(mode_)                                                                                                   \
    for (int64_t b = b0; b < end; b++) {                                                                               \
        const int64_t row = r->first[t] + b * r->along, earlier = b < old ? r->first[last] + b * r->along : 0;         \
        const int64_t state = (d * r->batch + b) * n;                                                                  \
        const REAL *h = b < old ? r->y + earlier * width + d * n : r->h0 + state, *before = h;                         \
        if (mode_ == LSTM)                                                                                             \
            before = b < old ? r->c + (d * r->rows + earlier) * n : r->c0 + state;                                     \
        FN(cell_backward)(mode_, dgates + row * r->kept * n, gates + row * r->kept * n, n, before,                     \
                          mode_ == LSTM ? r->c + (d * r->rows + row) * n : r->y + row * width + d * n,                 \
                          r->dy ? r->dy + row * width + d * n : NULL, r->dh + state,                                   \
                          mode_ == LSTM ? r->dc + state : NULL);                                                       \
        if (r->before)                                                                                                 \
            memcpy(r->before + (d * r->rows + row) * n, h, (size_t)n * sizeof(REAL));                                  \
    }
    EACH_MODE(CELLS)
#undef CELLS
}

/* dh = [GRU: dh +] the step's gradients times the recurrent weights. */
static void FN(step_product_backward)(const FN(recurrent) * r, int threads, int d, int64_t t, int64_t b0, int64_t b1)
{
    int64_t old, end = FN(alive)(r, d, t, b0, b1, &old);
    const int64_t n = r->hidden;
    if (b0 >= end)
        return;
    FN(gemm_job) job = {.gemm = {.c = r->dh + (d * r->batch + b0) * n,
                                 .a = r->dgates + (d * r->rows + r->first[t] + b0 * r->along) * r->kept * n,
                                 .b = r->weights[4 * d + 1], .m = end - b0, .n = n, .k = r->cut * n, .ldc = n,
                                 .as_m = r->along * r->kept * n, .as_k = 1, .bs_k = n, .bs_n = 1,
                                 .from_c = r->mode == GRU}};
    if (threads)
        FN(gemm_run)(&job, 1);
    else
        FN(gemm_part)(&job.gemm, 0, end - b0, 0, n);
}

static void FN(recurrent_backward_range)(void *context, int64_t begin, int64_t end)
{
    const FN(recurrent) *r = context;
    for (int d = 0; d < r->directions; d++) {
        int64_t b0 = begin - d * r->batch, b1 = end - d * r->batch;
        b0 = b0 < 0 ? 0 : b0;
        b1 = b1 > r->batch ? r->batch : b1;
        if (b0 >= b1)
            continue;
        for (int64_t s = 0; s < r->steps; s++) {
            const int64_t t = d ? s : r->steps - 1 - s;
            FN(step_cells_backward)(r, d, t, b0, b1);
            FN(step_product_backward)(r, 0, d, t, b0, b1);
        }
    }
}

static void FN(cells_backward_range)(void *context, int64_t begin, int64_t end)
{
    const FN(one_step) *s = context;
    FN(step_cells_backward)(s->r, s->d, s->t, begin, end);
}

static void FN(recurrent_backward)(int mode, int64_t steps, int64_t batch, int64_t rows, int64_t along,
                                   const int64_t *first, const int64_t *sizes, int64_t in, int64_t hidden,
                                   int directions, void *dx, void *dh, void *dc, void *const *dweights, void *scratch,
                                   const void *dy, const void *x, const void *y, const void *h0, const void *c0,
                                   const void *saved, void *const *weights)
{
    if (hidden == 0 || batch == 0)
        return;
    const int64_t n = hidden, cut = mode == LSTM ? 4 : mode == GRU ? 3 : 1, kept = mode >= LSTM ? 4 : 1;
    FN(recurrent) r = {.mode = mode, .directions = directions, .steps = steps, .batch = batch, .rows = rows,
                       .along = along, .in = in, .hidden = n, .first = first, .sizes = sizes, .cut = cut,
                       .kept = kept, .x = x, .h0 = h0, .c0 = c0, .weights = (const REAL *const *)weights,
                       .y = (REAL *)y, .gates = (REAL *)saved, .packed = weights[1], .dy = dy, .dh = dh, .dc = dc,
                       .dgates = scratch};
    if (mode == LSTM)
        r.c = r.gates + directions * rows * 4 * n;
    if (dweights)
        r.before = r.dgates + directions * rows * kept * n;
    if (FN(by_step)(&r)) {
        for (int d = 0; d < directions; d++)
            for (int64_t s = 0; s < steps; s++) {
                FN(one_step) step = {&r, d, d ? s : steps - 1 - s};
                fnn_parallel_for(sizes[step.t], 1, 10.0 * (double)(n / VW + 1), FN(cells_backward_range), &step);
                FN(step_product_backward)(&r, 1, d, step.t, 0, batch);
            }
    } else
        fnn_parallel_for(directions * batch, 1, FN(recurrent_cost)(&r), FN(recurrent_backward_range), &r);

    FN(gemm_group) group = {.count = 0};
    const int64_t row = kept * n;
    for (int d = 0; d < directions; d++) {
        const REAL *dg = r.dgates + d * rows * row;
        void *const *dw = dweights ? dweights + 4 * d : NULL;
        if (dw && dw[2]) {
            FN(bias_context) c = {.db = dw[3], .dy = dg, .m = rows, .n = cut * n, .dys_m = row, .op = -1};
            fnn_parallel_for(cut * n, 64, 1 + 0.05 * (double)rows, FN(bias_range), &c);
            memcpy(dw[2], dw[3], (size_t)(cut * n) * sizeof(REAL));
            if (mode == GRU) {
                FN(bias_context) inner = {.db = (REAL *)dw[2] + 2 * n, .dy = dg + 3 * n, .m = rows, .n = n,
                                          .dys_m = row, .op = -1};
                fnn_parallel_for(n, 64, 1 + 0.05 * (double)rows, FN(bias_range), &inner);
            }
        }
        /* The gradients of the GRU's gates stand in the order r, z, inner, n. */
        for (int part = 0; part < (mode == GRU ? 2 : 1); part++) {
            const int64_t m = mode == GRU ? part ? n : 2 * n : cut * n, at = part ? 2 * n : 0;
            if (dw && in > 0)
                group.jobs[group.count++].gemm = (FN(gemm)){
                    .c = (REAL *)dw[0] + at * in, .a = dg + (part ? 3 * n : 0), .b = x, .m = m, .n = in, .k = rows,
                    .ldc = in, .as_m = 1, .as_k = row, .bs_k = in, .bs_n = 1};
            if (dx && rows > 0 && in > 0)
                group.jobs[group.count++].gemm = (FN(gemm)){
                    .c = dx, .a = dg + (part ? 3 * n : 0), .b = r.weights[4 * d] + at * in, .m = rows, .n = in, .k = m,
                    .ldc = in, .as_m = row, .as_k = 1, .bs_k = in, .bs_n = 1, .from_c = d > 0 || part > 0};
        }
        if (dw)
            group.jobs[group.count++].gemm = (FN(gemm)){
                .c = dw[1], .a = dg, .b = r.before + d * rows * n, .m = cut * n, .n = n, .k = rows, .ldc = n, .as_m = 1,
                .as_k = row, .bs_k = n, .bs_n = 1};
    }
    FN(gemm_together)(&group);
}
#undef EACH_MODE
