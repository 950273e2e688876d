#ifndef SCENARIO_ROWS_H
#define SCENARIO_ROWS_H

/* `each` and `matrix`: one case as written -> one for each row. */

#include "scenario/loader.h"

/* How many cases the map's rows make, checked; 1 without rows, 0 if they are wrong or more than `most`. */
uint32_t rows_count(struct loader *l, const struct node *map, uint32_t most);
/* Fills `to`, of that many, with copies of `one`, each with its row and a name of its own. */
void rows_expand(struct loader *l, const struct node *map, const struct case_model *one, struct case_model *to,
                 uint32_t n);

#endif
