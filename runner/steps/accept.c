#include "engine/dialing.h"
#include "steps/kinds.h"

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    if (c->actor->model->kind != ACTOR_LISTEN) {
        compile_error(c, m->mark, "`%s` does not listen: it has nothing to accept", c->actor->name);
        return false;
    }
    return compile_connection_name(c, m, in);
}

const struct step_kind step_accept = {
    .schema =
        {
            .name = "accept",
            .group = "connection",
            .value = {.type = FIELD_NOTHING},
            .flags = STEP_OPENING,
            .doc = "Accepts the next connection on the actor's own listener. The first connection needs "
                   "no `accept`: the first step that works on a connection takes it. With `as` the "
                   "connection gets a name for `via`; without, it becomes the actor's own.\n\nIt waits "
                   "until the case's deadline, unless it has a `timeout`.",
            .example = "- accept:\n  as: second\n- send: \"hello\\n\"\n  via: second\n",
        },
    .compile = compile,
    .begin = dialing_accept_begin,
    .finish = dialing_accept_finish,
    .untimed = true,
};
