/* kernels.c -- every kernel called from plain C, for the sanitizers: `make asan-c` and `make tsan`.
 *
 * Each array is a block of its own of exactly the size that kernels.def says, so AddressSanitizer sees each step beyond
 * it. Every call is made with each instruction set and type, on one thread and on several, which must give the same
 * bits; then by several threads of the program at once. A kernel that nothing here calls is an error.
 */
#include "arrays.h"
#include "fastnn.h"
#include "memory.h"
#include "parallel.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* ---- calls, by the files of src_c/kernels ---- */

static void maps(int64_t n)
{
    void *const x = between(n, 0.1, 0.9), *const dy = numbers(n), *const y = output(n), *const dx = output(n);
    for (int op = 0; op < FNN_UNARY_COUNT; op++) {
        CALL(unary_forward, op, y, x, n, 0.5, 0.25);
        CALL(unary_backward, op, dx, dy, fnn_unary_saves[op] & SAVES_X ? x : NULL,
             fnn_unary_saves[op] & SAVES_Y ? y : NULL, n, 0.5, 0.25);
        see(y, n), see(dx, n);
    }
    void *const sum = numbers(n);
    CALL(add_scaled, sum, x, n, 0.5);
    int inside = 2;
    CALL(all_between, &inside, x, n, 0.0, 0.5);
    see(sum, n), see_bytes(&inside, sizeof inside);
}

static void pairs(int64_t n)
{
    const int64_t b = (int64_t)width, shape[3] = {2, 3, n}, whole[3] = {3 * n * b, n * b, b};
    const int64_t row[3] = {0, 0, b}, column[3] = {3 * b, b, 0}, turned[3] = {b, 2 * b, 6 * b}, byte[3] = {3 * n, n, 1};
    void *const x = between(6 * n, 0.1, 2), *const y = between(n, 0.1, 2), *const z = numbers(6);
    void *const out = output(6 * n);
    uint8_t *const truth = block((size_t)(6 * n));
    for (int op = 0; op < FNN_BINARY_COUNT; op++) {
        CALL(binary, op, 3, shape, out, whole, x, whole, y, row);
        see(out, 6 * n);
        CALL(binary, op, 3, shape, out, whole, x, turned, z, column);
        see(out, 6 * n);
    }
    for (int op = 0; op < FNN_COMPARE_COUNT; op++) {
        CALL(compare, op, 3, shape, truth, byte, x, turned, y, row);
        see_bytes(truth, (size_t)(6 * n));
    }
    CALL(where, 3, shape, out, whole, bits(6 * n), byte, x, turned, z, column);
    see(out, 6 * n);
    CALL(copy, 3, shape, out, turned, x, whole);
    see(out, 6 * n);
}

static void losses(int64_t n)
{
    void *const x = between(n, 0.1, 0.9), *const t = between(n, 0.1, 0.9), *const v = between(n, 0.1, 0.9);
    void *const w = between(n, 0, 1), *const dx = output(n), *const dt = output(n);
    for (int op = 0; fnn_loss_names[op]; op++)
        for (int reduction = 0; reduction < 3; reduction++) {
            void *const out = output(reduction ? 1 : n), *const dy = numbers(reduction ? 1 : n);
            CALL(pointwise_loss_forward, op, out, x, t, v, w, n, reduction, 0.5, 0.25);
            CALL(pointwise_loss_backward, op, dx, dt, dy, x, t, v, w, n, reduction, 0.5, 0.25);
            see(out, reduction ? 1 : n), see(dx, n), see(dt, n);
        }
}

