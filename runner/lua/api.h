#ifndef LUA_API_H
#define LUA_API_H

/* The module `sockrun`: sockets, programs and tasks for scripts (docs/lua.md). The functions are in the rooms api_*.c,
 * each with a comment that starts with a colon: its call, what it does, an example. The reference is made of them. */

#include <lua.h>

#include "lua/bridge.h"
#include "net/addr.h"
#include "net/process.h"

/* Pushes the module: for require_preload. */
int api_open(lua_State *L);

/* A connection object. */
struct luaconn {
    struct object object; /* first */
    struct conn *conn;    /* NULL: closed, or gone with the actor whose it is */
    int64_t timeout;      /* ns, or LUAWAIT_DEFAULT, LUAWAIT_FOREVER */
    struct luaprogram *program;
    bool borrowed; /* an actor's: closing the object leaves it alone */
};

extern const struct object_type luaconn_type, luaprogram_type, luatask_type, lualistener_type, luachannel_type;

/* Pushes a connection for a connected descriptor, which is taken in any case; 0, or -errno and nothing is pushed. */
int luaconn_push(lua_State *L, int fd, enum addr_scheme scheme, const struct addr *peer, bool reset);
/* Pushes the one connection that works on a listener of datagrams, which the object keeps. */
struct conn *luaconn_push_served(lua_State *L, int listener, struct listener *l);
/* Pushes an object for an actor's connection; the caller tells it when that goes. */
struct luaconn *luaconn_lend(lua_State *L, struct conn *c);
void luaconn_lost(struct luaconn *c);
/* Of the type: closes what is its own. */
void luaconn_close(struct object *o);
/* The open connection at arg 1 that the running task may read (or write) now: raises if it is closed for writing or
 * claimed by another task; NULL if it is closed, for reading. */
struct luaconn *luaconn_check(lua_State *L, int arg);
struct conn *luaconn_readable(lua_State *L, struct luaconn *c);
/* The same, also where a message module has begun to read. */
struct conn *luaconn_claim(lua_State *L, struct luaconn *c);
/* Pushes nil, why and what has come so far: 3. In a continuation. */
int luaconn_fail(lua_State *L, const struct luaconn *c);

/* Seconds at arg in ns, scaled: LUAWAIT_DEFAULT if absent, LUAWAIT_FOREVER if negative or huge. */
int64_t api_timeout(lua_State *L, int arg);
/* nil and why. */
int api_nil(lua_State *L, const char *why);
/* Of a -errno. */
int api_nil_errno(lua_State *L, int error);
/* The address at arg: text, or what shows as one. Raises what is none. */
void api_address(lua_State *L, int arg, struct addr_spec *ret);
/* The field of the options table at arg (nil, or table) is pushed. */
int api_option(lua_State *L, int arg, const char *name);
/* The running task's room. */
union luaroom *api_room(lua_State *L);
/* After EMFILE once: what nobody holds any more is closed. */
void api_collect(lua_State *L);

extern const luaL_Reg api_net[], api_program[], api_tasks[], api_meet[], api_select[];
extern const luaL_Reg luaconn_info_methods[];
int luaconn_expect(lua_State *L);
/* The message module's name is at 2. */
int luaconn_receive_message(lua_State *L, struct luaconn *c);
/* Replaces the table at idx by the bytes of its payload. */
void luaconn_encode(lua_State *L, struct conn *c, int idx);
int luaconn_ctx(lua_State *L);
int luaconn_wait(lua_State *L);

#endif
