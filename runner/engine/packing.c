#include "engine/packing.h"

#include <lauxlib.h>

#include "doc/node.h"
#include "util/units.h"

enum { TRIED = 64 << 10 };

static void push_function(lua_State *L, const char *name)
{
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    lua_rawgeti(L, LUA_REGISTRYINDEX, luastate_of(L)->base);
    lua_getfield(L, -1, "string");
    lua_getfield(L, -1, name);
    lua_replace(L, -3);
    lua_pop(L, 1);
}

static void push_slice(lua_State *L, struct slice s)
{
    lua_pushlstring(L, s.p ? s.p : "", s.n);
}

/* "bad argument #2 to '?' (number expected, got string)": what stands in brackets, and which argument, from 0. */
static const char *explain(const char *message, struct arena *a, uint32_t *ret_arg)
{
    static const struct slice head = {"bad argument #", 14};
    const struct slice text = slice_of(message);
    const char *open = strchr(message, '(');
    int64_t number = 1;
    if (slice_starts(text, head) && open && message[text.n - 1] == ')') {
        const struct slice digits = {message + head.n, strcspn(message + head.n, " ")};
        if (units_int(digits, &number)) number = 1;
        message = open + 1;
    }
    const size_t n = strlen(message);
    *ret_arg = (uint32_t)number - 1;
    return arena_dup(a, (struct slice){message, n - (open && message == open + 1)});
}

struct packing {
    const struct text_plan *args;
    uint32_t n;
    struct eval *eval;
};

static int pack(lua_State *L)
{
    const struct packing *p = lua_touserdata(L, 1);
    push_function(L, "pack");
    luaL_checkstack(L, (int)p->n, "too many values");
    for (uint32_t i = 0; i < p->n; i++) {
        const struct text_plan *t = &p->args[i];
        if (t->tmpl.constant)
            push_slice(L, t->tmpl.parts[0].text);
        else if (!text_push(t, p->eval))
            return eval_raise(p->eval, L);
    }
    lua_call(L, (int)p->n, 1);
    return 1;
}

bool packing_pack(const struct text_plan *args, uint32_t n, struct eval *e, struct slice *ret)
{
    struct packing p = {args, n, e};
    const struct mark nowhere = {0};
    if (!eval_call(e, nowhere, pack, &p, 1)) {
        uint32_t arg;
        if (e->mark.source) return false;
        const char *why = explain(e->why, e->arena, &arg);
        return eval_fail(e, args[arg < n ? arg : 0].node->mark, "pack: %s", why);
    }
    lua_State *L = e->lua->state->L;
    struct slice bytes;
    bytes.p = lua_tolstring(L, -1, &bytes.n);
    *ret = (struct slice){arena_dup(e->arena, bytes), bytes.n};
    lua_pop(L, 1);
    return true;
}

/* Takes the message off the stack. */
static const char *take_message(lua_State *L, struct arena *a, uint32_t *ret_arg)
{
    const char *why = explain(lua_tostring(L, -1), a, ret_arg);
    lua_pop(L, 1);
    return why;
}

const char *packing_check(struct luastate *s, const struct text_plan *args, uint32_t n, struct arena *a,
                          uint32_t *ret_arg)
{
    struct packing p = {args, n, NULL};
    luastate_room(s->L);
    lua_pushcfunction(s->L, pack);
    lua_pushlightuserdata(s->L, &p);
    if (luastate_call(s, 1, 0)) return NULL;
    return take_message(s->L, a, ret_arg);
}

struct unpacking {
    struct slice format, bytes;
    lua_Integer len;
    int values;
};

int packing_unpack(lua_State *L, struct slice format, struct slice bytes)
{
    const int top = lua_gettop(L);
    push_function(L, "unpack");
    push_slice(L, format);
    push_slice(L, bytes);
    lua_call(L, 2, LUA_MULTRET);
    lua_pop(L, 1);
    return lua_gettop(L) - top;
}

static int measure(lua_State *L)
{
    struct unpacking *u = lua_touserdata(L, 1);
    push_function(L, "unpack");
    push_slice(L, u->format);
    push_slice(L, u->bytes);
    lua_call(L, 2, LUA_MULTRET);
    u->len = lua_tointeger(L, -1) - 1;
    u->values = lua_gettop(L) - 2;
    return 0;
}

static bool try_unpack(struct luastate *s, struct unpacking *u)
{
    luastate_room(s->L);
    lua_pushcfunction(s->L, measure);
    lua_pushlightuserdata(s->L, u);
    return luastate_call(s, 1, 0);
}

static bool is_short(const char *why)
{
    return strstr(why, "data string too short") || strstr(why, "unfinished string");
}

/* Zeros are good for every option: they are empty strings too. */
const char *packing_check_format(struct luastate *s, struct slice format, struct arena *a, int *ret_values)
{
    static const char zeros[TRIED];
    struct unpacking u = {.format = format, .bytes = {zeros, sizeof zeros}};
    uint32_t arg;
    *ret_values = -1;
    if (!try_unpack(s, &u)) {
        const char *why = take_message(s->L, a, &arg);
        return is_short(why) ? NULL : why;
    }
    *ret_values = u.values;
    return NULL;
}

static int size_of(lua_State *L)
{
    const struct unpacking *u = lua_touserdata(L, 1);
    push_function(L, "packsize");
    push_slice(L, u->format);
    lua_call(L, 1, 1);
    return 1;
}

bool packing_size(struct slice format, struct mark mark, struct eval *e, int64_t *ret)
{
    struct unpacking u = {.format = format};
    uint32_t arg;
    if (eval_call(e, mark, size_of, &u, 1)) {
        *ret = lua_tointeger(e->lua->state->L, -1);
        lua_pop(e->lua->state->L, 1);
        return true;
    }
    if (!e->why || !strstr(e->why, "variable-"))
        return eval_fail(e, mark, "unpack: %s", explain(e->why, e->arena, &arg));
    *ret = -1;
    return true;
}

bool packing_measure(struct luastate *s, struct slice format, struct slice have, struct arena *a, size_t *ret_len,
                     bool *ret_short, const char **ret_why)
{
    struct unpacking u = {.format = format, .bytes = have};
    uint32_t arg;
    *ret_short = false;
    if (try_unpack(s, &u)) {
        *ret_len = (size_t)u.len;
        return true;
    }
    const char *message = lua_tostring(s->L, -1);
    *ret_short = is_short(message);
    if (!*ret_short) *ret_why = explain(message, a, &arg);
    lua_pop(s->L, 1);
    return *ret_short;
}