static void classes(int64_t n, int64_t c, int64_t d)
{
    int64_t *const target = indices(n * d, c);
    void *const x = numbers(n * c * d), *const probability = between(n * c * d, 0, 1),
                *const weight = between(c, 0.5, 1);
    if (n > 0 && d > 0)
        target[0] = -100;
    for (int reduction = 0; reduction < 3; reduction++)
        for (int soft = 0; soft < 2; soft++) {
            const int64_t size = reduction ? 1 : n * d;
            void *const loss = output(size), *const saved = output((reduction ? 3 : 2) * n * d + 1);
            void *const dy = numbers(size), *const dx = output(n * c * d), *const dt = output(n * c * d);
            const int64_t *const labels = soft ? NULL : target;
            const void *const given = soft ? probability : NULL;
            CALL(cross_entropy_forward, loss, saved, x, labels, given, weight, n, c, d, -100, 0.1, reduction);
            CALL(cross_entropy_backward, dx, soft ? dt : NULL, dy, x, saved, labels, given, weight, n, c, d, -100, 0.1,
                 reduction);
            see(loss, size), see(dx, n * c * d);
            if (soft) {
                see(dt, n * c * d);
                continue;
            }
            void *const nll = output(size), *const total = output(1);
            CALL(nll_forward, nll, total, x, target, weight, n, c, d, -100, reduction);
            CALL(nll_backward, dx, dy, target, weight, total, n, c, d, -100, reduction);
            see(nll, size), see(dx, n * c * d);
        }
}

static void reductions(int64_t outer, int64_t n, int64_t inner)
{
    const int64_t size = outer * n * inner, rest = outer * inner;
    void *const x = numbers(size), *const y = output(size), *const dx = output(size), *const out = output(rest);
    for (int op = 0; op < 5; op++) { /* FNN_SUM and those that follow it */
        CALL(reduce, op, out, x, outer, n, inner, 2.0);
        see(out, rest);
    }
    for (int smallest = 0; smallest < 2 && n; smallest++) {
        int64_t *const index = block((size_t)rest * sizeof *index);
        CALL(argreduce, smallest, index, x, outer, n, inner);
        see_bytes(index, (size_t)rest * sizeof *index);
    }
    for (int op = 0; op < 3; op++) /* FNN_CUMSUM and those that follow it */
        for (int reverse = 0; reverse < 2; reverse++) {
            all_right(CALL(cumulate, op, y, x, outer, n, inner, reverse));
            see(y, size);
        }
    for (int log = 0; log < 2; log++) {
        CALL(softmax_forward, log, y, x, outer, n, inner);
        CALL(softmax_backward, log, dx, x, y, outer, n, inner);
        see(y, size), see(dx, size);
    }
    void *const sums = output(outer * inner);
    CALL(logsumexp, sums, x, outer * inner, n);
    see(sums, outer * inner);
    CALL(dropout, y, x, bits(outer * n), outer * n, inner, 2.0, 0.0, 0.0);
    see(y, size);
}

static void windows(int64_t outer, int64_t h, int64_t w, int64_t inner, int64_t k, int64_t stride)
{
    const int64_t pad = k / 2, oh = (h + 2 * pad - k) / stride + 1, ow = (w + 2 * pad - k) / stride + 1;
    const fnn_windows g = {.outer = outer,
                           .h = h,
                           .w = w,
                           .inner = inner,
                           .oh = oh,
                           .ow = ow,
                           .kh = k,
                           .kw = k,
                           .sh = stride,
                           .sw = stride,
                           .ph = pad,
                           .pw = pad,
                           .dh = 1,
                           .dw = 1};
    const fnn_windows adaptive = {.outer = outer,
                                  .h = h,
                                  .w = w,
                                  .inner = inner,
                                  .oh = (h + 1) / 2,
                                  .ow = (w + 1) / 2,
                                  .sh = 1,
                                  .sw = 1,
                                  .dh = 1,
                                  .dw = 1};
    const int64_t size = outer * h * w * inner, n = outer * oh * ow * inner;
    void *const x = numbers(size), *const y = output(n), *const dy = numbers(n), *const dx = output(size);
    const int kinds[] = {0, 1, 4, 8};
    for (int i = 0; i < 4; i++) {
        void *const index = kinds[i] ? block((size_t)(n * kinds[i])) : NULL;
        CALL(max_pool_forward, y, index, kinds[i], x, &g);
        see(y, n);
        if (kinds[i]) {
            CALL(max_pool_backward, dx, dy, index, kinds[i], &g);
            see(dx, size);
        }
    }
    for (int include = 0; include < 2; include++) {
        CALL(avg_pool_forward, y, x, &g, include, 0.0);
        CALL(avg_pool_backward, dx, dy, &g, include, 0.0);
        see(y, n), see(dx, size);
    }
    const int64_t fewer = outer * adaptive.oh * adaptive.ow * inner;
    void *const small = output(fewer), *const grad = numbers(fewer);
    int64_t *const place = block((size_t)fewer * sizeof *place);
    fnn_windows planes = adaptive;
    planes.outer *= inner, planes.inner = 1;
    CALL(max_pool_forward, small, place, 8, x, &planes);
    CALL(max_pool_backward, dx, grad, place, 8, &planes);
    see(small, fewer), see(dx, size);
    CALL(avg_pool_forward, small, x, &adaptive, 0, 0.0);
    CALL(avg_pool_backward, dx, grad, &adaptive, 0, 0.0);
    see(small, fewer), see(dx, size);
    if (inner == 1) {
        void *const columns = output(n * k * k), *const from = numbers(n * k * k);
        CALL(unfold_forward, columns, x, &g);
        CALL(unfold_backward, dx, from, &g);
        see(columns, n * k * k), see(dx, size);
    }
}

