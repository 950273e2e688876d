#ifndef ENGINE_PROXY_PLAN_H
#define ENGINE_PROXY_PLAN_H

/* What a proxy actor's map says (language 4: proxy, rules), and the rules of `set_rules`, compiled. */

#include "engine/address.h"
#include "engine/eval.h"
#include "op/fault.h"
#include "scenario/model.h"

struct compiler;
struct rule_plan;

struct rules_plan {
    struct rule_plan *list;
    uint32_t n;
};

struct proxy_plan {
    struct address_plan to;
    int64_t idle; /* ns */
    struct rules_plan rules;
};

/* NULL after errors. Where it listens is the actor's own address. */
struct proxy_plan *proxy_plan_compile(struct compiler *c, const struct actor_model *m);
/* node NULL: none. m: the proxy that they are for. */
bool rules_compile(struct compiler *c, const struct node *list, const struct actor_model *m, struct rules_plan *ret);

/* Rules in force, and where they were written; everything lives in their arena. */
struct ruleset {
    struct arena arena;
    struct fault_set set;
    const struct mark *marks;
};
/* NULL with e->why. */
struct ruleset *ruleset_new(const struct rules_plan *p, struct eval *e);
void ruleset_free(struct ruleset *r);

#endif
