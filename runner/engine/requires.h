#ifndef ENGINE_REQUIRES_H
#define ENGINE_REQUIRES_H

/* `requires`: what the machine must have for a file's cases to make sense. */

#include "doc/node.h"
#include "util/arena.h"
#include "util/permit.h"

/* NULL if all of the list (NULL: nothing) is there; else the reason why the cases are skipped ("needs program nginx"),
 * in the arena. Commands are run, with permission, and must end with code 0 within 10 s. */
const char *requires_missing(const struct node *list, const struct permit_scope *permit, struct arena *a);

#endif
