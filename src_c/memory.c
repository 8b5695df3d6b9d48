/* memory.c -- free lists by size class. Classes are four per doubling, so at most a fifth of a block is
 * unused. A header one cache line long in front of each block holds its class. */
#include "memory.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef _WIN32
#include <malloc.h>
#else
#include <pthread.h>
#endif
#ifdef __linux__
#include <sys/mman.h>
#endif

#define CLASSES 128
#define LARGEST_KEPT ((size_t)64 << 20)  /* larger blocks go back to the system at once */
#define KEEP_AT_MOST ((size_t)256 << 20) /* all free lists together */
#define HUGE_PAGE ((size_t)2 << 20)
#define HUGE_AT_LEAST ((size_t)4 << 20) /* smaller blocks do not ask for huge pages; NumPy's bound */

typedef struct header {
    struct header *next; /* in a free list */
    size_t capacity;     /* bytes behind the header */
    int size_class;      /* -1: not kept */
} header;

_Static_assert(sizeof(header) <= FNN_ALIGNMENT, "the header must fit its cache line");

/* Guarded blocks, for tests: contents start as 0xff (NaN), so that an element nobody wrote shows; bytes in
 * front (the rest of the header's line) and behind are checked when the block is freed. */
#define GUARDED (-2)
#define GUARD_BYTE 0xa5
static int guarding;
static size_t damaged;
static atomic_long blocks_left = -1; /* until allocation fails, for tests; < 0: for ever */

/* A block of the system's that begins at a multiple of FNN_ALIGNMENT; NULL if there is none. */
static void *system_block(size_t size)
{
#ifdef _WIN32
    return _aligned_malloc(size, FNN_ALIGNMENT);
#else
    void *memory;
    return posix_memalign(&memory, FNN_ALIGNMENT, size) ? NULL : memory;
#endif
}

static void release(void *memory)
{
#ifdef _WIN32
    _aligned_free(memory);
#else
    free(memory);
#endif
}

static header *free_lists[CLASSES];
static size_t cached;
static atomic_flag busy = ATOMIC_FLAG_INIT;

static void lock(void)
{
    while (atomic_flag_test_and_set_explicit(&busy, memory_order_acquire))
        ;
}

static void unlock(void)
{
    atomic_flag_clear_explicit(&busy, memory_order_release);
}

#ifndef _WIN32
/* A child forked while another thread is in here must find the lists whole and unlocked. */
__attribute__((constructor)) static void survive_fork(void)
{
    pthread_atfork(lock, unlock, unlock);
}
#endif

#if defined(__SANITIZE_ADDRESS__)
#define KEEP_BLOCKS 0 /* let the sanitizer see every buffer's life */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEP_BLOCKS 0
#endif
#endif
#ifndef KEEP_BLOCKS
#define KEEP_BLOCKS 1
#endif

/* Rounds *size up to its class' capacity and returns the class; -1 when such blocks are not kept. */
static int classify(size_t *size)
{
    if (!KEEP_BLOCKS || *size > LARGEST_KEPT)
        return -1;
    size_t lines = (*size + FNN_ALIGNMENT - 1) / FNN_ALIGNMENT;
    if (lines <= 4) {
        lines = lines ? lines : 1;
        *size = lines * FNN_ALIGNMENT;
        return (int)lines - 1;
    }
    int exponent = 63 - __builtin_clzll((unsigned long long)(lines - 1)); /* 2^e < lines <= 2^(e+1) */
    int quarter = exponent - 2;
    size_t steps = ((lines - 1) >> quarter) + 1; /* 5..8 quarters of 2^e */
    *size = (steps << quarter) * FNN_ALIGNMENT;
    return (exponent - 1) * 4 + (int)steps - 5;
}

