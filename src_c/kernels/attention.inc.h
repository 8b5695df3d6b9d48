/* attention.inc.h -- scaled dot-product attention: softmax(scale q k^T + mask) v and its gradients.
 *
 * A block of queries meets all keys: its scores fill a few rows that stay in the cache, and of the L x S matrix nothing
 * else ever exists but what dropout keeps, a byte each. Saved is one number a row, the logarithm of the sum of
 * exponentials, from which backward computes the probabilities again. The blocks depend on shapes alone; a gradient of
 * keys or values adds up over the queries of all heads in ascending order, whether one thread owns a head or threads
 * share its keys.
 */
enum { FNN_MASK_NONE, FNN_MASK_KEEP, FNN_MASK_DROP, FNN_MASK_ADD };
#define ATTENTION_SCORES (128 << 10) /* bytes of a block's scores: with packed keys and values in the L2 cache */
#define ATTENTION_ROWS 128           /* rows of a block at most */
#define ATTENTION_FEW 8              /* fewer queries do not pay for packing keys and values */
#define ATTENTION_KEYS 128           /* keys of a share, where threads share the keys of a head */
#define ROUND_UP(n, to) (((n) + (to) - 1) / (to) * (to))
/* Where row (b, h, i) begins in an array with strides for batch, head and time. */
#define ROW_AT(base, strides, b, h, i) ((base) + (b) * (strides)[0] + (h) * (strides)[1] + (i) * (strides)[2])

typedef struct {
    REAL *out, *lse, *weights, *dq, *dk, *dv, *dmask;
    const REAL *q, *k, *v, *dy, *y;
    const void *mask;
    const uint8_t *keep; /* NULL, or which of the weights (batch, heads, l, s) dropout keeps: bytes 0 and 1 */
    const int64_t *q_strides, *k_strides, *v_strides, *out_strides, *mask_strides, *dy_strides, *dq_strides,
        *dk_strides, *dv_strides;
    int64_t batch, heads, key_heads, l, s, e, ev; /* queries, keys, widths of a key and a value */
    int64_t rows, blocks, ld;                     /* of a block of scores; blocks of a head; REALs between rows */
    int64_t parts, key_parts;                     /* in which threads share a head */
    int mask_kind, causal, few, mean;
    REAL scale, keep_scale;
    REAL exp_scale; /* of scores in the exponential: 1 where they are scaled before, as a mask is added or scale <= 0 */
} attention;

/* Rows as they lie in memory, or their copy. */
typedef struct {
    const REAL *at;
    int64_t step;
} attention_rows;

/* Scratch of one thread. */
typedef struct {
    REAL *k_across, *v_across; /* packed: as (e, s), (ev, s) */
    REAL *k_copy, *v_copy, *q_copy, *dy_copy;
    attention_rows k, v, q, dy; /* of a key head, and of a block of queries */
    REAL *scores, *dscores;
} attention_work;

static void attention_options(attention *c, double scale, double p)
{
    c->scale = (REAL)scale;
    c->exp_scale = c->mask_kind == FNN_MASK_ADD || !(c->scale > 0) ? 1 : c->scale;
    c->keep_scale = !c->keep ? 1 : p < 1 ? (REAL)(1 / (1 - p)) : 0;
}

static void attention_blocks(attention *c, int buffers)
{
    c->ld = ROUND_UP(c->s, VW);
    if (c->ld * (int64_t)sizeof(REAL) % 256 == 0) /* rows must not fall on the same lines of the cache */
        c->ld += VW;
    int64_t rows = ATTENTION_SCORES / buffers / (c->ld * (int64_t)sizeof(REAL));
    rows = rows < 2 * TILE_ROWS ? 2 * TILE_ROWS : rows > ATTENTION_ROWS ? ATTENTION_ROWS : rows;
    c->blocks = (c->l + rows - 1) / rows;
    c->rows = c->blocks ? (c->l + c->blocks - 1) / c->blocks : 0;
    c->few = c->l < ATTENTION_FEW;
}

/* Distance of packed rows of e REALs. */
FNN_INLINE int64_t attention_ld(int64_t e)
{
    const int64_t ld = ROUND_UP(e, VW);
    return ld * (int64_t)sizeof(REAL) % 512 == 0 ? ld + VW : ld;
}

