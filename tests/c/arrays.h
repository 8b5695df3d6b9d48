/* arrays.h -- what kernels.c is made of: arrays of exact sizes with numbers in them, the record of what was called, and
 * a hash of what came out. Included once. */
#include "fastnn.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 4096 };

/* Of one run of all calls, on a thread of the program. */
static _Thread_local int type;       /* FNN_F32 or FNN_F64 */
static _Thread_local size_t width;   /* bytes of a number */
static _Thread_local uint64_t state; /* of the numbers that arrays are filled with */
static _Thread_local uint64_t hash;  /* of all outputs */
static _Thread_local void *blocks[MOST];
static _Thread_local int block_count;
static _Thread_local const char *calling;
static _Atomic(int) called[MOST];
static fnn_kernels tables[2];

#define CALL(name, ...) (mark(offsetof(fnn_kernels, name), #name), tables[type].name(__VA_ARGS__))

static void mark(size_t place, const char *name)
{
    called[place / sizeof(void *)] = 1;
    calling = name;
}

static void *block(size_t size)
{
    void *const memory = malloc(size ? size : 1);
    if (!memory || block_count == MOST) {
        fprintf(stderr, "kernels: no memory\n");
        exit(2);
    }
    return blocks[block_count++] = memory;
}

static double uniform(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) / 9007199254740992.0;
}

/* n numbers from low to high. */
static void *between(int64_t n, double low, double high)
{
    void *const x = block((size_t)n * width);
    for (int64_t i = 0; i < n; i++) {
        const double value = low + (high - low) * uniform();
        if (type == FNN_F32)
            ((float *)x)[i] = (float)value;
        else
            ((double *)x)[i] = value;
    }
    return x;
}

static void *numbers(int64_t n)
{
    return between(n, -1, 1);
}

static void *filled(int64_t n, double value)
{
    return between(n, value, value);
}

/* What a kernel writes: NaN until it does. */
static void *output(int64_t n)
{
    return memset(block((size_t)n * width), 0xff, (size_t)n * width);
}

static int64_t *indices(int64_t n, int64_t below)
{
    int64_t *const index = block((size_t)n * sizeof *index);
    for (int64_t i = 0; i < n; i++)
        index[i] = (int64_t)(uniform() * (double)below);
    return index;
}

static uint8_t *bits(int64_t n)
{
    uint8_t *const x = block((size_t)n);
    for (int64_t i = 0; i < n; i++)
        x[i] = uniform() < 0.6;
    return x;
}

/* An output's bytes go into the hash. */
static void see_bytes(const void *x, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ ((const unsigned char *)x)[i]) * 1099511628211u;
}

static void see(const void *x, int64_t n)
{
    see_bytes(x, (size_t)n * width);
}

static void all_right(int status)
{
    if (status) {
        fprintf(stderr, "kernels: %s: status %d\n", calling, status);
        exit(2);
    }
}

static void release(void)
{
    while (block_count)
        free(blocks[--block_count]);
}
