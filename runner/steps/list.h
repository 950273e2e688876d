#ifndef STEPS_LIST_H
#define STEPS_LIST_H

/* Every verb of the language, in the order of the reference. */

#include "scenario/model.h"

/* Ends with NULL. The schema is the first member of each step's kind (engine/step.h). */
extern const struct step_schema *const step_list[];

#endif
