#ifndef CLI_OUTPUTS_H
#define CLI_OUTPUTS_H

/* The reports that a command line asks for, on one bus: the console's and those in files. */

#include <stdio.h>

#include "cli/options.h"
#include "event/bus.h"
#include "run/tally.h"

enum { OUTPUTS_FILES = 9 };

struct mask;

struct outputs {
    struct bus bus;
    struct masker *masker;
    struct tally tally;
    struct event_sink *console;
    struct event_sink *files[OUTPUTS_FILES];
    unsigned nfiles;
    struct buf again; /* how this run was begun, for what is to be run again */
    bool live;        /* the console can rewrite its line: tick it */
};

/* False once it has been said why they do not go together. */
bool outputs_fit(const struct options *o);
/* mask: hides secrets, or NULL; outlives it. */
void outputs_open(struct outputs *out, const struct options *o, const struct mask *mask);
/* After EVENT_RUN_END. True if every report is whole; what is not is said on stderr. */
bool outputs_close(struct outputs *out);

#endif
