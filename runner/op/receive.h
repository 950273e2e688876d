#ifndef OP_RECEIVE_H
#define OP_RECEIVE_H

/* Receives as much as is asked for, whatever it is: what scripts read with. The bytes stay in the stream until commit.
 */

#include "op/expect.h"

enum receive_kind {
    RECEIVE_COUNT,    /* `count` bytes */
    RECEIVE_LINE,     /* to LF; value without it and without a CR before it */
    RECEIVE_UNTIL,    /* to `mark`; value without it */
    RECEIVE_SOME,     /* what is there, at least one byte and at most `count` */
    RECEIVE_ALL,      /* to FIN */
    RECEIVE_PREFIXED, /* a count, then as many bytes; value without the count */
    RECEIVE_DATAGRAM, /* what is left of the datagram, perhaps nothing */
};

struct receive_op {
    struct op op;
    uint64_t count;
    struct slice mark;
    struct slice value; /* OP_DONE: until commit or the next receive */
    uint32_t scan;      /* no delimiter begins before this offset */
    uint8_t kind;
    uint8_t prefix;
};

/* Fails with SR_CLOSED or SR_RESET when the stream ends before; what has come is still unread then. Of datagrams the
 * others but ALL (the same as DATAGRAM there) stay within one, and fail with SR_SYSTEM and EMSGSIZE if it is too short;
 * so does one that was too long to be kept. `mark` outlives it. */
void receive_begin(struct receive_op *o, struct conn *c, enum receive_kind kind);

#endif
