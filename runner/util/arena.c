#include "util/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "util/mem.h"

enum { FIRST = 1024, MOST = 64 * 1024, LARGE = MOST / 4 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t size; /* 0: the chunk of one large request */
    max_align_t data[];
};

struct arena_defer {
    struct arena_defer *next;
    void (*done)(void *p);
    void *p;
};

void arena_init(struct arena *a)
{
    *a = (struct arena){0};
}

void arena_done(struct arena *a)
{
    for (const struct arena_defer *d = a->deferred; d; d = d->next)
        d->done(d->p);
    for (struct arena_chunk *c = a->chunks; c;) {
        struct arena_chunk *next = c->next;
        mem_free(c);
        c = next;
    }
    arena_init(a);
}

/* Behind the first chunk, so that the room left there stays in use. */
static void *large(struct arena *a, size_t n)
{
    struct arena_chunk *c = mem_zalloc(sizeof *c + n);
    struct arena_chunk **place = a->chunks ? &a->chunks->next : &a->chunks;
    c->next = *place;
    *place = c;
    return c->data;
}

static void grow(struct arena *a, size_t n)
{
    size_t size = FIRST;
    if (a->chunks && a->chunks->size) size = a->chunks->size * 2;
    while (size < n)
        size *= 2;
    if (size > MOST) size = MOST;
    struct arena_chunk *c = mem_zalloc(sizeof *c + size);
    c->next = a->chunks;
    c->size = size;
    a->chunks = c;
    a->free = (char *)c->data;
    a->left = size;
}

void *arena_alloc(struct arena *a, size_t n)
{
    const size_t align = _Alignof(max_align_t);
    if (n > SIZE_MAX / 2) mem_exhausted();
    n = n ? (n + align - 1) / align * align : align;
    if (n > a->left) {
        if (n > LARGE) return large(a, n);
        grow(a, n);
    }
    void *p = a->free;
    a->free += n;
    a->left -= n;
    return p;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    size_t n;
    if (__builtin_mul_overflow(count, size, &n)) mem_exhausted();
    return arena_alloc(a, n);
}

char *arena_dup(struct arena *a, struct slice s)
{
    char *p = arena_alloc(a, s.n + 1);
    if (s.n) memcpy(p, s.p, s.n);
    return p;
}

void arena_defer(struct arena *a, void (*done)(void *p), void *p)
{
    struct arena_defer *d = ARENA_NEW(a, struct arena_defer);
    *d = (struct arena_defer){a->deferred, done, p};
    a->deferred = d;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    assert(n >= 0);
    char *p = arena_alloc(a, (size_t)n + 1);
    va_start(ap, format);
    vsnprintf(p, (size_t)n + 1, format, ap);
    va_end(ap);
    return p;
}
