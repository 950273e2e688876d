#include "lua/coro.h"

#include <lauxlib.h>
#include <lualib.h>

#include "lua/bridge.h"
#include "lua/state.h"

enum { FAILED = -1, WAITS = -2 };

/* What has become of a coroutine that was resumed: how many results stand on L then, or FAILED with the error on L. */
static int passed(lua_State *L, lua_State *co, int status, int results)
{
    if (status != LUA_OK && status != LUA_YIELD) {
        lua_xmove(co, L, 1);
        return FAILED;
    }
    if (status == LUA_YIELD && bridge_passes(L, co)) return WAITS;
    if (!lua_checkstack(L, results + 1)) {
        lua_pop(co, results);
        lua_pushliteral(L, "too many results to resume");
        return FAILED;
    }
    lua_xmove(co, L, results);
    return results;
}

/* Resumes co with the n values on top of L. */
static int pass(lua_State *L, lua_State *co, int n)
{
    if (bridge_busy(co)) {
        lua_pushstring(L, bridge_busy(co));
        return FAILED;
    }
    if (!lua_checkstack(co, n)) {
        lua_pushliteral(L, "too many arguments to resume");
        return FAILED;
    }
    bridge_enter(L, co, false);
    lua_xmove(L, co, n);
    int results = 0;
    const int status = luastate_resume(co, L, n, &results);
    return passed(L, co, status, results);
}

/* The wait that it yielded for is over. */
static int pass_on(lua_State *L, lua_State *co)
{
    int results = 0;
    bridge_enter(L, co, true);
    const int status = luastate_resume(co, L, 0, &results);
    return passed(L, co, status, results);
}

static int behind_resume(lua_State *L, int status, lua_KContext ctx);

static int end_resume(lua_State *L, int n)
{
    if (n == WAITS) return lua_yieldk(L, 0, 0, behind_resume);
    lua_pushboolean(L, n >= 0);
    if (n < 0) n = 1;
    lua_insert(L, -(n + 1));
    return n + 1;
}

static int behind_resume(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    return end_resume(L, pass_on(L, lua_tothread(L, 1)));
}

static int coro_resume(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);
    luaL_argexpected(L, co, 1, "coroutine");
    return end_resume(L, pass(L, co, lua_gettop(L) - 1));
}

static int behind_wrapped(lua_State *L, int status, lua_KContext ctx);

static int end_wrapped(lua_State *L, lua_State *co, int n)
{
    if (n == WAITS) return lua_yieldk(L, 0, 0, behind_wrapped);
    if (n >= 0) return n;
    int status = lua_status(co);
    if (status != LUA_OK && status != LUA_YIELD) {
        /* The error may be another one once its variables are closed. */
        status = lua_resetthread(co);
        lua_xmove(co, L, 1);
    }
    if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

static int behind_wrapped(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    lua_State *co = lua_tothread(L, lua_upvalueindex(1));
    return end_wrapped(L, co, pass_on(L, co));
}

static int wrapped(lua_State *L)
{
    lua_State *co = lua_tothread(L, lua_upvalueindex(1));
    return end_wrapped(L, co, pass(L, co, lua_gettop(L)));
}

static int coro_wrap(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    lua_pushcclosure(L, wrapped, 1);
    return 1;
}

static int coro_yield(lua_State *L)
{
    if (bridge_outermost(L)) return luaL_error(L, "attempt to yield from outside a coroutine");
    return lua_yield(L, lua_gettop(L));
}

/* Upvalue: Lua's own. */
static int coro_close(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);
    luaL_argexpected(L, co, 1, "coroutine");
    if (bridge_busy(co)) return luaL_error(L, "%s", bridge_busy(co));
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

int coro_open(lua_State *L)
{
    static const luaL_Reg own[] = {{"resume", coro_resume}, {"wrap", coro_wrap}, {"yield", coro_yield}, {NULL, NULL}};
    luaopen_coroutine(L);
    luaL_setfuncs(L, own, 0);
    lua_getfield(L, -1, "close");
    lua_pushcclosure(L, coro_close, 1);
    lua_setfield(L, -2, "close");
    return 1;
}
