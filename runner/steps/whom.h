#ifndef STEPS_WHOM_H
#define STEPS_WHOM_H

/* Whom a step about programs speaks of: the actor itself, or the one that its `actor` names. */

#include "engine/program_run.h"
#include "engine/step.h"

/* The modifier `actor`. */
#define WHOM_FIELD(words)                                                                                              \
    {                                                                                                                  \
        .name = "actor", .type = FIELD_NAME, .doc = words                                                              \
    }

/* Finds it by the modifier `actor`. It must be a program, or with `listeners` one that listens. NULL after a
 * diagnostic. */
const struct actor_plan *whom_compile(struct compiler *c, const struct step_model *m, bool listeners);
/* The actor of that name, or NULL after a diagnostic. */
const struct actor_plan *whom_any(struct compiler *c, const struct node *name);
/* The one that `actor`, which is there, names; it must be of this kind. NULL after a diagnostic. */
const struct actor_plan *whom_named(struct compiler *c, const struct step_model *m, enum actor_kind kind,
                                    const char *what);
/* The actor itself, while the case runs. */
struct actor *whom_find(const struct actor *a, const struct actor_plan *plan);

#endif
