#ifndef ENGINE_LUA_MODULES_H
#define ENGINE_LUA_MODULES_H

/* Message modules for Lua code (lua/host.h luamessage_ops), over what scenarios do with them: a table that a script
 * gives is read as if it had been written in a scenario, so that both have the same fields, matchers and messages. */

#include "engine/eval.h"
#include "lua/host.h"

/* The host's code may use the modules that these states may. */
void lua_modules(struct luahost *h, struct lazy_lua *l);
/* From now on a module that nobody knew of says in this state what it has. beside: a folder whose modules may be named
 * as well, or NULL. */
void lua_modules_describe(struct lazy_lua *l, const char *beside);

#endif
