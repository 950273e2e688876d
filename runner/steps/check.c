#include <stdio.h>

#include "engine/run.h"
#include "engine/scope.h"
#include "lua/names.h"
#include "lua/value.h"
#include "steps/kinds.h"

enum { VALUE_SHOWN = 60, SHOWN = 400 };

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

struct show {
    struct actor *actor;
    struct slice seen[8];
    unsigned n;
    struct buf *out;
};

/* Each free name with its value; functions and libraries say nothing. */
static void show_name(void *ctx, struct slice name, size_t at, bool assigned)
{
    struct show *s = ctx;
    (void)at;
    (void)assigned;
    for (unsigned i = 0; i < s->n; i++)
        if (slice_eq(s->seen[i], name)) return;
    if (s->n == sizeof s->seen / sizeof *s->seen) return;
    s->seen[s->n++] = name;
    struct actor *a = s->actor;
    struct luastate *lua = a->run->base->lua->state;
    struct expr *x = expr_new(&a->arena, EXPR_VALUE, name, 0, "check", 1);
    if (expr_run(lua, x, &a->env)) {
        const int type = lua_type(lua->L, -1);
        if (type != LUA_TFUNCTION && type != LUA_TUSERDATA && !(type == LUA_TTABLE && lua_getmetatable(lua->L, -1))) {
            buf_printf(s->out, "%s%.*s = ", s->out->n ? ", " : "", (int)name.n, name.p);
            value_show(lua->L, -1, VALUE_SHOWN, s->out);
        }
    }
    lua_settop(lua->L, 0);
}

static enum went enter(struct actor *a, const struct instr *in)
{
    const struct operand *o = in->operand;
    struct eval e = actor_eval(a);
    bool holds;
    if (!condition_eval(o->expr, o->mark, &e, &holds)) return actor_fail_eval(a, &e);
    if (holds) return WENT_ON;
    struct buf values = BUF_INIT(SHOWN);
    struct show s = {.actor = a, .out = &values};
    names_scan(o->expr->text, show_name, &s);
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
            .doc = "A Lua expression that must hold. The failure shows the values of the names in it.",
            .example = "- check: '#head == 7 and host == \"mail.test\"'\n",
        },
    .compile = compile,
    .enter = enter,
};
