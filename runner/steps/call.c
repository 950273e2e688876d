#include "engine/datum.h"
#include "engine/run.h"
#include "steps/kinds.h"

struct operand {
    struct argument *list;
    uint32_t n;
};

static const struct field fields[] = {
    {.name = "with", .type = FIELD_VALUES, .doc = "The macro's arguments"},
    {.name = NULL},
};

/* What the call gives, and the defaults for the rest; both are compiled in the caller's names. */
static bool compile_arguments(struct compiler *c, const struct step_model *m, struct operand *o)
{
    const struct node *declared = m->macro->with, *given = step_field(m, "with");
    bool ok = true;
    if (!declared) return true;
    o->list = arena_array(c->arena, declared->n, sizeof *o->list);
    for (uint32_t i = 0; i < declared->n; i++) {
        const struct pair *d = &declared->pairs[i];
        const struct node *value = given ? node_get(given, d->key->text.p) : NULL;
        if (!value && node_is(d->value, "required")) continue;
        struct datum *datum = datum_compile(c, value ? value : d->value);
        if (datum)
            o->list[o->n++] = (struct argument){d->key->text.p, datum};
        else
            ok = false;
    }
    return ok;
}

/* Of a macro that leads back to itself the loader has said so. */
static bool called(const struct compiler *c, const struct macro_model *m)
{
    for (const struct calling *calling = c->calls; calling; calling = calling->outer)
        if (calling->macro == m) return true;
    return false;
}

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    struct operand *o = ARENA_NEW(c->arena, struct operand);
    in->operand = o;
    if (!m->macro) return false;
    if (called(c, m->macro)) return false;
    bool ok = compile_arguments(c, m, o);
    const struct compiler outer = *c;
    const struct calling calling = {m->macro, c->calls};
    c->calls = &calling;
    /* Arguments of a macro around this one are not seen inside. */
    c->arguments = NULL;
    c->narguments = c->arguments_size = 0;
    for (uint32_t i = 0; m->macro->with && i < m->macro->with->n; i++)
        compile_bind(c, m->macro->with->pairs[i].key->text);
    ok &= compile_block(c, &m->macro->block, &in->block);
    c->calls = outer.calls;
    c->arguments = outer.arguments;
    c->narguments = outer.narguments;
    c->arguments_size = outer.arguments_size;
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
            .doc = "Does a macro's steps. Its arguments are names in `${}` inside it. What its steps "
                   "capture or set belongs to the caller.",
            .example = "- call: handshake\n  with: {host: mail.test}\n",
        },
    .compile = compile,
    .enter = enter,
};
