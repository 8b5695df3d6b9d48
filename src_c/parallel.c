/* parallel.c -- the thread limit, fork safety and the one OpenMP region of the library. */
#include "parallel.h"
#include "fastnn.h"

#ifdef _OPENMP
#include <omp.h>
#endif
#ifndef _WIN32
#include <pthread.h>
#endif

int fnn_threads = 1;
int fnn_serial = 0;
int fnn_flush_denormal = 1;
double fnn_thread_cost = 6000.0;

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

void fnn_run_blocks(int threads, int64_t n, int64_t grain, fnn_range range, void *context)
{
    int64_t blocks = (n + grain - 1) / grain;
    if (threads > blocks)
        threads = (int)blocks;
#ifdef _OPENMP
#pragma omp parallel num_threads(threads)
    {
        int64_t team = omp_get_num_threads(), id = omp_get_thread_num();
#else
    {
        int64_t team = 1, id = 0;
        (void)threads;
#endif
        int64_t begin = blocks * id / team * grain, end = blocks * (id + 1) / team * grain;
        if (end > n)
            end = n;
        if (begin < end) {
            unsigned mode = fnn_enter();
            range(context, begin, end);
            fnn_leave(mode);
        }
    }
}
