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
            .doc = "Accepts the next connection on the actor's own listener. The first one is accepted by itself, by the first step "
                   "that works on a connection; `accept` is for more of them. With `as` the connection gets a name that `via` can "
                   "use; without, it is from now on the actor's own.",
            .example = "- accept:\n  as: second\n- send: \"hello\\n\"\n  via: second\n",
        },
    .compile = compile,
    .begin = dialing_accept_begin,
    .finish = dialing_accept_finish,
    .untimed = true,
};
