#include "steps/kinds.h"

struct operand {
    enum close_by by;
};

static const struct field fields[] = {
    {.name = "by",
     .type = FIELD_CHOICE,
     .choices = "any|fin|reset|refused|close_notify|tls",
     .fallback = "any",
     .doc = "How the peer must close"},
    {.name = NULL},
};

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    struct operand *o = ARENA_NEW(c->arena, struct operand);
    const struct node *by = m->value ? node_get(m->value, "by") : NULL;
    in->operand = o;
    o->by = by ? (enum close_by)(CLOSE_ANY + field_choice(by, fields[0].choices)) : CLOSE_ANY;
    return true;
}

static enum went begin(struct actor *a, const struct instr *in, union op_room *room)
{
    const struct operand *o = in->operand;
    struct channel *ch = actor_channel(a, in);
    if (!ch) return WENT_FAILED;
    expect_close_begin(&room->close, &ch->conn, o->by);
    return WENT_ON;
}

const struct step_kind step_expect_close = {
    .schema =
        {
            .name = "expect_close",
            .group = "connection",
            .value = {.type = FIELD_MAP, .fields = fields, .flags = FIELD_OPTIONAL_VALUE},
            .flags = STEP_CONNECTION | STEP_OPENING,
            .doc = "Waits until the peer closes: with a FIN, by a reset, by a `close_notify` of TLS, or in any "
                   "way. Over TLS `fin` is a FIN without a close_notify, as somebody in between could send it, and "
                   "`tls` a failure of TLS: an alert of the peer, or bytes that cannot be right. Data "
                   "that comes instead fails it. Datagrams know no close, but `refused`: the system has been told that "
                   "nobody listens there (ICMP port unreachable).",
            .example = "- expect_close\n- expect_close: {by: fin}\n",
        },
    .compile = compile,
    .begin = begin,
};