static void resampling(int64_t outer, int64_t n, int64_t m, int64_t inner)
{
    for (int64_t taps = 1; taps < 5; taps += 3) {
        void *const x = numbers(outer * n * inner), *const dy = numbers(outer * m * inner);
        void *const y = output(outer * m * inner), *const dx = output(outer * n * inner);
        const int64_t *const index = indices(taps * m, n);
        const void *const weight = taps > 1 ? numbers(taps * m) : NULL;
        CALL(resample_forward, y, x, index, weight, taps, outer, n, m, inner);
        CALL(resample_backward, dx, dy, index, weight, taps, outer, n, m, inner);
        see(y, outer * m * inner), see(dx, outer * n * inner);
    }
}

static void tables_of_rows(int64_t n, int64_t rows, int64_t dim)
{
    const int64_t bags = 4, *const index = indices(n, rows);
    int64_t *const offsets = block((bags + 1) * sizeof *offsets);
    for (int64_t i = 0; i <= bags; i++)
        offsets[i] = i * n / bags;
    void *const weight = numbers(rows * dim), *const y = output(n * dim), *const dw = output(rows * dim);
    void *const dy = numbers(n * dim), *const scale = numbers(n);
    CALL(embedding_forward, y, weight, index, n, dim);
    CALL(embedding_backward, dw, dy, index, NULL, scale, n, rows, dim, 1, 0);
    see(y, n * dim), see(dw, rows * dim);
    for (int mode = 0; mode < 3; mode++) {
        void *const out = output(bags * dim);
        int64_t *const from = block((size_t)(bags * dim) * sizeof *from);
        CALL(embedding_bag_forward, out, mode == 2 ? from : NULL, weight, index, offsets, mode ? NULL : scale, n, bags,
             dim, mode, -1);
        see(out, bags * dim);
        if (mode == 2) {
            CALL(embedding_backward, dw, numbers(bags * dim), from, NULL, NULL, bags, rows, dim, -1, 1);
            see(dw, rows * dim);
        }
    }
}

static void norms(int64_t n, int64_t groups, int64_t c, int64_t s)
{
    const int64_t channels = groups * c, size = n * channels * s;
    void *const x = numbers(size), *const dy = numbers(size), *const y = output(size), *const dx = output(size);
    void *const weight = numbers(channels), *const bias = numbers(channels);
    void *const dw = output(channels), *const db = output(channels);
    for (int rms = 0; rms < 2; rms++) {
        void *const mean = output(n * groups), *const rstd = output(n * groups);
        void *const scratch = output(2 * channels * (s == 1 ? 32 : n));
        CALL(group_norm_forward, y, mean, rstd, x, weight, rms ? NULL : bias, n, groups, c, s, 1e-5, rms);
        CALL(group_norm_backward, dx, dw, rms ? NULL : db, scratch, dy, x, mean, rstd, weight, n, groups, c, s, rms);
        see(y, size), see(dx, size), see(dw, channels);
    }
    for (int training = 0; training < 2; training++) {
        void *const mean = numbers(channels), *const rstd = between(channels, 0.5, 1);
        void *const running = numbers(channels), *const var = between(channels, 0.5, 1);
        void *const scratch = output(3 * 32 * channels);
        CALL(batch_norm_forward, y, mean, rstd, running, var, scratch, x, weight, bias, n, channels, s, training, 0.1,
             1e-5);
        CALL(batch_norm_backward, dx, dw, db, scratch, dy, x, mean, rstd, weight, n, channels, s, training);
        see(y, size), see(dx, size), see(dw, channels), see(db, channels), see(running, channels), see(var, channels);
    }
    if (size) {
        void *const variance = output(channels), *const mean = output(channels);
        CALL(variance, variance, mean, output(3 * 32 * channels), x, n, channels, s, 1.0);
        see(variance, channels), see(mean, channels);
    }
}

