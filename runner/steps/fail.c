#include "steps/kinds.h"
#include "steps/told.h"

static enum went enter(struct actor *a, const struct instr *in)
{
    const char *text = told_text(a, in);
    return text ? actor_fail(a, "fail", in->model->value->mark, "%s", text) : WENT_FAILED;
}

const struct step_kind step_fail = {
    .schema =
        {
            .name = "fail",
            .group = "flow",
            .value = {.type = FIELD_TEXT},
            .doc = "Fails the case here, with this reason.",
            .example = "- fail: \"an open relay: ${answer}\"\n  if: answer:find(\"^250\")\n",
        },
    .compile = told_compile,
    .enter = enter,
};
