#include "lua/value.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>

#include "lua/state.h"
#include "util/jsonw.h"
#include "util/mem.h"
#include "util/text.h"

/* Its address is the registry's key of the tables that are objects even when empty: the keys of a weak table. */
static const char objects;

struct pair {
    struct slice key;
    struct view value;
};

static int compare_slices(const struct slice *a, const struct slice *b)
{
    size_t n = a->n < b->n ? a->n : b->n;
    int order = n ? memcmp(a->p, b->p, n) : 0;
    return order ? order : (a->n > b->n) - (a->n < b->n);
}

static int compare_pairs(const void *a, const void *b)
{
    return compare_slices(&((const struct pair *)a)->key, &((const struct pair *)b)->key);
}

static struct view copy_at(const struct view *list, size_t i)
{
    if (i >= list->n) return (struct view){.type = VIEW_ABSENT};
    return ((const struct view *)list->where)[i];
}

static struct view copy_get(const struct view *map, struct slice key)
{
    struct pair wanted = {.key = key};
    const struct pair *p = NULL;
    if (map->n) p = bsearch(&wanted, map->where, map->n, sizeof *p, compare_pairs);
    return p ? p->value : (struct view){.type = VIEW_ABSENT};
}

static struct view copy_entry(const struct view *map, size_t i, struct slice *ret_key)
{
    const struct pair *p = (const struct pair *)map->where + i;
    *ret_key = p->key;
    return p->value;
}

static const struct view_ops copy_ops = {copy_at, copy_get, copy_entry};

static bool copy(lua_State *L, int idx, struct arena *a, int depth, struct view *ret);

static bool is_object(lua_State *L, int idx)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &objects) != LUA_TTABLE) {
        lua_pop(L, 1);
        return false;
    }
    lua_pushvalue(L, idx);
    bool is = lua_rawget(L, -2) != LUA_TNIL;
    lua_pop(L, 2);
    return is;
}

void value_object(lua_State *L)
{
    luaL_checkstack(L, 4, NULL);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &objects) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_createtable(L, 0, 1);
        lua_pushliteral(L, "k");
        lua_setfield(L, -2, "__mode");
        lua_setmetatable(L, -2);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &objects);
    }
    lua_pushvalue(L, -2);
    lua_pushboolean(L, true);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

enum shape { LIST, MAP, NEITHER };

static enum shape shape_of(lua_State *L, int idx, size_t *ret_n)
{
    size_t n = 0, numbers = 0, texts = 0;
    lua_Integer most = 0;
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        n++;
        if (lua_type(L, -2) == LUA_TSTRING) texts++;
        if (lua_isinteger(L, -2) && lua_tointeger(L, -2) > 0) {
            numbers++;
            if (lua_tointeger(L, -2) > most) most = lua_tointeger(L, -2);
        }
    }
    *ret_n = n;
    if (n == 0) return is_object(L, idx) ? MAP : LIST;
    if (texts == n) return MAP;
    return numbers == n && (size_t)most == n ? LIST : NEITHER;
}

static struct slice copy_string(lua_State *L, int idx, struct arena *a)
{
    size_t n;
    const char *p = lua_tolstring(L, idx, &n);
    return (struct slice){arena_dup(a, (struct slice){p, n}), n};
}

static bool copy_list(lua_State *L, int idx, struct arena *a, int depth, struct view *ret)
{
    struct view *items = arena_array(a, ret->n, sizeof *items);
    for (size_t i = 0; i < ret->n; i++) {
        lua_rawgeti(L, idx, (lua_Integer)i + 1);
        if (!copy(L, lua_gettop(L), a, depth + 1, &items[i])) {
            lua_remove(L, -2);
            return false;
        }
        lua_pop(L, 1);
    }
    ret->where = items;
    return true;
}

static bool copy_map(lua_State *L, int idx, struct arena *a, int depth, struct view *ret)
{
    struct pair *pairs = arena_array(a, ret->n, sizeof *pairs);
    struct pair *p = pairs;
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1), p++) {
        p->key = copy_string(L, -2, a);
        if (!copy(L, lua_gettop(L), a, depth + 1, &p->value)) {
            lua_replace(L, -3);
            lua_pop(L, 1);
            return false;
        }
    }
    if (ret->n) qsort(pairs, ret->n, sizeof *pairs, compare_pairs);
    ret->where = pairs;
    return true;
}

