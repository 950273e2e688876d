#include "op/send.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "util/clock.h"
#include "util/mem.h"
#include "util/random.h"

enum { MAKE = 64 << 10, AGAIN_NS = 1000000 };

static void fill_random(uint64_t seed, uint64_t offset, unsigned char *p, size_t n)
{
    while (n) {
        uint64_t word = random_word(seed, offset / 8);
        unsigned char bytes[8];
        for (unsigned i = 0; i < 8; i++, word >>= 8)
            bytes[i] = (unsigned char)word;
        const size_t skip = offset % 8, k = n < 8 - skip ? n : 8 - skip;
        memcpy(p, bytes + skip, k);
        p += k;
        n -= k;
        offset += k;
    }
}

static void fill_repeat(struct slice unit, uint64_t offset, char *p, size_t n)
{
    size_t done = 0;
    const size_t skip = (size_t)(offset % unit.n);
    while (done < n && done < unit.n) {
        const size_t at = (skip + done) % unit.n, k = unit.n - at < n - done ? unit.n - at : n - done;
        memcpy(p + done, unit.p + at, k);
        done += k;
    }
    /* What stands there now is a whole number of units at its end or all that was wanted: doubling it keeps the phase.
     */
    size_t period = done - done % unit.n;
    while (done < n) {
        const size_t k = period < n - done ? period : n - done;
        memcpy(p + done, p + done - period, k);
        done += k;
        if (done % unit.n == 0) period = done;
    }
}

void segment_fill(const struct segment *s, uint64_t offset, void *p, size_t n)
{
    assert(offset + n <= s->size);
    switch (s->kind) {
    case SEGMENT_BYTES: memcpy(p, s->bytes.p + offset, n); break;
    case SEGMENT_REPEAT: fill_repeat(s->bytes, offset, p, n); break;
    case SEGMENT_RANDOM: fill_random(s->seed, offset, p, n); break;
    }
}

static ssize_t send_some(struct send_op *o, const struct segment *s)
{
    size_t n = SIZE_MAX;
    if (s->size - o->offset < n) n = (size_t)(s->size - o->offset);
    if (o->chunk && n > o->chunk) n = o->chunk;
    if (s->kind == SEGMENT_BYTES) return conn_send(o->op.conn, s->bytes.p + o->offset, n, o->flags);
    char made[MAKE];
    if (n > sizeof made) n = sizeof made;
    segment_fill(s, o->offset, made, n);
    return conn_send(o->op.conn, made, n, o->flags);
}

static enum op_result wait_until(struct send_op *o, int64_t at)
{
    o->op.wake = at;
    o->op.waits = WAITS_TIME;
    return OP_WAIT;
}

/* May the task send here? If not, the op has failed. */
static bool may_send(struct op *op, const struct task *t)
{
    const struct conn *c = op->conn;
    const char *why = NULL;
    if (conn_claimed(c, t, true)) why = "somebody else is sending on this connection";
    if (c->finished) why = "this actor has shut down its direction before";
    if (c->closed) why = "this actor has closed the connection before";
    op->edge = false;
    return !why || (op_fail(op, OP_MISUSE, why), false);
}

static uint64_t size_of(const struct segment *list, uint32_t n)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < n && size <= DATAGRAM_MOST; i++)
        size += list[i].size;
    return size;
}

/* A datagram goes in one piece: what is made of several is put together once. */
static struct slice whole_datagram(struct send_op *o, size_t size)
{
    if (size == 0) return (struct slice){"", 0};
    if (o->nsegments == 1 && o->segments[0].kind == SEGMENT_BYTES) return o->segments[0].bytes;
    if (!o->made) {
        size_t at = 0;
        o->made = mem_alloc(size);
        for (uint32_t i = 0; i < o->nsegments; at += o->segments[i++].size)
            if (o->segments[i].size) segment_fill(&o->segments[i], 0, o->made + at, o->segments[i].size);
    }
    return (struct slice){o->made, size};
}

/* On a socket that is not connected nothing tells when the receiver has room again; a handshake goes on by itself. */
static enum op_result wait_for_room(struct op *op, struct task *t)
{
    struct conn *c = op->conn;
    conn_wait_write(c, t);
    op->waits = WAITS_WRITE;
    if (c->datagrams && !c->datagrams->end.connected && !(c->tls && tls_crossed(c->tls)))
        op->wake = clock_now() + AGAIN_NS;
    return OP_WAIT;
}

/* What the system says of a datagram that it does not take. */
static enum op_result fail_datagram(struct op *op, int error)
{
    if (error == EDESTADDRREQ)
        return op_fail(op, OP_MISUSE, "nobody to send to: no datagram has come yet, so say `to`");
    op_fail_status(op, sr_status_of_errno(error), error);
    if (error == EMSGSIZE) op->why = "the datagram is too long for this socket";
    if (error == EOPNOTSUPP && op->conn->tls) op->why = "an empty datagram cannot be sent over DTLS";
    if (error == ENOBUFS) op->why = "the system has no room for the datagram";
    return OP_FAILED;
}

