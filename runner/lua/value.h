#ifndef LUA_VALUE_H
#define LUA_VALUE_H

/* Values between Lua and the rest: views for matchers, JSON in both directions. A table whose keys are 1..n is a list,
 * an empty one an empty list unless value_object marked it; JSON null is the light userdata NULL (`json.null`). */

#include <stdbool.h>

#include <lua.h>

#include "match/view.h"
#include "util/arena.h"
#include "util/buf.h"

enum { VALUE_DEPTH = 100 };

/* Copies the value at idx (tables to any depth up to VALUE_DEPTH, strings too) into the arena. False with the message
 * on top of the stack: too deep, or a function, thread or userdata, or keys that are no strings. */
bool value_view(lua_State *L, int idx, struct arena *a, struct view *ret);
/* Marks the table on top as an object: empty, it is a map. Raises if memory is out. */
void value_object(lua_State *L);
/* Pushes what a view shows. To be called protected: raises if it is deeper than VALUE_DEPTH or memory is out. */
void value_push(lua_State *L, const struct view *v);
/* Appends compact JSON, keys sorted; a float stays one (`1.0`). False with the message on top. */
bool value_json(lua_State *L, int idx, struct buf *out);
/* Pushes the value of a JSON text, or false with the message on top. */
bool value_parse_json(lua_State *L, struct slice text);
/* As an assertion shows it: strings quoted, tables as {a = 1, ...}, at most `most` bytes. */
void value_show(lua_State *L, int idx, size_t most, struct buf *out);

#endif