static bool copy_table(lua_State *L, int idx, struct arena *a, int depth, struct view *ret)
{
    if (depth >= VALUE_DEPTH || !lua_checkstack(L, LUA_MINSTACK))
        return luastate_fail(L, "a table nested deeper than %d, or in itself", VALUE_DEPTH);
    struct view v = {.ops = &copy_ops};
    enum shape shape = shape_of(L, idx, &v.n);
    if (shape == NEITHER)
        return luastate_fail(L, "a table is a list with the keys 1 to n, or a map whose keys are strings");
    v.type = shape == LIST ? VIEW_LIST : VIEW_MAP;
    bool well = shape == LIST ? copy_list(L, idx, a, depth, &v) : copy_map(L, idx, a, depth, &v);
    if (well) *ret = v;
    return well;
}

static bool copy(lua_State *L, int idx, struct arena *a, int depth, struct view *ret)
{
    int type = lua_type(L, idx);
    if (type == LUA_TTABLE) return copy_table(L, idx, a, depth, ret);
    if (type == LUA_TNIL) {
        *ret = (struct view){.type = depth ? VIEW_NULL : VIEW_ABSENT};
    } else if (type == LUA_TBOOLEAN) {
        *ret = (struct view){.type = VIEW_BOOL, .boolean = lua_toboolean(L, idx)};
    } else if (lua_isinteger(L, idx)) {
        *ret = (struct view){.type = VIEW_INT, .integer = lua_tointeger(L, idx)};
    } else if (type == LUA_TNUMBER) {
        *ret = (struct view){.type = VIEW_FLOAT, .number = lua_tonumber(L, idx)};
    } else if (type == LUA_TSTRING) {
        *ret = view_bytes(copy_string(L, idx, a));
    } else if (type == LUA_TLIGHTUSERDATA && !lua_touserdata(L, idx)) {
        *ret = (struct view){.type = VIEW_NULL};
    } else {
        return luastate_fail(L, "a %s is no value that can be compared or written", lua_typename(L, type));
    }
    return true;
}

bool value_view(lua_State *L, int idx, struct arena *a, struct view *ret)
{
    luastate_room(L);
    return copy(L, lua_absindex(L, idx), a, 0, ret);
}

static void push(lua_State *L, const struct view *v, int depth)
{
    if (depth > VALUE_DEPTH) luaL_error(L, "nested deeper than %d", VALUE_DEPTH);
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    switch (v->type) {
    case VIEW_ABSENT: lua_pushnil(L); break;
    case VIEW_NULL: lua_pushlightuserdata(L, NULL); break;
    case VIEW_BOOL: lua_pushboolean(L, v->boolean); break;
    case VIEW_INT: lua_pushinteger(L, v->integer); break;
    case VIEW_FLOAT: lua_pushnumber(L, v->number); break;
    case VIEW_BYTES: lua_pushlstring(L, v->bytes.p ? v->bytes.p : "", v->bytes.n); break;
    case VIEW_LIST:
        lua_createtable(L, v->n < 1 << 20 ? (int)v->n : 0, 0);
        for (size_t i = 0; i < v->n; i++) {
            struct view item = v->ops->at(v, i);
            push(L, &item, depth + 1);
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
        break;
    case VIEW_MAP:
        lua_createtable(L, 0, v->n < 1 << 20 ? (int)v->n : 0);
        for (size_t i = 0; i < v->n; i++) {
            struct slice key;
            struct view item = v->ops->entry(v, i, &key);
            lua_pushlstring(L, key.p ? key.p : "", key.n);
            push(L, &item, depth + 1);
            lua_rawset(L, -3);
        }
        if (v->n == 0) value_object(L);
        break;
    }
}

void value_push(lua_State *L, const struct view *v)
{
    push(L, v, 0);
}

/* The shortest of the forms that read back, and never one that would read back as an integer. */
static void add_float(double x, struct buf *out)
{
    char text[64];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x) break;
    }
    buf_adds(out, text);
    if (text[strspn(text, "-0123456789")] == '\0') buf_adds(out, ".0");
}

static bool is_utf8(struct slice s)
{
    while (s.n > 0) {
        size_t n = text_utf8(s, NULL);
        if (n == 0) return false;
        s = slice_part(s, n, s.n);
    }
    return true;
}

static const char *write_json(const struct view *v, struct jsonw *w);

static const char *write_text(struct slice s, struct jsonw *w)
{
    if (!is_utf8(s)) return "JSON has no text that is not UTF-8";
    jsonw_text(w, NULL, s);
    return NULL;
}

static const char *write_list(const struct view *v, struct jsonw *w)
{
    const char *wrong = NULL;
    jsonw_open(w, NULL, '[');
    for (size_t i = 0; i < v->n && !wrong; i++) {
        struct view item = v->ops->at(v, i);
        wrong = write_json(&item, w);
    }
    jsonw_close(w, ']');
    return wrong;
}

