#ifndef EVENT_BUS_H
#define EVENT_BUS_H

/* Hands every event to every reporter, in one order. Gives each its sequence number, and its time if it has none. */

#include "event/event.h"

struct masker;

struct event_sink {
    void (*take)(struct event_sink *s, const struct event *e);
    struct event_sink *next; /* the bus's */
};

struct bus {
    struct event_sink *first, **last;
    uint64_t seq;
    struct masker *masker; /* hides secrets in what it tells; the caller's. NULL: there are none */
};

void bus_init(struct bus *b);
/* Sinks are asked in the order in which they were added. They belong to the caller and outlive the bus. */
void bus_add(struct bus *b, struct event_sink *s);
void bus_send(struct bus *b, struct event *e);

#endif
