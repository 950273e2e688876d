#ifndef ENGINE_SCRIPT_DEADLOCK_H
#define ENGINE_SCRIPT_DEADLOCK_H

/* Does every Lua task of a test wait for another one, so that nothing can happen any more? Only what is certain counts:
 * a wait that has a time of its own ends by itself, and a program may still do something. */

#include <stdbool.h>

#include "lua/bridge.h"

bool script_deadlock(const struct luahost *h);

#endif
