#ifndef ENGINE_OPERANDS_H
#define ENGINE_OPERANDS_H

#include "engine/actor.h"

/* Appends what the names in an expression stand for, `a = 5, s = "x"`: for the failure of what did not hold. Functions
 * and libraries say nothing. Nothing is appended if there are no names. */
void operands_show(struct actor *a, const struct expr *x, struct buf *out);

#endif
