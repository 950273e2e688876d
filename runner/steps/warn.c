#include "engine/failure.h"
#include "engine/run.h"
#include "steps/kinds.h"
#include "steps/told.h"

static enum went enter(struct actor *a, const struct instr *in)
{
    const char *text = told_text(a, in);
    if (!text) return WENT_FAILED;
    failure_warning(a, text);
    return WENT_ON;
}

const struct step_kind step_warn = {
    .schema =
        {
            .name = "warn",
            .group = "flow",
            .value = {.type = FIELD_TEXT},
            .doc = "Notes a warning. The case goes on; its verdict is `warn`, unless something worse "
                   "follows.",
            .example = "- warn: the server told its version\n  if: version ~= nil\n",
        },
    .compile = told_compile,
    .enter = enter,
};
