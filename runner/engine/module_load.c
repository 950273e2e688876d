#include "engine/module_load.h"

#include <lauxlib.h>

#include "lua/require.h"
#include "util/jsonw.h"

static void check_message(lua_State *L, const struct module_spec *m, const char *name)
{
    if (!lua_istable(L, -1)) luaL_error(L, "%s: message `%s` is %s, not a table", m->path, name, luaL_typename(L, -1));
    lua_getfield(L, -1, "encode");
    if (!lua_isnil(L, -1) && !lua_isfunction(L, -1))
        luaL_error(L, "%s: `encode` of `%s` is no function", m->path, name);
    lua_pop(L, 1);
}

/* Pushes what the module returns, once it has been looked at. */
static void run_module(lua_State *L, const struct module_spec *m)
{
    require_run(L, m->path, m->text);
    if (!lua_istable(L, -1))
        luaL_error(L, "%s: a module returns a table with `messages` and `decode`, not %s", m->path,
                   luaL_typename(L, -1));
    if (lua_getfield(L, -1, "decode") != LUA_TFUNCTION && !lua_isnil(L, -1))
        luaL_error(L, "%s: `decode` is no function", m->path);
    lua_pop(L, 1);
    if (lua_getfield(L, -1, "messages") != LUA_TTABLE)
        luaL_error(L, "%s: `messages` is missing: a table of what it encodes and decodes", m->path);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "%s: the keys of `messages` are names", m->path);
        check_message(L, m, lua_tostring(L, -2));
    }
    lua_pop(L, 1);
}

void module_functions(lua_State *L, const struct module_spec *m)
{
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, m) == LUA_TTABLE) return;
    lua_pop(L, 1);
    run_module(L, m);
    lua_createtable(L, (int)m->n + 1, 0);
    lua_getfield(L, -2, "decode");
    lua_rawseti(L, -2, 1);
    lua_getfield(L, -2, "messages");
    for (uint32_t i = 0; i < m->n; i++) {
        lua_pushlstring(L, m->messages[i].name.p, m->messages[i].name.n);
        lua_rawget(L, -2);
        if (lua_istable(L, -1)) {
            lua_getfield(L, -1, "encode");
            lua_rawseti(L, -4, (lua_Integer)i + 2);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    lua_remove(L, -2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, m);
}

/* A type is a text, or an enumeration: a table of names and numbers, whose first element may say of what type these
 * are. */
static void add_type(lua_State *L, struct jsonw *w, const struct module_spec *m, const char *field)
{
    if (lua_type(L, -1) == LUA_TSTRING) {
        jsonw_str(w, "type", lua_tostring(L, -1));
        return;
    }
    if (!lua_istable(L, -1))
        luaL_error(L, "%s: the type of `%s` is %s, not a text", m->path, field, luaL_typename(L, -1));
    lua_rawgeti(L, -1, 1);
    jsonw_str(w, "type", lua_isstring(L, -1) ? lua_tostring(L, -1) : "i64");
    lua_pop(L, 1);
    jsonw_open(w, "names", '{');
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TNUMBER) continue;
        if (lua_type(L, -2) != LUA_TSTRING || !lua_isinteger(L, -1))
            luaL_error(L, "%s: the enumeration of `%s` holds what is no NAME = number", m->path, field);
        jsonw_int(w, lua_tostring(L, -2), lua_tointeger(L, -1));
    }
    jsonw_close(w, '}');
}

static void add_field(lua_State *L, struct jsonw *w, const struct module_spec *m, const char *name)
{
    jsonw_open(w, NULL, '{');
    jsonw_str(w, "name", name);
    add_type(L, w, m, name);
    jsonw_close(w, '}');
}

static void add_fields(lua_State *L, struct jsonw *w, const struct module_spec *m, const char *message)
{
    jsonw_open(w, "fields", '[');
    if (lua_getfield(L, -1, "value") != LUA_TNIL) {
        add_field(L, w, m, "");
        lua_pop(L, 1);
        jsonw_close(w, ']');
        jsonw_bool(w, "value", true);
        return;
    }
    lua_pop(L, 1);
    if (lua_getfield(L, -1, "fields") != LUA_TTABLE)
        luaL_error(L, "%s: message `%s` has neither `fields` nor `value`", m->path, message);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "%s: the fields of `%s` have names", m->path, message);
        add_field(L, w, m, lua_tostring(L, -2));
    }
    lua_pop(L, 1);
    jsonw_close(w, ']');
}

struct describing {
    const struct module_spec *module;
    struct buf *out;
};

static int describe(lua_State *L)
{
    const struct describing *d = lua_touserdata(L, 1);
    struct jsonw w;
    jsonw_init(&w, d->out);
    run_module(L, d->module);
    jsonw_open(&w, NULL, '{');
    lua_getfield(L, -1, "decode");
    jsonw_bool(&w, "decode", lua_isfunction(L, -1));
    lua_pop(L, 1);
    jsonw_open(&w, "messages", '[');
    lua_getfield(L, -1, "messages");
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        jsonw_open(&w, NULL, '{');
        jsonw_str(&w, "name", lua_tostring(L, -2));
        lua_getfield(L, -1, "encode");
        jsonw_bool(&w, "encode", !lua_isnil(L, -1));
        lua_pop(L, 1);
        add_fields(L, &w, d->module, lua_tostring(L, -2));
        jsonw_close(&w, '}');
    }
    jsonw_close(&w, ']');
    jsonw_close(&w, '}');
    return 0;
}

bool module_describe(struct luastate *s, const struct module_spec *m, struct buf *ret)
{
    struct describing d = {m, ret};
    luastate_room(s->L);
    lua_pushcfunction(s->L, describe);
    lua_pushlightuserdata(s->L, &d);
    if (luastate_call(s, 1, 0)) return true;
    buf_clear(ret);
    buf_adds(ret, lua_tostring(s->L, -1));
    lua_pop(s->L, 1);
    return false;
}