static const char *write_map(const struct view *v, struct jsonw *w)
{
    const char *wrong = NULL;
    jsonw_open(w, NULL, '{');
    for (size_t i = 0; i < v->n && !wrong; i++) {
        struct slice key;
        struct view item = v->ops->entry(v, i, &key);
        wrong = write_text(key, w);
        buf_addc(w->out, ':');
        w->comma = false;
        if (!wrong) wrong = write_json(&item, w);
    }
    jsonw_close(w, '}');
    return wrong;
}

/* NULL or what JSON cannot say. */
static const char *write_json(const struct view *v, struct jsonw *w)
{
    switch (v->type) {
    case VIEW_ABSENT:
    case VIEW_NULL: jsonw_null(w, NULL); return NULL;
    case VIEW_BOOL: jsonw_bool(w, NULL, v->boolean); return NULL;
    case VIEW_INT: jsonw_int(w, NULL, v->integer); return NULL;
    case VIEW_FLOAT:
        if (!isfinite(v->number)) return "JSON has no infinite numbers and no nan";
        if (w->comma) buf_addc(w->out, ',');
        add_float(v->number, w->out);
        w->comma = true;
        return NULL;
    case VIEW_BYTES: return write_text(v->bytes, w);
    case VIEW_LIST: return write_list(v, w);
    case VIEW_MAP: return write_map(v, w);
    }
    return NULL;
}

bool value_json(lua_State *L, int idx, struct buf *out)
{
    struct arena a;
    arena_init(&a);
    struct view v;
    bool well = value_view(L, idx, &a, &v);
    if (well) {
        struct jsonw w;
        jsonw_init(&w, out);
        const char *wrong = write_json(&v, &w);
        if (!wrong && out->overflow) wrong = "the JSON text is too long";
        well = !wrong || luastate_fail(L, "%s", wrong);
    }
    arena_done(&a);
    return well;
}

/* Not by way of a view: jansson's objects know their entries by iterating only. */
static void push_json(lua_State *L, json_t *j, int depth)
{
    if (!json_is_object(j) && !json_is_array(j)) {
        struct view v = view_json(j);
        push(L, &v, depth);
        return;
    }
    if (depth >= VALUE_DEPTH) luaL_error(L, "nested deeper than %d", VALUE_DEPTH);
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    lua_newtable(L);
    for (size_t i = 0; i < json_array_size(j); i++) {
        push_json(L, json_array_get(j, i), depth + 1);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    for (void *at = json_object_iter(j); at; at = json_object_iter_next(j, at)) {
        lua_pushlstring(L, json_object_iter_key(at), json_object_iter_key_len(at));
        push_json(L, json_object_iter_value(at), depth + 1);
        lua_rawset(L, -3);
    }
    if (json_is_object(j) && json_object_size(j) == 0) value_object(L);
}

static int push_parsed(lua_State *L)
{
    push_json(L, lua_touserdata(L, 1), 0);
    return 1;
}

bool value_parse_json(lua_State *L, struct slice text)
{
    char why[256];
    json_t *j = view_parse_json(text, why, sizeof why);
    if (!j) return luastate_fail(L, "%s", why);
    luastate_room(L);
    lua_pushcfunction(L, push_parsed);
    lua_pushlightuserdata(L, j);
    bool well = luastate_call_on(L, 1, 1);
    json_decref(j);
    return well;
}

static void show(lua_State *L, int idx, size_t most, int depth, struct buf *out);

static int compare_keys(const void *a, const void *b)
{
    return compare_slices(a, b);
}

static bool is_plain_name(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9')) return false;
    }
    return s.n > 0;
}

static size_t left(size_t most, const struct buf *out)
{
    return most > out->n ? most - out->n : 0;
}

/* Shows the value on top behind its key, and takes it off. */
static void show_entry(lua_State *L, const char *key, size_t most, int depth, bool *first, struct buf *out)
{
    if (!*first) buf_adds(out, ", ");
    *first = false;
    buf_adds(out, key);
    show(L, lua_gettop(L), most, depth + 1, out);
    lua_pop(L, 1);
}

