/* parallel.c -- the thread limit, fork safety and the one OpenMP region of the library. */
#ifdef __linux__
#define _GNU_SOURCE /* sched_getcpu and the affinity of threads */
#include <sched.h>
#endif

#include "parallel.h"
#include "fastnn.h"

#include <stdatomic.h>
#include <time.h>

#ifdef _OPENMP
#include <omp.h>
#endif
#ifndef _WIN32
#include <pthread.h>
#endif

int fnn_threads = 1;
int fnn_serial = 0;
int fnn_flush_denormal = 1;
double fnn_thread_cost = 3000.0;

#ifndef _WIN32
/* libgomp's pool is gone in a forked child, yet its team is not reset: a region would wait for ever. */
static void after_fork_in_child(void)
{
    fnn_serial = 1;
}

__attribute__((constructor)) static void watch_fork(void)
{
    pthread_atfork(0, 0, after_fork_in_child);
}
#endif

void fnn_set_num_threads(int n)
{
    fnn_threads = n < 1 ? 1 : n;
}

int fnn_get_num_threads(void)
{
    return fnn_serial ? 1 : fnn_threads;
}

int fnn_openmp_version(void)
{
#ifdef _OPENMP
    return _OPENMP;
#else
    return 0;
#endif
}

void fnn_set_flush_denormal(int on)
{
    fnn_flush_denormal = on != 0;
}

int fnn_get_flush_denormal(void)
{
    return fnn_flush_denormal;
}

/* When others hold the processors (another process, or another library's waiting threads, which spin), a region
 * waits at its end until its last thread is scheduled: some milliseconds instead of microseconds, and again in the
 * next region. So a region that took absurdly long makes the following ones run on their caller alone, for a time
 * that doubles while stalls follow each other. Results do not depend on it: they are the same for any number of
 * threads. */
#define STALL_FACTOR 4.0    /* slower than this times the whole work on one thread ... */
#define STALL_SLACK 500e3   /* ... plus this many ns is a stall, not a bad estimate */
#define SHORTEST_PAUSE 1e6  /* ns */
#define LONGEST_PAUSE 512e6 /* ns */
#define GOOD_REGIONS 64     /* between two stalls make the second one a new case */

/* Threads that have waited for so many ns sleep, and the processor below them may sleep as well: waking both is paid
 * once and says nothing about the regions that follow. */
#define ASLEEP 5e6

#ifdef _OPENMP
static _Atomic(int64_t) last_team_end;
static _Atomic(int64_t) pause_until;
static _Atomic(int64_t) pause_length;
static _Atomic(int) good_regions;

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void judge(int64_t start, int64_t end, double work)
{
    if ((double)(end - start) <= STALL_FACTOR * work + STALL_SLACK) {
        good_regions++;
        return;
    }
    int64_t length = good_regions < GOOD_REGIONS ? pause_length * 2 : 0;
    length = length < (int64_t)SHORTEST_PAUSE ? (int64_t)SHORTEST_PAUSE : length;
    length = length > (int64_t)LONGEST_PAUSE ? (int64_t)LONGEST_PAUSE : length;
    pause_length = length;
    pause_until = end + length;
    good_regions = 0;
}

/* Linux wakes a thread where it ran last. If that is the caller's processor (because another thread held the others at
 * the time), the caller waits for it spinning, so it runs only when the caller's time slice ends: 8 ms, measured,
 * and again after each sleep, with the other processors idle. Leaving once ends it; the allowed set stays as it was.
 * Returns whether this thread was there and had another place to go. */
#ifdef __linux__
static int leave_processor(int home)
{
    cpu_set_t allowed, others;
    if (home < 0 || sched_getcpu() != home || sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return 0;
    others = allowed;
    CPU_CLR(home, &others);
    return CPU_COUNT(&others) > 0 && sched_setaffinity(0, sizeof others, &others) == 0 &&
           sched_setaffinity(0, sizeof allowed, &allowed) == 0;
}
#else
#define sched_getcpu() (-1)
#define leave_processor(home) ((void)(home), 0)
#endif
#endif

static void run_alone(int64_t n, fnn_range range, void *context)
{
    unsigned mode = fnn_enter();
    range(context, 0, n);
    fnn_leave(mode);
}

void fnn_run_blocks(int threads, double work, int64_t n, int64_t grain, fnn_range range, void *context)
{
    int64_t blocks = (n + grain - 1) / grain;
    if (threads > blocks)
        threads = (int)blocks;
#ifdef _OPENMP
    const int64_t start = now();
    if (threads > 1 && start >= pause_until) {
        const int home = sched_getcpu();
        int left = 0; /* did a thread leave the caller's processor? Its late start is no stall */
#pragma omp parallel num_threads(threads)
        {
            if (omp_get_thread_num() > 0 && leave_processor(home)) {
#pragma omp atomic write
                left = 1;
            }
            int64_t team = omp_get_num_threads(), id = omp_get_thread_num();
            int64_t begin = blocks * id / team * grain, end = blocks * (id + 1) / team * grain;
            if (end > n)
                end = n;
            if (begin < end) {
                unsigned mode = fnn_enter();
                range(context, begin, end);
                fnn_leave(mode);
            }
        }
        const int64_t end = now(), before = last_team_end;
        last_team_end = end;
        if (!left && start - before < (int64_t)ASLEEP)
            judge(start, end, work);
        return;
    }
#endif
    (void)work;
    run_alone(n, range, context);
}
