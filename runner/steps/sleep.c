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
    if (!quantity_eval(in->operand, &e, &ns)) return actor_fail_eval(a, &e);
    sleep_begin(&room->sleep, clock_now() + ns);
    return WENT_ON;
}

const struct step_kind step_sleep = {
    .schema =
        {
            .name = "sleep",
            .group = "flow",
            .value = {.type = FIELD_DURATION},
            .doc = "Does nothing for this long. Where there is something to wait for, wait for that "
                   "instead.",
            .example = "- sleep: 10ms\n",
        },
    .compile = compile,
    .begin = begin,
    .untimed = true,
};
