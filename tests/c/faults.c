/* faults.c -- what a sanitizer must find, done in the library's own memory and on its own threads; it shows that the
 * sanitizers of `make asan-c` and `make tsan` see these. Without an argument nothing is wrong. */
#include "memory.h"
#include "parallel.h"

#include <string.h>

static int counter;
static atomic_int counted;

static void racing(void *context, int64_t begin, int64_t end)
{
    for (int64_t i = begin; i < end; i++)
        ++*(volatile int *)context;
    atomic_fetch_add(&counted, (int)(end - begin));
}

static void counting(void *context, int64_t begin, int64_t end)
{
    (void)context;
    atomic_fetch_add(&counted, (int)(end - begin));
}

int main(int count, char **arguments)
{
    const char *const kind = count > 1 ? arguments[1] : "";
    volatile size_t size = 64;
    fnn_threads = 4;
    if (strcmp(kind, "address") == 0) {
        volatile char *const block = fnn_alloc(size);
        block[size] = 1;
        fnn_free((void *)block);
    } else if (strcmp(kind, "freed") == 0) { /* blocks are kept for reuse, but not where a sanitizer looks */
        volatile char *const block = fnn_alloc(size);
        fnn_free((void *)block);
        block[0] = 1;
    } else if (strcmp(kind, "undefined") == 0) {
        volatile int64_t n = INT64_MAX;
        n++;
    } else if (strcmp(kind, "thread") == 0) {
        for (int i = 0; i < 100; i++)
            fnn_parallel_for(1 << 12, 1, 1e4, racing, &counter);
    } else {
        for (int i = 0; i < 100; i++)
            fnn_parallel_for(1 << 12, 1, 1e4, counting, NULL);
        return counted != 100 << 12;
    }
    return 0;
}
