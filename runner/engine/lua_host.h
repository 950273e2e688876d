#ifndef ENGINE_LUA_HOST_H
#define ENGINE_LUA_HOST_H

/* Lua code in a scenario's case: what the API of lua/host.h is given, and what its failures become. */

#include "engine/run.h"
#include "lua/api.h"

/* The API works from now on in this case. The state must be there. */
struct luahost *lua_host(struct run *r);
/* Tasks are cancelled, objects closed; before the actors go. */
void lua_host_end(struct run *r);
/* Pushes the object of a connection that an actor owns. */
void lua_host_push_conn(lua_State *L, struct channel *c);
/* Its object outlives it. */
void lua_host_lose_conn(struct channel *c);
/* A failure at the line of the actor's file that the message begins with, or that L is at. */
enum went lua_host_fail(struct actor *a, lua_State *L, const struct luafailure *f);

#endif
