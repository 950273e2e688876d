#ifndef STEPS_TOLD_H
#define STEPS_TOLD_H

/* What `log`, `warn`, `skip` and `fail` have in common: a text that is evaluated and told. */

#include "engine/step.h"

bool told_compile(struct compiler *c, const struct step_model *m, struct instr *in);
/* In the actor's arena, NUL-terminated; NULL after actor_fail. */
const char *told_text(struct actor *a, const struct instr *in);

#endif
