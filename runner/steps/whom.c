#include "steps/whom.h"

#include "engine/run.h"
#include "util/suggest.h"

const struct actor_plan *whom_any(struct compiler *c, const struct node *name)
{
    struct suggest s;
    suggest_init(&s, name->text);
    for (uint32_t i = 0; i < c->plan->nactors; i++) {
        if (slice_is(name->text, c->plan->actors[i].name)) return &c->plan->actors[i];
        suggest_offer(&s, slice_of(c->plan->actors[i].name));
    }
    diag_suggest(c->diags, compile_error(c, name->mark, "no actor is called `%s`", name->text.p), &s);
    return NULL;
}

const struct actor_plan *whom_compile(struct compiler *c, const struct step_model *m, bool listeners)
{
    const struct node *name = step_field(m, "actor");
    const struct actor_plan *p = name ? whom_any(c, name) : c->actor;
    if (!p || p->model->kind == ACTOR_RUN || (listeners && p->model->kind == ACTOR_LISTEN)) return p;
    struct diag *g = compile_error(c, name ? name->mark : m->mark, "`%s` is no program%s", p->name,
                                   listeners ? ", and does not listen" : "");
    if (!name) diag_hint(c->diags, g, "say which one is meant: `actor: NAME`");
    return NULL;
}

const struct actor_plan *whom_named(struct compiler *c, const struct step_model *m, enum actor_kind kind,
                                    const char *what)
{
    const struct node *name = step_field(m, "actor");
    const struct actor_plan *p = whom_any(c, name);
    if (!p || p->model->kind == kind) return p;
    compile_error(c, name->mark, "`%s` is no %s", p->name, what);
    return NULL;
}

struct actor *whom_find(const struct actor *a, const struct actor_plan *plan)
{
    return a->run->first[plan->index];
}
