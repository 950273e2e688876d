#ifndef ENGINE_WITNESS_H
#define ENGINE_WITNESS_H

/* Tells the life of a connection as events: that it is there, its bytes, its end. There is one only if somebody wants
 * to hear of it. */

#include "engine/emit.h"
#include "op/conn.h"
#include "op/dial.h"

struct witness;

/* Fills in who does it, and where: actor, step and place. sent: bytes go out, or our end changes; else the peer's do.
 */
typedef void (*witness_who)(const struct witness *w, bool sent, struct event *e);

struct witness {
    /* The maker's. */
    struct emit *emit;
    witness_who who;
    void *ctx;
    int listener; /* descriptor that it was accepted from; 0: unknown */
    /* Its own. */
    const struct conn *conn;
    uint32_t number;
    int fd, out;      /* out: that is written to; the same for sockets */
    uint64_t wire[2]; /* bytes that were received and sent below TLS, and before it began */
};

/* Before the first byte; lives until conn_done. */
void witness_begin(struct witness *w, struct conn *c);
/* What the system still knows of the connections that were closed; before the verdict. */
void witness_tell_closed(struct emit *emit);
/* It listens. Who does it is filled in; and nothing is told if nobody wants to hear of it. */
void witness_listens(struct emit *emit, const struct listener *l, const struct addr_spec *asked, struct event *who);

#endif
