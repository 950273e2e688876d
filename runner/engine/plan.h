#ifndef ENGINE_PLAN_H
#define ENGINE_PLAN_H

/* From a loaded scenario to what can be run: the plan of each case's body, and the values of its rows. */

#include "engine/child.h"
#include "engine/program.h"

/* In the arena, or NULL after diagnostics. lua NULL: Lua is not checked. */
struct case_plan *plan_compile(const struct scenario *sc, const struct case_model *m, struct luastate *lua,
                               struct arena *a, struct diags *d);
/* The row of `each`, or the matrix's values; NULL if the case has neither. */
const struct datum **plan_rows(const struct scenario *sc, const struct case_model *m, struct luastate *lua,
                               struct arena *a, struct diags *d);

/* The scenario's messages are of these modules, and of those that it names in `use`. */
struct modules;
void plan_use(struct scenario *sc, struct modules *m, struct arena *a);

#endif
