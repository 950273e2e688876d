#include "engine/datum.h"
#include "engine/run.h"
#include "engine/scope.h"
#include "lua/names.h"
#include "steps/kinds.h"

struct operand {
    struct argument *list;
    uint32_t n;
};

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    struct operand *o = ARENA_NEW(c->arena, struct operand);
    in->operand = o;
    o->list = arena_array(c->arena, m->value->n, sizeof *o->list);
    for (uint32_t i = 0; i < m->value->n; i++) {
        const struct pair *p = &m->value->pairs[i];
        struct datum *d = datum_compile(c, p->value);
        compile_define(c, p->key->text, p->key->mark);
        if (!names_is_name(p->key->text))
            compile_error(c, p->key->mark, "a name is letters, digits and `_`, and no word of Lua");
        else if (d)
            o->list[o->n++] = (struct argument){p->key->text.p, d};
    }
    return o->n == m->value->n;
}

static int store(lua_State *L)
{
    lua_pushvalue(L, 2);
    actor_set(lua_touserdata(L, 1), lua_tostring(L, 3));
    return 0;
}

static enum went enter(struct actor *a, const struct instr *in)
{
    const struct operand *o = in->operand;
    for (uint32_t i = 0; i < o->n; i++) {
        struct eval e = actor_eval(a);
        if (!datum_push(o->list[i].value, &e)) return actor_fail_eval(a, &e);
        lua_State *L = e.lua->state->L;
        lua_pushcfunction(L, store);
        lua_insert(L, -2);
        lua_pushlightuserdata(L, a);
        lua_insert(L, -2);
        lua_pushstring(L, o->list[i].name);
        if (luastate_call(e.lua->state, 3, 0)) continue;
        eval_fail_lua(&e, in->model->mark);
        return actor_fail_eval(a, &e);
    }
    return WENT_ON;
}

const struct step_kind step_set = {
    .schema =
        {
            .name = "set",
            .group = "flow",
            .value = {.type = FIELD_VALUES},
            .doc = "Sets variables of this actor's copy, in the order in which they are written. "
                   "Unquoted numbers, `true`, `false` and `null` are typed; a whole `${x}` keeps the "
                   "type of x.",
            .example = "- set: {count: \"${count + 1}\", user: alice}\n",
        },
    .compile = compile,
    .enter = enter,
};
