#ifndef SCENARIO_MARKS_H
#define SCENARIO_MARKS_H

/* What stands on a case beside what it does: its id, where its requirement stands and how strong that is, whether it is
 * known to fail, what it shares with others. */

#include "scenario/loader.h"

/* From the map of a case, or of the file that is one. */
void marks_read(struct loader *l, const struct node *map, struct case_model *c);
/* The value of `serial`, or NULL. */
const char *marks_serial(struct loader *l, const struct node *map);
/* No two cases of the file have the same id. */
void marks_compare(struct loader *l);

#endif
