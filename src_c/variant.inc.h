/* variant.inc.h -- all kernels for one instruction set: included once by each file of isa/.
 *
 * Every family is compiled for float and for double. Everything is static, so that code built with
 * wide instructions can never be linked into another variant; only the table leaves this unit.
 */
#include "fastnn.h"
#include "memory.h"
#include "parallel.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define FNN_PASTE_(a, b) a##b
#define FNN_PASTE(a, b) FNN_PASTE_(a, b)
#define FNN_TEXT_(a) #a
#define FNN_TEXT(a) FNN_TEXT_(a)

#define REAL float
#define REAL_IS_F32 1
#define FN(name) FNN_PASTE(name, _f32)
#include "kernels/all.inc.h"
#undef REAL
#undef REAL_IS_F32
#undef FN

#define REAL double
#define REAL_IS_F32 0
#define FN(name) FNN_PASTE(name, _f64)
#include "kernels/all.inc.h"
#undef REAL
#undef REAL_IS_F32
#undef FN

const fnn_kernels FNN_PASTE(fnn_kernels_, FNN_ISA)[2] = {
    {
        .isa = FNN_TEXT(FNN_ISA),
#define KERNEL(result, name, params) .name = name##_f32,
#include "kernels.def"
#undef KERNEL
    },
    {
        .isa = FNN_TEXT(FNN_ISA),
#define KERNEL(result, name, params) .name = name##_f64,
#include "kernels.def"
#undef KERNEL
    },
};
