#ifndef ENGINE_EMIT_H
#define ENGINE_EMIT_H

/* Events on their way out of a child: control events over a pipe, messages into the spool, which is capped. */

#include <stdbool.h>

#include "event/bus.h"
#include "util/buf.h"

struct closed;
struct masker;

struct emit {
    const char *file;
    int control, spool; /* spool -1: no messages are wanted */
    uint64_t spooled, spool_most, lost, seq;
    const char *case_name;
    int32_t case_index;
    uint32_t case_line;
    struct buf line;
    struct event_sink *packets; /* makes a capture of what is told, or NULL */
    struct masker *masker;      /* hides secrets, or NULL */
    uint32_t *connections;      /* that were numbered in this process */
    bool sockets;               /* somebody wants to know what the system holds after each step */
    struct closed *closed;      /* of these, connections that are closed: engine/witness */
};

void emit_init(struct emit *e, const char *file, int control, int spool, uint64_t spool_most);
void emit_done(struct emit *e);
static inline bool emit_messages(const struct emit *e)
{
    return e->spool >= 0;
}
/* Who listens to `with` listens to this one too. */
static inline void emit_join(struct emit *e, const struct emit *with)
{
    e->packets = with->packets;
    e->masker = with->masker;
    e->sockets = with->sockets;
    e->connections = with->connections;
}
/* Does somebody want to know of every byte? */
static inline bool emit_traffic(const struct emit *e)
{
    return e->spool >= 0 || e->packets;
}
/* Fills in file, case, sequence number and time, and writes it where it belongs. */
void emit_event(struct emit *e, struct event *ev);

#endif