/* Whether rows lie so that they fall on few lines of the cache. */
FNN_INLINE int attention_copies(const int64_t *strides)
{
    return strides[2] * (int64_t)sizeof(REAL) % 1024 == 0;
}

/* n REALs of `from`, of which *used are taken; NULL if not wanted, or nothing to take from. */
static REAL *attention_take(REAL *from, int64_t *used, int64_t n, int wanted)
{
    REAL *const found = wanted && from ? from + *used : NULL;
    *used += wanted ? ROUND_UP(n, 64) : 0;
    return found;
}

/* Divides the scratch `from`; returns its size. */
static int64_t attention_divide(const attention *c, attention_work *w, REAL *from)
{
    const int backward = c->dy != NULL, pack = !c->few;
    int64_t used = 0;
    w->k_across = attention_take(from, &used, PANELS(c->e, c->s), pack);
    w->v_across = attention_take(from, &used, PANELS(c->ev, c->s), pack && backward);
    w->scores = attention_take(from, &used, c->rows * c->ld, 1);
    w->dscores = attention_take(from, &used, c->rows * c->ld, backward);
    w->k_copy =
        attention_take(from, &used, c->s * attention_ld(c->e), backward && pack && attention_copies(c->k_strides));
    w->v_copy =
        attention_take(from, &used, c->s * attention_ld(c->ev), !backward && pack && attention_copies(c->v_strides));
    w->q_copy = attention_take(from, &used, c->rows * attention_ld(c->e), attention_copies(c->q_strides));
    w->dy_copy =
        attention_take(from, &used, c->rows * attention_ld(c->ev), backward && attention_copies(c->dy_strides));
    return used;
}

static REAL *attention_alloc(const attention *c, attention_work *w)
{
    REAL *scratch = fnn_scratch((size_t)attention_divide(c, w, NULL) * sizeof(REAL));
    if (scratch)
        attention_divide(c, w, scratch);
    return scratch;
}

/* C (m, n) = A (m, k) times rows B (k, n). */
static void attention_by_rows(int few, int64_t m, int64_t n, int64_t k, const REAL *a, int64_t as_m, attention_rows b,
                              REAL *c, int64_t ldc)
{
    if (few) {
        const gemm g = {.c = c,
                        .a = a,
                        .b = b.at,
                        .m = m,
                        .n = n,
                        .k = k,
                        .ldc = ldc,
                        .as_m = as_m,
                        .as_k = 1,
                        .bs_k = b.step,
                        .bs_n = 1};
        gemm_part(&g, 0, m, 0, n);
    } else {
        gemm_panels(m, n, k, a, as_m, 1, b.at, 0, b.step, c, ldc, 0);
    }
}

/* C (m, n) = A (m, k) times transposed rows B (n, k), which for many queries are `packed`. */
static void attention_across(int few, int64_t m, int64_t n, int64_t k, attention_rows a, attention_rows b,
                             const REAL *packed, REAL *c, int64_t ldc)
{
    if (few) {
        const gemm g = {.c = c,
                        .a = a.at,
                        .b = b.at,
                        .m = m,
                        .n = n,
                        .k = k,
                        .ldc = ldc,
                        .as_m = a.step,
                        .as_k = 1,
                        .bs_k = 1,
                        .bs_n = b.step};
        gemm_part(&g, 0, m, 0, n);
    } else {
        gemm_panels(m, n, k, a.at, a.step, 1, packed, k, 0, c, ldc, 0);
    }
}

/* Rows of e elements, for products: in `copy` if there is one. */
static attention_rows attention_take_rows(const REAL *from, int64_t step, int64_t rows, int64_t e, REAL *copy)
{
    const int64_t ld = attention_ld(e);
    for (int64_t i = 0; i < rows && copy; i++)
        for (int64_t j = 0; j < e; j++)
            copy[i * ld + j] = from[i * step + j];
    return copy ? (attention_rows){copy, ld} : (attention_rows){from, step};
}

/* Scores of query i and keys j0..j0 + n, masked: those that do not count become -inf. Scaled unless the exponential
 * does that. */
