/* embedding.inc.h -- rows of a table by their numbers, sums of rows, and gradients that touch only the rows in use.
 *
 * A gradient's rows are added in the order of the list, so threads take columns: every element is one thread's.
 */
#define FNN_EMBEDDING_COLUMNS 16 /* at least a cache line */
#define EMBEDDING_LOOK 4096      /* rows between two looks for an interruption */
#define FNN_BAG_COLUMNS 64       /* of a scaled sum, at a time */
enum { FNN_BAG_SUM = 0, FNN_BAG_MEAN = 1, FNN_BAG_MAX = 2 };

typedef struct {
    REAL *y;       /* forward: y, backward: dw */
    const REAL *x; /* forward: the table, backward: dy */
    const REAL *scale;
    const int64_t *index, *row, *offsets;
    int64_t *argmax;
    int64_t n, rows, dim, skip;
    int mode;
} embedding_context;

static void embedding_forward_range(void *context, int64_t begin, int64_t end)
{
    const embedding_context *c = context;
    for (int64_t i = begin; i < end; i++)
        memcpy(c->y + i * c->dim, c->x + c->index[i] * c->dim, (size_t)c->dim * sizeof(REAL));
}

static void embedding_forward(void *y, const void *weight, const int64_t *index, int64_t n, int64_t dim)
{
    embedding_context c = {.y = y, .x = weight, .index = index, .dim = dim};
    if (dim > 0)
        fnn_parallel_for(n, 1, 0.15 * (double)dim + 5, embedding_forward_range, &c);
}

static void zero_rows_range(void *context, int64_t begin, int64_t end)
{
    const embedding_context *c = context;
    memset(c->y + begin * c->dim, 0, (size_t)((end - begin) * c->dim) * sizeof(REAL));
}

/* Items are groups of columns. */
static void add_rows_range(void *context, int64_t begin, int64_t end)
{
    const embedding_context *c = context;
    const int64_t from = begin * FNN_EMBEDDING_COLUMNS, last = end * FNN_EMBEDDING_COLUMNS;
    const int64_t width = (last < c->dim ? last : c->dim) - from;
    for (int64_t i = 0; i < c->n; i++) {
        if (i % EMBEDDING_LOOK == EMBEDDING_LOOK - 1 && fnn_interrupted())
            return;
        if (c->index[i] == c->skip)
            continue;
        REAL *restrict to = c->y + c->index[i] * c->dim + from;
        const REAL *restrict dy = c->x + (c->row ? c->row[i] : i) * c->dim + from;
        if (c->scale) {
            const REAL scale = c->scale[i];
            for (int64_t k = 0; k < width; k++)
                to[k] += scale * dy[k];
        } else {
            for (int64_t k = 0; k < width; k++)
                to[k] += dy[k];
        }
    }
}

static void add_largest_range(void *context, int64_t begin, int64_t end)
{
    const embedding_context *c = context;
    const int64_t from = begin * FNN_EMBEDDING_COLUMNS, last = end * FNN_EMBEDDING_COLUMNS;
    for (int64_t i = 0; i < c->n && !(i % EMBEDDING_LOOK == EMBEDDING_LOOK - 1 && fnn_interrupted()); i++)
        for (int64_t k = from; k < last && k < c->dim; k++) {
            const int64_t row = c->index[i * c->dim + k];
            if (row >= 0 && row < c->rows)
                c->y[row * c->dim + k] += c->x[i * c->dim + k];
        }
}

static void embedding_backward(void *dw, const void *dy, const int64_t *index, const int64_t *row, const void *scale,
                               int64_t n, int64_t rows, int64_t dim, int64_t skip, int largest)
{
    embedding_context c =
        {.y = dw, .x = dy, .index = index, .row = row, .scale = scale, .n = n, .rows = rows, .dim = dim, .skip = skip};
    const int64_t groups = (dim + FNN_EMBEDDING_COLUMNS - 1) / FNN_EMBEDDING_COLUMNS;
    if (dim == 0 || rows == 0)
        return;
    fnn_parallel_for(rows, 64, 0.004 * (double)dim * sizeof(REAL), zero_rows_range, &c);
    fnn_parallel_whole(groups, 1, (double)n * (largest ? 1.0 * FNN_EMBEDDING_COLUMNS : 0.05 * FNN_EMBEDDING_COLUMNS),
                       largest ? add_largest_range : add_rows_range, &c);
}