/* ---- optimizers: a model of some parameters ---- */

enum { PARAMETERS = 4 };

typedef struct {
    int64_t sizes[PARAMETERS];
    float *steps[PARAMETERS], *more[PARAMETERS], *most[PARAMETERS];
    void *p[PARAMETERS], *g[PARAMETERS], *a[PARAMETERS], *b[PARAMETERS], *c[PARAMETERS];
} model;

static model make_model(int64_t n)
{
    model m = {.sizes = {n, 1, 0, 2 * n + 1}};
    for (int i = 0; i < PARAMETERS; i++) {
        const int64_t size = m.sizes[i];
        m.p[i] = numbers(size), m.g[i] = numbers(size), m.a[i] = between(size, 0.01, 1);
        m.b[i] = between(size, 0.01, 1), m.c[i] = between(size, 0.01, 1);
        m.steps[i] = block(sizeof(float)), m.more[i] = block(sizeof(float)), m.most[i] = block(sizeof(float));
        *m.steps[i] = 2, *m.more[i] = 0.9f, *m.most[i] = 0.8f;
    }
    return m;
}

static void see_model(const model *m)
{
    for (int i = 0; i < PARAMETERS; i++)
        see(m->p[i], m->sizes[i]), see(m->a[i], m->sizes[i]), see(m->b[i], m->sizes[i]);
}

#define STEP(name, ...)                                                                                                \
    do {                                                                                                               \
        model m = make_model(n);                                                                                       \
        CALL(name, m.p, m.g, __VA_ARGS__);                                                                             \
        see_model(&m);                                                                                                 \
    } while (0)

static void optimizers(int64_t n)
{
    for (int way = 0; way < 2; way++) {
        STEP(sgd_step, way ? m.a : NULL, NULL, m.sizes, PARAMETERS, 0.1, 0.9, 0.0, 0.01, way, way);
        STEP(adagrad_step, m.a, m.steps, m.sizes, PARAMETERS, 0.1, 0.01, 0.01, 1e-8, way);
        STEP(rmsprop_step, m.a, way ? m.b : NULL, way ? m.c : NULL, m.steps, m.sizes, PARAMETERS, 0.1, 0.9, 1e-8, 0.01,
             0.9, way);
        STEP(adam_step, m.a, m.b, way ? m.c : NULL, m.steps, m.sizes, PARAMETERS, 0.1, 0.9, 0.99, 1e-8, 0.01, way, way);
        STEP(adamax_step, m.a, m.b, m.steps, m.sizes, PARAMETERS, 0.1, 0.9, 0.99, 1e-8, 0.01, way);
        STEP(nadam_step, m.a, m.b, m.more, m.steps, m.sizes, PARAMETERS, 0.1, 0.9, 0.99, 1e-8, 0.01, 0.004, way, way);
        STEP(radam_step, m.a, m.b, m.steps, m.sizes, PARAMETERS, 0.1, 0.9, 0.99, 1e-8, 0.01, way, way);
        STEP(adadelta_step, m.a, m.b, m.steps, m.sizes, PARAMETERS, 0.1, 0.9, 1e-6, 0.01, way);
        STEP(rprop_step, m.a, m.b, m.steps, m.sizes, PARAMETERS, 0.5, 1.2, 1e-6, 50.0, way);
        STEP(asgd_step, m.a, m.more, m.most, m.steps, m.sizes, PARAMETERS, 0.1, 1e-4, 0.75, 1e6, 0.01, way);
    }
    model m = make_model(n);
    const int64_t sizes[2] = {n * 3, n}, rows[2] = {n, n}, cols[2] = {3, 1};
    void *const p[2] = {numbers(3 * n), numbers(n)}, *const g[2] = {numbers(3 * n), numbers(n)};
    void *const row[2] = {between(n, 0, 1), between(n, 0, 1)}, *const col[2] = {between(3, 0, 1), NULL};
    all_right(CALL(adafactor_step, p, g, row, col, m.steps, sizes, rows, cols, n ? 2 : 0, 0.1, -0.8, 1e-8, 1e-3, 1.0,
                   0.01, 0));
    see(p[0], 3 * n), see(p[1], n);
    double norm = -1, al[2] = {0, 0};
    const double ro[2] = {0.5, 0.25};
    for (int order = 0; order < 3; order++) {
        all_right(CALL(total_norm, &norm, m.p, m.sizes, PARAMETERS, order));
        see_bytes(&norm, sizeof norm);
    }
    CALL(scale_arrays, m.p, m.sizes, PARAMETERS, 0.5);
    see_model(&m);
    void *const d = output(n), *const grad = numbers(n), *const dirs[2] = {numbers(n), numbers(n)};
    void *const stps[2] = {numbers(n), numbers(n)};
    all_right(CALL(lbfgs_direction, d, grad, dirs, stps, ro, al, 2, n, 0.5));
    see(d, n);
}

