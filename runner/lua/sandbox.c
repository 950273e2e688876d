#include "lua/sandbox.h"

#include <stdbool.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "lua/coro.h"
#include "lua/funcs.h"

enum { CALLERS_MOST = 100 };

/* Its address is the key that marks the metatable of a locked table. */
static const char locked;

static int refuse_change(lua_State *L)
{
    const char *name = lua_tostring(L, lua_upvalueindex(1));
    if (lua_type(L, 2) == LUA_TSTRING)
        return luaL_error(L, "`%s.%s` cannot be set: libraries are read-only", name, lua_tostring(L, 2));
    return luaL_error(L, "`%s` cannot be changed: libraries are read-only", name);
}

static int locked_next(lua_State *L)
{
    lua_settop(L, 2);
    return lua_next(L, lua_upvalueindex(1)) ? 2 : 0;
}

/* The table itself must not be among what pairs returns. */
static int locked_pairs(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushcclosure(L, locked_next, 1);
    return 1;
}

void sandbox_lock(lua_State *L, const char *name)
{
    luaL_checkstack(L, 5, NULL);
    int table = lua_gettop(L);
    lua_newtable(L);
    lua_createtable(L, 0, 6);
    lua_pushvalue(L, table);
    lua_pushcclosure(L, locked_pairs, 1);
    lua_setfield(L, -2, "__pairs");
    lua_pushstring(L, name);
    lua_pushcclosure(L, refuse_change, 1);
    lua_setfield(L, -2, "__newindex");
    lua_getfield(L, table, "__call");
    lua_setfield(L, -2, "__call");
    lua_pushnil(L);
    lua_setfield(L, table, "__call");
    lua_pushvalue(L, table);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_pushboolean(L, true);
    lua_rawsetp(L, -2, &locked);
    lua_setmetatable(L, -2);
    lua_replace(L, table);
}

static bool is_locked(lua_State *L, int idx)
{
    if (!lua_getmetatable(L, idx)) return false;
    bool is = lua_rawgetp(L, -1, &locked) != LUA_TNIL;
    lua_pop(L, 2);
    return is;
}

static int base_rawset(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 2);
    luaL_checkany(L, 3);
    lua_settop(L, 3);
    if (is_locked(L, 1)) return luaL_error(L, "rawset on a library: libraries are read-only");
    lua_rawset(L, 1);
    return 1;
}

/* No __gc: a finalizer runs where no error, deadline or cap reaches it. Lua looks for the field here and never later.
 */
static int base_setmetatable(lua_State *L)
{
    int type = lua_type(L, 2);
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    lua_settop(L, 2);
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) return luaL_error(L, "cannot change a protected metatable");
    if (type == LUA_TTABLE) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL)
            return luaL_error(L, "`__gc` is not supported: use `__close` and `local x <close>`");
        lua_pop(L, 1);
    }
    lua_setmetatable(L, 1);
    return 1;
}

/* Pushes the _ENV of the nearest Lua function that has one, else a fresh environment over the base names. */
static void push_caller_env(lua_State *L, int base)
{
    lua_Debug ar;
    for (int level = 1; level < CALLERS_MOST && lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "f", &ar);
        const char *name;
        for (int i = 1; !lua_iscfunction(L, -1) && (name = lua_getupvalue(L, -1, i)); i++) {
            if (strcmp(name, "_ENV") == 0) {
                lua_remove(L, -2);
                return;
            }
            lua_pop(L, 1);
        }
        lua_pop(L, 1);
    }
    lua_newtable(L);
    lua_createtable(L, 0, 2);
    lua_pushvalue(L, base);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
}

/* Upvalues: Lua's own load, the base names. */
static int base_load(lua_State *L)
{
    luaL_checkany(L, 1);
    bool env = !lua_isnone(L, 4);
    if (!strchr(luaL_optstring(L, 3, "t"), 't')) return luaL_error(L, "load: only text chunks are allowed");
    lua_settop(L, 4);
    lua_pushliteral(L, "t");
    lua_replace(L, 3);
    if (!env) {
        push_caller_env(L, lua_upvalueindex(2));
        lua_replace(L, 4);
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 4, LUA_MULTRET);
    return lua_gettop(L);
}

