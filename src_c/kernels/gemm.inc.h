/* gemm.inc.h -- matrix products: C = A B (+ C) (+ bias, activation), any strides of A and B, rows of C contiguous.
 *
 * C is cut into parts, one per thread; a part is done block by block so that the pieces of A and B in use stay in the
 * caches; a block tile by tile (gemm_tile.inc.h). An element's arithmetic is the same wherever the cuts fall.
 */
#include "gemm_tile.inc.h"
#include "gemm_dot.inc.h"
#include "gemm_pack.inc.h"

typedef struct {
    REAL *c;
    const REAL *a, *b, *bias; /* bias: (n,) or NULL */
    const REAL *start;        /* (m,) to start the rows from, or NULL; only for products that tiles make, not from C */
    int64_t m, n, k;
    int64_t ldc, as_m, as_k, bs_k, bs_n;
    int from_c;   /* add to C */
    int panels;   /* B is in the order of pack_panels, bs_k rows deep; parts begin with a panel */
    int b_cached; /* B was read in the same parts just before: each thread has its part in its cache */
    int relu;     /* at the end, in registers */
    int map;      /* 0, or 1 + number of another map of elementwise.def, applied while C is in the cache */
    REAL p0, p1;  /* its parameters */
} gemm;

#define GEMM_DEPTH_BYTES 1536         /* of one row of an A tile: the tile stays in a 32 KB L1 cache */
#define GEMM_PANELS_BYTES (384 << 10) /* of packed B: stays in a 512 KB to 1 MB L2 cache */
#define FEW_DEPTH 32
#define GEMM_ON_STACK 8192 /* small packs need no allocation */
#define DOT_FEW 4          /* rows or columns at most for dot products along k, */
#define DOT_FEW_DEEP 12    /* and when k is large against the sums at their ends */
#define ROWS_BLOCK 2048    /* columns of products done row by row */
#define GEMM_GROUP 10      /* products at most in one group */
#define SHALLOW 2          /* depth at most for products row by row */
#define PANELS(k, n) ((k) * (((n) + 2 * VW - 1) / (2 * VW) * 2 * VW))

/* Dot products when there are few rows or columns and both operands run along k. Only shapes and strides decide. */
FNN_INLINE int gemm_is_dot(const gemm *g)
{
    const int64_t few = g->k >= 8 * VW ? DOT_FEW_DEEP : DOT_FEW;
    return g->as_k == 1 && g->bs_k == 1 && (g->m <= few || g->n <= few) && g->k >= VW;
}

/* The map on rows i0..i1 and columns j0..j1 of C. */
static void gemm_map(const gemm *g, int64_t i0, int64_t i1, int64_t j0, int64_t j1)
{
    unary_context c = {.y = g->c, .x = g->c, .a = g->p0, .b = g->p1};
    if (j1 - j0 == g->ldc) {
        unary_forward_ranges[g->map - 1](&c, i0 * g->ldc, i1 * g->ldc);
        return;
    }
    for (int64_t i = i0; i < i1; i++)
        unary_forward_ranges[g->map - 1](&c, i * g->ldc + j0, i * g->ldc + j1);
}

/* c (n,) = [c or 0] + depth rows of b times elements of a (+ bias, relu). */
FNN_INLINE void gemm_row(const int depth, REAL *c, const REAL *a, int64_t as_k, const REAL *b, int64_t bs_k, int64_t n,
                         int from_c, const REAL *bias, int relu)
{
    const vmask tail = v_mask(n % VW);
    vec x[4];
    FNN_UNROLL
    for (int d = 0; d < depth; d++)
        x[d] = v_set1(a[d * as_k]);
    int64_t j = 0;
    for (; j + VW <= n; j += VW) {
        vec y = from_c ? v_load(c + j) : (vec){0};
        FNN_UNROLL
        for (int d = 0; d < depth; d++)
            y = v_add_product(y, v_load(b + d * bs_k + j), x[d]); /* as tiles do */
        if (bias)
            y += v_load(bias + j);
        v_store(c + j, relu ? v_relu(y) : y);
    }
    if (j < n) {
        vec y = from_c ? v_load_part(c + j, tail) : (vec){0};
        FNN_UNROLL
        for (int d = 0; d < depth; d++)
            y = v_add_product(y, v_load_part(b + d * bs_k + j, tail), x[d]);
        if (bias)
            y += v_load_part(bias + j, tail);
        v_store_part(c + j, tail, relu ? v_relu(y) : y);
    }
}

