#include "engine/run.h"
#include "steps/kinds.h"
#include "util/clock.h"

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    struct quantity *q = ARENA_NEW(c->arena, struct quantity);
    in->operand = q;
    return compile_quantity(c, m->value, QUANTITY_DURATION, 0, q);
}

static enum went begin(struct actor *a, const struct instr *in, union op_room *room)
{
    struct eval e = actor_eval(a);
    int64_t ns;
    struct channel *ch = actor_channel(a, in);
    if (!ch) return WENT_FAILED;
    if (!quantity_eval(in->operand, &e, &ns)) return actor_fail_eval(a, &e);
    expect_silence_begin(&room->silence, &ch->conn, clock_now() + ns);
    return WENT_ON;
}

const struct step_kind step_expect_silence = {
    .schema =
        {
            .name = "expect_silence",
            .group = "connection",
            .value = {.type = FIELD_DURATION},
            .flags = STEP_CONNECTION | STEP_OPENING,
            .doc = "Waits for this long. Data or a close in the meantime fails it.",
            .example = "- expect_silence: 200ms\n",
        },
    .compile = compile,
    .begin = begin,
    .untimed = true,
};
