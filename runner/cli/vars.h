#ifndef CLI_VARS_H
#define CLI_VARS_H

/* Variables from outside of scenarios: SOCKRUN_VAR_name in the environment, then --vars-file, then --var; later ones
 * win. */

#include <stdbool.h>

#include "cli/options.h"
#include "engine/child.h"
#include "util/diag.h"

struct vars {
    struct arena arena;
    struct setting_var *list; /* each name once */
    uint32_t n, size;
};

/* False if a file cannot be read: *ret_why, in the arena. What is wrong within a file goes to d. */
bool vars_collect(struct vars *v, const struct options *o, char *const *environment, struct diags *d,
                  const char **ret_why);
void vars_done(struct vars *v);

#endif