/* One row, or outer products: rows of B and C pass by whole, as memory likes it, and C stays in the L1 cache. */
static void gemm_rows_part(const gemm *g, int64_t i0, int64_t i1, int64_t j0, int64_t j1)
{
    for (int64_t j = j0; j < j1; j += ROWS_BLOCK) {
        const int64_t n = j1 - j < ROWS_BLOCK ? j1 - j : ROWS_BLOCK;
        for (int64_t i = i0; i < i1; i++) {
            if ((i - i0) % 1024 == 1023 && fnn_interrupted())
                return;
            REAL *const c = g->c + i * g->ldc + j;
            for (int64_t k = 0; k < g->k; k += 4) {
                const int64_t left = g->k - k;
                const REAL *a = g->a + i * g->as_m + k * g->as_k, *b = g->b + k * g->bs_k + j;
                const REAL *bias = left <= 4 && g->bias ? g->bias + j : NULL;
                const int from_c = g->from_c || k > 0, relu = left <= 4 && g->relu;
                if (left >= 4)
                    gemm_row(4, c, a, g->as_k, b, g->bs_k, n, from_c, bias, relu);
                else if (left == 3)
                    gemm_row(3, c, a, g->as_k, b, g->bs_k, n, from_c, bias, relu);
                else if (left == 2)
                    gemm_row(2, c, a, g->as_k, b, g->bs_k, n, from_c, bias, relu);
                else
                    gemm_row(1, c, a, g->as_k, b, g->bs_k, n, from_c, bias, relu);
            }
        }
    }
}

/* c (cols,) = [c or 0] + sums (+ bias, relu). */
FNN_INLINE void dot_store(REAL *c, const REAL *sums, const int cols, int from_c, const REAL *bias, int relu)
{
    REAL y[DOT_COLS];
    for (int s = 0; s < cols; s++)
        y[s] = sums[s];
    if (from_c)
        for (int s = 0; s < cols; s++)
            y[s] += c[s];
    if (bias)
        for (int s = 0; s < cols; s++)
            y[s] += bias[s];
    if (relu)
        for (int s = 0; s < cols; s++)
            y[s] = y[s] < 0 ? 0 : y[s];
    for (int s = 0; s < cols; s++)
        c[s] = y[s];
}

static void gemm_dot_part(const gemm *g, int64_t i0, int64_t i1, int64_t j0, int64_t j1)
{
    REAL sums[DOT_ROWS * DOT_COLS];
    const int rows_outside = g->m > g->n; /* the long operand is read once */
    const int64_t outer_end = rows_outside ? i1 : j1, inner_end = rows_outside ? j1 : i1;
    const int outer_step = rows_outside ? DOT_ROWS : DOT_COLS, inner_step = rows_outside ? DOT_COLS : DOT_ROWS;
    for (int64_t o = rows_outside ? i0 : j0, passes = 0; o < outer_end; o += outer_step, passes++) {
        if (passes % 64 == 63 && fnn_interrupted())
            return;
        for (int64_t p = rows_outside ? j0 : i0; p < inner_end; p += inner_step) {
            const int64_t i = rows_outside ? o : p, j = rows_outside ? p : o;
            const int rows = i1 - i < DOT_ROWS ? (int)(i1 - i) : DOT_ROWS;
            const int cols = j1 - j < DOT_COLS ? (int)(j1 - j) : DOT_COLS;
            const int64_t ahead = p == i0 && !rows_outside ? DOT_COLS * g->bs_n : 0;
            dot_kernels[rows - 1][cols - 1](g->k, g->a + i * g->as_m, g->as_m, g->b + j * g->bs_n, g->bs_n, ahead,
                                            sums);
            for (int r = 0; r < rows; r++) {
                REAL *const c = g->c + (i + r) * g->ldc + j;
                const REAL *const bias = g->bias ? g->bias + j : NULL;
                if (cols == DOT_COLS) /* a constant: vectors */
                    dot_store(c, sums + r * DOT_COLS, DOT_COLS, g->from_c, bias, g->relu);
                else
                    dot_store(c, sums + r * DOT_COLS, cols, g->from_c, bias, g->relu);
            }
        }
    }
}