static enum op_result send_datagram(struct op *op, struct task *t, struct slice bytes, int flags)
{
    const ssize_t r = bytes.n > DATAGRAM_MOST ? -EMSGSIZE : conn_send(op->conn, bytes.p, bytes.n, flags);
    if (r == -EAGAIN) return wait_for_room(op, t);
    /* Whoever has closed is met by the next read. */
    if (r < 0 && r != -EPIPE && r != -ECONNRESET) return fail_datagram(op, (int)-r);
    if (op->conn->writer == t) op->conn->writer = NULL;
    return OP_DONE;
}

static enum op_result poll_datagram(struct send_op *o, struct task *t)
{
    const uint64_t size = size_of(o->segments, o->nsegments);
    if (size > DATAGRAM_MOST) return fail_datagram(&o->op, EMSGSIZE);
    const struct slice whole = whole_datagram(o, (size_t)size);
    const enum op_result r = send_datagram(&o->op, t, whole, o->flags);
    if (r != OP_DONE) return r;
    o->total = whole.n;
    o->at = o->nsegments;
    return OP_DONE;
}

static enum op_result send_poll(struct op *op, struct task *t)
{
    struct send_op *o = (struct send_op *)op;
    struct conn *c = op->conn;
    if (!may_send(op, t)) return OP_FAILED;
    op->wake = 0;
    if (c->datagrams && !o->chunk) return poll_datagram(o, t);
    while (o->at < o->nsegments) {
        const struct segment *s = &o->segments[o->at];
        if (o->offset == s->size) {
            o->at++;
            o->offset = 0;
            continue;
        }
        if (o->next && clock_now() < o->next) return wait_until(o, o->next);
        const ssize_t r = send_some(o, s);
        if (r == -EAGAIN) return wait_for_room(op, t);
        /* Whatever the peer has said before it went is for the next read to tell. */
        if (r == -EPIPE || r == -ECONNRESET) break;
        if (r < 0 && c->datagrams) return fail_datagram(op, (int)-r);
        if (r < 0) return op_fail_status(op, sr_status_of_errno((int)-r), (int)-r);
        o->offset += (uint64_t)r;
        o->total += (uint64_t)r;
        if (o->every) o->next = clock_now() + o->every;
    }
    o->at = o->nsegments;
    if (conn_flush(c) == -EAGAIN) {
        conn_wait_write(c, t);
        op->waits = WAITS_WRITE;
        return OP_WAIT;
    }
    if (c->writer == t) c->writer = NULL;
    return OP_DONE;
}

static void send_cancel(struct op *op, struct task *t)
{
    struct send_op *o = (struct send_op *)op;
    if (o->total && o->at < o->nsegments) op->conn->torn = true;
    if (op->conn->writer == t) op->conn->writer = NULL;
    mem_free(o->made);
    o->made = NULL;
}

void send_begin(struct send_op *o, struct conn *c, const struct segment *segments, uint32_t n)
{
    static const struct op_type type = {.name = "send", .poll = send_poll, .cancel = send_cancel};
    *o = (struct send_op){.op = {.type = &type, .conn = c}, .segments = segments, .nsegments = n};
}

static enum op_result piece_poll(struct op *op, struct task *t)
{
    struct piece_op *o = (struct piece_op *)op;
    struct conn *c = op->conn;
    if (!may_send(op, t)) return OP_FAILED;
    op->wake = 0;
    if (c->datagrams) {
        const enum op_result r = send_datagram(op, t, o->left, o->flags);
        if (r == OP_DONE) o->total = o->left.n;
        return r;
    }
    while (o->left.n) {
        const ssize_t r = conn_send(c, o->left.p, o->left.n, o->flags);
        if (r == -EAGAIN) return wait_for_room(op, t);
        if (r == -EPIPE || r == -ECONNRESET) break;
        if (r < 0) return op_fail_status(op, sr_status_of_errno((int)-r), (int)-r);
        o->left = slice_part(o->left, (size_t)r, o->left.n);
        o->total += (uint64_t)r;
    }
    o->left.n = 0;
    if (conn_flush(c) == -EAGAIN) {
        conn_wait_write(c, t);
        op->waits = WAITS_WRITE;
        return OP_WAIT;
    }
    if (c->writer == t) c->writer = NULL;
    return OP_DONE;
}

static void piece_cancel(struct op *op, struct task *t)
{
    const struct piece_op *o = (const struct piece_op *)op;
    if (o->total && o->left.n) op->conn->torn = true;
    if (op->conn->writer == t) op->conn->writer = NULL;
}

void piece_begin(struct piece_op *o, struct conn *c, struct slice bytes, int flags)
{
    static const struct op_type type = {.name = "piece", .poll = piece_poll, .cancel = piece_cancel};
    *o = (struct piece_op){.op = {.type = &type, .conn = c}, .left = bytes, .flags = flags};
}
