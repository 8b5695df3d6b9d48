/* recurrent.inc.h -- RNN, LSTM and GRU layers over whole sequences, forward and backward through time.
 *
 * The batch is cut among the threads, and each thread takes its sequences through all steps: sequences do not meet, so
 * there is nothing to wait for inside the one region, and a sequence's bits do not depend on the cut. Only a batch too
 * small to cut goes step by step, each step cut by units.
 *
 * Long sequences are done in chunks of steps, so that what a chunk makes is used while it is in the cache: forward the
 * product of the inputs, of all steps of a chunk at once; backward the products that give the weights' gradients, for
 * which the threads meet between chunks. A weight's gradient is one chain over all rows, however they are cut.
 *
 * Row first[t] + b * along of x and y belongs to step t of sequence b; the sequences b < sizes[t] are alive at step t,
 * and sizes do not grow. Arrays that only these kernels see are always in the order of the steps: row start(t) + b.
 * Direction 1 runs from the last step to the first.
 */
enum { RNN_TANH, RNN_RELU, LSTM, GRU };
#define PACK_STEPS 3        /* more steps than this pay for copies of the weights: transposed, */
#define PANEL_ROWS 2        /* and for so many sequences in the order in which tiles read them, */
#define PANEL_ROWS_BACK 8   /* backward, where the weights' own order is nearer to it */
#define FEW_ROWS 8          /* batches smaller than this are cut by units ... */
#define MANY_WEIGHTS 200000 /* ... if the recurrent weights are so many */

typedef struct {
    int mode, directions;
    int64_t steps, batch, rows, along, in, hidden, chunk;
    const int64_t *first, *sizes;
    int64_t cut, kept; /* blocks of `hidden` in the weights, and in a row of gates */
    const REAL *x, *const *weights;
    REAL *y, *h, *c;         /* h, c: (directions, batch, hidden), the states as they go */
    REAL *gates, *states;    /* saved: (directions, rows, kept * hidden), (directions, rows, hidden) */
    REAL *work;              /* forward: (directions, batch, chunk, kept * hidden); backward: (chunk rows, ...) */
    int packed, panels;      /* of the weights there are copies */
    const REAL *w_ih, *w_hh; /* the copies, per direction, and their strides */
    int64_t ih_size, ih_k, ih_n, hh_size, hh_k, hh_n, hh_inner; /* hh_inner: where the GRU's third block begins */
    const REAL *bias; /* per direction: b_ih + b_hh, without the GRU's inner b_hh */
    const REAL *dy, *h0, *c0;
    REAL *dx, *before, *x_rows; /* backward, of a chunk: h of the step before; rows of x, if x is not in this order */
} recurrent;

FNN_INLINE int64_t step_start(const recurrent *r, int64_t t)
{
    return r->along == 1 ? r->first[t] : t * r->batch;
}

FNN_INLINE int64_t alive(const recurrent *r, int64_t t, int64_t b1)
{
    return r->sizes[t] < b1 ? r->sizes[t] : b1;
}

/* One row: from gates before their activation to the new h and c, in place of the old. y: a copy of h; gates, states:
 * what backward reads, or NULL. */