static void attention_mask(const attention *c, REAL *s, int64_t b, int64_t h, int64_t i, int64_t j0, int64_t n)
{
    for (int64_t j = 0; j < n && c->exp_scale != c->scale; j++)
        s[j] *= c->scale;
    if (c->mask_kind != FNN_MASK_NONE) {
        const int64_t step = c->mask_strides[3];
        const int64_t at = ROW_AT((int64_t)0, c->mask_strides, b, h, i) + j0 * step;
        if (c->mask_kind == FNN_MASK_ADD) {
            const REAL *mask = (const REAL *)c->mask + at;
            if (step == 1)
                for (int64_t j = 0; j < n; j++)
                    s[j] += mask[j];
            else
                for (int64_t j = 0; j < n; j++)
                    s[j] += mask[j * step];
        } else {
            const uint8_t *mask = (const uint8_t *)c->mask + at;
            const uint8_t drop = c->mask_kind == FNN_MASK_DROP;
            if (step == 1)
                for (int64_t j = 0; j < n; j++)
                    s[j] = (mask[j] != 0) != drop ? s[j] : -(REAL)INFINITY;
            else
                for (int64_t j = 0; j < n; j++)
                    s[j] = (mask[j * step] != 0) != drop ? s[j] : -(REAL)INFINITY;
        }
    }
    if (c->causal)
        for (int64_t j = i < j0 ? 0 : i + 1 - j0; j < n; j++)
            s[j] = -(REAL)INFINITY;
}

/* w->scores (rows, n) of queries i0.. and keys j0..j0 + n, those of w->k; w->q, the queries, comes along. */
static void attention_scores(const attention *c, attention_work *w, int64_t b, int64_t h, int64_t i0, int64_t rows,
                             int64_t j0, int64_t n)
{
    w->q = attention_take_rows(ROW_AT(c->q, c->q_strides, b, h, i0), c->q_strides[2], rows, c->e, w->q_copy);
    attention_across(c->few, rows, n, c->e, w->q, w->k, w->k_across, w->scores, c->ld);
    if (c->mask_kind != FNN_MASK_NONE || c->causal || c->exp_scale != c->scale)
        for (int64_t i = 0; i < rows; i++)
            attention_mask(c, w->scores + i * c->ld, b, h, i0 + i, j0, n);
}

/* What dropout keeps of the row of query i. */
FNN_INLINE const uint8_t *attention_keep(const attention *c, int64_t b, int64_t h, int64_t i)
{
    return c->keep + ((b * c->heads + h) * c->l + i) * c->s;
}

/* x = exp(scale x - shift); returns the sum. n is a multiple of VW, so that all elements are computed alike. */
static REAL attention_exp(REAL *x, int64_t n, REAL scale, REAL shift)
{
    FNN_INDEPENDENT
    for (int64_t j = 0; j < n; j++)
        x[j] = exp_(x[j] * scale - shift);
    return sum_row(x, n);
}

/* The weights of one row for whoever wants to see them: of each head, or their mean. */
static void attention_weights(const attention *c, const REAL *p, int64_t b, int64_t h, int64_t i, int64_t n,
                              REAL factor)
{
    REAL *const w = c->weights + (c->mean ? b * c->l + i : (b * c->heads + h) * c->l + i) * c->s;
    const int add = c->mean && h > 0;
    factor = c->mean ? factor / (REAL)c->heads : factor;
    for (int64_t j = 0; j < n; j++)
        w[j] = (add ? w[j] : 0) + p[j] * factor;
    for (int64_t j = n; j < c->s; j++)
        w[j] = (add ? w[j] : 0) + 0 * factor;
}

