#include "engine/dialing.h"
#include "engine/payload.h"
#include "engine/resend.h"
#include "engine/run.h"
#include "net/sockopt.h"
#include "steps/kinds.h"
#include "util/units.h"

#include <sys/socket.h>

struct operand {
    struct payload *payload;
    struct quantity chunk, every;
    bool urgent;
    struct address_plan *to; /* or NULL */
    bool resends;
    struct quantity again_every, again_times;
    double factor;
};

enum { RESEND_TIMES = 5, RESEND_EVERY = 500 };

static const struct field resend_fields[] = {
    {.name = "every", .type = FIELD_DURATION, .fallback = "500ms", .doc = "The pause before it is sent again"},
    {.name = "factor",
     .type = FIELD_NUMBER,
     .fallback = "1",
     .doc = "How much longer each pause is than the one before"},
    {.name = "times", .type = FIELD_INT, .fallback = "5", .doc = "How often it is sent again at most"},
    {.name = NULL},
};

static const struct field fields[] = {
    {.name = "chunk", .type = FIELD_SIZE, .doc = "Bytes in each write; switches off Nagle's algorithm (TCP_NODELAY)"},
    {.name = "every", .type = FIELD_DURATION, .doc = "The pause between two writes"},
    {.name = "urgent", .type = FIELD_BOOL, .fallback = "false", .doc = "As TCP urgent data (MSG_OOB)"},
    {.name = "to",
     .type = FIELD_ADDRESS,
     .doc =
         "Datagrams: where this and all that follow go to, on a socket that listens; else to whom the last came from"},
    {.name = "resend",
     .type = FIELD_MAP,
     .fields = resend_fields,
     .doc = "Datagrams: sends it again, `{every: 500ms, factor: 2, times: 7}`, until the next expectation is met"},
    {.name = NULL},
};

static bool compile_to(struct compiler *c, const struct node *n, struct operand *o)
{
    if (!n) return true;
    o->to = ARENA_NEW(c->arena, struct address_plan);
    if (!address_compile(c, n, false, o->to)) return false;
    if (!o->to->bind && !o->to->noptions && !o->to->retry && !o->to->fails.written && !o->to->tls) return true;
    compile_error(c, n->mark, "`to` takes an address alone");
    return false;
}

static bool compile_resend(struct compiler *c, const struct node *n, struct operand *o)
{
    if (!n) return true;
    const struct node *factor = node_get(n, "factor");
    o->resends = true;
    o->factor = 1;
    bool ok = compile_fixed(c, factor, "factor");
    if (ok && factor && (units_number(factor->text, &o->factor) || o->factor < 1)) {
        compile_error(c, factor->mark, "`factor` is a number from 1 on");
        ok = false;
    }
    ok &= compile_quantity(c, node_get(n, "every"), QUANTITY_DURATION, RESEND_EVERY * NS_PER_MS, &o->again_every);
    return compile_quantity(c, node_get(n, "times"), QUANTITY_INT, RESEND_TIMES, &o->again_times) && ok;
}

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    struct operand *o = ARENA_NEW(c->arena, struct operand);
    in->operand = o;
    o->payload = payload_compile(c, m->value);
    o->urgent = field_bool(step_field(m, "urgent"), false);
    const bool chunk = compile_quantity(c, step_field(m, "chunk"), QUANTITY_SIZE, 0, &o->chunk);
    const bool every = compile_quantity(c, step_field(m, "every"), QUANTITY_DURATION, 0, &o->every);
    const bool resend = compile_resend(c, step_field(m, "resend"), o);
    return compile_to(c, step_field(m, "to"), o) && resend && chunk && every && o->payload != NULL;
}

/* Small writes are meant to be segments of their own. */
static void send_at_once(const struct conn *c)
{
    const struct sockopt *o = sockopt_find(SLICE("nodelay"));
    if (c->kind == CONN_TCP && !c->closed) sockopt_set(c->fd.wfd, c->local.sa.sa_family, o, 1, (struct slice){0});
}

