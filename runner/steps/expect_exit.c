#include "engine/program_wait.h"
#include "steps/ending.h"
#include "steps/kinds.h"
#include "steps/whom.h"

struct operand {
    const struct actor_plan *whom;
    struct ending_plan end;
};

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    struct operand *o = ARENA_NEW(c->arena, struct operand);
    in->operand = o;
    in->as = compile_as(c, m->as, &in->nas);
    o->whom = whom_compile(c, m, false);
    const bool wanted = ending_compile(c, m->value, &o->end);
    return o->whom && wanted;
}

static enum went begin(struct actor *a, const struct instr *in, union op_room *room)
{
    const struct operand *o = in->operand;
    struct exit_want want;
    if (ending_eval(a, &o->end, &want) != WENT_ON) return WENT_FAILED;
    program_wait_end(room, whom_find(a, o->whom)->program, &want);
    return WENT_ON;
}

static enum went finish(struct actor *a, const struct instr *in, union op_room *room)
{
    (void)room;
    const struct operand *o = in->operand;
    const struct ending e = {.status = whom_find(a, o->whom)->program->process.status};
    return in->nas ? ending_capture(a, in->as[0], &e) : WENT_ON;
}

static enum went failed(struct actor *a, const struct instr *in, union op_room *room)
{
    const struct mark mark = in->model->value ? in->model->value->mark : (struct mark){0};
    return actor_fail(a, "exit", mark, "%s", room->op.why);
}

static void show(struct actor *a, const struct instr *in, const union op_room *room, struct buf *out)
{
    const struct operand *o = in->operand;
    (void)room;
    buf_printf(out, "the end of `%s`", whom_find(a, o->whom)->plan->name);
}

static const struct field fields[] = {WHOM_FIELD("The program, if another actor is it"), {0}};

const struct step_kind step_expect_exit = {
    .schema = {.name = "expect_exit",
               .group = "program",
               .value = {.type = FIELD_TEXT,
                         .flags = FIELD_OPTIONAL_VALUE,
                         .fallback = "any",
                         .doc = "an exit code, the name of a signal, or `any`"},
               .fields = fields,
               .flags = STEP_OPENING,
               .doc = "Waits until the program that the actor is, or that of another `actor`, has ended, and checks "
                      "how: with an\n"
                      "exit code, or by a signal. What it has written before can still be read after this step.\n"
                      "\n"
                      "`as` captures a table with `code` or `signal` (its name).",
               .example = "actors:\n"
                          "  cat:\n"
                          "    run: [cat]\n"
                          "    steps:\n"
                          "      - send: \"hello\"\n"
                          "      - shutdown: write\n"
                          "      - expect: {rest: \"hello\"}\n"
                          "      - expect_exit: 0\n"},
    .compile = compile,
    .begin = begin,
    .finish = finish,
    .failed = failed,
    .show = show,
};
