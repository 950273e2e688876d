#ifndef REPORT_STORY_H
#define REPORT_STORY_H

/* What the sockets of a case did, kept until it can be told: each actor's acts in their order, and the packets that the
 * system carried meanwhile. */

#include "event/event.h"
#include "report/line.h"
#include "report/wire.h"
#include "util/arena.h"

enum { STORY_ACTS_MOST = 1000, STORY_WIRES_MOST = 20000, STORY_BYTES = 256, STORY_CALLS = 3 };

struct act {
    struct act *next;
    enum event_action action;
    int64_t at;
    uint32_t connection;
    uint64_t offset, size;
    struct slice bytes; /* the first ones */
    /* Within TLS: the bytes below it that carried this; size 0: none of its own. */
    uint64_t wire_offset, wire_size;
    const char *records; /* that they are, or NULL */
    unsigned sealed;     /* so many records, if that is all that can be said of them */
    unsigned ncalls;     /* for them: no more than STORY_CALLS are kept */
    bool wire;           /* there is nothing but them: no data */
    const char *step;
    struct place place;
    struct event_socket socket;
};

struct player {
    struct player *next;
    const char *name;
    struct act *first, **last;
    uint32_t n, left_out;
};

struct story {
    struct story *next;
    struct arena *arena;
    const char *file, *name;
    int64_t began;
    struct player *players;
    const struct wire *wires;
    uint32_t nwires;
};

/* Copies what the event says; it must be EVENT_TRAFFIC with a socket. */
void story_add(struct story *s, const struct event *e);
/* Appends all of it, broken at the style's width. told: what is said only once; zeroed before the first story. */
struct story_told {
    uint64_t words;
};
void story_show(const struct story *s, struct story_told *told, const struct style *style, struct buf *out);

#endif