static enum went send_to(struct actor *a, const struct operand *p, struct conn *c)
{
    struct addr_spec spec;
    struct addr to;
    struct permit_need *need = &a->run->need;
    const struct mark mark = p->to->mark;
    if (!c->datagrams || c->datagrams->end.connected)
        return actor_fail(a, "misuse", mark, "`to` is for datagrams on a socket that listens: this one is connected");
    if (c->tls) return actor_fail(a, "misuse", mark, "`to` cannot be used with DTLS: a session has one peer");
    if (!dialing_address(a, p->to, &spec)) return WENT_FAILED;
    if (spec.named) return actor_fail(a, "misuse", mark, "`to` takes a literal address, not a name");
    if (spec.scheme != c->datagrams->scheme)
        return actor_fail(a, "misuse", mark, "the socket is one of `%s`", addr_scheme_name(c->datagrams->scheme));
    addr_of_spec(&spec, &to);
    const int r = permit_address(&a->run->permit, &to.sa, to.len, NULL, PERMIT_TO_SEND, need);
    if (r == -PERMIT_DENIED)
        return actor_fail(a, "permission", mark, "not permitted: %s; allow it with %s", need->what, need->flag);
    /* A path that leads nowhere is found out by sending. */
    conn_send_to(c, &to);
    return WENT_ON;
}

static enum went begin(struct actor *a, const struct instr *in, union op_room *room)
{
    const struct operand *p = in->operand;
    struct eval e = actor_eval(a);
    const struct segment *segments;
    uint32_t n;
    int64_t chunk, every;
    struct channel *ch = actor_channel(a, in);
    if (!ch) return WENT_FAILED;
    e.conn = &ch->conn;
    if (!payload_segments(p->payload, &e, &segments, &n) || !quantity_eval(&p->chunk, &e, &chunk) ||
        !quantity_eval(&p->every, &e, &every))
        return actor_fail_eval(a, &e);
    if (p->to && send_to(a, p, &ch->conn) != WENT_ON) return WENT_FAILED;
    if (p->resends && !ch->conn.datagrams)
        return actor_fail(a, "misuse", (struct mark){0}, "`resend` is for datagrams: this is a stream of bytes");
    if (p->urgent && ch->conn.kind != CONN_TCP)
        return actor_fail(a, "misuse", (struct mark){0}, "only TCP has urgent data");
    send_begin(&room->send, &ch->conn, segments, n);
    room->send.chunk = chunk > UINT32_MAX ? 0 : (uint32_t)chunk;
    room->send.every = every;
    if (p->urgent) room->send.flags = MSG_OOB;
    if (chunk) send_at_once(&ch->conn);
    return WENT_ON;
}

static enum went finish(struct actor *a, const struct instr *in, union op_room *room)
{
    const struct send_op *o = &room->send;
    const bool whole = o->nsegments == 1 && o->segments[0].kind == SEGMENT_BYTES;
    const struct operand *p = in->operand;
    const struct slice bytes = o->made ? (struct slice){o->made, (size_t)o->total}
                               : whole ? o->segments[0].bytes
                                       : (struct slice){NULL, 0};
    int64_t every, times;
    struct eval e = actor_eval(a);
    if (p->resends) {
        if (!quantity_eval(&p->again_every, &e, &every) || !quantity_eval(&p->again_times, &e, &times))
            return actor_fail_eval(a, &e);
        resend_start((struct channel *)o->op.conn, bytes, every, p->factor, (uint32_t)(times > 0 ? times : 0));
    }
    actor_sent(a, (struct channel *)o->op.conn, whole ? o->segments[0].bytes : (struct slice){NULL, 0}, o->total);
    return WENT_ON;
}

static void explain(const struct instr *in, const union op_room *room, struct buf *out)
{
    const struct send_op *o = &room->send;
    uint64_t size = 0;
    (void)in;
    for (uint32_t i = 0; i < o->nsegments; i++)
        size += o->segments[i].size;
    buf_printf(out, "%llu of %llu bytes were sent", (unsigned long long)o->total, (unsigned long long)size);
}

const struct step_kind step_send = {
    .schema =
        {
            .name = "send",
            .group = "connection",
            .value = {.type = FIELD_PAYLOAD},
            .fields = fields,
            .flags = STEP_CONNECTION,
            .doc = "Sends a payload: text, `{line: x}`, `{lines: [a, b]}`, `{hex: ..}`, `{base64: ..}`, "
                   "`{file: path}`, `{pack: [format, values]}`, `{json: {..}}`, `{repeat: {of: A, "
                   "times: n}}`, `{random: {bytes: n, seed: s}}`, or a list of these. It is done when "
                   "the system has taken all bytes.\n\nA peer that has closed or reset does not fail it "
                   "by itself: the next read of the connection meets what happened, or the end of the "
                   "actor does if nothing reads.",
            .example = "- send: {line: \"EHLO ${self.name}\"}\n- send: [{hex: \"00 01\"}, \"tail\"]\n  chunk: 1\n  "
                       "every: 5ms\n",
        },
    .compile = compile,
    .begin = begin,
    .finish = finish,
    .explain = explain,
};
