#include "engine/dialing.h"
#include "steps/kinds.h"

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    struct address_plan *p = ARENA_NEW(c->arena, struct address_plan);
    in->operand = p;
    const bool named = compile_connection_name(c, m, in);
    return address_compile(c, m->value, false, p) && named;
}

const struct step_kind step_connect = {
    .schema =
        {
            .name = "connect",
            .group = "connection",
            .value = {.type = FIELD_ADDRESS},
            .doc = "Opens a connection. It takes an address, `${actor}` for what another actor listens on, or a map with `to`: `fails` "
                   "makes that failure (refused, timeout, unreachable, reset) the expectation, `retry` tries again, `bind` sets the "
                   "local address, `options` are set on the socket. With `as` the connection gets a name for `via`; without, it is "
                   "from now on the actor's own.",
            .example = "- connect: ${server}\n  as: control\n- connect: {to: \"tcp://127.0.0.1:${ports.closed}\", fails: refused}\n",
        },
    .compile = compile,
    .begin = dialing_connect_begin,
    .finish = dialing_connect_finish,
    .failed = dialing_connect_failed,
};
