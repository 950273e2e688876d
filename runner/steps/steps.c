#include "steps/kinds.h"

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    return compile_block(c, &m->block, &in->block);
}

static enum went enter(struct actor *a, const struct instr *in)
{
    return actor_push(a, FRAME_BLOCK, &in->block, in) ? WENT_ON : WENT_FAILED;
}

const struct step_kind step_steps = {
    .schema =
        {
            .name = "steps",
            .group = "flow",
            .value = {.type = FIELD_STEPS},
            .flags = STEP_BLOCK,
            .doc = "A plain block. `if`, `via`, `timeout`, `ignore`, `meanwhile` and `level` on it hold "
                   "for all its steps; the `timeout` bounds the whole block.",
            .example = "- if: user ~= nil\n  timeout: 2s\n  steps:\n    - send: {line: \"USER ${user}\"}\n    - "
                       "expect: {line: OK}\n",
        },
    .compile = compile,
    .enter = enter,
};
