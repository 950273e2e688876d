#ifndef CLI_MODULE_LIST_H
#define CLI_MODULE_LIST_H

/* The message modules of the scripts folder. */

#include "cli/options.h"
#include "engine/modules.h"

/* Each is loaded, in a process of its own, when somebody asks for it. */
void modules_begin(struct modules *m, const struct options *o);
/* Their names, sorted, in the set's arena. */
const char **module_list(struct modules *m, uint32_t *ret_n);

#endif
