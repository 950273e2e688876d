#include <errno.h>
#include <string.h>

#include "engine/program_plan.h"
#include "steps/kinds.h"
#include "steps/whom.h"

struct operand {
    const struct actor_plan *whom;
    int signal; /* 0: by the text */
    struct text_plan text;
};

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    struct operand *o = ARENA_NEW(c->arena, struct operand);
    in->operand = o;
    o->whom = whom_compile(c, m, false);
    if (!m->value) return false;
    const bool named =
        field_dynamic(m->value) ? compile_text(c, m->value, &o->text) : (o->signal = signal_compile(c, m->value)) != 0;
    return o->whom && named;
}

static int signal_of(struct actor *a, const struct operand *o)
{
    struct slice name;
    struct eval e = actor_eval(a);
    if (o->signal) return o->signal;
    if (!text_eval(&o->text, &e, &name)) return actor_fail_eval(a, &e), 0;
    const int signal = signal_of_name(arena_dup(&a->arena, name));
    if (!signal) actor_fail(a, "misuse", o->text.node->mark, "there is no signal `%.*s`", (int)name.n, name.p);
    return signal;
}

static enum went enter(struct actor *a, const struct instr *in)
{
    const struct operand *o = in->operand;
    const struct program *p = whom_find(a, o->whom)->program;
    const int signal = signal_of(a, o);
    if (!signal) return WENT_FAILED;
    const int error = program_signal(p, signal);
    if (!error) return WENT_ON;
    char text[32];
    if (error == -ESRCH && p->process.pid)
        return actor_fail(a, "exit", (struct mark){0}, "`%s` has ended before, with %s", program_name(p),
                          process_show_status(p->process.status, text));
    return actor_fail(a, "system", (struct mark){0}, "cannot send the signal: %s", strerror(-error));
}

static const struct field fields[] = {WHOM_FIELD("The program, if another actor is it"), {0}};

const struct step_kind step_signal = {
    .schema =
        {.name = "signal",
         .group = "program",
         .value = {.type = FIELD_TEXT, .doc = "the name of a signal, such as HUP, USR1 or TERM"},
         .fields = fields,
         .doc =
             "Sends a signal to the program that the actor is, or to that of another `actor`. It reaches the program\n"
             "itself and none of those that it has started. What comes of it is for the next steps to find out.",
         .example = "actors:\n"
                    "  app:\n"
                    "    run: [my-server, --listen-fd, \"${app.http.fd}\"]\n"
                    "    pass: {http: \"tcp://127.0.0.1:0\"}\n"
                    "  client:\n"
                    "    connect: ${app.http.address}\n"
                    "    steps:\n"
                    "      - {signal: HUP, actor: app}\n"
                    "      - expect: {line: reloaded}\n"},
    .compile = compile,
    .enter = enter,
};
