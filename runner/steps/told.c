#include "steps/told.h"

bool told_compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    struct text_plan *t = ARENA_NEW(c->arena, struct text_plan);
    in->operand = t;
    return compile_text(c, m->value, t);
}

const char *told_text(struct actor *a, const struct instr *in)
{
    struct eval e = actor_eval(a);
    struct slice text;
    if (text_eval(in->operand, &e, &text)) return arena_dup(&a->arena, text);
    actor_fail_eval(a, &e);
    return NULL;
}
