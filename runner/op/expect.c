#include "op/expect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "match/diff.h"
#include "match/matcher_text.h"
#include "util/clock.h"

enum { STREAM_FROM = 64 << 10, SHOWN = 60 };

/* What a framing says of the bytes from the place on: the frame goes `len` bytes and holds `value`; or more are needed;
 * or it cannot be (the op has failed then). */
enum framed { FRAMED, FRAME_MORE, FRAME_FAILED };

struct frame {
    size_t len;
    struct slice value;
    const struct custom_frame *custom; /* or NULL */
    struct slice so_far;               /* with FRAME_MORE: the part of the value that is there */
};

static enum op_result mismatch(struct expect_op *o, struct slice expected, struct slice got, size_t at)
{
    o->report = (struct match_report){.path = "", .bytes = true, .at = at, .expected = expected, .got = got};
    return op_fail(&o->op, OP_MISMATCH, NULL);
}

static enum framed frame_line(struct expect_op *o, struct slice have, struct frame *f)
{
    const char *end = o->scan < have.n ? memchr(have.p + o->scan, '\n', have.n - o->scan) : NULL;
    o->scan = have.n;
    size_t n = end ? (size_t)(end - have.p) : have.n;
    if (end) f->len = n + 1;
    if (n && have.p[n - 1] == '\r') n--;
    f->value = f->so_far = slice_part(have, 0, n);
    return end ? FRAMED : FRAME_MORE;
}

/* How many bytes at the end could be the beginning of the delimiter: all before them belong to the value. */
static size_t begun_mark(struct slice have, struct slice mark)
{
    size_t n = have.n < mark.n ? have.n : mark.n - 1;
    while (n && memcmp(have.p + have.n - n, mark.p, n) != 0)
        n--;
    return n;
}

static enum framed frame_until(struct expect_op *o, struct slice have, struct frame *f)
{
    const struct slice mark = o->x->bytes;
    const char *end = o->scan < have.n ? memmem(have.p + o->scan, have.n - o->scan, mark.p, mark.n) : NULL;
    if (!end) {
        o->scan = have.n - begun_mark(slice_part(have, o->scan, have.n), mark);
        f->so_far = slice_part(have, 0, o->scan);
        return FRAME_MORE;
    }
    const size_t n = (size_t)(end - have.p);
    *f = (struct frame){.len = n + mark.n, .value = slice_part(have, 0, n)};
    return FRAMED;
}

/* An anchored pattern that these bytes have ruled out. */
static enum framed never(struct expect_op *o, struct slice have)
{
    struct buf text = BUF_INIT(4 * SHOWN);
    buf_adds(&text, "this cannot become a match of ");
    matcher_text_pattern(o->x->regex, SHOWN, &text);
    o->report = (struct match_report){.path = "", .message = arena_dup(o->arena, buf_slice(&text)), .got = have};
    buf_done(&text);
    op_fail(&o->op, OP_MISMATCH, NULL);
    return FRAME_FAILED;
}

static enum framed frame_pattern(struct expect_op *o, struct slice have, bool complete, struct frame *f)
{
    struct regex_match m = {0};
    /* The end is asked about only if it matters: whether it is known yet depends on how the bytes came. */
    enum regex_found found = regex_scan(o->x->regex, have, o->scan, false, &m);
    if (found == REGEX_NO) return never(o, have);
    if (found == REGEX_MORE && complete) found = regex_scan(o->x->regex, have, o->scan, true, &m);
    switch (found) {
    case REGEX_YES: *f = (struct frame){.len = m.to, .value = slice_part(have, 0, m.from)}; return FRAMED;
    case REGEX_MORE: o->scan = m.from; break;
    case REGEX_NO: o->scan = have.n; break;
    case REGEX_LIMIT:
        op_fail(&o->op, OP_LIMIT, "the pattern needs more work than is allowed for one search");
        return FRAME_FAILED;
    }
    f->so_far = slice_part(have, 0, o->scan);
    return FRAME_MORE;
}

/* The count in front of a frame: its own length in *ret_n, 0 if more bytes are needed. Varint: 7 bits a byte, the
 * lowest first, at most 5 bytes (Protocol Buffers encoding; MQTT 5.0 1.5.5 with 4). */
