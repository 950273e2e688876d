#ifndef LUA_SANDBOX_H
#define LUA_SANDBOX_H

/* What Lua code of a scenario is given: no way to the system, to bytecode, or to what another case sees. */

#include <lua.h>

/* Pushes the table of base names. Nothing that Lua code can reach leads to the table itself, nor to a library's. */
void sandbox_open(lua_State *L);
/* Puts in place of the table on top one that shows the same and cannot be changed, not even by rawset. `name` is for
 * the message. A field __call of the table makes the new one callable. */
void sandbox_lock(lua_State *L, const char *name);

#endif
