/* cross_entropy.inc.h -- log-softmax and negative log-likelihood in one pass, from classes or probabilities.
 *
 * x is (n, c, d): d = 1 for ordinary rows of c scores, else d positions beside each other. `saved` holds, for
 * each of the n * d positions, the largest score and the logarithm of the sum of exp(x - largest): backward
 * recomputes the probabilities from these. Rows are taken several together, so that exp runs over full
 * vectors however few classes there are. A tile's borders depend on c and d alone.
 */
#define CE_TILE 1024 /* numbers of scratch; they stay in the first cache */
#define CE_COLUMNS 256
static inline int64_t ce_rows_of_tile(int64_t c)
{
    return c >= CE_TILE ? 1 : CE_TILE / (c > 0 ? c : 1);
}

typedef struct {
    REAL *loss, *top, *logsum, *dx, *dt;
    const REAL *x, *probability, *weight, *dy;
    const int64_t *target;
    int64_t n, c, d, ignore, tiles;
    REAL keep, spread, scale, weight_sum; /* 1 - smoothing; smoothing / c; factor of dy */
    int dy_step;
} ce_context;

static inline REAL ce_weight(const ce_context *c, int64_t class)
{
    return c->weight ? c->weight[class] : 1;
}

/* ---- statistics: top = max_c x, logsum = log(sum_c exp(x - top)) ---- */

static inline REAL ce_max(const REAL *x, int64_t n)
{
    /* Not `omp simd reduction(max)`, whose neutral element is the lowest finite number with some compilers. */
    enum { CE_LANES = 64 / sizeof(REAL) };
    REAL lanes[CE_LANES], top = -(REAL)INFINITY; /* ignores NaN, which the sum then meets */
    for (int j = 0; j < CE_LANES; j++)
        lanes[j] = top;
    int64_t i = 0;
    for (; i + CE_LANES <= n; i += CE_LANES)
        for (int j = 0; j < CE_LANES; j++)
            lanes[j] = x[i + j] > lanes[j] ? x[i + j] : lanes[j];
    for (; i < n; i++)
        top = x[i] > top ? x[i] : top;
    for (int j = 0; j < CE_LANES; j++)
        top = lanes[j] > top ? lanes[j] : top;
    return top;
}

static void ce_exp(REAL *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = exp_(x[i]);
}

static REAL ce_sum_exp(const REAL *restrict x, REAL top, int64_t n)
{
    REAL tile[CE_TILE], sum = 0;
    for (int64_t i = 0; i < n; i += CE_TILE) {
        int64_t m = n - i < CE_TILE ? n - i : CE_TILE;
        for (int64_t k = 0; k < m; k++)
            tile[k] = exp_(x[i + k] - top);
        sum += sum_tile(tile, m);
    }
    return sum;
}

/* Rows begin..end of a contiguous (n, c), at most one tile. */
static void ce_row_statistics(const ce_context *c, int64_t begin, int64_t end)
{
    const int64_t classes = c->c;
    REAL *restrict logsum = c->logsum;
    for (int64_t r = begin; r < end; r++)
        c->top[r] = ce_max(c->x + r * classes, classes);
    if (classes > CE_TILE) {
        for (int64_t r = begin; r < end; r++)
            logsum[r] = ce_sum_exp(c->x + r * classes, c->top[r], classes);
    } else {
        REAL tile[CE_TILE], *restrict z = tile;
        for (int64_t r = begin; r < end; r++, z += classes) {
            const REAL *x = c->x + r * classes, top = c->top[r];
            for (int64_t j = 0; j < classes; j++)
                z[j] = x[j] - top;
        }
        ce_exp(tile, z - tile);
        z = tile;
        for (int64_t r = begin; r < end; r++, z += classes)
            logsum[r] = sum_tile(z, classes);
    }
    for (int64_t r = begin; r < end; r++)
        logsum[r] = log_(logsum[r]);
}

/* Positions begin..end, at most CE_COLUMNS, of a (c, d) image x. */
static void ce_column_statistics(const ce_context *c, const REAL *restrict x, REAL *restrict top, REAL *restrict logsum,
                                 int64_t m)
{
    for (int64_t k = 0; k < m; k++)
        top[k] = -(REAL)INFINITY, logsum[k] = 0;
    for (int64_t j = 0; j < c->c; j++)
        for (int64_t k = 0; k < m; k++)
            top[k] = x[j * c->d + k] > top[k] ? x[j * c->d + k] : top[k];
    for (int64_t j = 0; j < c->c; j++)
        for (int64_t k = 0; k < m; k++)
            logsum[k] += exp_(x[j * c->d + k] - top[k]);
    for (int64_t k = 0; k < m; k++)
        logsum[k] = log_(logsum[k]);
}

