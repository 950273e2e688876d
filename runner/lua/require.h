#ifndef LUA_REQUIRE_H
#define LUA_REQUIRE_H

/* Modules of Lua code: each has an environment of its own and is loaded once in a state. `require` finds them by name,
 * in folders that are set for the state, and nowhere else. */

#include <stdbool.h>

#include <lua.h>

#include "util/permit.h"
#include "util/slice.h"

enum { REQUIRE_FILE_MOST = 4 << 20 };

/* Makes `require` a base name of the state. Names (letters, digits and `_`, with dots for folders) are looked for in
 * the folders in this order; NULL ones are passed over. They, and permit, outlive the state. To be called protected. */
void require_open(lua_State *L, const struct permit *permit, const char *const folders[2]);
/* What `require name` gives without a file: what the function returns when it is first asked for. To be called
 * protected. */
void require_preload(lua_State *L, const char *name, lua_CFunction open);
/* Pushes what the text gives when it is run as a chunk named `path`, in an environment of its own over the base names.
 * Raises what goes wrong. */
void require_run(lua_State *L, const char *path, struct slice text);
/* Reads the file `name`.lua of a folder. The descriptor's text in malloced memory (mem_free), or NULL with *ret_why a
 * phrase (NULL: there is no such file). */
char *require_read(const struct permit *permit, const char *folder, struct slice name, size_t *ret_n,
                   const char **ret_why);

#endif
