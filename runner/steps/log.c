#include "engine/run.h"
#include "steps/kinds.h"
#include "steps/told.h"

static enum went enter(struct actor *a, const struct instr *in)
{
    const char *text = told_text(a, in);
    if (!text) return WENT_FAILED;
    actor_log(a, text, false);
    return WENT_ON;
}

const struct step_kind step_log = {
    .schema =
        {
            .name = "log",
            .group = "flow",
            .value = {.type = FIELD_TEXT},
            .doc = "Writes a line into the report.",
            .example = "- log: \"the server calls itself ${host}\"\n",
        },
    .compile = told_compile,
    .enter = enter,
};
