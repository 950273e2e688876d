#ifndef LUA_NAMES_H
#define LUA_NAMES_H

/* Which free names a piece of Lua uses, with their places: so that a name that nobody defines is an error at load. A
 * scan of tokens (Lua 5.4 manual 3.1), not a parser: a name that is declared local, a parameter or a loop variable
 * anywhere in the text counts as local everywhere in it. */

#include <stdbool.h>
#include <stddef.h>

#include "util/arena.h"
#include "util/slice.h"

/* Calls see for every use: `assigned` for `x = ...` and `function x` as a statement. Field names (`a.x`, `a:x`, `{x =
 * 1}`), labels and keywords are no uses. */
void names_scan(struct slice lua, void (*see)(void *ctx, struct slice name, size_t at, bool assigned), void *ctx);
/* The length of the Lua expression at the start of text that ends before its closing `}`: strings, comments and nested
 * braces are passed over. -1 if it has no end. */
long names_expression_end(struct slice text);
/* The same Lua with fields that are named by a keyword in the form that Lua takes: `conn.local` becomes
 * `conn["local"]`. lua itself if there are none, else in the arena. */
struct slice names_spell_fields(struct slice lua, struct arena *a);
/* The keywords of Lua; ends with NULL. */
extern const char *const names_keywords[];
/* [A-Za-z_][A-Za-z0-9_]* and no keyword. */
bool names_is_name(struct slice text);

#endif