uint64_t prefix_count(enum prefix_kind kind, struct slice have, size_t *ret_n)
{
    const unsigned char *p = (const unsigned char *)have.p;
    const size_t size = kind == PREFIX_U8 ? 1 : kind == PREFIX_U16BE || kind == PREFIX_U16LE ? 2 : 4;
    uint64_t count = 0;
    *ret_n = 0;
    if (kind == PREFIX_VARINT) {
        for (size_t i = 0; i < have.n && i < 5; i++) {
            count |= (uint64_t)(p[i] & 0x7f) << (7 * i);
            if (p[i] & 0x80) continue;
            *ret_n = i + 1;
            return count;
        }
        return have.n >= 5 ? UINT64_MAX : 0;
    }
    if (have.n < size) return 0;
    for (size_t i = 0; i < size; i++) {
        const bool big = kind == PREFIX_U16BE || kind == PREFIX_U32BE;
        count |= (uint64_t)p[i] << (8 * (big ? size - 1 - i : i));
    }
    *ret_n = size;
    return count;
}

static enum framed frame_prefixed(struct expect_op *o, struct slice have, struct frame *f)
{
    size_t head;
    const uint64_t count = prefix_count(o->x->prefix, have, &head);
    if (count > CONN_BUFFER_MOST) {
        const char *why = "the count in front of the frame has no end";
        if (head)
            why = arena_printf(o->arena, "the count in front of the frame says %" PRIu64 " bytes, more than 64 MiB",
                               count);
        o->report = (struct match_report){.path = "", .message = why, .got = have};
        op_fail(&o->op, OP_MISMATCH, NULL);
        return FRAME_FAILED;
    }
    if (!head) return FRAME_MORE;
    f->value = f->so_far = slice_part(have, head, (size_t)count);
    f->len = head + (size_t)count;
    return have.n >= f->len ? FRAMED : FRAME_MORE;
}

static enum framed frame_bytes(const struct expect_op *o, struct slice have, struct frame *f)
{
    f->value = f->so_far = slice_part(have, 0, (size_t)o->x->count);
    f->len = (size_t)o->x->count;
    return have.n >= o->x->count ? FRAMED : FRAME_MORE;
}

/* What the maker says is wrong with these bytes. */
static void refuse_custom(struct expect_op *o, struct slice have, const struct custom_frame *c)
{
    o->report = (struct match_report){.path = "", .message = c->why, .got = have, .at = c->at};
    if (c->decoded) o->shown = o->x->show(o->x->ctx, o->op.conn, o->arena);
    op_fail(&o->op, c->broken ? OP_MISUSE : OP_MISMATCH, c->why);
}

static enum framed frame_custom(struct expect_op *o, struct slice have, bool complete, struct frame *f)
{
    const struct reader at = {o->op.conn, o->pos};
    struct custom_frame *c = ARENA_NEW(o->arena, struct custom_frame);
    switch (o->x->frame(o->x->ctx, &at, have, complete, o->arena, c)) {
    case READER_THERE:
        *f = (struct frame){.len = c->len, .value = slice_part(have, 0, c->len), .custom = c};
        return FRAMED;
    case READER_WAIT: return FRAME_MORE;
    case READER_END:
    case READER_FULL: break;
    }
    refuse_custom(o, have, c);
    return FRAME_FAILED;
}

static enum framed frame_rest(struct slice have, bool complete, struct frame *f)
{
    *f = (struct frame){.len = have.n, .value = have, .so_far = have};
    return complete ? FRAMED : FRAME_MORE;
}

/* What is here is all there is, by a FIN or as a whole datagram. */
static bool ends_in_order(const struct conn *c)
{
    return c->end == CONN_FIN || (c->datagrams && c->datagrams->here);
}

static enum framed frame(struct expect_op *o, struct slice have, bool complete, struct frame *f)
{
    *f = (struct frame){0};
    switch (o->x->framing) {
    case FRAMING_LINE: return frame_line(o, have, f);
    case FRAMING_UNTIL: return frame_until(o, have, f);
    case FRAMING_PATTERN: return frame_pattern(o, have, complete, f);
    case FRAMING_BYTES: return frame_bytes(o, have, f);
    case FRAMING_PREFIXED: return frame_prefixed(o, have, f);
    case FRAMING_REST: return frame_rest(have, complete && ends_in_order(o->op.conn), f);
    case FRAMING_DATAGRAM: return frame_rest(have, complete, f);
    case FRAMING_CUSTOM: return frame_custom(o, have, complete, f);
    case FRAMING_EXACT:
    case FRAMING_URGENT: break;
    }
    return FRAME_FAILED;
}

