#include "engine/address.h"
#include "steps/kinds.h"

struct operand {
    struct option_plan *options;
    uint32_t n;
};

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    struct operand *o = ARENA_NEW(c->arena, struct operand);
    in->operand = o;
    return options_compile(c, m->value, &o->options, &o->n);
}

static enum went enter(struct actor *a, const struct instr *in)
{
    const struct operand *o = in->operand;
    struct eval e = actor_eval(a);
    struct channel *ch = actor_channel(a, in);
    if (!ch) return WENT_FAILED;
    const struct conn *c = &ch->conn;
    if (c->kind == CONN_PROGRAM)
        return actor_fail(a, "misuse", (struct mark){0}, "a program's pipes have no socket options");
    if (c->closed) return actor_fail(a, "misuse", (struct mark){0}, "this actor has closed the connection before");
    return options_apply(o->options, o->n, conn_fd(c), conn_family(c), &e)
               ? WENT_ON
               : actor_fail(a, "system", e.mark, "%s", e.why);
}

const struct step_kind step_set_option = {
    .schema =
        {
            .name = "set_option",
            .group = "connection",
            .value = {.type = FIELD_MAP, .flags = FIELD_OPEN_MAP, .form = FORM_OPTIONS},
            .flags = STEP_CONNECTION,
            .doc = "Sets socket options of the connection, by the names of the table \"Socket options\".",
            .example = "- set_option: {nodelay: true, rcvbuf: 4KiB, linger: 0, ttl: 5}\n",
        },
    .compile = compile,
    .enter = enter,
};
