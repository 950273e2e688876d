#ifndef ENGINE_PROGRAM_PLAN_H
#define ENGINE_PROGRAM_PLAN_H

/* What a program actor's map says (language 4: run, files, env, cwd, pass, ready, stop, grace, exit), compiled. Also
 * used by the `run` step, which takes argv, env and cwd. */

#include "engine/program.h"

struct compiler;

/* NULL after errors. */
struct program_plan *program_plan_compile(struct compiler *c, const struct actor_model *m);
/* argv, and `env` and `cwd` (NULL: none), into an empty plan. */
bool program_plan_command(struct compiler *c, const struct node *argv, const struct node *env, const struct node *cwd,
                          struct program_plan *ret);

/* How a program has to end. */
struct exit_want {
    bool any;
    int code; /* -1: by the signal */
    int signal;
};

/* "0", "TERM", and with `any` the word "any". NULL, or what is wrong as a phrase. */
const char *exit_want_parse(struct slice text, bool any, struct exit_want *ret);
/* The same for an operand without `${}`; a diagnostic if it is wrong. */
bool exit_want_compile(struct compiler *c, const struct node *n, bool any, struct exit_want *ret);
/* Is waitpid(2)'s status such an end? */
bool exit_want_met(const struct exit_want *w, int status);
/* "code 0", "signal TERM", "any end". */
const char *exit_want_show(const struct exit_want *w, char text[32]);

/* The number of a signal by its name, without `${}`; 0 after a diagnostic. */
int signal_compile(struct compiler *c, const struct node *n);

#endif
