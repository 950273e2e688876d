#ifndef ENGINE_SCOPE_H
#define ENGINE_SCOPE_H

/* What names mean in `${}` and Lua steps (language 3), looked up in this order: macros' arguments and loops' variables
 * around the step, the actor's own variables, the words of the language (self, conn, row, instance, it, case, dir, env,
 * ports, vars), the case's variables, other actors. Variables live in Lua tables, made when the first one is set. */

#include "engine/actor.h"
#include "lua/expr.h"
#include "util/slice.h"

extern const struct env_ops scope_ops;

/* Sets a variable of the actor to bytes. False after actor_fail (out of Lua memory). */
bool scope_set_text(struct actor *a, const char *name, struct slice bytes);
/* Runs a C function with the actor as its one argument (light userdata), protected: false after actor_fail. */
bool scope_protected(struct actor *a, lua_CFunction f, int results);
/* Pushes the value that the row, or a variable of the case, has. Called protected. */
void scope_push_vars(lua_State *L, struct run *r);
/* The address that `${actor}` stands for: of a listening one, what it listens on; false if it has none yet. */
bool scope_actor_address(const struct actor *a, char *text, size_t size);

#endif