/* No continuation of these bytes can match. */
static enum op_result refuse(struct expect_op *o, struct slice so_far, size_t at)
{
    matcher_refuse(o->x->matcher, so_far, at, o->arena, &o->report);
    return op_fail(&o->op, OP_MISMATCH, NULL);
}

static enum op_result judge_custom(struct expect_op *o, const struct frame *f)
{
    const struct matcher *m = o->x->matcher;
    const struct custom_frame *c = f->custom;
    if (c->why) {
        refuse_custom(o, f->value, c);
        return OP_FAILED;
    }
    if (!m || matcher_check(m, &c->value, o->arena, &o->report)) return OP_DONE;
    o->shown = o->x->show(o->x->ctx, o->op.conn, o->arena);
    if (!o->report.bytes) o->report.got = f->value;
    return op_fail(&o->op, OP_MISMATCH, NULL);
}

/* What could be said before the frame was whole is said in the same words now: how the bytes were cut must not matter.
 */
static enum op_result judge(struct expect_op *o, const struct frame *f)
{
    const struct matcher *m = o->x->matcher;
    o->whole = true;
    o->value = f->value;
    o->op.end = o->pos + f->len;
    if (f->custom && (f->custom->why || f->custom->decoded)) return judge_custom(o, f);
    const struct view v = view_bytes(f->value);
    if (!m || matcher_check(m, &v, o->arena, &o->report)) return OP_DONE;
    size_t at;
    return matcher_possible(m, f->value, &at) ? op_fail(&o->op, OP_MISMATCH, NULL) : refuse(o, f->value, at);
}

static enum op_result wait_for_more(struct expect_op *o, struct task *t)
{
    conn_wait_read(o->op.conn, t);
    o->op.waits = WAITS_READ;
    return OP_WAIT;
}

static enum op_result ended(struct expect_op *o)
{
    const struct conn *c = o->op.conn;
    return op_fail_status(&o->op, c->end == CONN_FIN ? SR_CLOSED : sr_status_of_errno(c->error), c->error);
}

static enum op_result too_long(struct expect_op *o)
{
    return op_fail(&o->op, OP_LIMIT, "a frame of more than 64 MiB cannot be kept");
}

/* A whole datagram is here that is none of what is expected; the next one may be. */
static enum op_result wrong_datagram(struct expect_op *o, struct slice have, size_t at, const char *why)
{
    o->report = (struct match_report){.path = "", .message = why, .got = have, .at = at};
    return op_fail(&o->op, OP_MISMATCH, NULL);
}

static enum op_result judge_datagram(struct expect_op *o, struct slice have)
{
    const struct conn_datagrams *d = o->op.conn->datagrams;
    const struct slice want = o->x->bytes;
    struct frame f;
    o->whole = true;
    o->value = have;
    o->seen = have.n;
    o->op.end = o->pos + have.n;
    if (d->end.cut)
        return wrong_datagram(
            o, have, 0,
            arena_printf(o->arena, "a datagram of %zu bytes was cut: at most %d can be kept", d->end.cut, SCRATCH));
    if (o->x->framing == FRAMING_EXACT)
        return slice_eq(want, have) ? OP_DONE : mismatch(o, want, have, diff_first(want, have));
    switch (frame(o, have, true, &f)) {
    case FRAMED: break;
    case FRAME_FAILED: return OP_FAILED;
    case FRAME_MORE: return wrong_datagram(o, have, have.n, "the datagram ends before that");
    }
    if (f.len == have.n) return judge(o, &f);
    return wrong_datagram(
        o, have, f.len,
        arena_printf(o->arena, "the datagram does not end there, but goes on for %zu more bytes", have.n - f.len));
}

static enum op_result poll_datagram(struct expect_op *o, struct task *t)
{
    struct conn *c = o->op.conn;
    const int r = conn_fill(c);
    if (r == -EAGAIN) return wait_for_more(o, t);
    if (!c->datagrams->here) return ended(o);
    const enum op_result judged = judge_datagram(o, conn_from(c, o->pos));
    o->looked = (uintptr_t)conn_from(c, o->pos).p;
    return judged;
}

