#include "engine/wait.h"
#include "steps/kinds.h"

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    in->as = compile_as(c, m->as, &in->nas);
    return compile_branches(c, &m->branches, &in->branches, &in->nbranches);
}

const struct step_kind step_any = {
    .schema =
        {
            .name = "any",
            .group = "flow",
            .value = {.type = FIELD_BRANCHES},
            .flags = STEP_OPENING,
            .doc = "Goes the way of the outcome that comes. The first steps of all branches wait side "
                   "by side; the branch whose opening is complete after the fewest bytes is taken, on a "
                   "tie the first listed. The others are dropped and have read nothing. `as` captures "
                   "the outcome's name.",
            .example = "- any:\n    served: [{expect: {line: \"OK\"}}]\n    refused: [{expect: {line: \"ERR\"}}, "
                       "expect_close]\n  as: how\n",
        },
    .compile = compile,
    .enter = wait_for_branches,
};
