#ifndef RUN_TALLY_H
#define RUN_TALLY_H

/* Counts verdicts, and makes the exit code of them: the one place where it is decided. */

#include <stdbool.h>
#include <stdint.h>

#include "event/bus.h"
#include "sockrun/verdict.h"

struct tally {
    struct event_sink sink;
    bool strict; /* the caller's: a warning fails the run */
    uint32_t verdicts[SR_VERDICTS];
};

void tally_init(struct tally *t);
/* broken: something went wrong outside of any case. No verdict at all: no case was selected. */
enum sr_exit tally_exit(const struct tally *t, bool interrupted, bool broken);

#endif
