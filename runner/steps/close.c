#include "engine/dialing.h"
#include "steps/kinds.h"

enum { BY_NOTIFY, BY_FIN };
static const char choices[] = "close_notify|fin";

static const struct field fields[] = {
    {.name = "by",
     .type = FIELD_CHOICE,
     .choices = choices,
     .fallback = "close_notify",
     .doc = "Over TLS: whether a close_notify is sent before the FIN"},
    {0},
};

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    int *by = ARENA_NEW(c->arena, int);
    const struct node *n = m->value ? node_get(m->value, "by") : NULL;
    in->operand = by;
    *by = n ? field_choice(n, choices) : BY_NOTIFY;
    return true;
}

static enum went finish(struct actor *a, const struct instr *in, union op_room *room)
{
    struct channel *ch = actor_channel(a, in);
    (void)room;
    if (!ch) return WENT_FAILED;
    /* A server of datagrams has no other socket than its listener's. */
    const bool own = a->listener && a->listener->conn == &ch->conn;
    if (*(const int *)in->operand == BY_FIN && ch->conn.tls) ch->conn.tls->said_end = true;
    conn_close(&ch->conn);
    if (own) listener_close(a->listener);
    return WENT_ON;
}

static enum went enter(struct actor *a, const struct instr *in)
{
    struct channel *ch = actor_channel(a, in);
    if (!ch) return WENT_FAILED;
    return dialing_must_shake(ch) ? dialing_shake_first(a, in, ch) : finish(a, in, NULL);
}

const struct step_kind step_close = {
    .schema =
        {
            .name = "close",
            .group = "connection",
            .value = {.type = FIELD_MAP, .fields = fields, .flags = FIELD_OPTIONAL_VALUE},
            .flags = STEP_CONNECTION,
            .doc = "Closes the connection: close(2). The system sends a FIN, or a reset if it holds "
                   "data that nobody has read. Over TLS a close_notify goes before it, unless `by: fin` leaves it out. "
                   "`expect_socket` can still ask about the connection.",
            .example = "- close\n- close:\n  via: control\n",
        },
    .compile = compile,
    .enter = enter,
    .finish = finish,
};