/* ---- products, layers ---- */

static void products(int64_t m, int64_t n, int64_t k)
{
    const int64_t batch[1] = {2}, a_batch[1] = {m * k}, b_batch[1] = {0};
    void *const a = numbers(2 * m * k), *const b = numbers(n * k), *const c = output(2 * m * n);
    all_right(CALL(matmul, c, a, b, m, n, k, k, 1, n, 1, 1, batch, a_batch, b_batch, 0));
    see(c, 2 * m * n);
    all_right(CALL(matmul, c, a, b, m, n, k, 1, m, 1, k, 1, batch, a_batch, b_batch, 1));
    see(c, 2 * m * n);
    void *const bias = numbers(n), *const y = output(m * n), *const dz = output(m * n), *const dy = numbers(m * n);
    void *const dx = output(m * k), *const dw = numbers(n * k), *const db = numbers(n);
    for (int op = -1; op < 1; op++) {
        const int map = op < 0 ? op : FNN_tanh;
        all_right(CALL(linear_forward, y, a, b, bias, m, n, k, k, 1, k, 1, map, 0.0, 0.0));
        all_right(CALL(linear_backward, dx, dw, db, dz, dy, a, b, y, m, n, k, n, 1, k, 1, k, 1, map, 0.0, 0.0, op < 0,
                       op < 0));
        see(y, m * n), see(dx, m * k), see(dw, n * k), see(db, n);
    }
}

static void attending(int64_t l, int64_t s, int causal)
{
    const int64_t b = 2, h = 4, hk = 2, e = 9, ev = 7, shape[7] = {b, h, hk, l, s, e, ev};
    const int64_t strides[28] = {h * l * e, l * e,      e,          hk * s * e, s * e,       e,         hk * s * ev,
                                 s * ev,    ev,         h * l * ev, l * ev,     ev,          0,         0,
                                 s,         1,          h * l * ev, l * ev,     ev,          h * l * e, l * e,
                                 e,         hk * s * e, s * e,      e,          hk * s * ev, s * ev,    ev};
    void *const q = numbers(b * h * l * e), *const k = numbers(b * hk * s * e), *const v = numbers(b * hk * s * ev);
    void *const out = output(b * h * l * ev), *const lse = output(b * h * l), *const weights = output(b * h * l * s);
    void *const dq = output(b * h * l * e), *const dk = output(b * hk * s * e), *const dv = output(b * hk * s * ev);
    void *const dy = numbers(b * h * l * ev), *const dmask = output(b * h * l * s);
    const uint8_t *const keep = bits(b * h * l * s);
    for (int kind = 0; kind < 4; kind++) {
        const void *const mask = kind == 0 ? NULL : kind == 3 ? numbers(l * s) : (void *)bits(l * s);
        all_right(CALL(attention_forward, out, lse, kind == 2 ? weights : NULL, q, k, v, mask, kind, shape, strides,
                       causal, 0, 0.3, 0.25, kind == 1 ? keep : NULL));
        all_right(CALL(attention_backward, dq, dk, dv, kind == 3 ? dmask : NULL, dy, out, lse, q, k, v, mask, kind,
                       shape, strides, causal, 0.3, 0.25, kind == 1 ? keep : NULL));
        see(out, b * h * l * ev), see(dq, b * h * l * e), see(dk, b * hk * s * e), see(dv, b * hk * s * ev);
    }
}