static void attention_forward_block(const attention *c, attention_work *w, int64_t b, int64_t h, int64_t i0,
                                    int64_t rows)
{
    const int64_t n = c->causal && i0 + rows < c->s ? i0 + rows : c->s, whole = ROUND_UP(n, VW);
    REAL top[ATTENTION_ROWS], sum[ATTENTION_ROWS], factor[ATTENTION_ROWS];
    attention_scores(c, w, b, h, i0, rows, 0, n);
    for (int64_t i = 0; i < rows; i++) {
        REAL *const s = w->scores + i * c->ld;
        for (int64_t j = n; j < whole; j++)
            s[j] = -(REAL)INFINITY;
        const REAL largest = max_row(s, whole);
        top[i] = largest == -(REAL)INFINITY ? 0 : largest * c->exp_scale;
        sum[i] = attention_exp(s, whole, c->exp_scale, top[i]);
        if (c->keep) {
            const uint8_t *const keep = attention_keep(c, b, h, i0 + i);
            for (int64_t j = 0; j < n; j++)
                s[j] = keep[j] ? s[j] : 0;
        }
    }
    /* A query without keys gives 0; where weights are wanted, it is a row of softmax(-inf): NaN. */
    const REAL nothing = c->weights && c->s > 0 ? (REAL)NAN : 0;
    REAL *const lse = c->lse + (b * c->heads + h) * c->l + i0;
    for (int64_t i = 0; i < rows; i++) {
        factor[i] = sum[i] == 0 ? nothing : c->keep_scale / sum[i];
        lse[i] = sum[i] == 0 ? (REAL)INFINITY : log_(sum[i]) + top[i];
    }
    if (c->weights)
        for (int64_t i = 0; i < rows; i++)
            attention_weights(c, w->scores + i * c->ld, b, h, i0 + i, n, factor[i]);
    REAL *const out = ROW_AT(c->out, c->out_strides, b, h, i0);
    attention_by_rows(c->few, rows, c->ev, n, w->scores, c->ld, w->v, out, c->out_strides[2]);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < c->ev; j++)
            out[i * c->out_strides[2] + j] *= factor[i];
}

/* Item = (batch, head, share of its blocks), or (batch, share) when heads add to one mean. */
static void attention_forward_range(void *context, int64_t begin, int64_t end)
{
    const attention *c = context;
    attention_work w;
    REAL *scratch = attention_alloc(c, &w);
    if (!scratch)
        return;
    const int64_t together = c->mean ? c->heads : 1, groups = c->heads / together;
    for (int64_t item = begin; item < end; item++) {
        const int64_t part = item % c->parts, b = item / c->parts / groups, first = item / c->parts % groups;
        for (int64_t h = first; h < first + together; h++) {
            const int64_t head = h / (c->heads / c->key_heads);
            w.k = (attention_rows){ROW_AT(c->k, c->k_strides, b, head, 0), c->k_strides[2]};
            w.v = attention_take_rows(ROW_AT(c->v, c->v_strides, b, head, 0), c->v_strides[2], c->s, c->ev, w.v_copy);
            if (!c->few)
                pack_panels(w.k_across, w.k.at, 1, w.k.step, c->e, c->s);
            const int64_t last = c->blocks * (part + 1) / c->parts;
            for (int64_t block = c->blocks * part / c->parts; block < last && !fnn_interrupted(); block++) {
                const int64_t i0 = c->l * block / c->blocks;
                attention_forward_block(c, &w, b, h, i0, c->l * (block + 1) / c->blocks - i0);
            }
        }
    }
    fnn_free(scratch);
}

/* Nanoseconds for one head with all its queries. */
static double attention_cost(const attention *c, int products)
{
    const double keys = (double)((c->s + VW - 1) / VW), e = (double)(c->e > c->ev ? c->e : c->ev);
    return 100 + (double)(c->l + 8) * keys * (0.25 * products * e + 6) * (c->causal ? 0.6 : 1.0);
}

static int attention_forward(void *out, void *lse, void *weights, const void *q, const void *k, const void *v,
                             const void *mask, int mask_kind, const int64_t *shape, const int64_t *strides, int causal,
                             int mean, double scale, double p, const uint8_t *keep)
{
    attention c = {.out = out,
                   .lse = lse,
                   .weights = weights,
                   .q = q,
                   .k = k,
                   .v = v,
                   .mask = mask,
                   .q_strides = strides,
                   .k_strides = strides + 3,
                   .v_strides = strides + 6,
                   .out_strides = strides + 9,
                   .mask_strides = strides + 12,
                   .batch = shape[0],
                   .heads = shape[1],
                   .key_heads = shape[2],
                   .l = shape[3],
                   .s = shape[4],
                   .e = shape[5],
                   .ev = shape[6],
                   .mask_kind = mask_kind,
                   .causal = causal,
                   .mean = mean,
                   .keep = keep};
    attention_options(&c, scale, p);
    if (c.batch == 0 || c.heads == 0 || c.l == 0)
        return fnn_status();
    attention_blocks(&c, 1);
    const double cost = attention_cost(&c, 2) * (mean ? (double)c.heads : 1.0);
    const int64_t owners = c.batch * (mean ? 1 : c.heads);
    const int64_t shares = 2 * fnn_threads_for(cost * (double)owners);
    c.parts = owners >= 2 * shares ? 1 : (2 * shares + owners - 1) / owners;
    c.parts = shares <= 2 ? 1 : c.parts > c.blocks ? c.blocks : c.parts;
    fnn_parallel_for(owners * c.parts, 1, cost / (double)c.parts, attention_forward_range, &c);
    return fnn_status();
}

