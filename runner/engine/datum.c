#include "engine/datum.h"

#include <inttypes.h>

#include <lauxlib.h>

#include "engine/compile.h"
#include "engine/matching.h"
#include "lua/value.h"
#include "util/jsonw.h"

enum datum_kind { DATUM_NULL, DATUM_BOOL, DATUM_INT, DATUM_FLOAT, DATUM_TEXT, DATUM_LIST, DATUM_MAP };

struct datum {
    enum datum_kind kind;
    bool constant;
    bool boolean;
    int64_t integer;
    double number;
    struct text_plan text;
    const struct node *node;
    uint32_t n;
    struct datum **items; /* list; map: the values of the node's pairs */
};

static bool compile_scalar(struct compiler *c, struct datum *d)
{
    d->text.node = d->node;
    switch (field_scalar(d->node, &d->integer, &d->number)) {
    case SCALAR_NULL: d->kind = DATUM_NULL; return true;
    case SCALAR_TRUE:
    case SCALAR_FALSE:
        d->kind = DATUM_BOOL;
        d->boolean = node_is(d->node, "true");
        return true;
    case SCALAR_INT: d->kind = DATUM_INT; return true;
    case SCALAR_FLOAT: d->kind = DATUM_FLOAT; return true;
    case SCALAR_TEXT: break;
    }
    d->kind = DATUM_TEXT;
    if (!compile_text(c, d->node, &d->text)) return false;
    d->constant = d->text.tmpl.constant;
    /* It may be carried to where a matcher is wanted. */
    matching_define_groups(c, d->node->text, d->node->mark);
    return true;
}

struct datum *datum_compile(struct compiler *c, const struct node *n)
{
    struct datum *d = ARENA_NEW(c->arena, struct datum);
    *d = (struct datum){.kind = n->kind == NODE_LIST ? DATUM_LIST : DATUM_MAP, .constant = true, .node = n};
    if (n->kind == NODE_SCALAR) return compile_scalar(c, d) ? d : NULL;
    bool ok = true;
    d->n = n->n;
    d->items = arena_array(c->arena, n->n, sizeof(struct datum *));
    for (uint32_t i = 0; i < n->n; i++) {
        d->items[i] = datum_compile(c, n->kind == NODE_LIST ? n->items[i] : n->pairs[i].value);
        if (d->items[i])
            d->constant &= d->items[i]->constant;
        else
            ok = false;
    }
    return ok ? d : NULL;
}

bool datum_constant(const struct datum *d)
{
    return d->constant;
}

struct push {
    const struct datum *datum;
    struct eval *eval;
};

static void push(lua_State *L, const struct datum *d, struct eval *e);