static void show_named(lua_State *L, int idx, struct slice name, size_t most, int depth, bool *first, struct buf *out)
{
    struct buf key = BUF_INIT(4096);
    if (is_plain_name(name)) {
        buf_add(&key, slice_part(name, 0, left(most, out) + 1));
    } else {
        buf_addc(&key, '[');
        text_quote(name, left(most, out) < 500 ? left(most, out) : 500, &key);
        buf_addc(&key, ']');
    }
    buf_adds(&key, " = ");
    lua_pushlstring(L, name.p, name.n);
    lua_rawget(L, idx);
    show_entry(L, buf_str(&key), most, depth, first, out);
    buf_done(&key);
}

/* String keys in order, so that the same table is always shown the same. They stay alive in the table. */
static struct slice *sorted_keys(lua_State *L, int idx, size_t *ret_n)
{
    struct slice *keys = NULL;
    size_t n = 0, size = 0;
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) continue;
        if (n == size) {
            size = size ? size * 2 : 16;
            keys = mem_resize(keys, size, sizeof *keys);
        }
        keys[n].p = lua_tolstring(L, -2, &keys[n].n);
        n++;
    }
    if (n) qsort(keys, n, sizeof *keys, compare_keys);
    *ret_n = n;
    return keys;
}

static void show_rest(lua_State *L, int idx, size_t list, size_t most, int depth, bool *first, struct buf *out)
{
    for (lua_pushnil(L); lua_next(L, idx) && left(most, out);) {
        bool listed = lua_isinteger(L, -2) && lua_tointeger(L, -2) > 0 && (size_t)lua_tointeger(L, -2) <= list;
        if (listed || lua_type(L, -2) == LUA_TSTRING) {
            lua_pop(L, 1);
            continue;
        }
        if (!*first) buf_adds(out, ", ");
        *first = true;
        buf_addc(out, '[');
        show(L, lua_gettop(L) - 1, most, depth + 1, out);
        show_entry(L, "] = ", most, depth, first, out);
    }
}

static void show_table(lua_State *L, int idx, size_t most, int depth, struct buf *out)
{
    if (depth >= VALUE_DEPTH || !lua_checkstack(L, LUA_MINSTACK)) {
        buf_adds(out, "{...}");
        return;
    }
    int top = lua_gettop(L);
    bool first = true;
    buf_addc(out, '{');
    size_t list = lua_rawlen(L, idx);
    for (size_t i = 0; i < list && left(most, out); i++) {
        lua_rawgeti(L, idx, (lua_Integer)i + 1);
        show_entry(L, "", most, depth, &first, out);
    }
    size_t n = 0;
    struct slice *keys = left(most, out) ? sorted_keys(L, idx, &n) : NULL;
    for (size_t i = 0; i < n && left(most, out); i++)
        show_named(L, idx, keys[i], most, depth, &first, out);
    mem_free(keys);
    if (left(most, out)) show_rest(L, idx, list, most, depth, &first, out);
    lua_settop(L, top);
    buf_addc(out, '}');
}

/* May go past `most` by a little. */
static void show(lua_State *L, int idx, size_t most, int depth, struct buf *out)
{
    int type = lua_type(L, idx);
    if (type == LUA_TTABLE) {
        show_table(L, idx, most, depth, out);
    } else if (type == LUA_TSTRING) {
        struct slice text;
        text.p = lua_tolstring(L, idx, &text.n);
        text_quote(text, left(most, out), out);
    } else if (lua_isinteger(L, idx)) {
        buf_printf(out, "%" PRId64, (int64_t)lua_tointeger(L, idx));
    } else if (type == LUA_TNUMBER) {
        add_float(lua_tonumber(L, idx), out);
    } else if (type == LUA_TBOOLEAN) {
        buf_adds(out, lua_toboolean(L, idx) ? "true" : "false");
    } else if (type == LUA_TLIGHTUSERDATA && !lua_touserdata(L, idx)) {
        buf_adds(out, "null");
    } else {
        buf_adds(out, lua_typename(L, type));
    }
}

void value_show(lua_State *L, int idx, size_t most, struct buf *out)
{
    struct luastate *s = luastate_of(L);
    struct buf b = BUF_INIT(8 * most + 8192);
    luastate_room(L);
    bool lifted = s->lifted;
    s->lifted = true; /* keys are pushed again to look up their values: nothing here may raise */
    show(L, lua_absindex(L, idx), most, 0, &b);
    s->lifted = lifted;
    struct slice text = buf_slice(&b);
    if (text.n > most) {
        text.n = most > 3 ? most - 3 : 0;
        while (text.n > 0 && ((unsigned char)text.p[text.n] & 0xC0) == 0x80)
            text.n--;
    }
    buf_add(out, text);
    if (b.n > most) buf_add(out, slice_part(SLICE("..."), 0, most));
    buf_done(&b);
}
