#ifndef OP_HANDSHAKE_H
#define OP_HANDSHAKE_H

/* The handshake of TLS, as something that can be waited for. A connection that was accepted needs no such op: whoever
 * reads or sends on it drives the handshake as well. */

#include "op/conn.h"
#include "op/op.h"

struct handshake_op {
    struct op op;
    bool refused; /* set after begin: it must fail. A server of TLS 1.3 refuses a client's certificate only after the
                     client has done its part (RFC 8446 4.4.2.4): the op waits for that, or for bytes or an end */
};
/* Done when nothing is left of it. Fails with SR_TLS and op.why, with SR_RESET, or as the network does. The connection
 * has TLS already (conn_secure). */
void handshake_begin(struct handshake_op *o, struct conn *c);

#endif
