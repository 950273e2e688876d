#ifndef RUN_MERGE_H
#define RUN_MERGE_H

/* The streams of several runs (docs/events.md), such as the parts of one, become one stream: it begins and ends once,
 * and plans what all of them have planned. Their events stay in order, one stream behind the other, each with its own
 * times: clocks of different machines have nothing in common. */

#include <stdbool.h>
#include <stdio.h>

#include "event/bus.h"
#include "util/buf.h"

struct merge;

struct merge_result {
    bool interrupted;      /* one of the runs was */
    struct buf complaints; /* lines about what is missing or there twice */
};

struct merge *merge_new(void);
void merge_free(struct merge *m);
/* Takes the stream over and reads its first line. NULL, or why it is no stream of events, as a phrase. A stream that
 * ends before its first line is one that was cut short. */
const char *merge_add(struct merge *m, const char *name, FILE *in);
/* Once: sends all of them. `complaints` are the caller's to free. */
void merge_send(struct merge *m, struct bus *bus, struct merge_result *ret);

#endif