static enum op_result poll_exact(struct expect_op *o, struct task *t)
{
    const struct slice want = o->x->bytes;
    struct slice have = conn_from(o->op.conn, o->pos);
    const struct reader r = {o->op.conn, o->pos};
    for (;;) {
        const size_t n = have.n < want.n ? have.n : want.n;
        const size_t seen = (size_t)o->seen;
        if (n > seen && memcmp(have.p + seen, want.p + seen, n - seen) != 0) {
            size_t at = seen;
            while (have.p[at] == want.p[at])
                at++;
            return mismatch(o, want, have, at);
        }
        o->seen = n;
        if (n == want.n) {
            o->value = slice_part(have, 0, n);
            o->whole = true;
            o->op.end = o->pos + n;
            return OP_DONE;
        }
        switch (reader_more(&r, &have)) {
        case READER_THERE: break;
        case READER_WAIT: return wait_for_more(o, t);
        case READER_END: return ended(o);
        case READER_FULL: return too_long(o);
        }
    }
}

static enum op_result poll_framed(struct expect_op *o, struct task *t)
{
    const struct reader r = {o->op.conn, o->pos};
    struct slice have = reader_rest(&r);
    for (bool complete = o->op.conn->end != CONN_OPEN;;) {
        struct frame f;
        switch (frame(o, have, complete, &f)) {
        case FRAMED: return judge(o, &f);
        case FRAME_FAILED: return OP_FAILED;
        case FRAME_MORE: break;
        }
        size_t at;
        o->want = f.len > have.n ? f.len : 0;
        if (o->x->matcher && !o->patient && f.so_far.n && !matcher_possible(o->x->matcher, f.so_far, &at))
            return refuse(o, f.so_far, at);
        o->seen = have.n;
        if (complete) return ended(o);
        switch (reader_more(&r, &have)) {
        case READER_THERE: break;
        case READER_WAIT: return wait_for_more(o, t);
        case READER_END: complete = true; break;
        case READER_FULL: return too_long(o);
        }
    }
}

/* Frames that need not be kept to be judged are taken as they come, in constant memory. */
static bool streams(const struct expectation *x)
{
    if (x->keep || (x->matcher && !matcher_streams(x->matcher))) return false;
    return x->framing == FRAMING_REST || (x->framing == FRAMING_BYTES && x->count > STREAM_FROM);
}

static enum op_result streamed_end(struct expect_op *o)
{
    const struct frame f = {.value = {NULL, (size_t)o->seen}};
    const enum op_result r = judge(o, &f);
    o->op.end = o->op.conn->base;
    return r;
}

static enum op_result poll_streamed(struct expect_op *o, struct task *t)
{
    const struct expectation *x = o->x;
    const uint64_t most = x->framing == FRAMING_BYTES ? x->count : UINT64_MAX;
    o->streamed = true;
    while (o->seen < most) {
        const int64_t r = conn_skip(o->op.conn, most - o->seen);
        if (r == -EAGAIN) return wait_for_more(o, t);
        if (r <= 0 && x->framing == FRAMING_REST && o->op.conn->end == CONN_FIN) return streamed_end(o);
        if (r <= 0) return ended(o);
        o->seen += (uint64_t)r;
        o->op.edge = false;
        size_t at;
        const struct slice so_far = {NULL, (size_t)o->seen};
        if (x->matcher && !matcher_possible(x->matcher, so_far, &at)) return refuse(o, so_far, at);
    }
    return streamed_end(o);
}

static enum op_result poll_urgent(struct expect_op *o, struct task *t)
{
    struct conn *c = o->op.conn;
    char *byte = arena_alloc(o->arena, 1);
    if (!(c->in.ready & READY_URGENT)) {
        if (c->in.ready & (READY_HUP | READY_ERROR)) return op_fail_status(&o->op, SR_CLOSED, 0);
        return wait_for_more(o, t);
    }
    const ssize_t r = c->top->ops->recv(c->top, byte, 1, MSG_OOB);
    c->in.ready &= (uint8_t)~READY_URGENT;
    c->urgent = true;
    if (r == -EAGAIN || r == -EINVAL) return wait_for_more(o, t);
    if (r <= 0) return op_fail_status(&o->op, SR_CLOSED, (int)-r);
    const struct frame f = {.value = {byte, 1}};
    const enum op_result judged = judge(o, &f);
    if (judged == OP_DONE && !slice_eq(o->x->bytes, f.value)) return mismatch(o, o->x->bytes, f.value, 0);
    return judged;
}

