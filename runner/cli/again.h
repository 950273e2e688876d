#ifndef CLI_AGAIN_H
#define CLI_AGAIN_H

/* The command line that runs one case as this one did: the program and the options that a case depends on. */

#include "cli/options.h"

/* Appends "sockrun --allow-run --var user=bob", quoted for a shell; of a secret only the name. */
void again_command(const struct options *o, struct buf *out);

#endif
