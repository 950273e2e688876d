#include "engine/dialing.h"
#include "steps/kinds.h"

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    struct address_plan *p = ARENA_NEW(c->arena, struct address_plan);
    in->operand = p;
    if (!m->as) c->connects = true;
    const bool named = compile_connection_name(c, m, in);
    return address_compile(c, m->value, false, p) && named;
}

const struct step_kind step_connect = {
    .schema =
        {
            .name = "connect",
            .group = "connection",
            .value = {.type = FIELD_ADDRESS},
            .doc = "Opens a connection and waits until it is established. With `as` the connection gets "
                   "a name for `via`; without, it becomes the actor's own.\n\nIt takes an address, "
                   "`${actor}` for what that actor listens on, or a map with `to`: `fails` makes a "
                   "failure the expectation, `retry` tries again while it is refused, `bind` sets the "
                   "local address, `options` sets socket options once it is connected.",
            .example = "- connect: ${server}\n  as: control\n- connect: {to: \"tcp://127.0.0.1:${ports.closed}\", "
                       "fails: refused}\n",
        },
    .compile = compile,
    .begin = dialing_connect_begin,
    .finish = dialing_connect_finish,
    .failed = dialing_connect_failed,
    .expects_timeout = dialing_connect_expects_timeout,
    .explain = dialing_connect_explain,
};
