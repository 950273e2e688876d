#include "op/handshake.h"

#include <assert.h>
#include <errno.h>

static enum op_result wait_for_peer(struct op *op, struct task *t)
{
    conn_wait_read(op->conn, t);
    op->waits = WAITS_READ;
    return OP_WAIT;
}

static enum op_result fail(struct op *op, int error)
{
    op_fail_status(op, sr_status_of_errno(error), error);
    if (error == EPROTO) op->why = tls_why(op->conn->tls);
    return OP_FAILED;
}

static enum op_result handshake_poll(struct op *op, struct task *t)
{
    const struct handshake_op *o = (const struct handshake_op *)op;
    struct conn *c = op->conn;
    if (c->closed) return op_fail(op, OP_MISUSE, "this actor has closed the connection before");
    if (conn_claimed(c, t, false)) return op_fail(op, OP_MISUSE, "somebody else is reading this connection");
    op->edge = false;
    const int r = conn_handshake(c);
    if (r == -EAGAIN) return wait_for_peer(op, t);
    if (r < 0) return fail(op, -r);
    if (!o->refused) return OP_DONE;
    if (c->n == 0 && conn_fill(c) == -EAGAIN) return wait_for_peer(op, t);
    return c->end == CONN_RESET ? fail(op, c->error) : OP_DONE;
}

static void handshake_cancel(struct op *op, struct task *t)
{
    conn_unwait(op->conn, t);
}

void handshake_begin(struct handshake_op *o, struct conn *c)
{
    static const struct op_type type = {.name = "handshake", .poll = handshake_poll, .cancel = handshake_cancel};
    assert(c->tls);
    *o = (struct handshake_op){.op = {.type = &type, .conn = c}};
}