/* ---- one position: x and probability point at its first class, classes are `step` apart ---- */

/* -log p of class j. */
static inline REAL ce_surprise(const REAL *x, int64_t j, int64_t step, REAL top, REAL logsum)
{
    return (top - x[j * step]) + logsum;
}

static REAL ce_position_loss(const ce_context *c, const REAL *x, const REAL *probability, int64_t class, int64_t step,
                             REAL top, REAL logsum)
{
    REAL loss = 0, even = 0;
    if (probability) {
        for (int64_t j = 0; j < c->c; j++)
            loss +=
                ce_weight(c, j) * (c->keep * probability[j * step] + c->spread) * ce_surprise(x, j, step, top, logsum);
        return loss;
    }
    if (class == c->ignore)
        return 0;
    loss = ce_weight(c, class) * ce_surprise(x, class, step, top, logsum);
    if (c->spread == 0)
        return loss;
    for (int64_t j = 0; j < c->c; j++)
        even += ce_weight(c, j) * ce_surprise(x, j, step, top, logsum);
    return c->keep * loss + c->spread * even;
}

/* Turns probabilities dx of a row into the gradient, given the gradient g of its loss. */
static void ce_row_gradient(const ce_context *c, REAL *restrict dx, int64_t class, REAL g)
{
    if (class == c->ignore) {
        for (int64_t j = 0; j < c->c; j++)
            dx[j] = 0;
        return;
    }
    const REAL hit = g * c->keep * ce_weight(c, class), even = g * c->spread;
    const REAL all = hit + even * c->weight_sum;
    if (c->spread == 0)
        for (int64_t j = 0; j < c->c; j++)
            dx[j] *= all;
    else
        for (int64_t j = 0; j < c->c; j++)
            dx[j] = all * dx[j] - even * ce_weight(c, j);
    dx[class] -= hit;
}

/* The same for one position and target probabilities; dx or dt may be NULL. */
static void ce_position_soft_gradient(const ce_context *c, REAL *dx, REAL *dt, const REAL *x, const REAL *probability,
                                      int64_t step, REAL top, REAL logsum, REAL g)
{
    REAL all = 0;
    for (int64_t j = 0; j < c->c; j++)
        all += ce_weight(c, j) * (c->keep * probability[j * step] + c->spread);
    if (dx)
        for (int64_t j = 0; j < c->c; j++)
            dx[j * step] = g * (all * dx[j * step] - ce_weight(c, j) * (c->keep * probability[j * step] + c->spread));
    if (dt)
        for (int64_t j = 0; j < c->c; j++)
            dt[j * step] = g * c->keep * ce_weight(c, j) * ce_surprise(x, j, step, top, logsum);
}

static inline REAL ce_dy(const ce_context *c, int64_t position)
{
    return c->dy[c->dy_step * position] * c->scale;
}

/* ---- items: rows when d = 1, else tiles of positions ---- */

static void ce_forward_rows(void *context, int64_t begin, int64_t end)
{
    const ce_context *c = context;
    const int64_t many = ce_rows_of_tile(c->c), classes = c->c;
    for (int64_t r = begin; r < end; r += many) {
        int64_t stop = end - r < many ? end : r + many;
        ce_row_statistics(c, r, stop);
        for (int64_t i = r; i < stop; i++)
            c->loss[i] = ce_position_loss(c, c->x + i * classes, c->probability ? c->probability + i * classes : NULL,
                                          c->target ? c->target[i] : 0, 1, c->top[i], c->logsum[i]);
    }
}

static void ce_backward_rows(void *context, int64_t begin, int64_t end)
{
    const ce_context *c = context;
    const int64_t many = ce_rows_of_tile(c->c), classes = c->c;
    for (int64_t r = begin; r < end; r += many) {
        int64_t stop = end - r < many ? end : r + many;
        for (int64_t i = r; c->dx && i < stop; i++) {
            REAL *restrict z = c->dx + i * classes;
            const REAL *restrict x = c->x + i * classes;
            const REAL top = c->top[i], logsum = c->logsum[i];
            for (int64_t j = 0; j < classes; j++)
                z[j] = (x[j] - top) - logsum;
        }
        if (c->dx)
            ce_exp(c->dx + r * classes, (stop - r) * classes);
        for (int64_t i = r; i < stop; i++) {
            const int64_t at = i * classes;
            if (c->probability)
                ce_position_soft_gradient(c, c->dx ? c->dx + at : NULL, c->dt ? c->dt + at : NULL, c->x + at,
                                          c->probability + at, 1, c->top[i], c->logsum[i], ce_dy(c, i));
            else
                ce_row_gradient(c, c->dx + at, c->target[i], ce_dy(c, i));
        }
    }
}

