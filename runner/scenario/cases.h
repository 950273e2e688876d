#ifndef SCENARIO_CASES_H
#define SCENARIO_CASES_H

/* The cases of a file: who takes part, under which names, with which rows. */

#include "scenario/loader.h"

/* Reads the cases of the file itself, the last of the documents. */
void cases_load(struct loader *l);

#endif
