#ifndef ENGINE_PACKING_H
#define ENGINE_PACKING_H

/* Lua's string.pack and string.unpack (manual 6.4.2) for `pack` and `unpack`. */

#include "engine/eval.h"

/* The bytes that args[0], the format, makes of the others. */
bool packing_pack(const struct text_plan *args, uint32_t n, struct eval *e, struct slice *ret);
/* At load, for constant arguments: NULL, or what is wrong as a phrase, and which of them it is. */
const char *packing_check(struct luastate *s, const struct text_plan *args, uint32_t n, struct arena *a,
                          uint32_t *ret_arg);
/* NULL and how many values the format has (-1: not known), or what is wrong with it. */
const char *packing_check_format(struct luastate *s, struct slice format, struct arena *a, int *ret_values);
/* Bytes of a format of a fixed size, -1 of another. False with e->why. */
bool packing_size(struct slice format, struct mark mark, struct eval *e, int64_t *ret);
/* How many bytes the format takes of these: true, also with *ret_short when there are too few; else *ret_why, in the
 * arena. */
bool packing_measure(struct luastate *s, struct slice format, struct slice have, struct arena *a, size_t *ret_len,
                     bool *ret_short, const char **ret_why);
/* Pushes the values and returns how many. To be called protected. */
int packing_unpack(lua_State *L, struct slice format, struct slice bytes);

#endif
