#include "engine/run.h"
#include "steps/kinds.h"
#include "steps/told.h"

static enum went enter(struct actor *a, const struct instr *in)
{
    const char *text = told_text(a, in);
    if (!text) return WENT_FAILED;
    a->run->skip = arena_dup(&a->run->arena, slice_of(text));
    run_stop(a->run);
    return WENT_ON;
}

const struct step_kind step_skip = {
    .schema =
        {
            .name = "skip",
            .group = "flow",
            .value = {.type = FIELD_TEXT},
            .doc = "Ends the case here with the verdict `skip` and this reason.",
            .example = "- skip: the server has no STARTTLS\n  if: not has_starttls\n",
        },
    .compile = told_compile,
    .enter = enter,
};
