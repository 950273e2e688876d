#ifndef SCENARIO_MACROS_H
#define SCENARIO_MACROS_H

/* Macros: their arguments, the steps that they stand for, and calls of them. */

#include "scenario/loader.h"

/* Reads the macros of all documents, and finds those that call themselves. */
void macros_load(struct loader *l);
/* The macro that a `call` names, its arguments checked; NULL with a diagnostic if there is none. */
const struct macro_model *macros_call(struct loader *l, const struct step_model *s);

#endif
