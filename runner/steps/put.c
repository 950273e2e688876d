#include <lauxlib.h>

#include "engine/datum.h"
#include "engine/names_check.h"
#include "engine/run.h"
#include "steps/kinds.h"

struct item {
    uint32_t queue;
    struct datum *value;
    struct mark mark;
};

struct operand {
    struct item *items;
    uint32_t n;
};

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    struct operand *o = ARENA_NEW(c->arena, struct operand);
    in->operand = o;
    o->items = arena_array(c->arena, m->value->n, sizeof *o->items);
    for (uint32_t i = 0; i < m->value->n; i++) {
        const struct pair *p = &m->value->pairs[i];
        struct datum *d = datum_compile(c, p->value);
        names_define(c, p->key->text, USE_QUEUE);
        if (d) o->items[o->n++] = (struct item){compile_queue(c, p->key->text.p), d, p->key->mark};
    }
    return o->n == m->value->n;
}

static enum went enter(struct actor *a, const struct instr *in)
{
    const struct operand *o = in->operand;
    for (uint32_t i = 0; i < o->n; i++) {
        struct eval e = actor_eval(a);
        if (!datum_push(o->items[i].value, &e)) return actor_fail_eval(a, &e);
        lua_State *L = e.lua->state->L;
        const int ref = luaL_ref(L, LUA_REGISTRYINDEX);
        struct queue *q = &a->run->queues[o->items[i].queue];
        if (queue_put(q, ref)) continue;
        luaL_unref(L, LUA_REGISTRYINDEX, ref);
        return actor_fail(a, "limit", o->items[i].mark, "queue `%s` holds %d values that nobody takes", q->name,
                          QUEUE_MOST);
    }
    return WENT_ON;
}

const struct step_kind step_put = {
    .schema =
        {
            .name = "put",
            .group = "flow",
            .value = {.type = FIELD_VALUES},
            .doc = "Appends values to queues of the case, for another actor to `take`. It never waits.",
            .example = "- put: {mails: \"${mail}\"}\n",
        },
    .compile = compile,
    .enter = enter,
};
