#ifndef CLI_SESSION_H
#define CLI_SESSION_H

/* What run, check and list begin with: the variables, the files, and everything that can be wrong in them. */

#include "cli/options.h"
#include "cli/vars.h"
#include "engine/modules.h"
#include "run/results.h"
#include "run/suite.h"
#include "sockrun/verdict.h"

struct session {
    struct vars vars;
    struct settings settings;
    struct modules modules;
    struct paths paths;
    struct selection selection;
    struct suite suite;
    struct mask *mask;       /* of --secret; NULL: there are none */
    struct results *results; /* of earlier runs; NULL of `check` */
};

/* The variables and the settings alone, for what runs no files. As session_open. */
enum sr_exit session_begin(struct session *s, const struct options *o);
/* SR_EXIT_OK, or the exit code once what is wrong has been printed. session_done is due in either case. */
enum sr_exit session_open(struct session *s, const struct options *o);
void session_done(struct session *s);

#endif