static void recurrence(int mode, int directions, int64_t steps, int64_t batch, int64_t n_in, int64_t hidden)
{
    const int64_t g = mode == 2 ? 4 : mode == 3 ? 3 : 1, kk = mode >= 2 ? 4 : 1, rows = steps * batch, d = directions;
    const int64_t chunk = 2, states = d * batch * hidden;
    int64_t *const first = block((size_t)steps * sizeof *first), *const sizes = block((size_t)steps * sizeof *sizes);
    for (int64_t t = 0; t < steps; t++)
        first[t] = t * batch, sizes[t] = batch;
    void *weights[8], *dweights[8];
    for (int i = 0; i < 4 * directions; i++) {
        const int64_t size = g * hidden * (i % 4 == 0 ? n_in : i % 4 == 1 ? hidden : 1);
        weights[i] = numbers(size), dweights[i] = output(size);
    }
    void *const x = numbers(rows * n_in), *const y = output(rows * d * hidden), *const h0 = numbers(states);
    void *const c0 = numbers(states), *const h = block((size_t)states * width),
                *const c = block((size_t)states * width);
    memcpy(h, h0, (size_t)states * width), memcpy(c, c0, (size_t)states * width);
    void *const saved = output(d * rows * (mode == 2 ? 5 : 4) * hidden);
    void *scratch = output(d * (chunk * batch * kk * hidden + g * hidden + (n_in + hidden) * (g * hidden + 64)));
    all_right(CALL(recurrent_forward, mode, steps, batch, rows, 1, first, sizes, n_in, hidden, directions, chunk, y, h,
                   mode == 2 ? c : NULL, mode < 2 ? NULL : saved, scratch, x, weights));
    see(y, rows * d * hidden), see(h, states);
    void *const dh = numbers(states), *const dc = numbers(states), *const dx = output(rows * n_in);
    void *const dy = numbers(rows * d * hidden);
    scratch = output(chunk * batch * (kk * hidden + hidden + n_in) + d * g * hidden * (n_in + hidden + 64));
    all_right(CALL(recurrent_backward, mode, steps, batch, rows, 1, first, sizes, n_in, hidden, directions, chunk, dx,
                   dh, mode == 2 ? dc : NULL, dweights, scratch, dy, x, y, h0, mode == 2 ? c0 : NULL,
                   mode < 2 ? NULL : saved, weights));
    see(dx, rows * n_in), see(dh, states), see(dweights[0], g * hidden * n_in), see(dweights[1], g * hidden * hidden);
}

