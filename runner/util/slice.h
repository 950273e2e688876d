#ifndef UTIL_SLICE_H
#define UTIL_SLICE_H

/* A view of bytes that somebody else owns. Never NUL-terminated by promise. */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *p;
    size_t n;
};

#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})

static inline struct slice slice_of(const char *text)
{
    return (struct slice){text, text ? strlen(text) : 0};
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool slice_is(struct slice a, const char *text)
{
    return slice_eq(a, slice_of(text));
}

static inline bool slice_starts(struct slice a, struct slice prefix)
{
    return a.n >= prefix.n && (prefix.n == 0 || memcmp(a.p, prefix.p, prefix.n) == 0);
}

/* The part from byte `from`, at most n bytes; clipped to a. */
static inline struct slice slice_part(struct slice a, size_t from, size_t n)
{
    if (from > a.n) from = a.n;
    if (n > a.n - from) n = a.n - from;
    return (struct slice){a.p ? a.p + from : a.p, n};
}

#endif
