#ifndef RUN_PROBE_H
#define RUN_PROBE_H

/* A process that runs a message module to learn what it has: limited in time, in memory and in what it may open, so
 * that nothing a module does on being loaded reaches the one who asks. */

#include "engine/modules.h"

/* For modules.probe: ctx is the set. */
bool probe_module(void *ctx, const struct module_spec *m, struct buf *ret);

#endif
