#include "util/mem.h"

#include <stdlib.h>
#include <unistd.h>

void mem_exhausted(void)
{
    static const char text[] = "sockrun: out of memory\n";
    ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written;
    _exit(3);
}

void *mem_alloc(size_t n)
{
    void *p = malloc(n ? n : 1);
    if (!p) mem_exhausted();
    return p;
}

void *mem_zalloc(size_t n)
{
    void *p = calloc(1, n ? n : 1);
    if (!p) mem_exhausted();
    return p;
}

void *mem_resize(void *p, size_t count, size_t size)
{
    size_t n;
    if (__builtin_mul_overflow(count, size, &n)) mem_exhausted();
    /* realloc(p, 0) may free p and say NULL. */
    void *q = realloc(p, n ? n : 1);
    if (!q) mem_exhausted();
    return q;
}

char *mem_dup(struct slice s)
{
    char *p = mem_alloc(s.n + 1);
    if (s.n) memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return p;
}

void mem_free(void *p)
{
    free(p);
}