/* What queries i0.. of one head and keys j0..j0 + n of its key head mean to each other's gradients. The keys' become
 * that, or with `add` more by that. */
static void attention_backward_block(const attention *c, attention_work *w, int64_t b, int64_t h, int64_t i0,
                                     int64_t rows, int64_t j0, int64_t n, int queries, int keys, int add)
{
    const int64_t head = h / (c->heads / c->key_heads);
    const REAL *const lse = c->lse + (b * c->heads + h) * c->l + i0;
    const int64_t whole = ROUND_UP(n, VW);
    attention_scores(c, w, b, h, i0, rows, j0, n);
    w->dy = attention_take_rows(ROW_AT(c->dy, c->dy_strides, b, h, i0), c->dy_strides[2], rows, c->ev, w->dy_copy);
    attention_across(c->few, rows, n, c->ev, w->dy, w->v, w->v_across, w->dscores, c->ld);
    const REAL *const y = ROW_AT(c->y, c->out_strides, b, h, i0), exp_scale = c->exp_scale;
    const REAL scale = queries && c->dmask ? 1 : c->scale; /* dmask is of the scores when they are scaled */
    for (int64_t i = 0; i < rows; i++) {
        REAL *const p = w->scores + i * c->ld, *const ds = w->dscores + i * c->ld;
        const REAL mean = dot_row(y + i * c->out_strides[2], w->dy.at + i * w->dy.step, c->ev), shift = lse[i];
        for (int64_t j = n; j < whole; j++)
            p[j] = ds[j] = 0;
        if (c->keep) {
            const REAL keep_scale = c->keep_scale;
            const uint8_t *const keep = attention_keep(c, b, h, i0 + i) + j0;
            FNN_INDEPENDENT
            for (int64_t j = 0; j < n; j++) {
                const REAL x = exp_(p[j] * exp_scale - shift), factor = keep[j] ? keep_scale : 0;
                ds[j] = x * (ds[j] * factor - mean) * scale;
                p[j] = x * factor;
            }
        } else {
            FNN_INDEPENDENT
            for (int64_t j = 0; j < whole; j++) {
                const REAL x = exp_(p[j] * exp_scale - shift);
                ds[j] = x * (ds[j] - mean) * scale;
                p[j] = x;
            }
        }
        if (queries && c->dmask) {
            REAL *const dmask = c->dmask + ((b * c->heads + h) * c->l + i0 + i) * c->s;
            memcpy(dmask + j0, ds, (size_t)n * sizeof(REAL));
            memset(dmask + n, 0, (size_t)(c->s - n) * sizeof(REAL));
            for (int64_t j = 0; j < n; j++)
                ds[j] *= c->scale;
        }
    }
    if (keys && c->dv)
        gemm_panels(n, c->ev, rows, w->scores, 1, c->ld, w->dy.at, 0, w->dy.step,
                    ROW_AT(c->dv, c->dv_strides, b, head, j0), c->dv_strides[2], add);
    if (keys && c->dk)
        gemm_panels(n, c->e, rows, w->dscores, 1, c->ld, w->q.at, 0, w->q.step,
                    ROW_AT(c->dk, c->dk_strides, b, head, j0), c->dk_strides[2], add);
    if (queries && c->dq)
        attention_by_rows(c->few, rows, c->e, n, w->dscores, c->ld, w->k, ROW_AT(c->dq, c->dq_strides, b, h, i0),
                          c->dq_strides[2]);
}

/* No gradient for keys i..end. */
static void attention_zero(const attention *c, int64_t b, int64_t head, int64_t i, int64_t end)
{
    for (; i < end; i++) {
        if (c->dk)
            memset(ROW_AT(c->dk, c->dk_strides, b, head, i), 0, (size_t)c->e * sizeof(REAL));
        if (c->dv)
            memset(ROW_AT(c->dv, c->dv_strides, b, head, i), 0, (size_t)c->ev * sizeof(REAL));
    }
}

