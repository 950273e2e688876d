#ifndef LUA_API_NET_H
#define LUA_API_NET_H

/* Opening things for a test, which fails where it cannot be done. The arguments stand as for the module's functions. */

#include "lua/api.h"

int api_dial(lua_State *L, bool must);
int api_open_listener(lua_State *L, bool must);
int api_start_program(lua_State *L, bool must);

#endif
