#include "op/receive.h"

#include <errno.h>
#include <string.h>

#include "op/reader.h"

/* How long the piece is that these bytes begin with; 0: more are needed, or it can never be (the op has failed then).
 */
static size_t take_line(struct receive_op *o, struct slice have)
{
    const char *end = o->scan < have.n ? memchr(have.p + o->scan, '\n', have.n - o->scan) : NULL;
    o->scan = (uint32_t)have.n;
    if (!end) return 0;
    const size_t n = (size_t)(end - have.p);
    o->value = slice_part(have, 0, n && have.p[n - 1] == '\r' ? n - 1 : n);
    return n + 1;
}

static size_t take_until(struct receive_op *o, struct slice have)
{
    const char *end = have.n > o->scan ? memmem(have.p + o->scan, have.n - o->scan, o->mark.p, o->mark.n) : NULL;
    if (!end) {
        if (have.n >= o->mark.n) o->scan = (uint32_t)(have.n - o->mark.n + 1);
        return 0;
    }
    o->value = slice_part(have, 0, (size_t)(end - have.p));
    return o->value.n + o->mark.n;
}

static size_t take_prefixed(struct receive_op *o, struct slice have)
{
    size_t head;
    const uint64_t count = prefix_count((enum prefix_kind)o->prefix, have, &head);
    if (count > CONN_BUFFER_MOST) {
        op_fail(&o->op, OP_LIMIT, "the count in front of the frame says more than 64 MiB");
        return 0;
    }
    if (!head || have.n - head < count) return 0;
    o->value = slice_part(have, head, (size_t)count);
    return head + (size_t)count;
}

static size_t take(struct receive_op *o, struct slice have)
{
    switch ((enum receive_kind)o->kind) {
    case RECEIVE_COUNT:
        if (have.n < o->count) return 0;
        o->value = slice_part(have, 0, (size_t)o->count);
        return o->value.n;
    case RECEIVE_SOME: o->value = slice_part(have, 0, (size_t)o->count); return o->value.n;
    case RECEIVE_LINE: return take_line(o, have);
    case RECEIVE_UNTIL: return take_until(o, have);
    case RECEIVE_PREFIXED: return take_prefixed(o, have);
    case RECEIVE_ALL:
    case RECEIVE_DATAGRAM: break;
    }
    return 0;
}

static enum op_result ended(struct receive_op *o, struct slice have)
{
    struct conn *c = o->op.conn;
    if (c->datagrams) {
        const enum sr_status status = c->end == CONN_FIN ? SR_CLOSED : sr_status_of_errno(c->error);
        op_fail_status(&o->op, status, c->error);
        conn_reopen(c);
        return OP_FAILED;
    }
    if (o->kind == RECEIVE_ALL && c->end == CONN_FIN) {
        o->value = have;
        o->op.end = c->base + have.n;
        return OP_DONE;
    }
    return op_fail_status(&o->op, c->end == CONN_FIN ? SR_CLOSED : c->error == EPROTO ? SR_TLS : SR_RESET, c->error);
}

/* Everything that will come is here. */
static enum op_result poll_datagram(struct receive_op *o, struct slice have)
{
    struct conn *c = o->op.conn;
    const bool all = o->kind == RECEIVE_ALL || o->kind == RECEIVE_DATAGRAM || (o->kind == RECEIVE_SOME && !have.n);
    if (c->datagrams->end.cut) return op_fail_status(&o->op, SR_SYSTEM, EMSGSIZE);
    if (all) o->value = have;
    const size_t n = all ? have.n : take(o, have);
    if (o->op.failure != OP_FINE) return OP_FAILED;
    if (!all && !n && !(o->kind == RECEIVE_COUNT && !o->count)) return op_fail_status(&o->op, SR_SYSTEM, EMSGSIZE);
    o->op.end = c->base + n;
    return OP_DONE;
}

static enum op_result receive_poll(struct op *op, struct task *t)
{
    struct receive_op *o = (struct receive_op *)op;
    struct conn *c = op->conn;
    if (conn_claimed(c, t, false)) return op_fail(op, OP_MISUSE, "somebody else is reading this connection");
    const struct reader r = reader_at_base(c);
    struct slice have = reader_rest(&r);
    if (o->kind == RECEIVE_DATAGRAM && !c->datagrams)
        return op_fail(op, OP_MISUSE, "this connection is a stream of bytes");
    for (;;) {
        if (c->datagrams && c->datagrams->here) return poll_datagram(o, have);
        const size_t n = have.n || o->kind == RECEIVE_PREFIXED ? take(o, have) : 0;
        if (op->failure != OP_FINE) return OP_FAILED;
        if (n || (o->kind == RECEIVE_COUNT && !o->count && !c->datagrams)) {
            op->end = c->base + n;
            return OP_DONE;
        }
        switch (reader_more(&r, &have)) {
        case READER_THERE: break;
        case READER_WAIT:
            conn_wait_read(c, t);
            op->waits = WAITS_READ;
            return OP_WAIT;
        case READER_END: return ended(o, have);
        case READER_FULL: return op_fail(op, OP_LIMIT, "more than 64 MiB cannot be kept");
        }
    }
}

static void receive_commit(struct op *op)
{
    conn_take(op->conn, op->end);
}

static void receive_cancel(struct op *op, struct task *t)
{
    if (op->conn->reader == t) op->conn->reader = NULL;
}

void receive_begin(struct receive_op *o, struct conn *c, enum receive_kind kind)
{
    static const struct op_type type = {
        .name = "receive", .poll = receive_poll, .commit = receive_commit, .cancel = receive_cancel};
    *o = (struct receive_op){.op = {.type = &type, .conn = c, .edge = true}, .kind = (uint8_t)kind};
}
