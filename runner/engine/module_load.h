#ifndef ENGINE_MODULE_LOAD_H
#define ENGINE_MODULE_LOAD_H

/* A message module run in a Lua state: its functions, and what it says of itself. */

#include "engine/modules.h"
#include "lua/state.h"

/* Pushes the list of the module's functions: decode, then the encode of each message; the module runs once in a state.
 * To be called protected. */
void module_functions(lua_State *L, const struct module_spec *m);
/* Runs the module and writes what it has as JSON for module_read_spec; false with a reason in ret. */
bool module_describe(struct luastate *s, const struct module_spec *m, struct buf *ret);

#endif
