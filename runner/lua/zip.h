#ifndef LUA_ZIP_H
#define LUA_ZIP_H

/* Compression for Lua: deflate inflate (by zlib). */

#include <lua.h>

/* Adds them to the table at the top of the stack. */
void zip_open(lua_State *L);

#endif
