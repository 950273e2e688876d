#ifndef LUA_CORO_H
#define LUA_CORO_H

/* Lua's coroutine library (manual 6.2), with resume and wrap going through luastate_resume. */

#include <lua.h>

/* Pushes the library's table. */
int coro_open(lua_State *L);

#endif
