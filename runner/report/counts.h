#ifndef REPORT_COUNTS_H
#define REPORT_COUNTS_H

/* How many cases ended how, and that in words. */

#include "event/event.h"
#include "util/buf.h"

struct counts {
    uint64_t of[SR_VERDICTS];
    uint64_t flaky; /* of those that are no failure: it took more than one attempt */
};

/* Counts an EVENT_VERDICT. */
void counts_take(struct counts *c, const struct event *e);
/* Appends "2 passed (1 flaky), 1 failed". */
void counts_show(const struct counts *c, struct buf *out);

#endif
