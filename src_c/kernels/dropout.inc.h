/* dropout.inc.h -- dropout of elements or of whole rows (features), with masks that no thread count changes. */
#include "philox.h"

typedef struct {
    REAL *out;
    const REAL *x;
    uint8_t *mask;
    const uint8_t *given;
    int64_t n, inner;
    uint64_t key;
    uint32_t limit;
    int none;
    REAL scale, kept, dropped;
} FN(dropout_context);

/* out = x * (keep ? scale : 0) + (keep ? kept : dropped): a product, so that NaN and inf of dropped elements stay NaN. */
static inline void FN(dropout_elements)(REAL *out, const REAL *x, const uint8_t *keep, int64_t n, REAL scale,
                                        REAL kept, REAL dropped)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = x[i] * (keep[i] ? scale : 0) + (keep[i] ? kept : dropped);
}

static inline void FN(dropout_row)(REAL *out, const REAL *x, int64_t n, REAL scale, REAL shift)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = x[i] * scale + shift;
}

static void FN(dropout_forward_range)(void *context, int64_t begin, int64_t end)
{
    const FN(dropout_context) *c = context;
    uint8_t keep[PHILOX_BLOCK];
    for (int64_t i = begin; i < end; i += PHILOX_BLOCK) {
        const int64_t size = end - i < PHILOX_BLOCK ? end - i : PHILOX_BLOCK;
        if (c->none)
            memset(keep, 0, sizeof keep);
        else
            fnn_philox_keep(keep, c->key, (uint64_t)i / PHILOX_BLOCK, c->limit);
        memcpy(c->mask + i, keep, (size_t)size);
        if (c->inner == 1)
            FN(dropout_elements)(c->out + i, c->x + i, keep, size, c->scale, c->kept, c->dropped);
        else
            for (int64_t row = 0; row < size; row++)
                FN(dropout_row)(c->out + (i + row) * c->inner, c->x + (i + row) * c->inner, c->inner,
                                keep[row] ? c->scale : 0, keep[row] ? c->kept : c->dropped);
    }
}

static void FN(dropout_forward)(void *y, uint8_t *mask, const void *x, int64_t n, int64_t inner, uint64_t key,
                                uint64_t threshold, double scale, double kept, double dropped)
{
    FN(dropout_context) c = {.out = y, .mask = mask, .x = x, .n = n, .inner = inner, .key = key,
                             .limit = (uint32_t)(threshold - 1), .none = threshold == 0, .scale = (REAL)scale,
                             .kept = (REAL)kept, .dropped = (REAL)dropped};
    fnn_parallel_for(n, PHILOX_BLOCK, 0.6 + (REAL_IS_F32 ? 0.15 : 0.3) * (double)inner, FN(dropout_forward_range), &c);
}

static void FN(dropout_backward_range)(void *context, int64_t begin, int64_t end)
{
    const FN(dropout_context) *c = context;
    if (c->inner == 1)
        FN(dropout_elements)(c->out + begin, c->x + begin, c->given + begin, end - begin, c->scale, 0, 0);
    else
        for (int64_t row = begin; row < end; row++)
            FN(dropout_row)(c->out + row * c->inner, c->x + row * c->inner, c->inner, c->given[row] ? c->scale : 0, 0);
}

static void FN(dropout_backward)(void *dx, const void *dy, const uint8_t *mask, int64_t n, int64_t inner, double scale)
{
    FN(dropout_context) c = {.out = dx, .given = mask, .x = dy, .n = n, .inner = inner, .scale = (REAL)scale};
    fnn_parallel_for(n, PHILOX_BLOCK, (REAL_IS_F32 ? 0.2 : 0.4) * (double)inner, FN(dropout_backward_range), &c);
}