/* May the task read here? If not, the op has failed. */
static bool may_read(struct op *op, const struct task *t)
{
    const char *why = NULL;
    if (op->conn->closed) why = "this actor has closed the connection before";
    if (!why && conn_claimed(op->conn, t, false)) why = "somebody else is reading this connection";
    return !why || (op_fail(op, OP_MISUSE, why), false);
}

static enum op_result poll_kept(struct expect_op *o, struct task *t)
{
    const enum op_result r = o->x->framing == FRAMING_EXACT ? poll_exact(o, t) : poll_framed(o, t);
    o->looked = (uintptr_t)conn_from(o->op.conn, o->pos).p;
    return r;
}

bool expect_would_end(const struct expect_op *o, uint64_t *ret)
{
    struct regex_match m;
    if (o->x->framing != FRAMING_PATTERN) return false;
    if (regex_scan(o->x->regex, conn_from(o->op.conn, o->pos), o->scan, true, &m) != REGEX_YES) return false;
    *ret = o->pos + m.to;
    return true;
}

static bool begun_by_other(struct expect_op *o)
{
    const char *name = conn_begun(o->op.conn, o->x->module);
    if (!name) return false;
    op_fail(&o->op, OP_MISUSE,
            arena_printf(o->arena,
                         "`%s` has begun to read the message here, and nobody has taken it: only `%s` can go on", name,
                         name));
    return true;
}

static enum op_result expect_poll(struct op *op, struct task *t)
{
    struct expect_op *o = (struct expect_op *)op;
    if (!may_read(op, t) || begun_by_other(o)) return OP_FAILED;
    if (op->conn->datagrams && o->x->framing != FRAMING_URGENT) return poll_datagram(o, t);
    if (o->x->framing == FRAMING_DATAGRAM)
        return op_fail(op, OP_MISUSE, "this connection is a stream of bytes: it has no datagrams");
    if (o->x->framing == FRAMING_URGENT) return poll_urgent(o, t);
    return streams(o->x) ? poll_streamed(o, t) : poll_kept(o, t);
}

static void stop_reading(struct op *op, struct task *t)
{
    if (op->conn->reader == t) op->conn->reader = NULL;
}

static void expect_cancel(struct op *op, struct task *t)
{
    const struct expect_op *o = (const struct expect_op *)op;
    stop_reading(op, t);
    if (o->x->left) o->x->left(o->x->ctx, op->conn);
}

static void expect_commit(struct op *op)
{
    const struct expect_op *o = (const struct expect_op *)op;
    if (o->x->took) o->x->took(o->x->ctx, op->conn, o->pos);
    if (!o->streamed && o->x->framing != FRAMING_URGENT) conn_take(op->conn, op->end);
}

static void expect_rewind(struct op *op)
{
    struct expect_op *o = (struct expect_op *)op;
    o->pos = op->conn->base;
    o->seen = 0;
    o->scan = 0;
    o->whole = false;
    op->failure = OP_FINE;
}

static void expect_again(struct op *op, struct task *t)
{
    struct expect_op *o = (struct expect_op *)op;
    const bool kept = !o->streamed && o->x->framing != FRAMING_URGENT;
    if (!kept || op->conn->closed || (op->failure != OP_FINE && op->failure != OP_MISMATCH)) return;
    if ((uintptr_t)conn_from(op->conn, o->pos).p == o->looked) return;
    expect_rewind(op);
    expect_poll(op, t);
}

void expect_begin(struct expect_op *o, struct conn *c, const struct expectation *x, struct arena *arena)
{
    static const struct op_type type = {.name = "expect",
                                        .poll = expect_poll,
                                        .again = expect_again,
                                        .commit = expect_commit,
                                        .rewind = expect_rewind,
                                        .cancel = expect_cancel};
    *o = (struct expect_op){.op = {.type = &type, .conn = c, .edge = true}, .x = x, .arena = arena, .pos = c->base};
}

static enum close_by closed_by(const struct conn *c)
{
    if (c->end == CONN_FIN) return c->tls && c->tls->notified ? CLOSE_NOTIFY : CLOSE_FIN;
    if (c->error == EPROTO) return CLOSE_TLS;
    return c->datagrams && c->error == ECONNREFUSED ? CLOSE_REFUSED : CLOSE_RESET;
}

