/* dispatch.c -- chooses a table of kernels by what the CPU can do; features decide, not model names. */
#include "fastnn.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

fnn_kernels fnn_active[2];

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

const char *const fnn_loss_names[] = {
#define POINTWISE_LOSS(name, cost, forward, grad_input, grad_target) #name,
#include "kernels/loss.def"
#undef POINTWISE_LOSS
    0};

const char *const fnn_conv_names[] = {
#define CONV_IMPLEMENTATION(name, forward, input, weight) #name,
#include "kernels/conv/conv.def"
#undef CONV_IMPLEMENTATION
    0};

int fnn_conv_forced = -1;

#if defined(__clang__)
const char *const fnn_compiler = "clang " __clang_version__;
#elif defined(__GNUC__)
const char *const fnn_compiler = "gcc " __VERSION__;
#else
const char *const fnn_compiler = "unknown";
#endif

#ifdef FNN_FLAGS /* setup.py: the options of all kernels, then each instruction set's */
const char *const fnn_compiler_flags = FNN_FLAGS;
#else
const char *const fnn_compiler_flags = "";
#endif

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
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX2) && (b & bit_BMI) && (b & bit_BMI2);
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

static int always(void)
{
    return 1;
}

/* Those that were built, slowest first. */
#define TABLES(isa) extern const fnn_kernels fnn_kernels_##isa##_f32, fnn_kernels_##isa##_f64
#define VARIANT(isa, works) {{&fnn_kernels_##isa##_f32, &fnn_kernels_##isa##_f64}, works}
TABLES(baseline);
TABLES(avx2);
TABLES(avx512);
static const struct {
    const fnn_kernels *tables[2];
    int (*works)(void);
} variants[] = {
    VARIANT(baseline, always),
#if FNN_HAVE_AVX2
    VARIANT(avx2, cpu_has_avx2),
#endif
#if FNN_HAVE_AVX512
    VARIANT(avx512, cpu_has_avx512),
#endif
};
enum { VARIANTS = sizeof variants / sizeof *variants };

int fnn_available(const char *names[], int capacity)
{
    int count = 0;
    for (int i = 0; i < VARIANTS && count < capacity; i++)
        if (variants[i].works())
            names[count++] = variants[i].tables[0]->isa;
    return count;
}

const char *fnn_best(void)
{
    const char *names[VARIANTS];
    return names[fnn_available(names, VARIANTS) - 1];
}

int fnn_select(const char *isa)
{
    for (int i = 0; i < VARIANTS; i++)
        if (strcmp(variants[i].tables[0]->isa, isa) == 0 && variants[i].works()) {
            for (int type = 0; type < 2; type++)
                fnn_active[type] = *variants[i].tables[type];
            return 0;
        }
    return -1;
}
