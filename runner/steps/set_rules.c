#include "engine/proxy_run.h"
#include "engine/run.h"
#include "scenario/load.h"
#include "steps/kinds.h"
#include "steps/whom.h"

struct operand {
    const struct actor_plan *whom;
    struct rules_plan rules;
};

/* The one that `actor` names, the actor itself, or the only one. */
static const struct actor_plan *find(struct compiler *c, const struct step_model *m)
{
    const struct actor_plan *only = NULL;
    uint32_t n = 0;
    if (step_field(m, "actor")) return whom_named(c, m, ACTOR_PROXY, "proxy");
    if (c->actor->model->kind == ACTOR_PROXY) return c->actor;
    for (uint32_t i = 0; i < c->plan->nactors; i++) {
        if (c->plan->actors[i].model->kind != ACTOR_PROXY) continue;
        only = &c->plan->actors[i];
        n++;
    }
    if (n == 1) return only;
    struct diag *g = compile_error(c, m->mark, n ? "there is more than one proxy" : "there is no proxy in this case");
    if (n) diag_hint(c->diags, g, "say which one is meant: `actor: NAME`");
    return NULL;
}

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    struct operand *o = ARENA_NEW(c->arena, struct operand);
    in->operand = o;
    o->whom = find(c, m);
    return rules_compile(c, m->value, o->whom ? o->whom->model : NULL, &o->rules) && o->whom;
}

static enum went enter(struct actor *a, const struct instr *in)
{
    const struct operand *o = in->operand;
    return proxy_set_rules(whom_find(a, o->whom)->proxy, a, &o->rules) ? WENT_ON : WENT_FAILED;
}

static const struct field fields[] = {WHOM_FIELD("The proxy, if there are several"), {0}};

const struct step_kind step_set_rules = {
    .schema =
        {.name = "set_rules",
         .group = "program",
         .value = {.type = FIELD_MAPS, .fields = scenario_rule_fields},
         .fields = fields,
         .doc = "Gives a proxy other rules, instead of all that it had; `[]` is none. They hold for new connections "
                "and for\n"
                "those that there are, whose positions and times count from here. What was stalled goes on. What was "
                "delayed\n"
                "before comes when it was due. The keys of a rule stand in \"Keys of a proxy's rule\".",
         .example = "- set_rules: [{delay: 20ms, jitter: 5ms}, {direction: to_client, reset_after: 1KiB}]\n"
                    "  actor: middle\n"
                    "- set_rules: []\n"
                    "  actor: middle\n"},
    .compile = compile,
    .enter = enter,
};