/* Item = (batch, key head), or where threads share one: first the shares of its queries, then those of its keys. */
static void attention_backward_range(void *context, int64_t begin, int64_t end)
{
    const attention *c = context;
    attention_work w;
    REAL *scratch = attention_alloc(c, &w);
    if (!scratch)
        return;
    const int64_t group = c->heads / c->key_heads, parts = c->parts + c->key_parts;
    for (int64_t item = begin; item < end; item++) {
        const int64_t part = item % parts, head = item / parts % c->key_heads, b = item / parts / c->key_heads;
        const int queries = part < c->parts, keys = c->key_parts == 0 || !queries;
        const int64_t share = part - c->parts, shares = c->key_parts;
        const int64_t j0 = queries ? 0 : share * ATTENTION_KEYS, all = group * c->blocks;
        const int64_t j1 = queries || share == shares - 1 ? c->s : j0 + ATTENTION_KEYS;
        const int64_t first = queries ? all * part / c->parts : 0, last = queries ? all * (part + 1) / c->parts : all;
        w.v = (attention_rows){ROW_AT(c->v, c->v_strides, b, head, j0), c->v_strides[2]};
        w.k = attention_take_rows(ROW_AT(c->k, c->k_strides, b, head, j0), c->k_strides[2], j1 - j0, c->e, w.k_copy);
        if (!c->few) {
            pack_panels(w.k_across, w.k.at, 1, w.k.step, c->e, j1 - j0);
            pack_panels(w.v_across, w.v.at, 1, w.v.step, c->ev, j1 - j0);
        }
        int add = 0;
        for (int64_t at = first; at < last && !fnn_interrupted(); at++) {
            const int64_t block = at % c->blocks, i0 = c->l * block / c->blocks;
            const int64_t i1 = c->l * (block + 1) / c->blocks;
            const int64_t n = (c->causal && i1 < j1 ? i1 : j1) - j0;
            if (n <= 0 && !queries)
                continue;
            if (keys && !add) /* those behind the first block of queries */
                attention_zero(c, b, head, j0 + n, j1);
            attention_backward_block(c, &w, b, head * group + at / c->blocks, i0, i1 - i0, j0, n, queries, keys, add);
            add = 1;
        }
        if (keys && !add)
            attention_zero(c, b, head, j0, j1);
    }
    fnn_free(scratch);
}

static int attention_backward(void *dq, void *dk, void *dv, void *dmask, const void *dy, const void *out,
                              const void *lse, const void *q, const void *k, const void *v, const void *mask,
                              int mask_kind, const int64_t *shape, const int64_t *strides, int causal, double scale,
                              double p, const uint8_t *keep)
{
    attention c = {.dq = dq,
                   .dk = dk,
                   .dv = dv,
                   .dmask = dmask,
                   .dy = dy,
                   .y = out,
                   .lse = (REAL *)lse,
                   .q = q,
                   .k = k,
                   .v = v,
                   .mask = mask,
                   .q_strides = strides,
                   .k_strides = strides + 3,
                   .v_strides = strides + 6,
                   .out_strides = strides + 9,
                   .mask_strides = strides + 12,
                   .dy_strides = strides + 16,
                   .dq_strides = strides + 19,
                   .dk_strides = strides + 22,
                   .dv_strides = strides + 25,
                   .batch = shape[0],
                   .heads = shape[1],
                   .key_heads = shape[2],
                   .l = shape[3],
                   .s = shape[4],
                   .e = shape[5],
                   .ev = shape[6],
                   .mask_kind = mask_kind,
                   .causal = causal,
                   .parts = 1,
                   .keep = keep};
    attention_options(&c, scale, p);
    if (c.batch == 0 || c.heads == 0)
        return fnn_status();
    attention_blocks(&c, 2);
    const int64_t owners = c.batch * c.key_heads, group = c.heads / c.key_heads;
    double cost = attention_cost(&c, 5) * (double)group;
    const int threads = fnn_threads_for(cost * (double)owners);
    if (owners < threads && !c.few && c.s > ATTENTION_KEYS) {
        c.key_parts = (c.s + ATTENTION_KEYS - 1) / ATTENTION_KEYS;
        c.parts = group * c.blocks < c.key_parts ? group * c.blocks : c.key_parts;
        cost *= 1.4 / (double)(c.parts + c.key_parts); /* scores are computed twice */
    }
    fnn_parallel_for(owners * (c.parts + c.key_parts), 1, cost, attention_backward_range, &c);
    return fnn_status();
}