/* A hole would end the list: what is nil in it becomes null. */
static void push_list(lua_State *L, const struct datum *d, struct eval *e)
{
    lua_createtable(L, (int)d->n, 0);
    for (uint32_t i = 0; i < d->n; i++) {
        push(L, d->items[i], e);
        if (lua_isnil(L, -1)) {
            lua_pop(L, 1);
            lua_pushlightuserdata(L, NULL);
        }
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void push_map(lua_State *L, const struct datum *d, struct eval *e)
{
    lua_createtable(L, 0, (int)d->n);
    for (uint32_t i = 0; i < d->n; i++) {
        const struct slice key = d->node->pairs[i].key->text;
        lua_pushlstring(L, key.p, key.n);
        push(L, d->items[i], e);
        lua_rawset(L, -3);
    }
    if (d->n == 0) value_object(L);
}

static void push_text(lua_State *L, const struct datum *d, struct eval *e)
{
    const struct slice text = d->text.tmpl.parts[0].text;
    if (d->constant)
        lua_pushlstring(L, text.p, text.n);
    else if (!text_push(&d->text, e))
        eval_raise(e, L);
}

static void push(lua_State *L, const struct datum *d, struct eval *e)
{
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    switch (d->kind) {
    case DATUM_NULL: lua_pushlightuserdata(L, NULL); break;
    case DATUM_BOOL: lua_pushboolean(L, d->boolean); break;
    case DATUM_INT: lua_pushinteger(L, d->integer); break;
    case DATUM_FLOAT: lua_pushnumber(L, d->number); break;
    case DATUM_TEXT: push_text(L, d, e); break;
    case DATUM_LIST: push_list(L, d, e); break;
    case DATUM_MAP: push_map(L, d, e); break;
    }
}

static int push_datum(lua_State *L)
{
    const struct push *p = lua_touserdata(L, 1);
    push(L, p->datum, p->eval);
    return 1;
}

bool datum_push(const struct datum *d, struct eval *e)
{
    struct push p = {d, e};
    return eval_call(e, d->node->mark, push_datum, &p, 1);
}

static void add_quoted(struct slice text, struct buf *out)
{
    struct jsonw w;
    jsonw_init(&w, out);
    jsonw_text(&w, NULL, text);
}

static bool text_json(const struct datum *d, struct eval *e, struct buf *out)
{
    if (d->constant) {
        add_quoted(d->text.tmpl.parts[0].text, out);
        return true;
    }
    if (!text_push(&d->text, e)) return false;
    lua_State *L = e->lua->state->L;
    const bool ok = value_json(L, -1, out) || eval_fail_lua(e, text_mark(&d->text));
    lua_pop(L, 1);
    return ok;
}

static bool write_json(const struct datum *d, struct eval *e, struct buf *out);

static bool nested_json(const struct datum *d, struct eval *e, struct buf *out)
{
    const bool map = d->kind == DATUM_MAP;
    buf_addc(out, map ? '{' : '[');
    for (uint32_t i = 0; i < d->n; i++) {
        if (i) buf_addc(out, ',');
        if (map) {
            add_quoted(d->node->pairs[i].key->text, out);
            buf_addc(out, ':');
        }
        if (!write_json(d->items[i], e, out)) return false;
    }
    buf_addc(out, map ? '}' : ']');
    return true;
}

/* A number that is typed prints back as it was written. */
static bool write_json(const struct datum *d, struct eval *e, struct buf *out)
{
    switch (d->kind) {
    case DATUM_NULL:
    case DATUM_BOOL:
    case DATUM_INT:
    case DATUM_FLOAT: buf_add(out, d->node->text); return true;
    case DATUM_TEXT: return text_json(d, e, out);
    case DATUM_LIST:
    case DATUM_MAP: return nested_json(d, e, out);
    }
    return true;
}

bool datum_json(const struct datum *d, struct eval *e, struct buf *out)
{
    if (!write_json(d, e, out)) return false;
    return !out->overflow || eval_fail(e, d->node->mark, "the JSON text is too long");
}

/* Views of lists and maps look at this. */
struct entries {
    const struct datum *datum;
    struct view *values;
};

static struct view entries_at(const struct view *list, size_t i)
{
    const struct entries *x = list->where;
    return i < list->n ? x->values[i] : (struct view){.type = VIEW_ABSENT};
}

static struct view entries_get(const struct view *map, struct slice key)
{
    const struct entries *x = map->where;
    for (size_t i = 0; i < map->n; i++)
        if (slice_eq(x->datum->node->pairs[i].key->text, key)) return x->values[i];
    return (struct view){.type = VIEW_ABSENT};
}

static struct view entries_entry(const struct view *map, size_t i, struct slice *ret_key)
{
    const struct entries *x = map->where;
    *ret_key = x->datum->node->pairs[i].key->text;
    return x->values[i];
}

static bool nested_view(const struct datum *d, struct eval *e, struct view *ret)
{
    static const struct view_ops ops = {entries_at, entries_get, entries_entry};
    struct entries *x = ARENA_NEW(e->arena, struct entries);
    *x = (struct entries){d, arena_array(e->arena, d->n, sizeof *x->values)};
    for (uint32_t i = 0; i < d->n; i++)
        if (!datum_view(d->items[i], e, &x->values[i])) return false;
    *ret = (struct view){.type = d->kind == DATUM_LIST ? VIEW_LIST : VIEW_MAP, .ops = &ops, .where = x, .n = d->n};
    return true;
}

bool datum_view(const struct datum *d, struct eval *e, struct view *ret)
{
    switch (d->kind) {
    case DATUM_NULL: *ret = (struct view){.type = VIEW_NULL}; return true;
    case DATUM_BOOL: *ret = (struct view){.type = VIEW_BOOL, .boolean = d->boolean}; return true;
    case DATUM_INT: *ret = (struct view){.type = VIEW_INT, .integer = d->integer}; return true;
    case DATUM_FLOAT: *ret = (struct view){.type = VIEW_FLOAT, .number = d->number}; return true;
    case DATUM_TEXT: return text_view(&d->text, e, ret);
    case DATUM_LIST:
    case DATUM_MAP: return nested_view(d, e, ret);
    }
    return false;
}