FNN_INLINE void cell_forward(const int mode, const REAL *g, int64_t n, REAL *c, REAL *h, REAL *gates, REAL *states,
                             REAL *y)
{
    for (int64_t j = 0; j < n; j += VW) {
        const vmask mask = v_mask(n - j < VW ? n - j : VW);
        REAL p[4][VW] __attribute__((aligned(64))), s[VW] __attribute__((aligned(64)));
        REAL out[VW] __attribute__((aligned(64)));
        const int count = mode >= LSTM ? 4 : 1;
        for (int i = 0; i < count; i++)
            v_store(p[i], v_load_part(g + i * n + j, mask));
        if (mode >= LSTM)
            v_store(s, v_load_part((mode == LSTM ? c : h) + j, mask));
        for (int l = 0; l < VW; l++) {
            if (mode == RNN_TANH) {
                out[l] = tanh_(p[0][l]);
            } else if (mode == RNN_RELU) {
                out[l] = p[0][l] < 0 ? 0 : p[0][l];
            } else if (mode == LSTM) {
                p[0][l] = sigmoid_(p[0][l]);
                p[1][l] = sigmoid_(p[1][l]);
                p[2][l] = tanh_(p[2][l]);
                p[3][l] = sigmoid_(p[3][l]);
                s[l] = p[1][l] * s[l] + p[0][l] * p[2][l];
                out[l] = p[3][l] * tanh_(s[l]);
            } else {
                p[0][l] = sigmoid_(p[0][l]);
                p[1][l] = sigmoid_(p[1][l]);
                p[2][l] = tanh_(p[2][l] + p[0][l] * p[3][l]);
                out[l] = p[2][l] + p[1][l] * (s[l] - p[2][l]);
            }
        }
        if (mode >= LSTM && gates)
            for (int i = 0; i < 4; i++)
                v_store_part(gates + i * n + j, mask, v_load(p[i]));
        if (mode == LSTM)
            v_store_part(c + j, mask, v_load(s));
        if (mode == LSTM && states)
            v_store_part(states + j, mask, v_load(s));
        v_store_part(h + j, mask, v_load(out));
        v_store_part(y + j, mask, v_load(out));
    }
}

/* Gradients of one row's gates before their activations. dh comes in; out goes what of it passes by the matrix product
 * (GRU). dc in and out (LSTM). y: the output (RNN); before: state of the step before. */
