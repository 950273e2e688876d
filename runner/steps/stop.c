#include "engine/program_wait.h"
#include "engine/run.h"
#include "steps/kinds.h"
#include "steps/whom.h"

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    const struct actor_plan *whom = whom_compile(c, m, true);
    in->operand = (void *)(uintptr_t)whom;
    return whom != NULL;
}

static enum went begin(struct actor *a, const struct instr *in, union op_room *room)
{
    const struct actor *whom = whom_find(a, in->operand);
    if (whom->program) {
        program_wait_end(room, whom->program, NULL);
        program_stop(whom->program);
        return WENT_ON;
    }
    listener_close(whom->listener);
    sleep_begin(&room->sleep, 0);
    return WENT_ON;
}

static void show(struct actor *a, const struct instr *in, const union op_room *room, struct buf *out)
{
    (void)room;
    buf_printf(out, "the end of `%s`", whom_find(a, in->operand)->plan->name);
}

static const struct field fields[] = {WHOM_FIELD("The program or listener, if another actor is it"), {0}};

const struct step_kind step_stop = {
    .schema =
        {.name = "stop",
         .group = "program",
         .value = {.type = FIELD_NOTHING},
         .fields = fields,
         .doc = "Ends the program that the actor is, or that of another `actor`, and waits until it has ended: it gets "
                "the\n"
                "signal that its `stop` names, and is killed after its `grace`. Its `exit`, if it has one, is judged.\n"
                "\n"
                "An actor that listens stops to listen: from then on connections are refused, those that it has stay. "
                "`start`\n"
                "takes both back.",
         .example = "- {stop: , actor: server}\n"
                    "- connect: {to: \"${server}\", fails: refused}\n"
                    "- {start: , actor: server}\n"
                    "- connect: ${server}\n"},
    .compile = compile,
    .begin = begin,
    .show = show,
};
