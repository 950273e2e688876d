#include "lua/api.h"

#include <math.h>
#include <string.h>

#include "lua/sandbox.h"
#include "util/units.h"

/* The module's table, what its functions share, and those that belong to no other room. */

enum { LOG_MOST = 64 << 10 };

int api_nil(lua_State *L, const char *why)
{
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
}

int api_nil_errno(lua_State *L, int error)
{
    const enum sr_status s = sr_status_of_errno(error);
    return api_nil(L, s == SR_SYSTEM ? strerror(error) : sr_status_name(s));
}

int64_t api_timeout(lua_State *L, int arg)
{
    if (lua_isnoneornil(L, arg)) return LUAWAIT_DEFAULT;
    const lua_Number seconds = luaL_checknumber(L, arg);
    const double scale = luastate_of(L)->host ? luastate_of(L)->host->scale : 1;
    if (isnan(seconds)) return luaL_argerror(L, arg, "seconds are wanted, not nan");
    if (seconds < 0 || seconds * scale > 1e9) return LUAWAIT_FOREVER;
    return (int64_t)(seconds * scale * (double)NS_PER_S);
}

void api_address(lua_State *L, int arg, struct addr_spec *ret)
{
    size_t at = 0, n = 0;
    arg = lua_absindex(L, arg);
    luaL_checkany(L, arg);
    if (object_test(L, arg, OBJECT_LISTENER))
        lua_getfield(L, arg, "address");
    else
        luaL_tolstring(L, arg, NULL);
    const char *text = lua_tolstring(L, -1, &n);
    const char *why = addr_parse((struct slice){text, n}, ret, &at);
    if (why) luaL_error(L, "%s: %s", text, why);
    lua_pop(L, 1);
}

int api_option(lua_State *L, int arg, const char *name)
{
    if (lua_isnoneornil(L, arg))
        lua_pushnil(L);
    else {
        luaL_checktype(L, arg, LUA_TTABLE);
        lua_getfield(L, arg, name);
    }
    return !lua_isnil(L, -1);
}

union luaroom *api_room(lua_State *L)
{
    return &luahost_of(L)->current->room;
}

void api_collect(lua_State *L)
{
    lua_gc(L, LUA_GCCOLLECT);
}

/*: log(value...)
 * A line of the report, as print would write it.
 * example: sock.log("got", #data, "bytes") */
static int f_log(lua_State *L)
{
    const int n = lua_gettop(L);
    struct luahost *h = luahost_of(L);
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (int i = 1; i <= n; i++) {
        if (i > 1) luaL_addchar(&b, ' ');
        luaL_tolstring(L, i, NULL);
        luaL_addvalue(&b);
    }
    luaL_pushresult(&b);
    h->ops->log(h, L, lua_tostring(L, -1));
    return 0;
}

/*: fail(message)
 * The case has failed, at this line.
 * example: if n > 3 then sock.fail("too many") end */
static int f_fail(lua_State *L)
{
    const struct luafailure f = {.kind = "fail", .message = luaL_tolstring(L, 1, NULL)};
    return luafail(L, &f);
}

/*: skip(reason)
 * The case ends here, and counts as skipped.
 * example: if not has_ipv6 then sock.skip("no IPv6") end */
static int f_skip(lua_State *L)
{
    struct luahost *h = luahost_of(L);
    const char *reason = luaL_optstring(L, 1, "skipped");
    h->ops->skip(h, reason);
    if (h->current) h->current->told = true;
    return luaL_error(L, "skipped: %s", reason);
}

static void add_helpers(lua_State *L)
{
    static const char *const names[] = {"hex",     "unhex",  "base64", "unbase64", "xor",  "crc16",
                                        "crc32",   "md5",    "sha1",   "sha256",   "hmac", "deflate",
                                        "inflate", "random", "uuid",   "json",     "pack", "unpack"};
    lua_rawgeti(L, LUA_REGISTRYINDEX, luastate_of(L)->base);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        lua_getfield(L, -1, names[i]);
        lua_setfield(L, -3, names[i]);
    }
    lua_pop(L, 1);
}

int api_open(lua_State *L)
{
    static const luaL_Reg own[] = {{"log", f_log}, {"fail", f_fail}, {"skip", f_skip}, {NULL, NULL}};
    const luaL_Reg *const lists[] = {own, api_net, api_program, api_tasks, api_meet, api_select};
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    lua_createtable(L, 0, 48);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        luaL_setfuncs(L, lists[i], 0);
    add_helpers(L);
    sandbox_lock(L, "sockrun");
    return 1;
}
