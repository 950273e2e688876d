#ifndef ENGINE_LUA_WITNESS_H
#define ENGINE_LUA_WITNESS_H

/* Tells of connections that Lua code has opened, at the lines that use them. */

#include "engine/emit.h"
#include "lua/bridge.h"
#include "op/dial.h"
#include "util/arena.h"

/* Nothing if nobody wants to hear of it. The arena outlives the connection; actor is copied, and may be NULL. */
void lua_witness_begin(const struct luahost *h, struct emit *emit, struct arena *a, const char *actor, struct conn *c);
void lua_witness_listens(const struct luahost *h, struct emit *emit, const char *actor, const struct listener *l,
                         const struct addr_spec *asked);

#endif
