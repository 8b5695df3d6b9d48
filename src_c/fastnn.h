/* fastnn.h -- the C interface of the kernels: one table of functions per instruction set and type.
 *
 * Plain C11, no Python.h. Letters used everywhere: m, n, k = rows, columns, depth of a matrix product;
 * n alone = number of elements; strides count elements, not bytes. Arguments come as outputs, inputs,
 * sizes, scalars. Arrays of the kernel's floating type are `void *` in the table, of which there is
 * one for each type, [FNN_F32] and [FNN_F64]; scalars are double. Kernels that take scratch memory return a status: 0,
 * or FNN_NO_MEMORY, and then their outputs are undefined.
 */
#ifndef FASTNN_H
#define FASTNN_H

#include <stdint.h>

enum { FNN_F32 = 0, FNN_F64 = 1 };

/* Statuses of kernels beside 0. */
enum { FNN_NO_MEMORY = 1, FNN_NO_IMPLEMENTATION = 2 };

#define FNN_MAX_NDIM 32

/* Activations and other maps of one number, in the order of elementwise.def. */
enum {
#define UNARY(name, forward, backward, saves, cost) FNN_##name,
#include "kernels/elementwise.def"
#undef UNARY
    FNN_UNARY_COUNT
};

/* Maps and comparisons of two numbers, in the order of binary.def. */
enum {
#define BINARY(name, expression, cost) FNN_##name,
#define COMPARE(name, expression)
#include "kernels/binary.def"
#undef BINARY
#undef COMPARE
    FNN_BINARY_COUNT
};
enum {
#define BINARY(name, expression, cost)
#define COMPARE(name, expression) FNN_##name,
#include "kernels/binary.def"
#undef BINARY
#undef COMPARE
    FNN_COMPARE_COUNT
};

/* Which arrays the backward of a map reads. */
enum { SAVES_NONE = 0, SAVES_X = 1, SAVES_Y = 2, SAVES_XY = 3 };

/* Windows that slide over planes of (h, w) elements: x is (outer, h, w, inner), y (outer, oh, ow, inner); inner > 1 is
 * channels last. kh = kw = 0, with strides and dilations 1: adaptive windows, output i from floor(i h / oh) to
 * ceil((i + 1) h / oh). */
typedef struct fnn_windows {
    int64_t outer, h, w, inner, oh, ow;
    int64_t kh, kw, sh, sw, ph, pw, dh, dw; /* size, stride, padding, dilation */
} fnn_windows;

/* A convolution: x (n, c, h, w), weight (o, c / groups, kh, kw), y (n, o, oh, ow). Position (r, q) of y sees x from
 * (r sh - top, q sw - left) on, with zeros outside; kernel elements lie dh and dw apart. */
typedef struct fnn_conv {
    int64_t n, c, h, w, o, kh, kw, oh, ow, sh, sw, top, left, dh, dw, groups;
} fnn_conv;

typedef struct fnn_kernels {
    const char *isa;
#define KERNEL(result, name, params) result(*name) params;
#include "kernels.def"
#undef KERNEL
} fnn_kernels;

/* Copies of the tables in use, fnn_active[FNN_F32] and fnn_active[FNN_F64]; empty before the first fnn_select. */
extern fnn_kernels fnn_active[2];

/* Variants that were built AND that this CPU (and its operating system) can run, slowest first. */
int fnn_available(const char *names[], int capacity);
/* Use the named variant; returns 0, or -1 if it is unknown, not built or not supported here. */
int fnn_select(const char *isa);
/* Best available variant. */
const char *fnn_best(void);
/* Every kernel's name, NULL-terminated: tests check that each has a reference and a spec. */
extern const char *const fnn_kernel_names[];
/* Names of the unary maps in enum order, NULL-terminated. */
extern const char *const fnn_unary_names[];
/* Names of the pointwise losses in the order of loss.def, NULL-terminated. */
extern const char *const fnn_loss_names[];
/* What each map's backward reads: SAVES_NONE, SAVES_X, ... in the same order. */
extern const int fnn_unary_saves[];
/* Names of the maps and comparisons of two numbers in enum order, NULL-terminated. */
extern const char *const fnn_binary_names[];
extern const char *const fnn_compare_names[];

/* Names of the implementations of convolution in the order of kernels/conv/conv.def, NULL-terminated. */
extern const char *const fnn_conv_names[];
/* For tests: the one that does every convolution, by its number; FNN_NO_IMPLEMENTATION where it cannot. -1: none. */
extern int fnn_conv_forced;

/* Threads (parallel.c). Kernels use at most this many, fewer when the work is small. */
void fnn_set_num_threads(int n);
int fnn_get_num_threads(void);
/* A further limit for kernels that the calling thread calls, 0 for none; returns the one before. */
int fnn_limit_this_thread(int n);
int fnn_openmp_version(void); /* 0: built without OpenMP */
extern const char *const fnn_compiler, *const fnn_compiler_flags;
int fnn_has_threads(void); /* OpenMP's or its own */
/* Flush subnormal numbers to zero inside kernels (default on). */
void fnn_set_flush_denormal(int on);
int fnn_get_flush_denormal(void);

#endif