/* width columns of a bag's sum, from the given one on, in registers. Inlined, so that a constant width is known. */
static inline void bag_columns(const embedding_context *c, int64_t bag, int64_t from, int64_t width)
{
    REAL sum[FNN_BAG_COLUMNS];
    for (int64_t k = 0; k < width; k++)
        sum[k] = 0;
    for (int64_t i = c->offsets[bag]; i < c->offsets[bag + 1]; i++) {
        const REAL *restrict x = c->x + c->index[i] * c->dim + from;
        const REAL scale = c->scale[i];
        if (c->index[i] != c->skip)
            for (int64_t k = 0; k < width; k++)
                sum[k] += scale * x[k];
    }
    memcpy(c->y + bag * c->dim + from, sum, (size_t)width * sizeof(REAL));
}

/* Sums of rows times their scales: the product of a sparse matrix and a dense one. */
static void scaled_bag_range(void *context, int64_t begin, int64_t end)
{
    const embedding_context *c = context;
    for (int64_t bag = begin; bag < end; bag++) {
        int64_t from = 0;
        for (; from + FNN_BAG_COLUMNS <= c->dim; from += FNN_BAG_COLUMNS)
            bag_columns(c, bag, from, FNN_BAG_COLUMNS);
        for (; from + 16 <= c->dim; from += 16)
            bag_columns(c, bag, from, 16);
        for (; from + 4 <= c->dim; from += 4)
            bag_columns(c, bag, from, 4);
        for (; from < c->dim; from++)
            bag_columns(c, bag, from, 1);
    }
}

static void embedding_bag_range(void *context, int64_t begin, int64_t end)
{
    const embedding_context *c = context;
    for (int64_t bag = begin; bag < end; bag++) {
        REAL *restrict y = c->y + bag * c->dim;
        int64_t *argmax = c->mode == FNN_BAG_MAX ? c->argmax + bag * c->dim : NULL;
        int64_t count = 0;
        memset(y, 0, (size_t)c->dim * sizeof(REAL));
        for (int64_t k = 0; argmax && k < c->dim; k++)
            argmax[k] = -1;
        for (int64_t i = c->offsets[bag]; i < c->offsets[bag + 1]; i++) {
            const int64_t row = c->index[i];
            const REAL *restrict x = c->x + row * c->dim;
            if (row == c->skip)
                continue;
            if (argmax) {
                for (int64_t k = 0; k < c->dim; k++)
                    if (count == 0 || x[k] > y[k])
                        y[k] = x[k], argmax[k] = row;
            } else {
                for (int64_t k = 0; k < c->dim; k++)
                    y[k] += x[k];
            }
            count++;
        }
        for (int64_t k = 0; c->mode == FNN_BAG_MEAN && count > 1 && k < c->dim; k++)
            y[k] /= (REAL)count;
    }
}

static void embedding_bag_forward(void *y, int64_t *argmax, const void *weight, const int64_t *index,
                                  const int64_t *offsets, const void *scale, int64_t n, int64_t bags, int64_t dim,
                                  int mode, int64_t skip)
{
    embedding_context c = {.y = y,
                           .argmax = argmax,
                           .x = weight,
                           .index = index,
                           .offsets = offsets,
                           .scale = scale,
                           .dim = dim,
                           .mode = mode,
                           .skip = skip};
    if (dim > 0)
        fnn_parallel_for(bags, 1, 0.2 * (double)dim * ((double)n / (double)(bags + 1) + 1) + 10,
                         scale ? scaled_bag_range : embedding_bag_range, &c);
}
