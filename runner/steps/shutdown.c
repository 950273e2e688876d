#include <string.h>

#include "engine/dialing.h"
#include "steps/kinds.h"

enum { WRITE, READ, BOTH };
static const char choices[] = "write|read|both";

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    int *how = ARENA_NEW(c->arena, int);
    in->operand = how;
    *how = field_choice(m->value, choices);
    return true;
}

static enum went finish(struct actor *a, const struct instr *in, union op_room *room)
{
    const int how = *(const int *)in->operand;
    struct channel *ch = actor_channel(a, in);
    (void)room;
    if (!ch) return WENT_FAILED;
    int r = 0;
    if (how != READ) r = conn_finish(&ch->conn);
    if (r == 0 && how != WRITE) r = conn_stop_reading(&ch->conn);
    return r == 0 ? WENT_ON : actor_fail(a, "system", (struct mark){0}, "shutdown: %s", strerror(-r));
}

static enum went enter(struct actor *a, const struct instr *in)
{
    struct channel *ch = actor_channel(a, in);
    if (!ch) return WENT_FAILED;
    return dialing_must_shake(ch) ? dialing_shake_first(a, in, ch) : finish(a, in, NULL);
}

const struct step_kind step_shutdown = {
    .schema =
        {
            .name = "shutdown",
            .group = "connection",
            .value = {.type = FIELD_CHOICE, .choices = choices},
            .flags = STEP_CONNECTION,
            .doc = "Ends one direction. After `write` the peer sees the end of what we send (a FIN) and "
                   "can go on sending; after `read` the system drops what comes. On the connection of a "
                   "program, `write` closes its stdin.",
            .example = "- shutdown: write\n- expect: {rest: \"answer\"}\n",
        },
    .compile = compile,
    .enter = enter,
    .finish = finish,
};
