/* parallel.c -- the thread limit, fork safety and the one parallel region of the library: OpenMP's, or team.c's. */
#ifdef __linux__
#define _GNU_SOURCE /* sched_getcpu and the affinity of threads */
#include <sched.h>
#include <sys/syscall.h>
#endif

#include "parallel.h"
#include "fastnn.h"
#include "memory.h"
#include "team.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef _OPENMP
#include <omp.h>
#endif
#ifndef _WIN32
#include <pthread.h>
#include <unistd.h>
#endif

#if defined(_OPENMP) || !defined(_WIN32)
#define HAVE_THREADS 1
#endif

atomic_int fnn_threads = 1;
atomic_int fnn_serial = 0;
_Thread_local int fnn_own_limit = 0;
atomic_int fnn_flush_denormal = 1;
double fnn_thread_cost = 3000.0;

#ifndef _WIN32
/* The threads are gone in a forked child, yet OpenMP's team is not reset: a region would wait for ever. */
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
    fnn_threads = n < 1 ? 1 : n < FNN_MOST_THREADS ? n : FNN_MOST_THREADS;
}

int fnn_get_num_threads(void)
{
    return fnn_serial ? 1 : fnn_threads;
}

int fnn_limit_this_thread(int n)
{
    const int before = fnn_own_limit;
    fnn_own_limit = n;
    return before;
}

int fnn_openmp_version(void)
{
#ifdef _OPENMP
    return _OPENMP;
#else
    return 0;
#endif
}

