#include "engine/dialing.h"
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

static enum went start_listener(struct actor *a, struct actor *whom, union op_room *room)
{
    if (whom->listener->fd >= 0)
        return actor_fail(a, "misuse", (struct mark){0}, "`%s` listens already", whom->plan->name);
    if (dialing_listen_again(a, whom) != WENT_ON) return WENT_FAILED;
    sleep_begin(&room->sleep, 0);
    return WENT_ON;
}

static enum went begin(struct actor *a, const struct instr *in, union op_room *room)
{
    struct actor *whom = whom_find(a, in->operand);
    if (!whom->program) return start_listener(a, whom, room);
    struct program *p = whom->program;
    if (p->state != PROGRAM_ENDED)
        return actor_fail(a, "misuse", (struct mark){0}, "`%s` is running already", program_name(p));
    if (program_start(p) != WENT_ON) return WENT_FAILED;
    program_wait_ready(room, p);
    return WENT_ON;
}

static void show(struct actor *a, const struct instr *in, const union op_room *room, struct buf *out)
{
    (void)room;
    buf_printf(out, "`%s` to be ready", whom_find(a, in->operand)->plan->name);
}

static const struct field fields[] = {WHOM_FIELD("The program or listener, if another actor is it"), {0}};

const struct step_kind step_start = {
    .schema = {.name = "start",
               .group = "program",
               .value = {.type = FIELD_NOTHING},
               .fields = fields,
               .doc = "Starts a program again that has ended, as its actor says (`files` are written again, `pass` "
                      "hands over the\n"
                      "same listeners), and waits until it is `ready`. Its stdin and stdout are the actor's connection "
                      "from then on.\n"
                      "\n"
                      "An actor that was told to `stop` listening listens again, on the same port.",
               .example = "- {stop: , actor: redis}\n"
                          "- {start: , actor: redis}\n"
                          "- connect: tcp://127.0.0.1:${ports.redis}\n"
                          "- send: {lines: [\"*2\", \"$3\", GET, \"$8\", greeting]}\n"
                          "- expect: {line: $5}\n"},
    .compile = compile,
    .begin = begin,
    .show = show,
};
