/* elementwise.inc.h -- maps of one number: the list of elementwise.def turned into functions.
 *
 * Every element goes through the same vector code, leftovers of a range included (they are padded), so that
 * its bits depend neither on how a range was split nor on where the element stands in it.
 */

#define LANES ((int64_t)(64 / sizeof(REAL)))
#define SELU_SCALE PICK(1.05070098, 1.0507009873554804934)
#define SELU_ALPHA PICK(1.67326324, 1.6732632423543772848)

typedef struct {
    REAL *y; /* output: y of forward, dx of backward */
    const REAL *x, *dy;
    const REAL *saved; /* y, where backward reads it */
    REAL a, b;
} unary_context;

/* Elements [0, n) of contiguous arrays, n a multiple of LANES; arrays not needed may be NULL. */
typedef void (*unary_span)(REAL *out, const REAL *dy, const REAL *x, const REAL *y, int64_t n, REAL a, REAL b);

/* Runs `span` over whole vectors in place and over the rest through a padded copy. */
static inline void unary_range(const unary_context *c, int64_t begin, int64_t end, unary_span span)
{
    const int64_t whole = (end - begin) / LANES * LANES, rest = end - begin - whole;
    if (whole)
        span(c->y + begin, c->dy ? c->dy + begin : 0, c->x ? c->x + begin : 0, c->saved ? c->saved + begin : 0, whole,
             c->a, c->b);
    if (rest) {
        REAL out[LANES], dy[LANES], x[LANES], y[LANES];
        const int64_t at = begin + whole;
        for (int64_t i = 0; i < LANES; i++)
            dy[i] = x[i] = y[i] = 1;
        if (c->dy)
            memcpy(dy, c->dy + at, (size_t)rest * sizeof(REAL));
        if (c->x)
            memcpy(x, c->x + at, (size_t)rest * sizeof(REAL));
        if (c->saved)
            memcpy(y, c->saved + at, (size_t)rest * sizeof(REAL));
        span(out, dy, x, y, LANES, c->a, c->b);
        memcpy(c->y + at, out, (size_t)rest * sizeof(REAL));
    }
}

/* sin, cos and tan reduce their argument by subtraction, which gives up on huge numbers: those few go to libm. */
static void circle_far(REAL *out, const REAL *dy, const REAL *x, int64_t n, int op, int negate)
{
    for (int64_t i = 0; i < n; i++)
        if (abs_(x[i]) > PICK(CIRCLE_LIMIT, CIRCLE_LIMIT)) {
            REAL y = op == FNN_tan ? LIBM(tan)(x[i]) : op == FNN_cos ? LIBM(cos)(x[i]) : LIBM(sin)(x[i]);
            y = negate ? -y : y;
            out[i] = dy ? dy[i] * y : y;
        }
}

static int any_far(const REAL *x, int64_t n)
{
    int far = 0;
    for (int64_t i = 0; i < n; i++)
        far |= abs_(x[i]) > PICK(CIRCLE_LIMIT, CIRCLE_LIMIT);
    return far;
}

/* Like unary_range, for sin, cos and tan and the first two's gradients; keeps x, which the output may overwrite. */
static void circle_range(const unary_context *c, int64_t begin, int64_t end, unary_span span, int op, int negate)
{
    enum { BLOCK = 512 };
    for (int64_t at = begin; at < end; at += BLOCK) {
        const int64_t stop = at + BLOCK < end ? at + BLOCK : end, n = stop - at;
        if (!any_far(c->x + at, n)) {
            unary_range(c, at, stop, span);
            continue;
        }
        REAL x[BLOCK], dy[BLOCK];
        memcpy(x, c->x + at, (size_t)n * sizeof(REAL));
        if (c->dy)
            memcpy(dy, c->dy + at, (size_t)n * sizeof(REAL));
        unary_range(c, at, stop, span);
        circle_far(c->y + at, c->dy ? dy : 0, x, n, op, negate);
    }
}

