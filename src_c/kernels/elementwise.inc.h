/* elementwise.inc.h -- maps of one number (elementwise.def) and arithmetic of two with broadcasting. */

typedef struct {
    REAL *y;
    const REAL *x, *dy;
    REAL a, b;
} FN(unary_context);

#define UNARY(name, forward, backward, saves)                                                      \
    static void FN(name##_forward_range)(void *context, int64_t begin, int64_t end)                \
    {                                                                                              \
        const FN(unary_context) c = *(FN(unary_context) *)context;                                 \
        const REAL a = c.a, b = c.b;                                                               \
        (void)a, (void)b;                                                                          \
        for (int64_t i = begin; i < end; i++) {                                                    \
            const REAL x = c.x[i];                                                                 \
            c.y[i] = (forward);                                                                    \
        }                                                                                          \
    }
#include "elementwise.def"
#undef UNARY

static void FN(unary_forward)(int op, void *y, const void *x, int64_t n, double a, double b)
{
    static const fnn_range ranges[] = {
#define UNARY(name, forward, backward, saves) FN(name##_forward_range),
#include "elementwise.def"
#undef UNARY
    };
    FN(unary_context) c = {.y = y, .x = x, .a = (REAL)a, .b = (REAL)b};
    fnn_parallel_for(n, 1024, 1.0, ranges[op], &c);
}

static void FN(unary_backward)(int op, void *dx, const void *dy, const void *x, const void *y,
                               int64_t n, double a, double b)
{
    (void)op, (void)dx, (void)dy, (void)x, (void)y, (void)n, (void)a, (void)b;
}
