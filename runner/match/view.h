#ifndef MATCH_VIEW_H
#define MATCH_VIEW_H

/* A value as matchers see it, wherever it lives (received bytes, a JSON document, a Lua value): a type and a way to
 * look inside. Views are small, copied freely, and valid as long as what they look at. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/slice.h"

enum view_type { VIEW_ABSENT, VIEW_NULL, VIEW_BOOL, VIEW_INT, VIEW_FLOAT, VIEW_BYTES, VIEW_LIST, VIEW_MAP };

struct view;

struct view_ops {
    struct view (*at)(const struct view *list, size_t i);
    struct view (*get)(const struct view *map, struct slice key);
    /* The i-th key and value, in an order that does not change. */
    struct view (*entry)(const struct view *map, size_t i, struct slice *ret_key);
};

struct view {
    enum view_type type;
    const struct view_ops *ops; /* lists and maps */
    const void *where;          /* lists and maps: whatever ops need */
    size_t n;                   /* elements, entries */
    union {
        bool boolean;
        int64_t integer;
        double number;
        struct slice bytes;
    };
};

static inline struct view view_bytes(struct slice s)
{
    return (struct view){.type = VIEW_BYTES, .bytes = s};
}

/* A document parsed by jansson. */
struct json_t;
struct view view_json(const struct json_t *j);
/* Parses text as JSON; NULL and a phrase ("expected ',' at byte 12") if it is none. Free with json_decref. Depth and
 * size are bounded by jansson's (2048). */
struct json_t *view_parse_json(struct slice text, char *ret_why, size_t size);

enum { VIEW_TEXT = 32 };
/* Bytes, or the text that a number prints as (shortest form), in space; p NULL for what is neither. */
struct slice view_text(const struct view *v, char space[VIEW_TEXT]);

struct buf;
/* The value as text for a report: bytes quoted, lists and maps as JSON, about `most` bytes of it: what is longer ends
 * in "..." and its brackets. */
void view_show(const struct view *v, size_t most, struct buf *out);

#endif