static void convolution(fnn_conv s)
{
    s.oh = (s.h + 2 * s.top - s.dh * (s.kh - 1) - 1) / s.sh + 1;
    s.ow = (s.w + 2 * s.left - s.dw * (s.kw - 1) - 1) / s.sw + 1;
    const int64_t xn = s.n * s.c * s.h * s.w, yn = s.n * s.o * s.oh * s.ow, wn = s.o * (s.c / s.groups) * s.kh * s.kw;
    const int64_t xs[4] = {s.c * s.h * s.w, s.h * s.w, s.w, 1}, ys[4] = {s.o * s.oh * s.ow, s.oh * s.ow, s.ow, 1};
    const int64_t last[4] = {s.c * s.h * s.w, 1, s.w * s.c, s.c}; /* channels last */
    void *const x = numbers(xn), *const weight = numbers(wn), *const dy = numbers(yn), *const bias = numbers(s.o);
    void *const y = output(yn), *const dx = output(xn), *const dw = output(wn), *const other = numbers(s.c);
    for (int relu = 0; relu < 2; relu++) {
        all_right(CALL(conv_forward, y, x, weight, relu ? bias : NULL, &s, relu ? last : xs, relu));
        all_right(CALL(conv_backward_input, dx, dy, weight, relu ? other : NULL, &s, ys, relu));
        all_right(CALL(conv_backward_weight, dw, dy, x, &s, ys, relu ? last : xs));
        see(y, yn), see(dx, xn), see(dw, wn);
    }
}

static void alignments(int64_t t, int64_t n, int64_t c, int64_t s)
{
    const int64_t sizes[] = {t, n, c, s}, *const targets = indices(n * s, c - 1); /* the last class is the blank */
    int64_t *const starts = block((size_t)n * sizeof *starts), *const steps = block((size_t)n * sizeof *steps);
    int64_t *const lengths = block((size_t)n * sizeof *lengths);
    for (int64_t i = 0; i < n; i++)
        starts[i] = i * s, steps[i] = t - i % 2, lengths[i] = s - i % 3 < 0 ? 0 : s - i % 3;
    void *const x = between(t * n * c, -3, -0.5), *const dy = numbers(n), *const loss = output(n);
    void *const alpha = output(n * t * 2 * (s + 1)), *const dx = output(t * n * c);
    CALL(ctc_loss_forward, loss, alpha, x, targets, starts, steps, lengths, sizes, c - 1);
    all_right(CALL(ctc_loss_backward, dx, dy, loss, alpha, x, targets, starts, steps, lengths, sizes, c - 1, 1));
    see(loss, n), see(dx, t * n * c);
}

static void grids(int64_t n, int64_t d, int64_t points, int64_t axes)
{
    const int64_t sizes[] = {n, 3, d, 5, 7, points, axes}, size = n * 3 * d * 35;
    void *const x = numbers(size), *const grid = between(n * points * axes, -1.5, 1.5),
                *const dy = numbers(n * 3 * points);
    for (int mode = 0; mode < (axes == 2 ? 3 : 2); mode++)
        for (int padding = 0; padding < 3; padding++) {
            void *const y = output(n * 3 * points), *const dx = output(size), *const dgrid = output(n * points * axes);
            CALL(grid_sample_forward, y, x, grid, sizes, mode, padding, padding % 2);
            CALL(grid_sample_backward, dx, dgrid, dy, x, grid, sizes, mode, padding, padding % 2);
            see(y, n * 3 * points), see(dx, size), see(dgrid, n * points * axes);
        }
}

#define AFTER(statement) (statement, release())

/* n c h w, o kh kw, sh sw, top left, dh dw, groups */
static void convolutions(void)
{
    static const int64_t sizes[][14] = {
        {2, 3, 9, 8, 5, 3, 3, 1, 1, 1, 1, 1, 1, 1},   {1, 16, 12, 13, 16, 3, 3, 2, 2, 1, 1, 1, 1, 1},
        {3, 8, 7, 7, 8, 3, 3, 1, 1, 1, 1, 1, 1, 8},   {2, 6, 10, 6, 4, 2, 3, 1, 2, 0, 0, 2, 1, 2},
        {2, 17, 5, 5, 33, 1, 1, 1, 1, 0, 0, 1, 1, 1}, {4, 1, 16, 16, 20, 5, 5, 1, 1, 0, 0, 1, 1, 1},
        {2, 9, 1, 40, 7, 1, 5, 1, 1, 0, 2, 1, 1, 1},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int64_t *s = sizes[i];
        AFTER(convolution((fnn_conv){.n = s[0],
                                     .c = s[1],
                                     .h = s[2],
                                     .w = s[3],
                                     .o = s[4],
                                     .kh = s[5],
                                     .kw = s[6],
                                     .sh = s[7],
                                     .sw = s[8],
                                     .top = s[9],
                                     .left = s[10],
                                     .dh = s[11],
                                     .dw = s[12],
                                     .groups = s[13]}));
    }
}

