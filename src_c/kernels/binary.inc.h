/* binary.inc.h -- arithmetic and comparison of two arrays with broadcasting, selection, copies. */
#include "strided.h"

static inline REAL floor_mod(REAL x, REAL y)
{
    REAL r = LIBM(fmod)(x, y);
    if (r == 0)
        return with_sign(0, y);
    return (r < 0) != (y < 0) ? r + y : r;
}

static inline REAL floor_div(REAL x, REAL y)
{
    if (y == 0)
        return x / y;
    REAL r = LIBM(fmod)(x, y), q = (x - r) / y;
    if (r != 0 && (r < 0) != (y < 0))
        q -= 1;
    if (q == 0)
        return with_sign(0, x / y);
    REAL whole = LIBM(floor)(q);
    return q - whole > PICK(0.5, 0.5) ? whole + 1 : whole;
}

#define ROW_ARGUMENTS const fnn_strided *s, char *const *data, const int64_t *step, int64_t n

/* A loop of its own for each usual pair of strides, and one for all others. */
#define ROW(OUT, expression)                                                                                           \
    OUT *z_ = (OUT *)data[0];                                                                                          \
    const REAL *x_ = (const REAL *)data[1], *y_ = (const REAL *)data[2];                                               \
    const int64_t size = sizeof(REAL);                                                                                 \
    (void)s;                                                                                                           \
    if (step[0] == (int64_t)sizeof(OUT) && step[1] == size && step[2] == size) {                                       \
        FNN_INDEPENDENT                                                                                                \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            const REAL x = x_[i], y = y_[i];                                                                           \
            z_[i] = (expression);                                                                                      \
        }                                                                                                              \
    } else if (step[0] == (int64_t)sizeof(OUT) && step[1] == size && step[2] == 0) {                                   \
        const REAL y = *y_;                                                                                            \
        FNN_INDEPENDENT                                                                                                \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            const REAL x = x_[i];                                                                                      \
            z_[i] = (expression);                                                                                      \
        }                                                                                                              \
    } else if (step[0] == (int64_t)sizeof(OUT) && step[1] == 0 && step[2] == size) {                                   \
        const REAL x = *x_;                                                                                            \
        FNN_INDEPENDENT                                                                                                \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            const REAL y = y_[i];                                                                                      \
            z_[i] = (expression);                                                                                      \
        }                                                                                                              \
    } else {                                                                                                           \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            const REAL x = *(const REAL *)(data[1] + i * step[1]);                                                     \
            const REAL y = *(const REAL *)(data[2] + i * step[2]);                                                     \
            *(OUT *)(data[0] + i * step[0]) = (expression);                                                            \
        }                                                                                                              \
    }

/* flatten: a loop with a call in it, as gcc leaves it where many loops are in one file, is no vector loop. */
#define BINARY(name, expression, cost)                                                                                 \
    static __attribute__((flatten)) void name##_row(ROW_ARGUMENTS)                                                     \
    {                                                                                                                  \
        ROW(REAL, expression)                                                                                          \
    }
#define COMPARE(name, expression)                                                                                      \
    static void name##_row(ROW_ARGUMENTS)                                                                              \
    {                                                                                                                  \
        ROW(uint8_t, expression)                                                                                       \
    }
#include "binary.def"
#undef BINARY
#undef COMPARE

static void binary(int op, int ndim, const int64_t *shape, void *out, const int64_t *out_strides, const void *x,
                   const int64_t *x_strides, const void *y, const int64_t *y_strides)
{
    static void (*const rows[])(ROW_ARGUMENTS) = {
#define BINARY(name, expression, cost) name##_row,
#define COMPARE(name, expression)
#include "binary.def"
#undef BINARY
    };
    static const double costs[] = {
#define BINARY(name, expression, cost) (cost) * (REAL_IS_F32 ? 1 : 2),
#include "binary.def"
#undef BINARY
#undef COMPARE
    };
    fnn_strided s;
    fnn_strided_init(&s, 3, ndim, shape, (const int64_t *const[]){out_strides, x_strides, y_strides});
    s.data[0] = out, s.data[1] = (char *)x, s.data[2] = (char *)y;
    s.row = rows[op];
    fnn_strided_run(&s, costs[op]);
}

static void compare(int op, int ndim, const int64_t *shape, void *out, const int64_t *out_strides, const void *x,
                    const int64_t *x_strides, const void *y, const int64_t *y_strides)
{
    static void (*const rows[])(ROW_ARGUMENTS) = {
#define BINARY(name, expression, cost)
#define COMPARE(name, expression) name##_row,
#include "binary.def"
#undef BINARY
#undef COMPARE
    };
    fnn_strided s;
    fnn_strided_init(&s, 3, ndim, shape, (const int64_t *const[]){out_strides, x_strides, y_strides});
    s.data[0] = out, s.data[1] = (char *)x, s.data[2] = (char *)y;
    s.row = rows[op];
    fnn_strided_run(&s, 0.15);
}