static int base_collectgarbage(lua_State *L)
{
    static const char *const options[] = {"count", "collect", "step", NULL};
    enum { COUNT, COLLECT, STEP };
    int option = luaL_checkoption(L, 1, "collect", options);
    if (option == COUNT) {
        lua_pushnumber(L, (lua_Number)lua_gc(L, LUA_GCCOUNT) + (lua_Number)lua_gc(L, LUA_GCCOUNTB) / 1024);
    } else if (option == COLLECT) {
        lua_pushinteger(L, lua_gc(L, LUA_GCCOLLECT));
    } else {
        lua_Integer n = luaL_optinteger(L, 2, 0);
        luaL_argcheck(L, n >= 0 && n <= 1 << 20, 2, "out of range");
        lua_pushboolean(L, lua_gc(L, LUA_GCSTEP, (int)n));
    }
    return 1;
}

/* The base library opens into the table of globals, which is replaced: every chunk is born with it as its _ENV. */
static void open_base(lua_State *L, int base)
{
    static const char *const kept[] = {"assert",   "error",    "getmetatable", "ipairs",  "next",   "pairs",
                                       "pcall",    "rawequal", "rawget",       "rawlen",  "select", "tonumber",
                                       "tostring", "type",     "xpcall",       "_VERSION"};
    static const luaL_Reg own[] = {{"rawset", base_rawset},
                                   {"setmetatable", base_setmetatable},
                                   {"collectgarbage", base_collectgarbage},
                                   {NULL, NULL}};
    lua_pushcfunction(L, luaopen_base);
    lua_call(L, 0, 1);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        lua_getfield(L, -1, kept[i]);
        lua_setfield(L, base, kept[i]);
    }
    lua_getfield(L, -1, "load");
    lua_pushvalue(L, base);
    lua_pushcclosure(L, base_load, 2);
    lua_setfield(L, base, "load");
    lua_pop(L, 1);
    lua_pushvalue(L, base);
    luaL_setfuncs(L, own, 0);
    lua_pop(L, 1);
    lua_newtable(L);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
}

/* Opens a library and adds it, locked, with only the functions of `kept` if that is given. */
static void open_library(lua_State *L, int base, const char *name, lua_CFunction open, const char *const *kept)
{
    lua_pushcfunction(L, open);
    lua_call(L, 0, 1);
    if (kept) {
        lua_newtable(L);
        for (; *kept; kept++) {
            lua_getfield(L, -2, *kept);
            lua_setfield(L, -2, *kept);
        }
        lua_remove(L, -2);
    }
    sandbox_lock(L, name);
    lua_setfield(L, base, name);
}

/* Bytecode cannot be loaded, so that making it is of no use; and what strings inherit from stays as it is. */
static int open_string(lua_State *L)
{
    luaopen_string(L);
    lua_pushnil(L);
    lua_setfield(L, -2, "dump");
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
    return 1;
}

void sandbox_open(lua_State *L)
{
    static const char *const os[] = {"time", "clock", "date", NULL};
    lua_createtable(L, 0, 64);
    int base = lua_gettop(L);
    open_base(L, base);
    open_library(L, base, LUA_STRLIBNAME, open_string, NULL);
    open_library(L, base, LUA_TABLIBNAME, luaopen_table, NULL);
    open_library(L, base, LUA_MATHLIBNAME, luaopen_math, NULL);
    open_library(L, base, LUA_UTF8LIBNAME, luaopen_utf8, NULL);
    open_library(L, base, LUA_COLIBNAME, coro_open, NULL);
    open_library(L, base, LUA_OSLIBNAME, luaopen_os, os);
    funcs_open(L);
}