/* ---- all of it ---- */

static uint64_t all_calls(int with)
{
    static const int64_t sizes[] = {0, 1, 7, 33, 1000};
    type = with, width = with == FNN_F32 ? 4 : 8, state = 1, hash = 14695981039346656037u;
    for (int i = 0; i < 5; i++) {
        const int64_t n = sizes[i];
        AFTER(maps(n)), AFTER(pairs(n)), AFTER(losses(n)), AFTER(optimizers(n));
        AFTER(reductions(3, n, 1)), AFTER(reductions(2, n, 5)), AFTER(reductions(n, 4, 1));
        AFTER(classes(n < 40 ? n : 40, 11, 1)), AFTER(classes(3, 5, n < 40 ? n : 40));
        AFTER(resampling(2, 9, n, 3)), AFTER(tables_of_rows(n, 13, 17)), AFTER(norms(3, 2, 3, n)),
            AFTER(norms(n, 1, 9, 1));
    }
    AFTER(resampling(3, 12, 7, 1));
    AFTER(windows(3, 9, 11, 1, 3, 2)), AFTER(windows(2, 8, 8, 5, 2, 2)), AFTER(windows(40, 5, 6, 1, 3, 1));
    AFTER(windows(2, 20, 35, 1, 2, 2)), AFTER(windows(1, 7, 7, 16, 3, 1));
    AFTER(products(1, 1, 1)), AFTER(products(5, 9, 0)), AFTER(products(33, 17, 65)), AFTER(products(1, 70, 129));
    AFTER(products(130, 67, 40));
    AFTER(attending(5, 5, 1)), AFTER(attending(33, 70, 0)), AFTER(attending(1, 3, 0));
    for (int mode = 0; mode < 4; mode++)
        AFTER(recurrence(mode, 1 + mode % 2, 5, 3, 7, 9)), AFTER(recurrence(mode, 2 - mode % 2, 3, 9, 33, 20));
    AFTER(alignments(1, 1, 2, 1)), AFTER(alignments(12, 4, 5, 4)), AFTER(alignments(40, 3, 9, 17));
    AFTER(grids(2, 1, 33, 2)), AFTER(grids(1, 4, 20, 3));
    convolutions();
    return hash;
}

static void *on_thread(void *wanted)
{
    const uint64_t found = all_calls(FNN_F32);
    return found == *(uint64_t *)wanted ? NULL : wanted;
}

int main(void)
{
    const char *isas[8];
    const int isa_count = fnn_available(isas, 8), threads[] = {1, 2, 3};
    fnn_thread_cost = 0; /* split whatever can be split */
    for (int i = 0; i < isa_count; i++) {
        fnn_select(isas[i]);
        memcpy(tables, fnn_active, sizeof tables);
        uint64_t wanted[2];
        for (int with = 0; with < 2; with++)
            for (int t = 0; t < 3; t++) {
                fnn_set_num_threads(threads[t]);
                const uint64_t found = all_calls(with);
                if (t == 0)
                    wanted[with] = found;
                if (found != wanted[with]) {
                    fprintf(stderr, "kernels: %s: other bits on %d threads\n", isas[i], threads[t]);
                    return 1;
                }
            }
        pthread_t callers[3];
        for (int t = 0; t < 3; t++)
            pthread_create(&callers[t], NULL, on_thread, &wanted[FNN_F32]);
        for (int t = 0; t < 3; t++) {
            void *wrong;
            pthread_join(callers[t], &wrong);
            if (wrong) {
                fprintf(stderr, "kernels: %s: other bits beside other threads\n", isas[i]);
                return 1;
            }
        }
        printf("%s: done\n", isas[i]);
    }
    int missing = 0;
    for (int i = 0; fnn_kernel_names[i]; i++)
        if (!called[i + 1]) { /* behind the table's name */
            missing++;
            fprintf(stderr, "kernels: nothing calls %s\n", fnn_kernel_names[i]);
        }
    fnn_empty_cache();
    return missing > 0;
}
