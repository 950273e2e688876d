#ifndef SCENARIO_TARGET_H
#define SCENARIO_TARGET_H

/* `target` and `before`: the system under test, and the actors that live as long as the file. */

#include "scenario/actors.h"
#include "scenario/loader.h"

/* Reads both, from all documents: the file's own win over those of included ones. */
void target_load(struct loader *l);
/* What the short form of a case works with, when it has no `connect`: false if there is no target. One that listens
 * comes with the program that is tested, as the second. */
bool target_actors(struct loader *l, const struct node *map, struct actor_model *ret, uint32_t *ret_n);

#endif