/* How a part of C is done: rows of tiles, in blocks of so many columns and of so much depth. */
typedef struct {
    int64_t tiles;          /* rows of them */
    int64_t width, columns; /* of a tile and of a block */
    int64_t depth, depths;  /* of a block, and how many such blocks */
    int wide;               /* tiles of four vectors */
    int pack_a, pack_b;
} gemm_plan;

FNN_INLINE gemm_plan gemm_plan_of(const gemm *g, int64_t m, int64_t n)
{
    const int64_t k = g->k, size = (int64_t)sizeof(REAL);
    gemm_plan p = {.tiles = (m + TILE_ROWS - 1) / TILE_ROWS, .wide = !g->panels && m <= TILE_ROWS_WIDE && n > 2 * VW};
    p.width = p.wide ? 4 * VW : 2 * VW;
    /* Few rows read B once: then long runs of its rows matter, and C is at hand. */
    const int few = m <= TILE_ROWS_WIDE && g->bs_n == 1 && n > 16 * VW;
    const int64_t deepest = few ? FEW_DEPTH : GEMM_DEPTH_BYTES / size;
    p.depths = k > deepest ? (k + deepest - 1) / deepest : 1;
    p.depth = (k + p.depths - 1) / p.depths;
    const int64_t columns = GEMM_PANELS_BYTES / size / (p.depth ? p.depth : 1) / p.width * p.width;
    p.columns = columns < p.width ? p.width : columns > n ? n : columns;
    p.pack_b = !g->panels && ((g->bs_n != 1 && n > 1) || (p.tiles > 8 && p.depth * n * size > 65536));
    /* A tile's rows must not fall on the same lines of the cache; a tile's columns should not lie far apart. */
    const int far = g->as_k != 1 || g->as_m * size % 2048 == 0;
    p.pack_a = k >= 16 && ((far && n > 2 * p.width) || (p.depths > 2 && n > 4 * p.width));
    return p;
}

/* Rows i.. and columns j.. to `end` of C, for one block: elements pc.. pc + kc of k. The block's first row of tiles
 * packs its B. */
FNN_INLINE void gemm_tile_row(const gemm *g, const gemm_plan *p, tile_ends *ends, int first, int last, int64_t i,
                              int64_t rows, int64_t jc, int64_t end, int64_t pc, int64_t kc, REAL *packed_a,
                              REAL *packed_b)
{
    const REAL *a = g->a + i * g->as_m + pc * g->as_k;
    int64_t as_m = g->as_m, as_k = g->as_k;
    if (p->pack_a) {
        gemm_pack_a(packed_a, &as_m, &as_k, a, rows, kc);
        a = packed_a;
    }
    ends->start = g->start ? g->start + i : NULL;
    for (int64_t j = jc; j < end;) {
        const int64_t left = end - j;
        int vectors = left > VW ? 2 : 1;
        if (p->wide && left > 3 * VW)
            vectors = 4;
        const int64_t columns = left < vectors * VW ? left : vectors * VW;
        const int part = columns < vectors * VW;
        if (part)
            ends->tail = v_mask(columns - (vectors - 1) * VW);
        ends->bias = g->bias && last ? g->bias + j : NULL;
        const REAL *b = g->b + pc * g->bs_k + j * g->bs_n;
        int64_t ldb = g->bs_k;
        if (g->panels) {
            b = g->b + j * g->bs_k + pc * 2 * VW;
            ldb = 2 * VW;
        }
        if (p->pack_b) {
            REAL *panel = packed_b + (j - jc) * kc;
            ldb = vectors * VW;
            ends->ahead = first && g->bs_k == 1 ? b + columns * g->bs_n : NULL;
            ends->ahead_step = g->bs_n;
            if (first)
                gemm_pack_b(panel, ldb, b, g->bs_k, g->bs_n, kc, columns);
            b = panel;
        }
        tile_kernels[vectors >> 1][part][rows - 1](kc, a, as_m, as_k, b, ldb, g->c + i * g->ldc + j, g->ldc, ends);
        j += columns;
    }
}