/* Item -> image and first position; returns how many positions. */
static inline int64_t ce_tile(const ce_context *c, int64_t item, int64_t *image, int64_t *k)
{
    *image = item / c->tiles;
    *k = item % c->tiles * CE_COLUMNS;
    return c->d - *k < CE_COLUMNS ? c->d - *k : CE_COLUMNS;
}

static void ce_forward_columns(void *context, int64_t begin, int64_t end)
{
    const ce_context *c = context;
    for (int64_t item = begin; item < end; item++) {
        int64_t image, k0, m = ce_tile(c, item, &image, &k0);
        const int64_t at = image * c->c * c->d + k0, position = image * c->d + k0;
        ce_column_statistics(c, c->x + at, c->top + position, c->logsum + position, m);
        for (int64_t k = 0; k < m; k++)
            c->loss[position + k] = ce_position_loss(c, c->x + at + k, c->probability ? c->probability + at + k : NULL,
                                                     c->target ? c->target[position + k] : 0, c->d,
                                                     c->top[position + k], c->logsum[position + k]);
    }
}

static void ce_backward_columns(void *context, int64_t begin, int64_t end)
{
    const ce_context *c = context;
    for (int64_t item = begin; item < end; item++) {
        int64_t image, k0, m = ce_tile(c, item, &image, &k0);
        const int64_t at = image * c->c * c->d + k0, position = image * c->d + k0;
        const REAL *restrict top = c->top + position, *restrict logsum = c->logsum + position;
        /* dx = all p - even w - (class ? hit : 0); ignored positions: whatever p is, 0 */
        REAL all[CE_COLUMNS], even[CE_COLUMNS], hit[CE_COLUMNS], live[CE_COLUMNS];
        for (int64_t k = 0; k < m; k++) {
            const int64_t class = c->probability ? 0 : c->target[position + k];
            const REAL g = ce_dy(c, position + k);
            live[k] = c->probability || class != c->ignore;
            hit[k] = live[k] != 0 ? g * c->keep * ce_weight(c, class) : 0;
            even[k] = live[k] != 0 ? g * c->spread : 0;
            all[k] = c->probability ? 1 : hit[k] + even[k] * c->weight_sum;
        }
        for (int64_t j = 0; c->dx && j < c->c; j++) {
            REAL *restrict dx = c->dx + at + j * c->d;
            const REAL *restrict x = c->x + at + j * c->d;
            const REAL w = c->probability ? 0 : ce_weight(c, j);
            for (int64_t k = 0; k < m; k++) {
                REAL z = all[k] * exp_((x[k] - top[k]) - logsum[k]) - even[k] * w;
                dx[k] = live[k] != 0 ? z : 0;
            }
        }
        for (int64_t k = 0; k < m; k++)
            if (c->probability)
                ce_position_soft_gradient(c, c->dx ? c->dx + at + k : NULL, c->dt ? c->dt + at + k : NULL,
                                          c->x + at + k, c->probability + at + k, c->d, top[k], logsum[k],
                                          ce_dy(c, position + k));
            else if (live[k] != 0)
                c->dx[at + k + c->target[position + k] * c->d] -= hit[k];
    }
}

static void ce_run(ce_context *c, fnn_range rows, fnn_range columns)
{
    const double cost = (REAL_IS_F32 ? 0.8 : 2.0) * (double)c->c;
    if (c->d == 1) {
        fnn_parallel_for(c->n, ce_rows_of_tile(c->c), cost + 2, rows, c);
        return;
    }
    c->tiles = (c->d + CE_COLUMNS - 1) / CE_COLUMNS;
    fnn_parallel_for(c->n * c->tiles, 1, cost * (double)(c->d < CE_COLUMNS ? c->d : CE_COLUMNS), columns, c);
}

/* ---- entries ---- */

static ce_context ce_make(const void *x, const int64_t *target, const void *probability, const void *weight,
                          void *saved, int64_t n, int64_t c, int64_t d, int64_t ignore, double smoothing)
{
    ce_context context = {.x = x,
                          .target = target,
                          .probability = probability,
                          .weight = weight,
                          .top = saved,
                          .logsum = (REAL *)saved + n * d,
                          .n = n,
                          .c = c,
                          .d = d,
                          .ignore = probability ? -1 : ignore,
                          .keep = (REAL)(1 - smoothing),
                          .spread = (REAL)(c > 0 ? smoothing / (double)c : 0)};
    return context;
}

