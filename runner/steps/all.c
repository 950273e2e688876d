#include "engine/lanes.h"
#include "steps/kinds.h"

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    bool ok = true;
    const bool outer = c->lane;
    c->lane = true;
    in->nbranches = m->branches.n;
    in->branches = arena_array(c->arena, m->branches.n, sizeof *in->branches);
    for (uint32_t i = 0; i < m->branches.n; i++) {
        in->branches[i].mark = m->branches.list[i].mark;
        ok &= compile_block(c, &m->branches.list[i].block, &in->branches[i].block);
    }
    c->lane = outer;
    return ok;
}

const struct step_kind step_all = {
    .schema =
        {
            .name = "all",
            .group = "flow",
            .value = {.type = FIELD_LANES},
            .flags = STEP_BLOCK,
            .doc = "Does several lists of steps whose messages may come in any order: each message goes "
                   "to the first list that wants it, until every list is done.",
            .example = "- all:\n    - [{expect: {line: a1}}, {expect: {line: a2}}]\n    - [{expect: {line: b1}}]\n",
        },
    .compile = compile,
    .enter = lanes_enter,
};
