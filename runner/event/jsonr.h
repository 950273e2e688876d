#ifndef EVENT_JSONR_H
#define EVENT_JSONR_H

/* A small reader of JSON (RFC 8259), strict and without an allocation for each value: events are many. */

#include <stdint.h>

#include "util/arena.h"
#include "util/slice.h"

enum jsonr_kind {
    JSONR_NULL,
    JSONR_FALSE,
    JSONR_TRUE,
    JSONR_INTEGER,
    JSONR_REAL, /* of which only that it is there is known */
    JSONR_STRING,
    JSONR_ARRAY,
    JSONR_OBJECT,
};

enum { JSONR_DEPTH = 64 };

struct jsonr {
    enum jsonr_kind kind;
    uint32_t n;           /* elements */
    struct slice key;     /* of a member */
    struct slice text;    /* of a string; it may hold NULs, and ends with none */
    int64_t integer;      /* one that does not fit is an error */
    struct jsonr *inside; /* elements in their order; members, the latest first */
    struct jsonr *next;
};

/* Lives in the arena, and points into the text. NULL: *ret_wrong is a phrase. */
const struct jsonr *jsonr_read(struct slice text, struct arena *a, const char **ret_wrong);
/* The member of that name, the last of several; NULL: there is none. */
const struct jsonr *jsonr_get(const struct jsonr *object, const char *key);

#endif