/* Rows i0..i1 and columns j0..j1 of C, on this thread. j0 is a multiple of gemm_unit. */
static void gemm_part(const gemm *g, int64_t i0, int64_t i1, int64_t j0, int64_t j1)
{
    const int64_t m = i1 - i0, n = j1 - j0, k = g->k;
    if (m <= 0 || n <= 0)
        return;
    const int dot = !g->panels && gemm_is_dot(g);
    const int by_rows = !g->panels && k > 0 && (k <= SHALLOW || g->m == 1) && (g->bs_n == 1 || g->n == 1);
    if (dot || by_rows) {
        (dot ? gemm_dot_part : gemm_rows_part)(g, i0, i1, j0, j1);
        if (g->map)
            gemm_map(g, i0, i1, j0, j1);
        return;
    }
    const gemm_plan p = gemm_plan_of(g, m, n);
    const int64_t panels = p.pack_b ? (p.columns + VW - 1) / VW * VW * p.depth : 0;
    const int64_t tile = p.pack_a ? PACKED_ROWS * (p.depth + 2 * VW) : 0;
    REAL on_stack[GEMM_ON_STACK / sizeof(REAL)] __attribute__((aligned(64)));
    REAL *scratch = on_stack;
    void *allocated = NULL;
    if (panels + tile > (int64_t)(GEMM_ON_STACK / sizeof(REAL)))
        scratch = allocated = fnn_scratch((size_t)(panels + tile) * sizeof(REAL));
    if (!scratch)
        return;
    for (int64_t jc = j0; jc < j1; jc += p.columns) {
        const int64_t end = jc + p.columns < j1 ? jc + p.columns : j1;
        for (int64_t block = 0, pc = 0; block < p.depths; block++, pc += p.depth) {
            if ((block > 0 || jc > j0) && fnn_interrupted())
                break;
            const int64_t kc = k - pc < p.depth ? k - pc : p.depth;
            const int last = block == p.depths - 1;
            tile_ends ends = {.from_c = g->from_c || block > 0, .relu = g->relu && last};
            for (int64_t t = 0; t < p.tiles; t++) {
                if (t % 16 == 15 && fnn_interrupted())
                    break;
                const int64_t i = i0 + m * t / p.tiles, rows = i0 + m * (t + 1) / p.tiles - i;
                gemm_tile_row(g, &p, &ends, t == 0, last, i, rows, jc, end, pc, kc, scratch + panels, scratch);
                if (g->map && last)
                    gemm_map(g, i, i + rows, jc, end);
            }
        }
    }
    fnn_free(allocated);
}

/* C (m, n) = [C or 0] + A B on this thread, for use inside a range. B is the beginning of panels that are packed_k
 * deep, or, with packed_k = 0, has rows ldb apart. An element's bits do not depend on m and n. */
