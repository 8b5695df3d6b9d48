/* unit.inc.h -- all kernels for one instruction set and one type: included once by each file of isa/, which defines
 * FNN_ISA and REAL_IS_F32.
 *
 * Everything is static, so that code built with wide instructions can never be linked into another unit; only the
 * table leaves this one.
 */
#include "fastnn.h"
#include "memory.h"
#include "parallel.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define FNN_PASTE_(a, b, c) a##b##c
#define FNN_PASTE(a, b, c) FNN_PASTE_(a, b, c)
#define FNN_TEXT_(a) #a
#define FNN_TEXT(a) FNN_TEXT_(a)

#if REAL_IS_F32
#define REAL float
#define FNN_TYPE _f32
#else
#define REAL double
#define FNN_TYPE _f64
#endif

#include "kernels/all.inc.h"

const fnn_kernels FNN_PASTE(fnn_kernels_, FNN_ISA, FNN_TYPE) = {
    .isa = FNN_TEXT(FNN_ISA),
#define KERNEL(result, name, params) .name = name,
#include "kernels.def"
#undef KERNEL
};
