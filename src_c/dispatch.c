/* dispatch.c -- chooses a table of kernels by what the CPU can do; features decide, not model names. */
#include "fastnn.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

extern const fnn_kernels fnn_kernels_baseline[2];
#if FNN_HAVE_AVX2
extern const fnn_kernels fnn_kernels_avx2[2];
#endif
#if FNN_HAVE_AVX512
extern const fnn_kernels fnn_kernels_avx512[2];
#endif

const fnn_kernels *fnn_active = fnn_kernels_baseline;

const char *const fnn_kernel_names[] = {
#define KERNEL(result, name, params) #name,
#include "kernels.def"
#undef KERNEL
    0};

const char *const fnn_unary_names[] = {
#define UNARY(name, forward, backward, saves, cost) #name,
#include "kernels/elementwise.def"
#undef UNARY
    0};

const char *const fnn_binary_names[] = {
#define BINARY(name, expression, cost) #name,
#define COMPARE(name, expression)
#include "kernels/binary.def"
#undef BINARY
#undef COMPARE
    0};

const char *const fnn_compare_names[] = {
#define BINARY(name, expression, cost)
#define COMPARE(name, expression) #name,
#include "kernels/binary.def"
#undef BINARY
#undef COMPARE
    0};

const int fnn_unary_saves[] = {
#define UNARY(name, forward, backward, saves, cost) saves,
#include "kernels/elementwise.def"
#undef UNARY
};

#if defined(__x86_64__)
/* The operating system must save the wide registers too, or using them kills the process. */
static uint64_t enabled_state(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
        return 0;
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((uint64_t)high << 32) | low;
}

static int cpu_has_avx2(void)
{
    unsigned a, b, c, d;
    if ((enabled_state() & 0x6) != 0x6)
        return 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_FMA) || !(c & bit_F16C))
        return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX2) && (b & bit_BMI) &&
           (b & bit_BMI2);
}

static int cpu_has_avx512(void)
{
    const unsigned needed = bit_AVX512F | bit_AVX512CD | bit_AVX512VL | bit_AVX512BW | bit_AVX512DQ;
    unsigned a, b, c, d;
    if (!cpu_has_avx2() || (enabled_state() & 0xe6) != 0xe6)
        return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & needed) == needed;
}
#endif

/* Slowest first. */
static int list_tables(const fnn_kernels *tables[3])
{
    int count = 0;
    tables[count++] = fnn_kernels_baseline;
#if FNN_HAVE_AVX2
    if (cpu_has_avx2())
        tables[count++] = fnn_kernels_avx2;
#endif
#if FNN_HAVE_AVX512
    if (cpu_has_avx512())
        tables[count++] = fnn_kernels_avx512;
#endif
    return count;
}

int fnn_available(const char *names[], int capacity)
{
    const fnn_kernels *tables[3];
    int count = list_tables(tables);
    for (int i = 0; i < count && i < capacity; i++)
        names[i] = tables[i]->isa;
    return count;
}

const char *fnn_best(void)
{
    const fnn_kernels *tables[3];
    return tables[list_tables(tables) - 1]->isa;
}

int fnn_select(const char *isa)
{
    const fnn_kernels *tables[3];
    int count = list_tables(tables);
    for (int i = 0; i < count; i++)
        if (strcmp(tables[i]->isa, isa) == 0) {
            fnn_active = tables[i];
            return 0;
        }
    return -1;
}

const char *const fnn_loss_names[] = {
#define POINTWISE_LOSS(name, cost, forward, grad_input, grad_target) #name,
#include "kernels/loss.def"
#undef POINTWISE_LOSS
    0};