/* Sum of the weights of positions that count. */
static REAL ce_total_weight(const int64_t *target, const REAL *weight, int64_t positions, int64_t ignore)
{
    double total = 0;
    int64_t count = 0;
    if (!weight) {
        for (int64_t i = 0; i < positions; i++)
            count += target[i] != ignore;
        return (REAL)count;
    }
    for (int64_t begin = 0; begin < positions; begin += LOSS_TILE) {
        int64_t end = positions - begin < LOSS_TILE ? positions : begin + LOSS_TILE;
        double sum = 0;
        for (int64_t i = begin; i < end; i++)
            sum += target[i] != ignore ? (double)weight[target[i]] : 0;
        total += sum;
    }
    return (REAL)total;
}

static double ce_sum(const REAL *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i += LOSS_TILE)
        sum += sum_tile(x + i, n - i < LOSS_TILE ? n - i : LOSS_TILE);
    return sum;
}

static void cross_entropy_forward(void *loss, void *saved, const void *x, const int64_t *target,
                                  const void *probability, const void *weight, int64_t n, int64_t c, int64_t d,
                                  int64_t ignore, double smoothing, int reduction)
{
    ce_context context = ce_make(x, target, probability, weight, saved, n, c, d, ignore, smoothing);
    const int64_t positions = n * d;
    REAL *total = (REAL *)saved + 2 * positions;
    context.loss = reduction == LOSS_NONE ? loss : total + 1;
    ce_run(&context, ce_forward_rows, ce_forward_columns);
    *total = 1;
    if (reduction == LOSS_NONE)
        return;
    double sum = ce_sum(context.loss, positions);
    if (reduction == LOSS_MEAN) {
        *total = probability ? (REAL)(c > 0 ? positions : 0) : ce_total_weight(target, weight, positions, ignore);
        sum /= *total;
    }
    *(REAL *)loss = (REAL)sum;
}

static void cross_entropy_backward(void *dx, void *dt, const void *dy, const void *x, const void *saved,
                                   const int64_t *target, const void *probability, const void *weight, int64_t n,
                                   int64_t c, int64_t d, int64_t ignore, double smoothing, int reduction)
{
    ce_context context = ce_make(x, target, probability, weight, (void *)saved, n, c, d, ignore, smoothing);
    double sum = (double)c;
    if (weight)
        for (int64_t j = (sum = 0, 0); j < c; j++)
            sum += ((const REAL *)weight)[j];
    context.weight_sum = (REAL)sum;
    context.dx = dx;
    context.dt = dt;
    context.dy = dy;
    context.dy_step = reduction == LOSS_NONE;
    context.scale = 1 / ((const REAL *)saved)[2 * n * d];
    ce_run(&context, ce_backward_rows, ce_backward_columns);
}

/* ---- negative log-likelihood of given logarithms ---- */

static void nll_forward(void *loss, void *total, const void *x, const int64_t *target, const void *weight, int64_t n,
                        int64_t c, int64_t d, int64_t ignore, int reduction)
{
    const REAL *l = x, *w = weight;
    REAL *each = loss;
    double sum = 0;
    unsigned mode = fnn_enter();
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < d; k++) {
            const int64_t t = target[i * d + k];
            REAL value = t == ignore ? 0 : -l[(i * c + t) * d + k] * (w ? w[t] : 1);
            if (reduction == LOSS_NONE)
                each[i * d + k] = value;
            else
                sum += value;
        }
    *(REAL *)total = reduction == LOSS_MEAN ? ce_total_weight(target, w, n * d, ignore) : 1;
    if (reduction != LOSS_NONE)
        *(REAL *)loss = (REAL)(sum / *(REAL *)total);
    fnn_leave(mode);
}

typedef struct {
    REAL *dx;
    const REAL *dy, *w;
    const int64_t *target;
    int64_t c, d, ignore, dy_step;
    REAL scale;
} nll_context;

static void nll_backward_range(void *context, int64_t begin, int64_t end)
{
    const nll_context *c = context;
    for (int64_t i = begin; i < end; i++) {
        REAL *dx = c->dx + i * c->c * c->d;
        memset(dx, 0, (size_t)(c->c * c->d) * sizeof(REAL));
        for (int64_t k = 0; k < c->d; k++) {
            const int64_t t = c->target[i * c->d + k];
            if (t != c->ignore)
                dx[t * c->d + k] = -c->dy[c->dy_step * (i * c->d + k)] * c->scale * (c->w ? c->w[t] : 1);
        }
    }
}

static void nll_backward(void *dx, const void *dy, const int64_t *target, const void *weight, const void *total,
                         int64_t n, int64_t c, int64_t d, int64_t ignore, int reduction)
{
    nll_context context = {.dx = dx,
                           .dy = dy,
                           .w = weight,
                           .target = target,
                           .c = c,
                           .d = d,
                           .ignore = ignore,
                           .dy_step = reduction == LOSS_NONE,
                           .scale = 1 / *(const REAL *)total};
    fnn_parallel_for(n, 1, 0.1 * (double)(c * d) + 2, nll_backward_range, &context);
}