static void gemm_panels(int64_t m, int64_t n, int64_t k, const REAL *a, int64_t as_m, int64_t as_k, const REAL *b,
                        int64_t packed_k, int64_t ldb, REAL *c, int64_t ldc, int from_c)
{
    const int64_t tiles = (m + TILE_ROWS - 1) / TILE_ROWS, deepest = GEMM_DEPTH_BYTES / (int64_t)sizeof(REAL);
    tile_ends ends = {.from_c = from_c};
    ldb = packed_k > 0 ? 2 * VW : ldb;
    for (int64_t pc = 0; pc < k || pc == 0; pc += deepest, ends.from_c = 1) {
        const int64_t depth = k - pc < deepest ? k - pc : deepest;
        for (int64_t j = 0; j < n; j += 2 * VW) {
            const int vectors = n - j > VW ? 2 : 1;
            const int64_t columns = n - j < vectors * VW ? n - j : vectors * VW;
            const int part = columns < vectors * VW;
            if (part)
                ends.tail = v_mask(columns - (vectors - 1) * VW);
            const REAL *const panel = b + pc * ldb + j * (packed_k > 0 ? packed_k : 1);
            for (int64_t t = 0; t < tiles; t++) {
                const int64_t i = m * t / tiles, rows = m * (t + 1) / tiles - i;
                tile_kernels[vectors >> 1][part][rows - 1](depth, a + i * as_m + pc * as_k, as_m, as_k, panel, ldb,
                                                           c + i * ldc + j, ldc, &ends);
            }
        }
    }
}

/* Nanoseconds on one core, roughly, without what moving the operands to another one takes. */
FNN_INLINE double gemm_cost(const gemm *g)
{
    const double vectors = (double)((g->n + VW - 1) / VW), m = (double)g->m, k = (double)g->k;
    const double moved = g->b_cached ? m : m + (double)g->n;
    const double work = 0.25 * (m + 4) * vectors * k, transfer = 0.03 * moved * k * (double)sizeof(REAL);
    double cost = work > transfer ? 30 + work - transfer : 30;
    if (g->map)
        cost += unary_costs[g->map - 1] * (double)g->m * (double)g->n;
    return cost;
}

/* Columns are cut between vectors, or panels. */
FNN_INLINE int64_t gemm_unit(const gemm *g)
{
    return g->panels ? 2 * VW : VW;
}

/* The grid of `threads` parts whose largest part costs least. */
static void gemm_grid(const gemm *g, int threads, int *parts_m, int *parts_n)
{
    const int64_t units = (g->n + gemm_unit(g) - 1) / gemm_unit(g);
    double best = 0;
    *parts_m = *parts_n = 1;
    for (int pm = 1; pm <= threads; pm++) {
        if (threads % pm)
            continue;
        const int pn = threads / pm;
        const int64_t rows = (g->m + pm - 1) / pm, columns = (units + pn - 1) / pn;
        const int64_t pack = g->bs_n != 1 ? 5 : 1; /* a packed element costs as much as so many rows of C */
        const double cost = (double)(rows + pack) * (double)columns * (columns == 1 ? 1.1 : 1.0);
        if (pm == 1 || cost < best) {
            best = cost;
            *parts_m = pm;
            *parts_n = pn;
        }
    }
}

/* One column of a product whose A runs along m: as C^T = B^T A^T it is one row, with A's rows as vectors. */
static void gemm_transpose(gemm *g)
{
    if (g->n != 1 || g->m == 1 || g->as_m != 1 || (g->as_k == 1 && g->k != 1) || g->bias || g->ldc != 1)
        return;
    const gemm old = *g;
    g->a = old.b, g->as_m = 1, g->as_k = old.bs_k;
    g->b = old.a, g->bs_k = old.as_k, g->bs_n = old.as_m;
    g->m = 1, g->n = old.m, g->ldc = old.m;
}

typedef struct {
    gemm gemm;
    int parts_m, parts_n;
    int batch_ndim;
    const int64_t *batch, *a_batch, *b_batch;
} gemm_job;

