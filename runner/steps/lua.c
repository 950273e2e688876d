#include "engine/run.h"
#include "steps/kinds.h"

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    in->operand = compile_expr(c, m->value, EXPR_CHUNK);
    return in->operand != NULL;
}

static enum went enter(struct actor *a, const struct instr *in)
{
    struct eval e = actor_eval(a);
    struct luastate *s = lazy_lua_get(e.lua);
    if (expr_run(s, in->operand, &a->env)) return WENT_ON;
    eval_fail_lua(&e, (struct mark){0});
    return actor_fail_eval(a, &e);
}

const struct step_kind step_lua = {
    .schema =
        {
            .name = "lua",
            .group = "flow",
            .value = {.type = FIELD_CHUNK},
            .doc = "Runs Lua code. Its globals are this actor's variables. It computes and cannot wait. "
                   "An error in it, also one that it raises by `error`, means that the case could not "
                   "be judged: its verdict is `error`. To fail a case, use `check` or `fail`.",
            .example = "- lua: |\n    total = (total or 0) + #head\n    if total > 100 then error(\"too much\") end\n",
        },
    .compile = compile,
    .enter = enter,
};
