#ifndef ENGINE_SCRIPT_FAILURE_H
#define ENGINE_SCRIPT_FAILURE_H

/* What went wrong in Lua code, as a report shows it: the script's line, the values, and a trace of the script's own
 * lines. */

#include "event/event.h"
#include "lua/bridge.h"
#include "util/arena.h"

/* A text whose lines can be shown. */
struct script_text {
    const char *name;
    struct slice text;
};

/* The place of a line of the script: a caret below its first character. */
struct place script_place(const struct script_text *s, uint32_t line);
/* Where L's innermost line of Lua is: in the script, or in what it requires. line 0 if there is none. */
struct place script_where(const struct script_text *s, lua_State *L, struct arena *a);
/* Fills in place, message, dump and trace. */
void script_failure_fill(const struct script_text *s, lua_State *L, const struct luafailure *from, struct arena *a,
                         struct event_failure *f);
/* The dump and the values alone. */
void script_failure_values(const struct luafailure *from, struct arena *a, struct event_failure *f);
/* "waiting for bytes". */
const char *script_failure_waits(const struct luatask *t);
void script_failure_note(struct event_failure *f, struct arena *a, const char *label, const char *text);
/* A note for each task but `self` that is not over: where it stands, and for how long. */
void script_failure_tasks(const struct script_text *s, const struct luahost *h, const struct luatask *self,
                          struct arena *a, struct event_failure *f);

#endif