static void where_row(ROW_ARGUMENTS)
{
    (void)s;
    const int64_t size = sizeof(REAL);
    REAL *z = (REAL *)data[0];
    const uint8_t *condition = (const uint8_t *)data[1];
    const REAL *x = (const REAL *)data[2], *y = (const REAL *)data[3];
    if (step[0] == size && step[1] == 1 && step[2] == size && step[3] == size) {
        FNN_INDEPENDENT
        for (int64_t i = 0; i < n; i++) {
            const REAL p = x[i], q = y[i];
            z[i] = condition[i] ? p : q;
        }
    } else if (step[0] == size && step[1] == 1 && step[2] == size && step[3] == 0) {
        const REAL q = *y;
        FNN_INDEPENDENT
        for (int64_t i = 0; i < n; i++) {
            const REAL p = x[i];
            z[i] = condition[i] ? p : q;
        }
    } else if (step[0] == size && step[1] == 1 && step[2] == 0 && step[3] == size) {
        const REAL p = *x;
        FNN_INDEPENDENT
        for (int64_t i = 0; i < n; i++) {
            const REAL q = y[i];
            z[i] = condition[i] ? p : q;
        }
    } else {
        for (int64_t i = 0; i < n; i++)
            *(REAL *)(data[0] + i * step[0]) =
                data[1][i * step[1]] ? *(REAL *)(data[2] + i * step[2]) : *(REAL *)(data[3] + i * step[3]);
    }
}

static void where(int ndim, const int64_t *shape, void *out, const int64_t *out_strides, const uint8_t *condition,
                  const int64_t *condition_strides, const void *x, const int64_t *x_strides, const void *y,
                  const int64_t *y_strides)
{
    fnn_strided s;
    fnn_strided_init(&s, 4, ndim, shape,
                     (const int64_t *const[]){out_strides, condition_strides, x_strides, y_strides});
    s.data[0] = out, s.data[1] = (char *)condition, s.data[2] = (char *)x, s.data[3] = (char *)y;
    s.row = where_row;
    fnn_strided_run(&s, REAL_IS_F32 ? 0.2 : 0.4);
}

static void copy_row(ROW_ARGUMENTS)
{
    (void)s;
    const int64_t size = sizeof(REAL);
    REAL *z = (REAL *)data[0];
    const REAL *x = (const REAL *)data[1];
    if (step[0] == size && step[1] == size) {
        memcpy(z, x, (size_t)n * sizeof(REAL));
    } else if (step[0] == size && step[1] == 0) {
        const REAL value = *x;
        for (int64_t i = 0; i < n; i++)
            z[i] = value;
    } else {
        for (int64_t i = 0; i < n; i++)
            *(REAL *)(data[0] + i * step[0]) = *(const REAL *)(data[1] + i * step[1]);
    }
}

/* Rows [begin, end) in bands of 16 of a matrix whose columns lie in a row of memory, tile by tile: each
 * cache line is then read once, not once per row. */
static void transpose_range(void *context, int64_t begin, int64_t end)
{
    enum { TILE = 16 };
    const fnn_strided *s = context;
    const int64_t rows = s->shape[0], columns = s->shape[1];
    for (int64_t i0 = begin * TILE; i0 < end * TILE && i0 < rows; i0 += TILE) {
        const int64_t i1 = i0 + TILE < rows ? i0 + TILE : rows;
        for (int64_t j0 = 0; j0 < columns; j0 += TILE) {
            const int64_t j1 = j0 + TILE < columns ? j0 + TILE : columns;
            for (int64_t i = i0; i < i1; i++) {
                char *z = s->data[0] + i * s->step[0][0];
                const char *x = s->data[1] + i * s->step[0][1];
                for (int64_t j = j0; j < j1; j++)
                    *(REAL *)(z + j * s->step[1][0]) = *(const REAL *)(x + j * s->step[1][1]);
            }
        }
    }
}

static void copy(int ndim, const int64_t *shape, void *out, const int64_t *out_strides, const void *x,
                 const int64_t *x_strides)
{
    fnn_strided s;
    fnn_strided_init(&s, 2, ndim, shape, (const int64_t *const[]){out_strides, x_strides});
    s.data[0] = out, s.data[1] = (char *)x;
    s.row = copy_row;
    if (s.ndim == 2 && s.step[0][1] == (int64_t)sizeof(REAL) && s.step[1][1] != 0 && s.size >= 4096)
        fnn_parallel_for((s.shape[0] + 15) / 16, 1, 16 * 0.5 * (double)s.shape[1], transpose_range, &s);
    else
        fnn_strided_run(&s, REAL_IS_F32 ? 0.1 : 0.2);
}

static void add_scaled_row(ROW_ARGUMENTS)
{
    (void)step;
    REAL *z = (REAL *)data[0];
    const REAL *x = (const REAL *)data[1], a = (REAL)s->a;
    if (a == 1) {
        FNN_INDEPENDENT
        for (int64_t i = 0; i < n; i++)
            z[i] += x[i];
    } else {
        FNN_INDEPENDENT
        for (int64_t i = 0; i < n; i++)
            z[i] += a * x[i];
    }
}

static void add_scaled(void *out, const void *x, int64_t n, double a)
{
    const int64_t size = sizeof(REAL);
    fnn_strided s;
    fnn_strided_init(&s, 2, 1, &n, (const int64_t *const[]){&size, &size});
    s.data[0] = out, s.data[1] = (char *)x, s.a = a;
    s.row = add_scaled_row;
    fnn_strided_run(&s, REAL_IS_F32 ? 0.15 : 0.3);
}
