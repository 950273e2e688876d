#ifndef UTIL_ARENA_H
#define UTIL_ARENA_H

/* Memory with one lifetime: a file's plan, one case's run. Nothing in it is freed alone. */

#include <stddef.h>
#include <stdint.h>

#include "util/slice.h"

struct arena_chunk;
struct arena_defer;

struct arena {
    struct arena_chunk *chunks; /* the first one is being filled */
    char *free;
    size_t left;
    struct arena_defer *deferred;
};

/* A zeroed struct arena is an empty one. */
void arena_init(struct arena *a);
/* Frees all that was ever given out. The arena is empty again and may be used. */
void arena_done(struct arena *a);
/* n zeroed bytes, aligned for any type. */
void *arena_alloc(struct arena *a, size_t n);
/* count zeroed elements. A product that overflows is out of memory. */
void *arena_array(struct arena *a, size_t count, size_t size);
/* A NUL-terminated copy. */
char *arena_dup(struct arena *a, struct slice s);
/* Calls done(p) when the arena is done, before its memory goes: for what lives as long and is no memory of its own. The
 * latest is called first. */
void arena_defer(struct arena *a, void (*done)(void *p), void *p);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))

#endif
