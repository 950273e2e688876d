#ifndef ENGINE_EMIT_H
#define ENGINE_EMIT_H

/* Events on their way out of a child: control events over a pipe, messages into the spool, which is capped. */

#include <stdbool.h>

#include "event/event.h"
#include "util/buf.h"

struct emit {
    const char *file;
    int control, spool; /* spool -1: no messages are wanted */
    uint64_t spooled, spool_most, lost, seq;
    const char *case_name;
    int32_t case_index;
    uint32_t case_line;
    struct buf line;
};

void emit_init(struct emit *e, const char *file, int control, int spool, uint64_t spool_most);
void emit_done(struct emit *e);
static inline bool emit_messages(const struct emit *e)
{
    return e->spool >= 0;
}
/* Fills in file, case, sequence number and time, and writes it where it belongs. */
void emit_event(struct emit *e, struct event *ev);

#endif
