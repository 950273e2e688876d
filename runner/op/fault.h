#ifndef OP_FAULT_H
#define OP_FAULT_H

/* What a proxy does to what it passes on: rules, and how they change one direction of one connection. Nothing here
 * touches a socket. Where a rule begins and ends is a position in the stream, to the byte, and what is random is a
 * function of the seed and that position: how the bytes came, in which pieces, makes no difference. */

#include <stdbool.h>
#include <stdint.h>

#include "match/regex.h"
#include "op/outbox.h"
#include "util/arena.h"
#include "util/buf.h"

enum fault {
    FAULT_DELAY,
    FAULT_RATE,
    FAULT_DROP,
    FAULT_DUPLICATE,
    FAULT_REORDER,
    FAULT_SPLIT,
    FAULT_COALESCE,
    FAULT_CORRUPT,
    FAULT_TRUNCATE,
    FAULT_STALL,
    FAULT_HALF_CLOSE,
    FAULT_RESET,
    FAULT_REFUSE,
    FAULTS,
};

enum fault_after { AFTER_NOTHING, AFTER_BYTES, AFTER_TIME, AFTER_DATAGRAMS, AFTER_TEXT, AFTER_PATTERN };

struct fault_rule {
    unsigned has; /* bits 1 << enum fault */
    bool to_server, to_client;
    enum fault_after after;
    uint64_t after_bytes; /* or datagrams */
    int64_t after_time;   /* ns */
    struct slice after_text;
    struct regex *after_pattern;
    int64_t delay, jitter, coalesce; /* ns */
    int64_t stall;                   /* ns, INT64_MAX: for good */
    uint64_t rate;                   /* bytes a second */
    uint64_t split, truncate, reset_after;
    double drop, duplicate, reorder, corrupt; /* shares of the bytes, or of the datagrams */
    uint64_t seed;
    uint64_t left;         /* how often it may still do something (`times`) */
    uint64_t done[FAULTS]; /* how often it has done it: bytes, datagrams, or directions */
};

struct fault_flow;

/* The rules that are in force. One for all directions of all connections. */
struct fault_set {
    struct fault_rule *rules;
    uint32_t n;
    /* Told of each thing that happens, while the flow stands where it does; NULL: nobody wants to know. */
    void (*told)(void *ctx, const struct fault_flow *f, const char *what);
    void *ctx;
};

struct fault_state; /* of one rule in one direction */

struct fault_flow {
    struct fault_set *set;
    struct fault_state *states; /* owned */
    uint32_t nstates;
    uint32_t connection; /* from 1 */
    bool to_server;
    bool datagrams;
    bool dropping;  /* nothing more passes */
    bool closed;    /* the receiver has been told the end */
    uint64_t pos;   /* received so far: bytes */
    uint64_t unit;  /* and datagrams */
    uint64_t first; /* the datagram with which its rules began */
    int64_t began;
    int64_t last_due;
    int64_t gather;     /* coalescing until then */
    struct buf held;    /* a datagram that waits for the next one (reorder) */
    int64_t held_until; /* 0: none is held */
};

/* Begins, or begins again with other rules: positions and times count from here. A flow begins zeroed, but for its
 * connection, direction and kind. */
void fault_begin(struct fault_flow *f, struct fault_set *set, int64_t now);
void fault_done(struct fault_flow *f);
/* No rule can do anything to what comes now: it may be passed on as it is, with fault_passed. */
static inline bool fault_is_idle(const struct fault_flow *f)
{
    return f->set->n == 0 && !f->dropping;
}
static inline void fault_passed(struct fault_flow *f, size_t n)
{
    f->pos += n;
    f->unit++;
}
/* Bytes came (or one datagram): what is left of them goes into the outbox. */
void fault_take(struct fault_flow *f, struct slice bytes, int64_t now, struct outbox *o);
/* An end came: FIN, or `reset`. */
void fault_end(struct fault_flow *f, bool reset, int64_t now, struct outbox *o);
/* Does what time has brought. Returns when to ask again, INT64_MAX: only when something comes. */
int64_t fault_tick(struct fault_flow *f, int64_t now, struct outbox *o);

/* "dropped 3 bytes"; of a rule that has done something, everything that it did. */
void fault_show(const struct fault_rule *r, bool datagrams, struct buf *out);
bool fault_rule_random(const struct fault_rule *r);

#endif