static void *alloc_guarded(size_t size)
{
    if (atomic_load(&blocks_left) >= 0 && atomic_fetch_sub(&blocks_left, 1) <= 0) {
        atomic_store(&blocks_left, 0);
        return NULL;
    }
    void *memory = system_block(size + 2 * FNN_ALIGNMENT);
    if (!memory)
        return NULL;
    memset(memory, GUARD_BYTE, FNN_ALIGNMENT);
    header *block = memory;
    block->capacity = size;
    block->size_class = GUARDED;
    memset((char *)memory + FNN_ALIGNMENT, 0xff, size);
    memset((char *)memory + FNN_ALIGNMENT + size, GUARD_BYTE, FNN_ALIGNMENT);
    return (char *)memory + FNN_ALIGNMENT;
}

static void free_guarded(header *block)
{
    const unsigned char *front = (unsigned char *)block, *data = front + FNN_ALIGNMENT;
    int intact = 1;
    for (size_t i = sizeof(header); i < FNN_ALIGNMENT; i++)
        intact &= front[i] == GUARD_BYTE;
    for (size_t i = 0; i < FNN_ALIGNMENT; i++)
        intact &= data[block->capacity + i] == GUARD_BYTE;
    lock();
    damaged += !intact;
    unlock();
    release(block);
}

void fnn_set_guard(int on)
{
    if (on)
        fnn_guard_damage();
    guarding = on;
}

size_t fnn_guard_damage(void)
{
    lock();
    size_t count = damaged;
    damaged = 0;
    unlock();
    return count;
}

void fnn_fail_after(long count)
{
    atomic_store(&blocks_left, count);
}

/* Linux may give large blocks pages of 2 MB: writing 64 MB for the first time takes 10 ms instead of 34 (measured), and
 * fewer addresses must be translated. */
static void ask_for_huge_pages(void *memory, size_t size)
{
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    const uintptr_t begin = ((uintptr_t)memory + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    const uintptr_t end = ((uintptr_t)memory + size) / HUGE_PAGE * HUGE_PAGE;
    if (size >= HUGE_AT_LEAST && begin < end)
        madvise((void *)begin, end - begin, MADV_HUGEPAGE); /* refused: small pages */
#else
    (void)memory, (void)size;
#endif
}

void *fnn_alloc(size_t size)
{
    if (size > SIZE_MAX - 2 * FNN_ALIGNMENT)
        return NULL;
    if (guarding)
        return alloc_guarded(size);
    int size_class = classify(&size);
    header *block = NULL;
    if (size_class >= 0) {
        lock();
        block = free_lists[size_class];
        if (block) {
            free_lists[size_class] = block->next;
            cached -= block->capacity;
        }
        unlock();
    }
    if (!block) {
        void *memory = system_block(size + FNN_ALIGNMENT);
        if (!memory)
            return NULL;
        ask_for_huge_pages(memory, size);
        block = memory;
        block->capacity = size;
        block->size_class = size_class;
    }
    return (char *)block + FNN_ALIGNMENT;
}

void fnn_free(void *pointer)
{
    if (!pointer)
        return;
    header *block = (header *)((char *)pointer - FNN_ALIGNMENT);
    if (block->size_class == GUARDED) {
        free_guarded(block);
        return;
    }
    if (block->size_class >= 0) {
        lock();
        if (cached + block->capacity <= KEEP_AT_MOST) {
            block->next = free_lists[block->size_class];
            free_lists[block->size_class] = block;
            cached += block->capacity;
            block = NULL;
        }
        unlock();
    }
    release(block);
}

void *fnn_realloc(void *pointer, size_t size)
{
    if (!pointer)
        return fnn_alloc(size);
    header *block = (header *)((char *)pointer - FNN_ALIGNMENT);
    if (size <= block->capacity)
        return pointer;
    void *larger = fnn_alloc(size);
    if (larger) {
        memcpy(larger, pointer, block->capacity);
        fnn_free(pointer);
    }
    return larger;
}

size_t fnn_cached_bytes(void)
{
    return cached;
}

void fnn_empty_cache(void)
{
    lock();
    for (int i = 0; i < CLASSES; i++) {
        while (free_lists[i]) {
            header *block = free_lists[i];
            free_lists[i] = block->next;
            release(block);
        }
    }
    cached = 0;
    unlock();
}
