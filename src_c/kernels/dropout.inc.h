/* dropout.inc.h -- dropout of elements or of whole rows (features) by a mask. */
typedef struct {
    REAL *y;
    const REAL *x;
    const uint8_t *mask;
    int64_t inner;
    REAL scale, kept, dropped;
} dropout_context;

/* A product, so that NaN and inf of dropped elements stay NaN; and no sum where nothing is added, for the sign of 0. */
static inline void dropout_row(REAL *y, const REAL *x, int64_t n, REAL scale, REAL shift)
{
    if (shift == 0)
        for (int64_t i = 0; i < n; i++)
            y[i] = x[i] * scale;
    else
        for (int64_t i = 0; i < n; i++)
            y[i] = x[i] * scale + shift;
}

static void dropout_range(void *context, int64_t begin, int64_t end)
{
    const dropout_context *c = context;
    const REAL scale = c->scale, kept = c->kept, dropped = c->dropped;
    const uint8_t *mask = c->mask;
    if (c->inner != 1)
        for (int64_t i = begin; i < end; i++)
            dropout_row(c->y + i * c->inner, c->x + i * c->inner, c->inner, mask[i] ? scale : 0,
                        mask[i] ? kept : dropped);
    else if (kept == 0 && dropped == 0)
        for (int64_t i = begin; i < end; i++)
            c->y[i] = c->x[i] * (mask[i] ? scale : 0);
    else
        for (int64_t i = begin; i < end; i++)
            c->y[i] = c->x[i] * (mask[i] ? scale : 0) + (mask[i] ? kept : dropped);
}

static void dropout(void *y, const void *x, const uint8_t *mask, int64_t n, int64_t inner, double scale, double kept,
                    double dropped)
{
    dropout_context c = {.y = y,
                         .x = x,
                         .mask = mask,
                         .inner = inner,
                         .scale = (REAL)scale,
                         .kept = (REAL)kept,
                         .dropped = (REAL)dropped};
    fnn_parallel_for(n, 64, (REAL_IS_F32 ? 0.2 : 0.4) * (double)inner, dropout_range, &c);
}
