#ifndef STEPS_ENDING_H
#define STEPS_ENDING_H

/* How a program has to end, and how it has ended as `as` captures it. */

#include "engine/program_plan.h"
#include "engine/step.h"

/* A code, a signal's name, or `any`. */
struct ending_plan {
    struct exit_want want;
    struct text_plan *text; /* NULL: it is constant */
};

/* n NULL is any end. */
bool ending_compile(struct compiler *c, const struct node *n, struct ending_plan *ret);
/* WENT_ON, or WENT_FAILED after actor_fail. */
enum went ending_eval(struct actor *a, const struct ending_plan *p, struct exit_want *ret);

struct ending {
    int status; /* waitpid(2)'s */
    bool said;  /* out and err are to be there */
    struct slice out, err;
};

/* Captures `r.code` or `r.signal`, and what it said. WENT_ON, or WENT_FAILED after actor_fail. */
enum went ending_capture(struct actor *a, const char *name, const struct ending *e);

#endif
