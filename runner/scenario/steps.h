#ifndef SCENARIO_STEPS_H
#define SCENARIO_STEPS_H

/* A step's map -> its verb, modifiers and children. */

#include "scenario/loader.h"

/* The verbs of the loader's options, by their names. */
void steps_init(struct loader *l);
/* A list of steps, whose form a field (FIELD_STEPS) has checked already: what is no step is passed over without a word.
 * NULL is an empty block. */
struct block_model steps_block(struct loader *l, const struct node *list);
/* A map of name: steps, or a list of lists of steps, checked likewise (FIELD_BRANCHES, FIELD_LANES). */
struct branches_model steps_branches(struct loader *l, const struct node *n);

#endif
