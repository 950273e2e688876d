#include "engine/payload.h"
#include "engine/run.h"
#include "net/sockopt.h"
#include "steps/kinds.h"

#include <sys/socket.h>

struct operand {
    struct payload *payload;
    struct quantity chunk, every;
    bool urgent;
};

static const struct field fields[] = {
    {.name = "chunk", .type = FIELD_SIZE, .doc = "Bytes in each write; switches off Nagle's algorithm (TCP_NODELAY)"},
    {.name = "every", .type = FIELD_DURATION, .doc = "The pause between two writes"},
    {.name = "urgent", .type = FIELD_BOOL, .fallback = "false", .doc = "As TCP urgent data (MSG_OOB)"},
    {.name = NULL},
};

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    struct operand *o = ARENA_NEW(c->arena, struct operand);
    in->operand = o;
    o->payload = payload_compile(c, m->value);
    o->urgent = field_bool(step_field(m, "urgent"), false);
    const bool chunk = compile_quantity(c, step_field(m, "chunk"), QUANTITY_SIZE, 0, &o->chunk);
    const bool every = compile_quantity(c, step_field(m, "every"), QUANTITY_DURATION, 0, &o->every);
    return chunk && every && o->payload != NULL;
}

/* Small writes are meant to be segments of their own. */
static void send_at_once(const struct conn *c)
{
    const struct sockopt *o = sockopt_find(SLICE("nodelay"));
    if (c->kind == CONN_TCP && !c->closed) sockopt_set(c->fd.wfd, c->local.sa.sa_family, o, 1, (struct slice){0});
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
    (void)in;
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
