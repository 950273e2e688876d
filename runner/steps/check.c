#include "engine/operands.h"
#include "steps/kinds.h"

enum { SHOWN = 400 };

struct operand {
    struct expr *expr;
    struct mark mark;
};

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    struct operand *o = ARENA_NEW(c->arena, struct operand);
    in->operand = o;
    o->mark = m->value->mark;
    o->expr = compile_expr(c, m->value, EXPR_VALUE);
    return o->expr != NULL;
}

static enum went enter(struct actor *a, const struct instr *in)
{
    const struct operand *o = in->operand;
    struct eval e = actor_eval(a);
    bool holds;
    if (!condition_eval(o->expr, o->mark, &e, &holds)) return actor_fail_eval(a, &e);
    if (holds) return WENT_ON;
    struct buf values = BUF_INIT(SHOWN);
    operands_show(a, o->expr, &values);
    const enum went went =
        actor_fail(a, "check", o->mark, values.n ? "this is not so: %s" : "this is not so%s", buf_str(&values));
    buf_done(&values);
    return went;
}

const struct step_kind step_check = {
    .schema =
        {
            .name = "check",
            .group = "flow",
            .value = {.type = FIELD_LUA},
            .doc = "Fails unless a Lua expression holds. The failure shows the values of the names in "
                   "it.",
            .example = "- check: '#head == 7 and host == \"mail.test\"'\n",
        },
    .compile = compile,
    .enter = enter,
};