static enum op_result judge_close(struct close_op *o, const struct conn *c)
{
    static const char *const names[] = {[CLOSE_FIN] = "a FIN",
                                        [CLOSE_RESET] = "a reset",
                                        [CLOSE_NOTIFY] = "a close_notify",
                                        [CLOSE_REFUSED] = "`refused`",
                                        [CLOSE_TLS] = "a failure of TLS"};
    const enum close_by by = closed_by(c);
    if (o->by == CLOSE_ANY || o->by == by) return OP_DONE;
    if ((o->by == CLOSE_NOTIFY || o->by == CLOSE_TLS) && !c->tls)
        snprintf(o->text, sizeof o->text, "expected %s, but the connection has no TLS", names[o->by]);
    else if (by == CLOSE_TLS)
        snprintf(o->text, sizeof o->text, "expected %s, but TLS was broken off: %s", names[o->by], conn_why(c));
    else
        snprintf(o->text, sizeof o->text, "expected %s, got %s",
                 c->tls && o->by == CLOSE_FIN ? "a bare FIN" : names[o->by],
                 c->tls && by == CLOSE_FIN ? "a bare FIN" : names[by]);
    return op_fail(&o->op, OP_MISMATCH, o->text);
}

static void close_commit(struct op *op)
{
    conn_reopen(op->conn);
}

static enum op_result close_poll(struct op *op, struct task *t)
{
    struct close_op *o = (struct close_op *)op;
    struct conn *c = op->conn;
    if (!may_read(op, t)) return OP_FAILED;
    if (conn_has(c, o->pos)) return op_fail(op, OP_MISMATCH, "data came instead of a close");
    const int r = conn_fill(c);
    if (r > 0) return op_fail(op, OP_MISMATCH, "data came instead of a close");
    if (r == -EAGAIN) {
        conn_wait_read(c, t);
        op->waits = WAITS_READ;
        return OP_WAIT;
    }
    op->end = o->pos;
    return judge_close(o, c);
}

static void close_rewind(struct op *op)
{
    ((struct close_op *)op)->pos = op->conn->base;
    op->failure = OP_FINE;
}

void expect_close_begin(struct close_op *o, struct conn *c, enum close_by by)
{
    static const struct op_type type = {.name = "expect_close",
                                        .poll = close_poll,
                                        .commit = close_commit,
                                        .rewind = close_rewind,
                                        .cancel = stop_reading};
    *o = (struct close_op){.op = {.type = &type, .conn = c, .edge = true}, .by = by, .pos = c->base};
}

static const char *why_loud(const struct conn *c)
{
    const enum close_by by = closed_by(c);
    if (c->end == CONN_FIN) return "a FIN broke the silence";
    if (by == CLOSE_TLS) return "TLS was broken off in the silence";
    return by == CLOSE_REFUSED ? "`refused` broke the silence: nobody listens there" : "a reset broke the silence";
}

static enum op_result silence_poll(struct op *op, struct task *t)
{
    const struct silence_op *o = (const struct silence_op *)op;
    struct conn *c = op->conn;
    if (!may_read(op, t)) return OP_FAILED;
    if (conn_has(c, o->pos)) return op_fail(op, OP_MISMATCH, "data broke the silence");
    const int r = conn_fill(c);
    if (r > 0) return op_fail(op, OP_MISMATCH, "data broke the silence");
    if (r == 0) return op_fail(op, OP_MISMATCH, why_loud(c));
    op->end = o->pos;
    if (clock_now() >= o->until) return OP_DONE;
    conn_wait_read(c, t);
    op->waits = WAITS_TIME;
    op->wake = o->until;
    return OP_WAIT;
}

static void silence_rewind(struct op *op)
{
    ((struct silence_op *)op)->pos = op->conn->base;
    op->failure = OP_FINE;
}

void expect_silence_begin(struct silence_op *o, struct conn *c, int64_t until)
{
    static const struct op_type type = {
        .name = "expect_silence", .poll = silence_poll, .rewind = silence_rewind, .cancel = stop_reading};
    *o = (struct silence_op){.op = {.type = &type, .conn = c, .edge = true}, .pos = c->base, .until = until};
}