/* Item = part of one product of the batch. */
static void gemm_range(void *context, int64_t begin, int64_t end)
{
    const gemm_job *job = context;
    const int64_t parts = (int64_t)job->parts_m * job->parts_n;
    for (int64_t item = begin; item < end; item++) {
        gemm g = job->gemm;
        int64_t index = item / parts;
        g.c += index * g.m * g.ldc;
        for (int d = job->batch_ndim - 1; d >= 0; d--) {
            const int64_t i = index % job->batch[d];
            index /= job->batch[d];
            g.a += i * job->a_batch[d];
            g.b += i * job->b_batch[d];
        }
        const int64_t unit = gemm_unit(&g), units = (g.n + unit - 1) / unit, part = item % parts;
        const int64_t pm = part / job->parts_n, pn = part % job->parts_n;
        const int64_t j1 = units * (pn + 1) / job->parts_n * unit;
        gemm_part(&g, g.m * pm / job->parts_m, g.m * (pm + 1) / job->parts_m, units * pn / job->parts_n * unit,
                  j1 < g.n ? j1 : g.n);
    }
}

static void gemm_run(gemm_job *job, int64_t batch)
{
    const double cost = gemm_cost(&job->gemm);
    const int threads = fnn_threads_for(cost * (double)batch);
    job->parts_m = job->parts_n = 1;
    if (threads > 1 && batch < 4 * threads)
        gemm_grid(&job->gemm, threads, &job->parts_m, &job->parts_n);
    const int64_t parts = (int64_t)job->parts_m * job->parts_n;
    fnn_parallel_for(batch * parts, 1, cost / (double)parts, gemm_range, job);
}

typedef struct {
    gemm_job jobs[GEMM_GROUP];
    int count, parts;
    double transfer; /* ns that moving what this thread alone has just written to another one takes */
} gemm_group;

/* Part p of every product: all of them are cut into as many parts. */
static void gemm_group_range(void *context, int64_t begin, int64_t end)
{
    gemm_group *group = context;
    for (int64_t part = begin; part < end; part++)
        for (int i = 0; i < group->count; i++)
            gemm_range(&group->jobs[i], part, part + 1);
}

/* Several products in one region. One may add to the result of one before it that has the same shape: they are cut
 * alike. */
static void gemm_together(gemm_group *group)
{
    if (group->count == 0)
        return;
    double cost = 0;
    for (int i = 0; i < group->count; i++) {
        gemm_transpose(&group->jobs[i].gemm);
        cost += gemm_cost(&group->jobs[i].gemm);
    }
    group->parts = fnn_threads_for(cost - group->transfer);
    for (int i = 0; i < group->count; i++)
        gemm_grid(&group->jobs[i].gemm, group->parts, &group->jobs[i].parts_m, &group->jobs[i].parts_n);
    fnn_parallel_for(group->parts, 1, cost / group->parts, gemm_group_range, group);
}

static int matmul(void *c, const void *a, const void *b, int64_t m, int64_t n, int64_t k, int64_t as_m, int64_t as_k,
                  int64_t bs_k, int64_t bs_n, int batch_ndim, const int64_t *batch, const int64_t *a_batch,
                  const int64_t *b_batch, int accumulate)
{
    int64_t count = 1;
    for (int d = 0; d < batch_ndim; d++)
        count *= batch[d];
    /* Rows of a batch under one B are rows of one product. */
    while (batch_ndim > 0 && b_batch[batch_ndim - 1] == 0 && (m == 1 || a_batch[batch_ndim - 1] == m * as_m)) {
        if (m == 1)
            as_m = a_batch[batch_ndim - 1];
        m *= batch[--batch_ndim];
        count = batch[batch_ndim] ? count / batch[batch_ndim] : 0;
    }
    if (count == 0 || m == 0 || n == 0)
        return fnn_status();
    gemm_job job = {.gemm = {.c = c,
                             .a = a,
                             .b = b,
                             .m = m,
                             .n = n,
                             .k = k,
                             .ldc = n,
                             .as_m = as_m,
                             .as_k = as_k,
                             .bs_k = bs_k,
                             .bs_n = bs_n,
                             .from_c = accumulate},
                    .batch_ndim = batch_ndim,
                    .batch = batch,
                    .a_batch = a_batch,
                    .b_batch = b_batch};
    const REAL *const a0 = job.gemm.a;
    gemm_transpose(&job.gemm);
    if (job.gemm.a != a0)
        job.a_batch = b_batch, job.b_batch = a_batch;
    gemm_run(&job, count);
    return fnn_status();
}
