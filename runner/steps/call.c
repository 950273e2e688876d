#include "engine/datum.h"
#include "engine/run.h"
#include "steps/kinds.h"

struct operand {
    struct argument *list;
    uint32_t n;
};

static const struct field fields[] = {
    {.name = "with", .type = FIELD_VALUES, .doc = "the macro's arguments"},
    {.name = NULL},
};

/* What the call gives, and the defaults for the rest; both are compiled in the caller's names. */
static bool compile_arguments(struct compiler *c, const struct step_model *m, struct operand *o)
{
    const struct node *declared = m->macro->with, *given = step_field(m, "with");
    if (!declared) return true;
    o->list = arena_array(c->arena, declared->n, sizeof *o->list);
    for (uint32_t i = 0; i < declared->n; i++) {
        const struct pair *d = &declared->pairs[i];
        const struct node *value = given ? node_get(given, d->key->text.p) : NULL;
        if (!value && node_is(d->value, "required")) continue;
        struct datum *datum = datum_compile(c, value ? value : d->value);
        if (!datum) return false;
        o->list[o->n++] = (struct argument){d->key->text.p, datum};
    }
    return true;
}

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    struct operand *o = ARENA_NEW(c->arena, struct operand);
    const uint32_t outer = c->narguments;
    in->operand = o;
    if (!m->macro) return false;
    bool ok = compile_arguments(c, m, o);
    for (uint32_t i = 0; i < o->n; i++)
        compile_bind(c, slice_of(o->list[i].name));
    ok &= compile_block(c, &m->macro->block, &in->block);
    c->narguments = outer;
    return ok;
}

/* The values are on the stack, the last one on top. */
static int bind_arguments(lua_State *L)
{
    struct actor *a = lua_touserdata(L, -1);
    const struct operand *o = a->top->in->operand;
    lua_pop(L, 1);
    for (uint32_t i = o->n; i > 0; i--)
        frame_bind(a, a->top, o->list[i - 1].name);
    return 0;
}

static enum went enter(struct actor *a, const struct instr *in)
{
    const struct operand *o = in->operand;
    struct eval e = actor_eval(a);
    if (!o->n) return actor_push(a, FRAME_CALL, &in->block, in) ? WENT_ON : WENT_FAILED;
    struct luastate *s = lazy_lua_get(e.lua);
    const int base = lua_gettop(s->L);
    lua_checkstack(s->L, (int)o->n + 4);
    lua_pushcfunction(s->L, bind_arguments);
    for (uint32_t i = 0; i < o->n; i++) {
        if (datum_push(o->list[i].value, &e)) continue;
        lua_settop(s->L, base);
        return actor_fail_eval(a, &e);
    }
    if (!actor_push(a, FRAME_CALL, &in->block, in)) {
        lua_settop(s->L, base);
        return WENT_FAILED;
    }
    lua_pushlightuserdata(s->L, a);
    if (luastate_call(s, (int)o->n + 1, 0)) return WENT_ON;
    eval_fail_lua(&e, in->model->mark);
    return actor_fail_eval(a, &e);
}

const struct step_kind step_call = {
    .schema =
        {
            .name = "call",
            .group = "flow",
            .value = {.type = FIELD_NAME},
            .fields = fields,
            .flags = STEP_BLOCK,
            .doc = "Does a macro's steps. Its arguments are names in `${}` inside it; what it captures or sets is its caller's.",
            .example = "- call: handshake\n  with: {host: mail.test}\n",
        },
    .compile = compile,
    .enter = enter,
};
