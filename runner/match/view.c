#include "match/view.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/buf.h"
#include "util/text.h"

enum { SHOWN_DEPTH = 32 };

static struct view json_at(const struct view *list, size_t i)
{
    return view_json(json_array_get(list->where, i));
}

static struct view json_get(const struct view *map, struct slice key)
{
    return view_json(json_object_getn(map->where, key.p ? key.p : "", key.n));
}

static struct view json_entry(const struct view *map, size_t i, struct slice *ret_key)
{
    /* jansson's iterators want what they do not change to be changeable. */
    json_t *object = (json_t *)(uintptr_t)map->where;
    void *at = json_object_iter(object);
    while (i-- > 0)
        at = json_object_iter_next(object, at);
    *ret_key = (struct slice){json_object_iter_key(at), json_object_iter_key_len(at)};
    return view_json(json_object_iter_value(at));
}

static const struct view_ops json_ops = {json_at, json_get, json_entry};

struct view view_json(const struct json_t *j)
{
    if (!j) return (struct view){.type = VIEW_ABSENT};
    switch (json_typeof(j)) {
    case JSON_OBJECT: return (struct view){.type = VIEW_MAP, .ops = &json_ops, .where = j, .n = json_object_size(j)};
    case JSON_ARRAY: return (struct view){.type = VIEW_LIST, .ops = &json_ops, .where = j, .n = json_array_size(j)};
    case JSON_STRING: return view_bytes((struct slice){json_string_value(j), json_string_length(j)});
    case JSON_INTEGER: return (struct view){.type = VIEW_INT, .integer = json_integer_value(j)};
    case JSON_REAL: return (struct view){.type = VIEW_FLOAT, .number = json_real_value(j)};
    case JSON_TRUE: return (struct view){.type = VIEW_BOOL, .boolean = true};
    case JSON_FALSE: return (struct view){.type = VIEW_BOOL, .boolean = false};
    case JSON_NULL: break;
    }
    return (struct view){.type = VIEW_NULL};
}

/* jansson counts the bytes up to the end of the token that it did not like, apart from what it refuses within a string.
 */
static size_t error_offset(const json_error_t *e)
{
    size_t end = e->position > 0 ? (size_t)e->position : 0;
    bool within = json_error_code(e) == json_error_invalid_utf8 || strncmp(e->text, "control character", 17) == 0;
    return within || end == 0 ? end : end - 1;
}

/* "']' expected near 'x'" becomes "expected ']' at byte 3": what is near may be any bytes, and long. */
static void error_phrase(const json_error_t *e, size_t n, char *ret_why, size_t size)
{
    const char *near = strstr(e->text, " near ");
    struct slice what = {e->text, near ? (size_t)(near - e->text) : strlen(e->text)};
    const char *verb = "";
    const struct slice expected = SLICE(" expected");
    if (what.n > expected.n && slice_eq(slice_part(what, what.n - expected.n, what.n), expected)) {
        what.n -= expected.n;
        verb = "expected ";
    }
    size_t at = error_offset(e);
    if (json_error_code(e) == json_error_premature_end_of_input && at + 1 >= n) {
        snprintf(ret_why, size, "%s%.*s at the end", verb, (int)what.n, what.p);
    } else {
        snprintf(ret_why, size, "%s%.*s at byte %zu", verb, (int)what.n, what.p, at);
    }
}

struct json_t *view_parse_json(struct slice text, char *ret_why, size_t size)
{
    json_error_t error;
    json_t *j = json_loadb(text.p ? text.p : "", text.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!j) error_phrase(&error, text.n, ret_why, size);
    return j;
}

/* The shortest form that reads back as the same number. */
static struct slice float_text(double x, char space[VIEW_TEXT])
{
    int n = 0;
    for (int digits = 15; digits <= 17; digits++) {
        n = snprintf(space, VIEW_TEXT, "%.*g", digits, x);
        if (!isfinite(x) || strtod(space, NULL) == x) break;
    }
    return (struct slice){space, (size_t)n};
}

struct slice view_text(const struct view *v, char space[VIEW_TEXT])
{
    switch (v->type) {
    case VIEW_BYTES: return (struct slice){v->bytes.p ? v->bytes.p : "", v->bytes.n};
    case VIEW_INT: return (struct slice){space, (size_t)snprintf(space, VIEW_TEXT, "%" PRId64, v->integer)};
    case VIEW_FLOAT: return float_text(v->number, space);
    case VIEW_ABSENT:
    case VIEW_NULL:
    case VIEW_BOOL:
    case VIEW_LIST:
    case VIEW_MAP: break;
    }
    return (struct slice){NULL, 0};
}

static void show(const struct view *v, size_t end, unsigned depth, struct buf *out);

static void show_inside(const struct view *v, size_t end, unsigned depth, struct buf *out)
{
    bool map = v->type == VIEW_MAP;
    buf_addc(out, map ? '{' : '[');
    for (size_t i = 0; i < v->n; i++) {
        if (i > 0) buf_addc(out, ',');
        if (out->overflow || out->n >= end || depth == SHOWN_DEPTH) {
            buf_adds(out, "...");
            break;
        }
        struct view inner;
        if (map) {
            struct slice key = {NULL, 0};
            inner = v->ops->entry(v, i, &key);
            text_quote(key, end - out->n, out);
            buf_addc(out, ':');
        } else {
            inner = v->ops->at(v, i);
        }
        show(&inner, end, depth + 1, out);
    }
    buf_addc(out, map ? '}' : ']');
}

/* Shows no more of v once out holds `end` bytes. */
static void show(const struct view *v, size_t end, unsigned depth, struct buf *out)
{
    char space[VIEW_TEXT];
    switch (v->type) {
    case VIEW_ABSENT: buf_adds(out, "nothing"); break;
    case VIEW_NULL: buf_adds(out, "null"); break;
    case VIEW_BOOL: buf_adds(out, v->boolean ? "true" : "false"); break;
    case VIEW_INT:
    case VIEW_FLOAT: buf_add(out, view_text(v, space)); break;
    case VIEW_BYTES: text_quote(v->bytes, end > out->n ? end - out->n : 0, out); break;
    case VIEW_LIST:
    case VIEW_MAP: show_inside(v, end, depth, out); break;
    }
}

void view_show(const struct view *v, size_t most, struct buf *out)
{
    show(v, most < SIZE_MAX - out->n ? out->n + most : SIZE_MAX, 0, out);
}
