/* recurrent_backward.inc.h -- gradients of recurrent.inc.h, chunk by chunk from the end. */

/* The state of sequence b that step `last` left, when so many sequences lived, or the initial one. */
FNN_INLINE const REAL *h_before(const recurrent *r, int d, int64_t last, int64_t b, int64_t living)
{
    return b < living ? r->y + ((r->first[last] + b * r->along) * r->directions + d) * r->hidden
                      : r->h0 + (d * r->batch + b) * r->hidden;
}

static void step_cells_backward(const recurrent *r, int d, int64_t t0, int64_t t, int64_t b0, int64_t b1)
{
    const int64_t n = r->hidden, width = r->directions * n, last = d ? t + 1 : t - 1, end = alive(r, t, b1);
    const int64_t living = last < 0 || last >= r->steps ? 0 : r->sizes[last], row = r->kept * n;
    const int64_t base = step_start(r, t), local = base - step_start(r, t0);
#define CELLS(mode_)                                                                                                   \
    for (int64_t b = b0; b < end; b++) {                                                                               \
        const int64_t state = (d * r->batch + b) * n, at = d * r->rows + base + b;                                     \
        const int64_t in_y = (r->first[t] + b * r->along) * width + d * n;                                             \
        const REAL *before = h_before(r, d, last, b, living);                                                          \
        if (mode_ == LSTM)                                                                                             \
            before = b < living ? r->states + (d * r->rows + step_start(r, last) + b) * n : r->c0 + state;             \
        cell_backward(mode_, r->work + (local + b) * row, mode_ >= LSTM ? r->gates + at * row : NULL, n, before,       \
                      mode_ == LSTM ? r->states + at * n : r->y + in_y, r->dy ? r->dy + in_y : NULL, r->h + state,     \
                      mode_ == LSTM ? r->c + state : NULL);                                                            \
    }
    EACH_MODE(CELLS)
#undef CELLS
    for (int64_t b = b0; b < end && r->before; b++)
        v_copy(r->before + (local + b) * n, h_before(r, d, last, b, living), n);
    for (int64_t b = b0; b < end && r->x_rows; b++)
        v_copy(r->x_rows + (local + b) * r->in, r->x + (r->first[t] + b * r->along) * r->in, r->in);
}

/* Of step t of a chunk: the gradient of h before it, and of rows of x unless the chunk's lie together (GRU: the inputs'
 * gates are r, z and the last). */
static void step_product_backward(const recurrent *r, int threads, int d, int64_t t0, int64_t t, int64_t b0, int64_t b1)
{
    const int64_t n = r->hidden, m = alive(r, t, b1) - b0, row = r->kept * n;
    if (m <= 0)
        return;
    const REAL *const dg = r->work + (step_start(r, t) - step_start(r, t0) + b0) * row;
    gemm_job job = {.gemm = {.c = r->h + (d * r->batch + b0) * n,
                             .a = dg,
                             .b = r->weights[4 * d + 1],
                             .m = m,
                             .n = n,
                             .k = r->cut * n,
                             .ldc = n,
                             .as_m = row,
                             .as_k = 1,
                             .bs_k = n,
                             .bs_n = 1,
                             .from_c = r->mode == GRU,
                             .panels = r->panels,
                             .b_cached = 1}};
    gemm *const g = &job.gemm;
    if (r->panels)
        g->b = r->w_hh + d * r->hh_size, g->bs_k = r->cut * n;
    for (int part = 0; part < (r->dx && r->along != 1 && r->in > 0 ? r->mode == GRU ? 3 : 2 : 1); part++) {
        if (part) {
            g->c = r->dx + (r->first[t] + b0 * r->along) * r->in, g->ldc = r->along * r->in;
            g->a = part == 2 ? dg + 3 * n : dg, g->k = r->mode != GRU ? r->cut * n : part == 2 ? n : 2 * n;
            if (r->panels)
                g->b = r->w_ih + d * r->ih_size + (part == 2 ? 2 * n * 2 * VW : 0);
            else
                g->b = r->weights[4 * d] + (part == 2 ? 2 * n * r->in : 0), g->bs_k = r->in;
            g->n = r->in;
            g->from_c = d > 0 || part == 2;
        }
        if (threads)
            gemm_run(&job, 1);
        else
            gemm_part(g, 0, m, 0, g->n);
    }
}

/* Item = one sequence, through the steps of a chunk. */
static void recurrent_backward_range(void *context, int64_t begin, int64_t end)
{
    const some_steps *s = context;
    for (int64_t i = 0; i < s->t1 - s->t0 && !fnn_interrupted(); i++) {
        const int64_t t = s->d ? s->t0 + i : s->t1 - 1 - i;
        step_cells_backward(s->r, s->d, s->t0, t, begin, end);
        step_product_backward(s->r, 0, s->d, s->t0, t, begin, end);
    }
}

static void cells_backward_range(void *context, int64_t begin, int64_t end)
{
    const some_steps *s = context;
    step_cells_backward(s->r, s->d, s->t0, s->t, begin, end);
}

