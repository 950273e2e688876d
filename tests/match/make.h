#ifndef TESTS_MATCH_MAKE_H
#define TESTS_MATCH_MAKE_H

/* Matchers for tests, in an arena. */

#include <stdarg.h>

#include "match/matcher.h"

static inline struct matcher *make(struct arena *a, enum matcher_kind kind)
{
    struct matcher *m = ARENA_NEW(a, struct matcher);
    m->kind = kind;
    return m;
}

static inline struct matcher *make_bytes(struct arena *a, enum matcher_kind kind, struct slice bytes)
{
    struct matcher *m = make(a, kind);
    m->bytes = bytes;
    return m;
}

static inline struct matcher *make_text(struct arena *a, enum matcher_kind kind, const char *text)
{
    return make_bytes(a, kind, slice_of(text));
}

static inline struct matcher *make_int(struct arena *a, enum matcher_kind kind, int64_t integer)
{
    struct matcher *m = make(a, kind);
    m->integer = integer;
    m->whole = true;
    return m;
}

static inline struct matcher *make_float(struct arena *a, enum matcher_kind kind, double number)
{
    struct matcher *m = make(a, kind);
    m->number = number;
    return m;
}

static inline struct matcher *make_regex(struct arena *a, struct regex *regex)
{
    struct matcher *m = make(a, MATCHER_REGEX);
    m->regex = regex;
    return m;
}

/* The matchers below it follow. */
static inline struct matcher *make_of(struct arena *a, enum matcher_kind kind, size_t n, ...)
{
    struct matcher *m = make(a, kind);
    m->n = n;
    m->of = arena_array(a, n, sizeof *m->of);
    va_list ap;
    va_start(ap, n);
    for (size_t i = 0; i < n; i++)
        m->of[i] = va_arg(ap, struct matcher *);
    va_end(ap);
    return m;
}

/* Pairs of a name and a matcher follow. */
static inline struct matcher *make_map(struct arena *a, size_t n, ...)
{
    struct matcher *m = make(a, MATCHER_MAP);
    m->n = n;
    m->of = arena_array(a, n, sizeof *m->of);
    m->names = arena_array(a, n, sizeof *m->names);
    va_list ap;
    va_start(ap, n);
    for (size_t i = 0; i < n; i++) {
        m->names[i] = slice_of(va_arg(ap, const char *));
        m->of[i] = va_arg(ap, struct matcher *);
    }
    va_end(ap);
    return m;
}

#endif
