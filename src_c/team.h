/* team.h -- threads without OpenMP: one team of POSIX threads, for builds whose compiler has no OpenMP (Apple's) and
 * for ThreadSanitizer, which does not understand OpenMP's runtime. Used by parallel.c alone. */
#ifndef FNN_TEAM_H
#define FNN_TEAM_H

/* Share `id` of `team` of the work; caller: on the thread that called fnn_team_run. */
typedef void (*fnn_share)(void *context, int id, int team, int caller);

/* Do all shares on up to `threads` threads, this one among them, and return how many there are. While another thread's
 * work, or work around this call, has the team, this thread does all by itself. */
int fnn_team_run(int threads, fnn_share share, void *context);

#endif
