/* memory.h -- aligned buffers for arrays and scratch, kept for reuse: fresh pages cost more than arithmetic. */
#ifndef FNN_MEMORY_H
#define FNN_MEMORY_H

#include <stddef.h>

#define FNN_ALIGNMENT 64

/* At least `size` bytes, aligned to a cache line, contents undefined; NULL when memory is out. */
void *fnn_alloc(size_t size);
void fnn_free(void *pointer);
void *fnn_realloc(void *pointer, size_t size);
/* Bytes kept for reuse now, and giving them back to the system. */
size_t fnn_cached_bytes(void);
void fnn_empty_cache(void);

/* For tests: new blocks get guard bytes on both sides, checked when they are freed. fnn_guard_damage()
 * counts the blocks found damaged since it was last called or guards were set. */
void fnn_set_guard(int on);
size_t fnn_guard_damage(void);
/* Also for tests, while guards are on: fnn_alloc fails after `count` blocks more; -1: never. */
void fnn_fail_after(long count);

#endif
