#ifndef LUA_API_TASKS_H
#define LUA_API_TASKS_H

#include "lua/api.h"

/* Starts a task for the name, function and arguments on the stack; pushes it: 1. */
int api_start_task(lua_State *L);

#endif