int fnn_has_threads(void)
{
#ifdef HAVE_THREADS
    return 1;
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

/* What this thread is doing. */
static _Thread_local struct {
    atomic_int *stop; /* of the region it is in, NULL outside: shall its threads skip what is left? */
    int worker;       /* of a region that another thread called */
    unsigned mode;    /* of the caller, for the time of a look */
    int64_t next_look;
    int interrupted; /* this thread's call of a kernel, not resumed yet */
    int verified;    /* a team of so many threads can be had */
    int no_memory;   /* for scratch, in the call that runs now */
} here;

static int (*look)(void);

#define SLICE 1e6       /* ns of the first slice by the kernel's estimate; the others follow the clock, */
#define SHORT_SLICE 5e6 /* between these, about */
#define LONG_SLICE 20e6
#define LOOK_AFTER 50e6 /* ns between two looks */

#ifndef CLOCK_MONOTONIC_COARSE /* good to some milliseconds, a few ns to ask */
#define CLOCK_MONOTONIC_COARSE CLOCK_MONOTONIC
#endif

static int64_t clock_of(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t now(void)
{
    return clock_of(CLOCK_MONOTONIC);
}

void fnn_set_look(int (*function)(void))
{
    look = function;
}

void fnn_resume(void)
{
    here.interrupted = 0;
}

/* On the calling thread, in its own floating-point mode. The program may call kernels meanwhile. */
int fnn_interrupted_between(void)
{
    const int64_t time = clock_of(CLOCK_MONOTONIC_COARSE);
    if (here.interrupted || !look || time < here.next_look)
        return here.interrupted;
    here.next_look = time + (int64_t)LOOK_AFTER;
    const int no_memory = here.no_memory; /* of this call, not of those that the program makes */
    here.interrupted = look() != 0;
    here.no_memory = no_memory;
    return here.interrupted;
}

void *fnn_scratch(size_t size)
{
    void *const memory = fnn_alloc(size);
    here.no_memory |= !memory;
    return memory;
}

int fnn_status(void)
{
    const int status = here.no_memory ? FNN_NO_MEMORY : 0;
    here.no_memory = 0;
    return status;
}

int fnn_interrupted(void)
{
    if (!here.stop)
        return here.interrupted;
    if (!here.worker && !atomic_load_explicit(here.stop, memory_order_relaxed)) {
        fnn_leave(here.mode);
        if (fnn_interrupted_between())
            atomic_store(here.stop, 1);
        fnn_enter();
    }
    return atomic_load_explicit(here.stop, memory_order_relaxed);
}

typedef struct {
    int64_t n, grain, slice; /* slice: blocks that are done together first */
    fnn_range range;
    void *context;
    atomic_int stop, no_memory;
} work_of_team;

/* Blocks [from, to), on a thread of a region or alone. */
static void run_share(work_of_team *work, int worker, int64_t from, int64_t to)
{
    const unsigned mode = fnn_enter();
    atomic_int *const outer_stop = here.stop; /* not NULL: called by what a look has called */
    const int outer_worker = here.worker;
    const unsigned outer_mode = here.mode;
    int64_t slice = work->slice, begun = slice < to - from ? now() : 0;
    here.stop = &work->stop, here.worker = worker, here.mode = mode;
    while (from < to && !fnn_interrupted()) {
        const int64_t last = slice < to - from ? from + slice : to;
        work->range(work->context, from * work->grain, last * work->grain < work->n ? last * work->grain : work->n);
        from = last;
        if (from < to) {
            const int64_t end = now(), took = end - begun;
            begun = end;
            if (took < (int64_t)SHORT_SLICE)
                slice *= 2;
            else if (took > (int64_t)LONG_SLICE)
                slice = (slice + 1) / 2;
        }
    }
    here.stop = outer_stop, here.worker = outer_worker, here.mode = outer_mode;
    if (worker && fnn_status())
        atomic_store(&work->no_memory, 1);
    fnn_leave(mode);
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

#ifdef _OPENMP
/* What the runtime allowed when it was loaded; who lowers that (as threadpoolctl does) is obeyed. */
static int allowed_at_first;

__attribute__((constructor)) static void read_allowed(void)
{
    allowed_at_first = omp_get_max_threads();
}

/* OpenMP's runtime ends the process if it does not get a thread, and a kernel does if its stack is too small. So before
 * a thread calls its first region of so many threads, they are created for a trial, with the stack that the runtime
 * will ask for. */
#define STACK_NEEDED ((size_t)256 << 10) /* the largest frame of a kernel takes 100 KB */

#ifndef _WIN32
static size_t stack_asked; /* by the environment when OpenMP's runtime was loaded, too; 0: not */

/* A number with B, K (default), M or G, as the OpenMP specification says. */
static size_t parse_stack(const char *text)
{
    static const char units[] = "bkmg";
    char *end;
    while (text && isspace((unsigned char)*text))
        text++;
    if (!text || !isdigit((unsigned char)*text))
        return 0;
    unsigned long long size = strtoull(text, &end, 10);
    while (isspace((unsigned char)*end))
        end++;
    const char *const unit = *end ? strchr(units, tolower((unsigned char)*end)) : units + 1;
    for (end += *end != 0; isspace((unsigned char)*end); end++)
        ;
    const int shift = unit ? 10 * (int)(unit - units) : 0;
    return unit && !*end && size <= SIZE_MAX >> shift ? (size_t)size << shift : 0;
}

__attribute__((constructor)) static void read_stack_size(void)
{
    stack_asked = parse_stack(getenv("OMP_STACKSIZE"));
    if (!stack_asked)
        stack_asked = parse_stack(getenv("GOMP_STACKSIZE"));
}

typedef struct {
    pthread_mutex_t gate;
    pthread_t threads[FNN_MOST_THREADS];
    atomic_int ids[FNN_MOST_THREADS], entered;
} trial;

static void *wait_at_gate(void *context)
{
    trial *const t = context;
#ifdef __linux__
    t->ids[atomic_fetch_add(&t->entered, 1)] = (int)syscall(SYS_gettid);
#endif
    pthread_mutex_lock(&t->gate);
    pthread_mutex_unlock(&t->gate);
    return NULL;
}

/* A joined thread may still count against the process' limits for a moment. */
static void wait_until_gone(const trial *t)
{
#ifdef __linux__
    const int64_t end = now() + 100000000;
    for (int i = 0; i < t->entered; i++)
        while (syscall(SYS_tgkill, getpid(), t->ids[i], 0) == 0 && now() < end)
            sched_yield();
#else
    (void)t;
#endif
}

/* How many of so many threads the system grants beside this one; where it grants fewer, an eighth of them is left out,
 * because what their stacks would take the program needs. */
static int try_threads(int wanted)
{
    pthread_attr_t attr;
    size_t stack = 0;
    int count = 0;
    trial *const t = calloc(1, sizeof(trial));
    if (!t || pthread_attr_init(&attr)) {
        free(t);
        return 0;
    }
    if (stack_asked)
        pthread_attr_setstacksize(&attr, stack_asked); /* refused: the runtime takes the default, too */
    if (pthread_attr_getstacksize(&attr, &stack) == 0 && stack >= STACK_NEEDED) {
        pthread_mutex_init(&t->gate, NULL);
        pthread_mutex_lock(&t->gate);
        while (count < wanted && pthread_create(&t->threads[count], &attr, wait_at_gate, t) == 0)
            count++;
        pthread_mutex_unlock(&t->gate);
        for (int i = 0; i < count; i++)
            pthread_join(t->threads[i], NULL);
        wait_until_gone(t);
        pthread_mutex_destroy(&t->gate);
    }
    pthread_attr_destroy(&attr);
    free(t);
    return count < wanted ? count - count / 8 : count;
}
#else
#define try_threads(wanted) (wanted)
#endif

/* `threads`, or as many as there can be; then that is the new limit, which the user sees. */
static int team_of(int threads)
{
    if (threads <= here.verified)
        return threads;
    const int granted = 1 + try_threads(threads - 1);
    if (granted < threads)
        fnn_threads = granted;
    here.verified = granted;
    return granted;
}
#endif

#ifdef HAVE_THREADS
/* What the threads of a region share. */
typedef struct {
    work_of_team *work;
    int64_t blocks;
    int home;        /* the caller's processor */
    atomic_int left; /* did a thread leave it? Its late start is no stall */
} region;

static void run_part(void *context, int id, int team, int caller)
{
    region *const r = context;
#ifdef _OPENMP
    if (!caller && leave_processor(r->home))
        atomic_store(&r->left, 1);
#endif
    run_share(r->work, !caller, r->blocks * id / team, r->blocks * (id + 1) / team);
}

/* All blocks by so many threads. */
static void run_team(int threads, double work, work_of_team *team_work, int64_t blocks)
{
    region r = {.work = team_work, .blocks = blocks};
#ifdef _OPENMP
    const int64_t start = now(), look_due = here.next_look;
    r.home = sched_getcpu();
#pragma omp parallel num_threads(threads)
    run_part(&r, omp_get_thread_num(), omp_get_num_threads(), omp_get_thread_num() == 0);
    const int64_t end = now(), before = last_team_end;
    last_team_end = end;
    if (!atomic_load(&r.left) && look_due == here.next_look && start - before < (int64_t)ASLEEP)
        judge(start, end, work);
#else
    (void)work;
    const int granted = fnn_team_run(threads, run_part, &r);
    if (granted < threads)
        fnn_threads = granted;
#endif
    here.no_memory |= atomic_load(&team_work->no_memory);
}

/* How many of so many threads may be used now. */
static int usable(int threads)
{
#ifdef _OPENMP
    if (threads > 1) {
        const int allowed = omp_get_max_threads();
        if (threads > allowed && allowed < allowed_at_first)
            threads = allowed;
    }
    return threads > 1 && now() >= pause_until ? team_of(threads) : 1;
#else
    return threads;
#endif
}
#endif

void fnn_run_blocks(int threads, double work, int64_t n, int64_t grain, fnn_range range, void *context, int sliced)
{
    const int64_t blocks = (n + grain - 1) / grain;
    const double slice = sliced && work > SLICE ? (double)blocks * (SLICE / work) : (double)blocks;
    work_of_team team_work = {.n = n,
                              .grain = grain,
                              .slice = slice > 1 ? (int64_t)slice : 1,
                              .range = range,
                              .context = context};
    if (here.interrupted)
        return;
    if (threads > blocks)
        threads = (int)blocks;
#ifdef HAVE_THREADS
    threads = usable(threads);
    if (threads > 1) {
        run_team(threads, work, &team_work, blocks);
        return;
    }
#endif
    run_share(&team_work, 0, 0, blocks);
}

/* ---- for tests ---- */

#define SPOILT ((size_t)192 << 10) /* bytes of a stack */

static void __attribute__((noinline)) spoil_range(void *context, int64_t begin, int64_t end)
{
    char stack[SPOILT];
    memset(stack, 0xff, sizeof stack);
    __asm__ volatile("" : : "r"(stack) : "memory"); /* it is read */
    (void)context, (void)begin, (void)end;
}

void fnn_spoil_stacks(void)
{
    fnn_parallel_for(fnn_threads, 1, 2 * fnn_thread_cost + 1, spoil_range, NULL);
}