FNN_INLINE void cell_backward(const int mode, REAL *dg, const REAL *g, int64_t n, const REAL *before, const REAL *state,
                              const REAL *dy, REAL *dh, REAL *dc)
{
    for (int64_t j = 0; j < n; j += VW) {
        const vmask mask = v_mask(n - j < VW ? n - j : VW);
        REAL p[4][VW] __attribute__((aligned(64))), s[VW] __attribute__((aligned(64)));
        REAL now[VW] __attribute__((aligned(64))), d[VW] __attribute__((aligned(64)));
        REAL e[VW] __attribute__((aligned(64)));
        vec sum = v_load_part(dh + j, mask);
        if (dy)
            sum += v_load_part(dy + j, mask);
        v_store(d, sum);
        if (mode >= LSTM) {
            for (int i = 0; i < 4; i++)
                v_store(p[i], v_load_part(g + i * n + j, mask));
            v_store(s, v_load_part(before + j, mask));
        }
        if (mode != GRU)
            v_store(now, v_load_part(state + j, mask));
        if (mode == LSTM)
            v_store(e, v_load_part(dc + j, mask));
        for (int l = 0; l < VW; l++) {
            if (mode == RNN_TANH) {
                p[0][l] = d[l] * (1 - now[l] * now[l]);
            } else if (mode == RNN_RELU) {
                p[0][l] = now[l] <= 0 ? 0 : d[l];
            } else if (mode == LSTM) {
                const REAL i = p[0][l], f = p[1][l], a = p[2][l], o = p[3][l], t = tanh_(now[l]);
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
            v_store_part(dg + i * n + j, mask, v_load(p[i]));
        if (mode == LSTM)
            v_store_part(dc + j, mask, v_load(e));
        if (mode == GRU)
            v_store_part(dh + j, mask, v_load(d));
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

/* Steps t0..t1 of the inputs b0..b1, into the work rows of direction d: (sequence, step of the chunk) if along,
 * else (step, sequence). */
static void input_product(const recurrent *r, int threads, int d, int64_t t0, int64_t t1, int64_t b0, int64_t b1)
{
    const int64_t row = r->kept * r->hidden, n = r->cut * r->hidden;
    REAL *const work = r->work + d * r->batch * r->chunk * row;
    gemm_job job = {.gemm = {.b = r->w_ih + d * r->ih_size,
                             .bias = r->bias ? r->bias + d * n : NULL,
                             .n = n,
                             .k = r->in,
                             .ldc = row,
                             .as_m = r->in,
                             .as_k = 1,
                             .bs_k = r->ih_k,
                             .bs_n = r->ih_n,
                             .panels = r->panels}};
    if (!r->packed)
        job.gemm.b = r->weights[4 * d];
    gemm *const g = &job.gemm;
    const int whole = r->along == 1 && b0 == 0 && b1 == r->batch && r->sizes[t1 - 1] == r->batch;
    const int64_t lines = whole ? 1 : r->along == 1 ? t1 - t0 : b1 - b0;
    for (int64_t i = 0; i < lines; i++) {
        if (r->along != 1) {
            g->c = work + (b0 + i) * r->chunk * row, g->a = r->x + (r->first[t0] + (b0 + i) * r->along) * r->in;
            g->m = t1 - t0;
        } else {
            g->c = work + (i * r->batch + b0) * row, g->a = r->x + (r->first[t0 + i] + b0) * r->in;
            g->m = whole ? (t1 - t0) * r->batch : alive(r, t0 + i, b1) - b0;
        }
        if (g->m <= 0)
            continue;
        if (threads)
            gemm_run(&job, 1);
        else
            gemm_part(g, 0, g->m, 0, n);
    }
}

/* Work row of step t of a chunk that begins at t0, of sequence 0; and the distance to the next sequence's. */
FNN_INLINE REAL *work_row(const recurrent *r, int d, int64_t t0, int64_t t, int64_t *distance)
{
    const int64_t row = r->kept * r->hidden;
    REAL *const work = r->work + d * r->batch * r->chunk * row;
    *distance = r->along == 1 ? row : r->chunk * row;
    return work + (r->along == 1 ? (t - t0) * r->batch : t - t0) * row;
}

/* The recurrent product of step t, added to what the inputs gave. */
static void step_product(const recurrent *r, int threads, int d, int64_t t0, int64_t t, int64_t b0, int64_t b1)
{
    const int64_t n = r->hidden, m = alive(r, t, b1) - b0;
    int64_t distance;
    REAL *const c = work_row(r, d, t0, t, &distance) + b0 * distance;
    if (m <= 0)
        return;
    gemm_job job = {.gemm = {.c = c,
                             .a = r->h + (d * r->batch + b0) * n,
                             .b = r->w_hh + d * r->hh_size,
                             .m = m,
                             .n = (r->mode == GRU ? 2 : r->cut) * n,
                             .k = n,
                             .ldc = distance,
                             .as_m = n,
                             .as_k = 1,
                             .bs_k = r->hh_k,
                             .bs_n = r->hh_n,
                             .from_c = 1,
                             .panels = r->panels,
                             .b_cached = 1}};
    gemm *const g = &job.gemm;
    if (!r->packed)
        g->b = r->weights[4 * d + 1];
    for (int part = 0; part < (r->mode == GRU ? 2 : 1); part++) {
        if (part) { /* w_hn h + b_hn stays apart, after the three others */
            g->c = c + 3 * n, g->b += r->hh_inner, g->n = n, g->from_c = 0;
            g->bias = r->weights[4 * d + 3] ? r->weights[4 * d + 3] + 2 * n : NULL;
        }
        if (threads)
            gemm_run(&job, 1);
        else
            gemm_part(g, 0, m, 0, g->n);
    }
}

static void step_cells(const recurrent *r, int d, int64_t t0, int64_t t, int64_t b0, int64_t b1)
{
    const int64_t n = r->hidden, end = alive(r, t, b1), width = r->directions * n;
    int64_t distance;
    const REAL *const work = work_row(r, d, t0, t, &distance);
#define CELLS(mode_)                                                                                                   \
    for (int64_t b = b0; b < end; b++) {                                                                               \
        const int64_t state = (d * r->batch + b) * n, row = d * r->rows + step_start(r, t) + b;                        \
        cell_forward(mode_, work + b * distance, n, mode_ == LSTM ? r->c + state : NULL, r->h + state,                 \
                     r->gates ? r->gates + row * r->kept * n : NULL, r->states ? r->states + row * n : NULL,           \
                     r->y + (r->first[t] + b * r->along) * width + d * n);                                             \
    }
    EACH_MODE(CELLS)
#undef CELLS
}

/* Steps t0..t1 of chunk i of direction d, which takes the chunks and the steps in a chunk in its own order. */
FNN_INLINE int64_t chunk_of(const recurrent *r, int last_first, int64_t i, int64_t *t1)
{
    const int64_t chunks = (r->steps + r->chunk - 1) / r->chunk, t0 = (last_first ? chunks - 1 - i : i) * r->chunk;
    *t1 = t0 + r->chunk < r->steps ? t0 + r->chunk : r->steps;
    return t0;
}

/* Item = one sequence of one direction, through all steps. */
static void recurrent_range(void *context, int64_t begin, int64_t end)
{
    const recurrent *r = context;
    for (int d = 0; d < r->directions; d++) {
        int64_t b0 = begin - d * r->batch, b1 = end - d * r->batch, t1;
        b0 = b0 < 0 ? 0 : b0;
        b1 = b1 > r->batch ? r->batch : b1;
        if (b0 >= b1)
            continue;
        for (int64_t i = 0; i * r->chunk < r->steps; i++) {
            const int64_t t0 = chunk_of(r, d, i, &t1);
            input_product(r, 0, d, t0, t1, b0, b1);
            for (int64_t s = 0; s < t1 - t0 && !fnn_interrupted(); s++) {
                const int64_t t = d ? t1 - 1 - s : t0 + s;
                step_product(r, 0, d, t0, t, b0, b1);
                step_cells(r, d, t0, t, b0, b1);
            }
        }
    }
}

typedef struct {
    const recurrent *r;
    int d;
    int64_t t0, t1, t;
} some_steps;

static void cells_range(void *context, int64_t begin, int64_t end)
{
    const some_steps *s = context;
    step_cells(s->r, s->d, s->t0, s->t, begin, end);
}

/* The same, each product cut among the threads. */
static void recurrent_by_step(const recurrent *r)
{
    for (int d = 0; d < r->directions; d++)
        for (int64_t i = 0; i * r->chunk < r->steps; i++) {
            some_steps at = {.r = r, .d = d};
            at.t0 = chunk_of(r, d, i, &at.t1);
            input_product(r, 1, d, at.t0, at.t1, 0, r->batch);
            for (int64_t s = 0; s < at.t1 - at.t0 && !fnn_interrupted_between(); s++) {
                at.t = d ? at.t1 - 1 - s : at.t0 + s;
                step_product(r, 1, d, at.t0, at.t, 0, r->batch);
                fnn_parallel_for(r->sizes[at.t], 1, 10.0 * (double)(r->hidden / VW + 1), cells_range, &at);
            }
        }
}

/* Nanoseconds of one step of one of so many sequences, without what every thread does for a step. */
FNN_INLINE double recurrent_cost(const recurrent *r, int64_t sequences)
{
    const double vectors = (double)((r->hidden + VW - 1) / VW);
    const double cost = vectors * ((double)r->cut * 0.3 * (double)(r->hidden + r->in) + 8.0 * (double)r->kept);
    const double alone = 800 / (double)sequences;
    return cost > alone ? cost - alone : 0;
}

static int few_rows(const recurrent *r)
{
    return r->batch * r->directions < FEW_ROWS && r->cut * r->hidden * r->hidden > MANY_WEIGHTS;
}

static recurrent recurrent_sizes(int mode, int64_t steps, int64_t batch, int64_t rows, int64_t along,
                                 const int64_t *first, const int64_t *sizes, int64_t in, int64_t hidden, int directions,
                                 int64_t chunk, void *const *weights)
{
    return (recurrent){.mode = mode,
                       .directions = directions,
                       .steps = steps,
                       .batch = batch,
                       .rows = rows,
                       .along = along,
                       .in = in,
                       .hidden = hidden,
                       .chunk = chunk,
                       .first = first,
                       .sizes = sizes,
                       .cut = mode == LSTM  ? 4
                              : mode == GRU ? 3
                                            : 1,
                       .kept = mode >= LSTM ? 4 : 1,
                       .weights = (const REAL *const *)weights};
}

static int recurrent_forward(int mode, int64_t steps, int64_t batch, int64_t rows, int64_t along, const int64_t *first,
                             const int64_t *sizes, int64_t in, int64_t hidden, int directions, int64_t chunk, void *y,
                             void *h, void *c, void *saved, void *scratch, const void *x, void *const *weights)
{
    if (hidden == 0 || rows == 0)
        return fnn_status();
    recurrent r =
        recurrent_sizes(mode, steps, batch, rows, along, first, sizes, in, hidden, directions, chunk, weights);
    const int64_t n = hidden, columns = r.cut * n, width = (columns + VW - 1) / VW * VW;
    REAL *free = scratch;
    r.x = x, r.y = y, r.h = h, r.c = c;
    r.gates = mode >= LSTM ? saved : NULL;
    if (mode == LSTM && saved)
        r.states = r.gates + directions * rows * 4 * n;
    r.work = free, free += directions * batch * chunk * r.kept * n;
    r.packed = steps > PACK_STEPS;
    r.panels = r.packed && batch >= PANEL_ROWS;
    r.ih_k = r.hh_k = 1, r.ih_n = in, r.hh_n = n;
    if (r.weights[2]) {
        r.bias = free;
        for (int d = 0; d < directions; d++)
            for (int64_t j = 0; j < columns; j++, free++)
                *free = mode == GRU && j >= 2 * n ? r.weights[4 * d + 2][j]
                                                  : r.weights[4 * d + 2][j] + r.weights[4 * d + 3][j];
    }
    r.hh_inner = 2 * n * r.hh_n;
    if (r.packed && r.panels) {
        const int64_t wide = 2 * VW, outer = mode == GRU ? 2 * n : columns;
        r.ih_k = in, r.ih_size = (columns + wide - 1) / wide * wide * in;
        r.hh_k = n, r.hh_inner = (outer + wide - 1) / wide * wide * n;
        r.hh_size = r.hh_inner + (mode == GRU ? (n + wide - 1) / wide * wide * n : 0);
        r.w_ih = free;
        for (int d = 0; d < directions; d++)
            free = pack_panels_together(free, r.weights[4 * d], 1, in, in, columns);
        r.w_hh = free;
        for (int d = 0; d < directions; d++) {
            free = pack_panels_together(free, r.weights[4 * d + 1], 1, n, n, outer);
            if (mode == GRU)
                free = pack_panels_together(free, r.weights[4 * d + 1] + 2 * n * n, 1, n, n, n);
        }
    } else if (r.packed) {
        r.ih_k = r.hh_k = width, r.ih_n = r.hh_n = 1, r.ih_size = in * width, r.hh_size = n * width;
        r.hh_inner = 2 * n;
        r.w_ih = free;
        for (int d = 0; d < directions; d++, free += r.ih_size)
            gemm_pack_b(free, width, r.weights[4 * d], 1, in, in, columns);
        r.w_hh = free;
        for (int d = 0; d < directions; d++, free += r.hh_size)
            gemm_pack_b(free, width, r.weights[4 * d + 1], 1, n, n, columns);
    }
    if (!r.packed || few_rows(&r))
        recurrent_by_step(&r);
    else
        fnn_parallel_whole(directions * batch, 1, (double)steps * recurrent_cost(&r, directions * batch),
                           recurrent_range, &r);
    return fnn_status();
}
