#ifndef SCENARIO_INCLUDES_H
#define SCENARIO_INCLUDES_H

/* The file and all that it includes, read, parsed and with their keys checked. */

#include "scenario/loader.h"

/* Fills the loader's documents and the scenario's sources. False if the file itself cannot be used at all; then there
 * is a diagnostic. name is the file as reports show it. */
bool includes_load(struct loader *l, const char *name, struct slice text);
/* `a/./b/../c` -> `a/c`, of `path` seen from the folder of the file `from` (if it is not absolute). Links are not
 * looked at. In the arena. */
const char *includes_path(struct arena *a, const char *from, const char *path);

#endif