/* What a chunk adds to the gradients of the weights, if dw, and the gradient of its rows of x, if they lie together. */
static void recurrent_weights(const recurrent *r, int d, int64_t t0, int64_t t1, void *const *dw, int more, int alone)
{
    const int64_t n = r->hidden, in = r->in, row = r->kept * n;
    const int64_t rows = step_start(r, t1 - 1) + r->sizes[t1 - 1] - step_start(r, t0);
    const REAL *const dg = r->work, *const x = r->x_rows ? r->x_rows : r->x + r->first[t0] * in;
    gemm_group group = {.transfer = alone ? 0.1 * (double)(rows * row) * (double)sizeof(REAL) : 0};
    for (int part = 0; part < (r->mode == GRU ? 2 : 1) && in > 0; part++) {
        const int64_t columns = (r->mode != GRU ? r->cut : part ? 1 : 2) * n;
        if (dw)
            group.jobs[group.count++].gemm = (gemm){.c = (REAL *)dw[0] + part * 2 * n * in,
                                                    .a = dg + part * 3 * n,
                                                    .b = x,
                                                    .m = columns,
                                                    .n = in,
                                                    .k = rows,
                                                    .ldc = in,
                                                    .as_m = 1,
                                                    .as_k = row,
                                                    .bs_k = in,
                                                    .bs_n = 1,
                                                    .from_c = more};
        if (r->dx && r->along == 1)
            group.jobs[group.count++].gemm = (gemm){.c = r->dx + r->first[t0] * in,
                                                    .a = dg + part * 3 * n,
                                                    .n = in,
                                                    .k = columns,
                                                    .m = rows,
                                                    .b = r->weights[4 * d] + part * 2 * n * in,
                                                    .ldc = in,
                                                    .as_m = row,
                                                    .as_k = 1,
                                                    .bs_k = in,
                                                    .bs_n = 1,
                                                    .from_c = d > 0 || part};
    }
    if (dw)
        group.jobs[group.count++].gemm = (gemm){.c = dw[1],
                                                .a = dg,
                                                .b = r->before,
                                                .m = r->cut * n,
                                                .n = n,
                                                .k = rows,
                                                .ldc = n,
                                                .as_m = 1,
                                                .as_k = row,
                                                .bs_k = n,
                                                .bs_n = 1,
                                                .from_c = more};
    gemm_together(&group);
    if (!dw || !dw[2])
        return;
    bias_context b = {.db = dw[3], .dy = dg, .m = rows, .n = r->cut * n, .dys_m = row, .op = -1, .accumulate = more};
    fnn_parallel_for(b.n, 64, 1 + 0.05 * (double)rows, bias_range, &b);
    if (r->mode == GRU) {
        b.db = (REAL *)dw[2] + 2 * n, b.dy = dg + 3 * n, b.n = n;
        fnn_parallel_for(n, 64, 1 + 0.05 * (double)rows, bias_range, &b);
    }
}

static int recurrent_backward(int mode, int64_t steps, int64_t batch, int64_t rows, int64_t along, const int64_t *first,
                              const int64_t *sizes, int64_t in, int64_t hidden, int directions, int64_t chunk, void *dx,
                              void *dh, void *dc, void *const *dweights, void *scratch, const void *dy, const void *x,
                              const void *y, const void *h0, const void *c0, const void *saved, void *const *weights)
{
    if (hidden == 0 || rows == 0)
        return fnn_status();
    recurrent r =
        recurrent_sizes(mode, steps, batch, rows, along, first, sizes, in, hidden, directions, chunk, weights);
    const int64_t n = hidden;
    r.x = x, r.y = (REAL *)y, r.h = dh, r.c = dc, r.h0 = h0, r.c0 = c0, r.dy = dy, r.dx = dx, r.work = scratch;
    r.gates = (REAL *)saved;
    if (mode == LSTM)
        r.states = r.gates + directions * rows * 4 * n;
    if (dweights)
        r.before = r.work + chunk * batch * r.kept * n;
    if (dweights && along != 1)
        r.x_rows = r.before + chunk * batch * n;
    r.panels = steps > PACK_STEPS && batch >= PANEL_ROWS_BACK;
    if (r.panels) {
        REAL *free = r.work + chunk * batch * (r.kept * n + n + in);
        r.hh_size = (n + 2 * VW - 1) / (2 * VW) * 2 * VW * r.cut * n;
        r.ih_size = (in + 2 * VW - 1) / (2 * VW) * 2 * VW * r.cut * n;
        r.w_hh = free;
        for (int d = 0; d < directions; d++)
            free = pack_panels_together(free, r.weights[4 * d + 1], n, 1, r.cut * n, n);
        r.w_ih = free;
        for (int d = 0; d < directions && dx && along != 1; d++)
            free = pack_panels_together(free, r.weights[4 * d], in, 1, r.cut * n, in);
    }
    for (int d = 0; d < directions; d++) {
        for (int64_t i = 0; i * chunk < steps; i++) {
            some_steps at = {.r = &r, .d = d};
            at.t0 = chunk_of(&r, !d, i, &at.t1);
            const double cost = (double)(at.t1 - at.t0) * recurrent_cost(&r, batch);
            if (few_rows(&r))
                for (int64_t s = 0; s < at.t1 - at.t0 && !fnn_interrupted_between(); s++) {
                    at.t = d ? at.t0 + s : at.t1 - 1 - s;
                    fnn_parallel_for(sizes[at.t], 1, 10.0 * (double)(n / VW + 1), cells_backward_range, &at);
                    step_product_backward(&r, 1, d, at.t0, at.t, 0, batch);
                }
            else
                fnn_parallel_whole(batch, 1, cost, recurrent_backward_range, &at);
            recurrent_weights(&r, d, at.t0, at.t1, dweights ? dweights + 4 * d : NULL, i > 0,
                              fnn_threads_for((double)batch * cost) == 1);
        }
        if (dweights && dweights[4 * d + 2])
            memcpy(dweights[4 * d + 2], dweights[4 * d + 3], (size_t)((mode == GRU ? 2 : r.cut) * n) * sizeof(REAL));
    }
    return fnn_status();
}
#undef EACH_MODE