#define UNARY(name, forward, backward, saves, cost)                                                                    \
    static void name##_forward_span(REAL *out, const REAL *dy_, const REAL *x_, const REAL *y_, int64_t n, REAL a,     \
                                    REAL b)                                                                            \
    {                                                                                                                  \
        (void)dy_, (void)y_, (void)a, (void)b;                                                                         \
        n &= -LANES;                                                                                                   \
        FNN_INDEPENDENT                                                                                                \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            const REAL x = x_[i];                                                                                      \
            out[i] = (forward);                                                                                        \
        }                                                                                                              \
    }                                                                                                                  \
    static void name##_backward_span(REAL *out, const REAL *dy_, const REAL *x_, const REAL *y_, int64_t n, REAL a,    \
                                     REAL b)                                                                           \
    {                                                                                                                  \
        (void)x_, (void)y_, (void)a, (void)b;                                                                          \
        n &= -LANES;                                                                                                   \
        FNN_INDEPENDENT                                                                                                \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            const REAL dy = dy_[i];                                                                                    \
            const REAL x = (saves & SAVES_X) ? x_[i] : 0, y = (saves & SAVES_Y) ? y_[i] : 0;                           \
            (void)dy, (void)x, (void)y;                                                                                \
            out[i] = (backward);                                                                                       \
        }                                                                                                              \
    }                                                                                                                  \
    static void name##_forward_range(void *context, int64_t begin, int64_t end)                                        \
    {                                                                                                                  \
        const unary_context *c = context;                                                                              \
        if (FNN_##name == FNN_sin || FNN_##name == FNN_cos || FNN_##name == FNN_tan)                                   \
            circle_range(c, begin, end, name##_forward_span, FNN_##name, 0);                                           \
        else                                                                                                           \
            unary_range(c, begin, end, name##_forward_span);                                                           \
    }                                                                                                                  \
    static void name##_backward_range(void *context, int64_t begin, int64_t end)                                       \
    {                                                                                                                  \
        const unary_context *c = context;                                                                              \
        if (FNN_##name == FNN_sin || FNN_##name == FNN_cos)                                                            \
            circle_range(c, begin, end, name##_backward_span, FNN_##name == FNN_sin ? FNN_cos : FNN_sin,               \
                         FNN_##name == FNN_cos);                                                                       \
        else                                                                                                           \
            unary_range(c, begin, end, name##_backward_span);                                                          \
    }

#include "elementwise.def"
#undef UNARY

/* Ranges by number of the map; context is a unary_context. Other families may call them on a contiguous
 * segment, then without threads and inside their own fnn_enter. */
static const fnn_range unary_forward_ranges[] = {
#define UNARY(name, forward, backward, saves, cost) name##_forward_range,
#include "elementwise.def"
#undef UNARY
};
static const fnn_range unary_backward_ranges[] = {
#define UNARY(name, forward, backward, saves, cost) name##_backward_range,
#include "elementwise.def"
#undef UNARY
};
/* Nanoseconds per element on one core. */
static const double unary_costs[] = {
#define UNARY(name, forward, backward, saves, cost) (cost) * (REAL_IS_F32 ? 1.0 : 2.0),
#include "elementwise.def"
#undef UNARY
};

/* The cheap map that equals x^a, or pow_scalar itself. */
static int pow_map(double a, int backward)
{
    if (a == 2)
        return FNN_square;
    if (a == 3)
        return FNN_cube;
    if (a == 0.5 && !backward)
        return FNN_sqrt;
    if (a == -1 && !backward)
        return FNN_reciprocal;
    if (a == -0.5 && !backward)
        return FNN_rsqrt;
    return FNN_pow_scalar;
}

static void unary_forward(int op, void *y, const void *x, int64_t n, double a, double b)
{
    if (op == FNN_pow_scalar)
        op = pow_map(a, 0);
    unary_context c = {.y = y, .x = x, .a = (REAL)a, .b = (REAL)b};
    fnn_parallel_for(n, 4096, unary_costs[op], unary_forward_ranges[op], &c);
}

static void unary_backward(int op, void *dx, const void *dy, const void *x, const void *y, int64_t n, double a,
                           double b)
{
    if (op == FNN_pow_scalar)
        op = pow_map(a, 1);
    unary_context c = {.y = dx, .x = x, .dy = dy, .saved = y, .a = (REAL)a, .b = (REAL)b};
    fnn_parallel_for(n, 4096, unary_costs[op], unary_backward_ranges[op], &c);
}
