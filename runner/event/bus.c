#include "event/bus.h"

#include "event/masker.h"
#include "util/clock.h"

void bus_init(struct bus *b)
{
    *b = (struct bus){.last = &b->first};
}

void bus_add(struct bus *b, struct event_sink *s)
{
    s->next = NULL;
    *b->last = s;
    b->last = &s->next;
}

void bus_send(struct bus *b, struct event *e)
{
    /* From 1, so that 0 says: never sent. */
    e->seq = ++b->seq;
    if (e->at == 0) e->at = clock_now();
    const struct event *told = b->masker ? masker_event(b->masker, e) : e;
    for (struct event_sink *s = b->first; s; s = s->next)
        s->take(s, told);
}
