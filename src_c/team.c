/* team.c -- a team of threads that wait for work, in POSIX threads.
 *
 * Shares are handed out one by one, to the caller too: a thread that the system does not run (another process has its
 * processor) keeps nobody waiting, because others take its share. Threads spin for some microseconds between regions,
 * which is what regions of small work are apart, and sleep then.
 */
#include "team.h"

#if !defined(_OPENMP) && !defined(_WIN32)
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

#define STACK_SIZE ((size_t)1 << 20) /* the largest frame of a kernel takes 100 KB */
#define SPINS 2000                   /* looks at what is waited for before going to sleep: some ten microseconds */

static atomic_flag taken = ATOMIC_FLAG_INIT; /* by a region */

/* For ThreadSanitizer: what a thread does in two shares, one after the other, would hide that others do it at once. */
#ifndef FNN_ONE_SHARE_EACH
#define FNN_ONE_SHARE_EACH 0
#endif

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t begun = PTHREAD_COND_INITIALIZER, ended = PTHREAD_COND_INITIALIZER;
static int threads_made;       /* all below: under the lock; the atomic ones are looked at without, too */
static atomic_uint regions;    /* so far */
static atomic_int shares_left; /* not done yet, of those that were handed out or will be */
static int next_share, shares;
static fnn_share share_of_region;
static void *context_of_region;

static inline void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Under the lock: shares of the region until all are handed out. */
static void take_shares(int caller)
{
    while (next_share < shares) {
        const int id = next_share++, team = shares;
        const fnn_share share = share_of_region;
        void *const context = context_of_region;
        pthread_mutex_unlock(&lock);
        share(context, id, team, caller);
        pthread_mutex_lock(&lock);
        if (--shares_left == 0 && !caller)
            pthread_cond_signal(&ended);
        if (FNN_ONE_SHARE_EACH)
            break;
    }
}

static void *wait_for_work(void *unused)
{
    unsigned seen = 0;
    for (;;) {
        for (int i = 0; i < SPINS && regions == seen; i++)
            pause_briefly();
        pthread_mutex_lock(&lock);
        while (regions == seen)
            pthread_cond_wait(&begun, &lock);
        seen = regions;
        take_shares(0);
        pthread_mutex_unlock(&lock);
    }
    return unused;
}

/* Under the lock: whether there is one more thread. It gets no signals, which belong to the program's own threads. */
static int make_thread(void)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes))
        return 0;
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int made = pthread_create(&thread, &attributes, wait_for_work, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    threads_made += made;
    return made;
}

int fnn_team_run(int threads, fnn_share share, void *context)
{
    if (atomic_flag_test_and_set_explicit(&taken, memory_order_acquire)) {
        share(context, 0, 1, 1);
        return threads; /* there are so many, elsewhere */
    }
    pthread_mutex_lock(&lock);
    while (threads_made < threads - 1 && make_thread())
        ;
    const int team = threads - 1 < threads_made ? threads : threads_made + 1;
    share_of_region = share, context_of_region = context;
    next_share = 0, shares = shares_left = team;
    regions++;
    pthread_cond_broadcast(&begun);
    take_shares(1);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < SPINS && shares_left > 0; i++)
        pause_briefly();
    pthread_mutex_lock(&lock);
    while (shares_left > 0)
        pthread_cond_wait(&ended, &lock);
    pthread_mutex_unlock(&lock);
    atomic_flag_clear_explicit(&taken, memory_order_release);
    return team;
}
#else
typedef int fnn_no_team; /* a unit that is not empty */
#endif
