/* strided.h -- walks up to four arrays of one shape and any strides row by row; knows nothing of dtypes. */
#ifndef FNN_STRIDED_H
#define FNN_STRIDED_H

#include "fastnn.h"
#include "parallel.h"

#define FNN_OPERANDS 4

/* Operand 0 is the output. Strides are in bytes, 0 where an operand is broadcast. */
typedef struct fnn_strided {
    int ndim; /* >= 1 after fnn_strided_add_dims; the last dimension is the row */
    int operands;
    int64_t size;
    int64_t shape[FNN_MAX_NDIM];
    int64_t step[FNN_MAX_NDIM][FNN_OPERANDS];
    char *data[FNN_OPERANDS];
    /* One row of n elements. */
    void (*row)(const struct fnn_strided *s, char *const *data, const int64_t *step, int64_t n);
    double a;
} fnn_strided;

/* Fills in shape and steps; drops dimensions of size 1 and joins those that all operands pass through in one go. */
static inline void fnn_strided_init(fnn_strided *s, int operands, int ndim, const int64_t *shape,
                                    const int64_t *const strides[])
{
    int last = -1;
    s->operands = operands;
    s->size = 1;
    for (int d = 0; d < ndim; d++) {
        s->size *= shape[d];
        if (shape[d] == 1)
            continue;
        int joins = last >= 0;
        for (int k = 0; k < operands && joins; k++)
            joins = s->step[last][k] == strides[k][d] * shape[d];
        if (!joins)
            s->shape[++last] = 1;
        s->shape[last] *= shape[d];
        for (int k = 0; k < operands; k++)
            s->step[last][k] = strides[k][d];
    }
    if (last < 0) {
        s->shape[++last] = 1;
        for (int k = 0; k < operands; k++)
            s->step[last][k] = 0;
    }
    s->ndim = last + 1;
}

/* Elements [begin, end) in C order; an fnn_range. */
static inline void fnn_strided_range(void *context, int64_t begin, int64_t end)
{
    const fnn_strided *s = context;
    const int inner = s->ndim - 1;
    char *data[FNN_OPERANDS];
    int64_t at[FNN_MAX_NDIM], rest = begin;
    for (int k = 0; k < s->operands; k++)
        data[k] = s->data[k];
    for (int d = inner; d >= 0; d--) {
        at[d] = rest % s->shape[d];
        rest /= s->shape[d];
        for (int k = 0; k < s->operands; k++)
            data[k] += at[d] * s->step[d][k];
    }
    for (int64_t i = begin; i < end;) {
        int64_t n = s->shape[inner] - at[inner];
        n = n < end - i ? n : end - i;
        s->row(s, data, s->step[inner], n);
        i += n;
        if (i == end)
            return;
        /* n reached the row's end: back to its start, then on to the next */
        for (int k = 0; k < s->operands; k++)
            data[k] -= at[inner] * s->step[inner][k];
        at[inner] = 0;
        for (int d = inner - 1; d >= 0; d--) {
            for (int k = 0; k < s->operands; k++)
                data[k] += s->step[d][k];
            if (++at[d] < s->shape[d])
                break;
            for (int k = 0; k < s->operands; k++)
                data[k] -= s->shape[d] * s->step[d][k];
            at[d] = 0;
        }
    }
}

/* Does all; `cost` is nanoseconds per element of a long row. */
static inline void fnn_strided_run(fnn_strided *s, double cost)
{
    if (s->ndim == 1 && s->size < 4096) { /* nothing to split or count: the common small case */
        if (s->size > 0) {
            unsigned mode = fnn_enter();
            s->row(s, s->data, s->step[0], s->size);
            fnn_leave(mode);
        }
        return;
    }
    cost += 5.0 / (double)(s->shape[s->ndim - 1] + 1);
    fnn_parallel_for(s->size, 4096, cost, fnn_strided_range, s);
}

#endif
