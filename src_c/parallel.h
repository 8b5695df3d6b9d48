/* parallel.h -- how a kernel uses threads. The only home of threads in the kernels.
 *
 * A kernel describes its work as `n` items cut into blocks of `grain` items, and a function that does
 * a range of them. Block borders depend on n and grain alone, never on the number of threads, and a
 * block is always done by one thread: so a kernel whose ranges write disjoint outputs (or one partial
 * result per block, added later in block order) gives the same bits for any thread count.
 *
 * `cost` estimates the nanoseconds that one item takes on one core. Work below two thresholds stays on
 * the calling thread.
 *
 * Long work can be interrupted: a thread takes its share in slices, and between them the calling thread asks the
 * program above whether to go on (fnn_set_look). If not, what is left of the call is skipped; its outputs are
 * undefined.
 */
#ifndef FNN_PARALLEL_H
#define FNN_PARALLEL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

extern atomic_int fnn_threads;        /* upper limit, set by fnn_set_num_threads */
extern atomic_int fnn_serial;         /* set in a forked child: threads do not survive fork */
extern atomic_int fnn_flush_denormal; /* see fnn_set_flush_denormal */

/* A limit of the calling thread's own beside fnn_threads; 0: none. */
extern _Thread_local int fnn_own_limit;

/* Nanoseconds of work that pay for one more thread; a region costs about 1 us when the pool is warm.
 * Tests set it to 0, so that small arrays are split too. */
extern double fnn_thread_cost;

/* More are not asked for: the OpenMP runtime keeps something for each on the caller's stack. */
#define FNN_MOST_THREADS 1024

/* Nanoseconds of work that may have to be interrupted. */
#define FNN_LONG 1e6

typedef void (*fnn_range)(void *context, int64_t begin, int64_t end);

/* The processor's denormal mode is a property of a thread and belongs to the caller: enter and leave. */
static inline unsigned fnn_enter(void)
{
#if defined(__x86_64__) || defined(_M_X64)
    unsigned saved = _mm_getcsr();
    if (fnn_flush_denormal && (saved & 0x8040) != 0x8040)
        _mm_setcsr(saved | 0x8040); /* FTZ | DAZ */
    return saved;
#elif defined(__aarch64__)
    uint64_t saved;
    __asm__ volatile("mrs %0, fpcr" : "=r"(saved));
    const uint64_t wanted = saved | (1u << 25) | (fnn_flush_denormal ? 1u << 24 : 0); /* one NaN, FZ */
    if (saved != wanted)
        __asm__ volatile("msr fpcr, %0" : : "r"(wanted));
    return (unsigned)saved;
#else
    return 0;
#endif
}

static inline void fnn_leave(unsigned saved)
{
#if defined(__x86_64__) || defined(_M_X64)
    if (_mm_getcsr() != saved)
        _mm_setcsr((_mm_getcsr() & 0x3f) | saved); /* keep raised exception flags */
#elif defined(__aarch64__)
    uint64_t mode = saved;
    __asm__ volatile("msr fpcr, %0" : : "r"(mode));
#else
    (void)saved;
#endif
}

/* How many threads `work` nanoseconds deserve. */
static inline int fnn_threads_for(double work)
{
    if (fnn_threads <= 1 || fnn_serial || work < 2 * fnn_thread_cost)
        return 1;
    const int most = fnn_own_limit && fnn_own_limit < fnn_threads ? fnn_own_limit : fnn_threads;
    return work < most * fnn_thread_cost ? (int)(work / fnn_thread_cost) : most;
}

/* `work`: the estimate for all n items, in nanoseconds on one core; sliced: see fnn_parallel_whole. */
void fnn_run_blocks(int threads, double work, int64_t n, int64_t grain, fnn_range range, void *context, int sliced);

/* Whether what this thread works for was interrupted: for loops within a range that may take tens of milliseconds, and
 * for loops of short regions. It costs some nanoseconds; if so, the caller returns. */
int fnn_interrupted(void);
int fnn_interrupted_between(void);

/* Scratch memory for a kernel, to be freed with fnn_free. NULL: there is none; then fnn_status of the call says so. */
void *fnn_scratch(size_t size);

/* What a kernel that takes scratch memory returns when it ends: FNN_NO_MEMORY if it or one of its threads got none, or
 * 0. Asking ends the call: once for each. */
int fnn_status(void);

/* `look` is called now and then on the thread that called a long kernel; not 0 interrupts it. Then the program must
 * call fnn_resume on that thread before the next kernel. */
void fnn_set_look(int (*look)(void));
void fnn_resume(void);

/* For tests: what kernels find on the stacks of the calling thread and of as many as it may have is NaN. */
void fnn_spoil_stacks(void);

static inline void fnn_parallel(int64_t n, int64_t grain, double cost, fnn_range range, void *context, int sliced)
{
    if (n <= 0)
        return;
    const double work = (double)n * cost;
    const int threads = n > grain ? fnn_threads_for(work) : 1;
    if (threads > 1 || work >= FNN_LONG) {
        fnn_run_blocks(threads, work, n, grain, range, context, sliced);
    } else {
        unsigned mode = fnn_enter();
        range(context, 0, n);
        fnn_leave(mode);
    }
}

/* Do items 0..n-1, at least `grain` together. */
static inline void fnn_parallel_for(int64_t n, int64_t grain, double cost, fnn_range range, void *context)
{
    fnn_parallel(n, grain, cost, range, context, 1);
}

/* The same in one range for each thread, for those that items together make cheaper; `range` asks fnn_interrupted. */
static inline void fnn_parallel_whole(int64_t n, int64_t grain, double cost, fnn_range range, void *context)
{
    fnn_parallel(n, grain, cost, range, context, 0);
}

#endif
