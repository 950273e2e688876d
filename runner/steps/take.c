#include <lauxlib.h>

#include "engine/names_check.h"
#include "engine/run.h"
#include "engine/scope.h"
#include "steps/kinds.h"

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    uint32_t *queue = ARENA_NEW(c->arena, uint32_t);
    in->operand = queue;
    *queue = compile_queue(c, m->value->text.p);
    names_use(c, m->value->text, m->value->mark, USE_QUEUE);
    in->as = compile_as(c, m->as, &in->nas);
    return true;
}

static enum went begin(struct actor *a, const struct instr *in, union op_room *room)
{
    take_begin(&room->take, &a->run->queues[*(const uint32_t *)in->operand]);
    return WENT_ON;
}

/* The value comes from the queue only now that this step is the chosen one. */
static int store(lua_State *L)
{
    struct actor *a = lua_touserdata(L, 1);
    const int ref = (int)lua_tointeger(L, 2);
    lua_rawgeti(L, LUA_REGISTRYINDEX, ref);
    actor_set(a, lua_tostring(L, 3));
    return 0;
}

static enum went finish(struct actor *a, const struct instr *in, union op_room *room)
{
    struct luastate *s = lazy_lua_get(a->run->base->lua);
    const int ref = queue_first(room->take.queue);
    bool stored = true;
    if (in->nas) {
        lua_pushcfunction(s->L, store);
        lua_pushlightuserdata(s->L, a);
        lua_pushinteger(s->L, ref);
        lua_pushstring(s->L, in->as[0]);
        stored = luastate_call(s, 3, 0);
    }
    luaL_unref(s->L, LUA_REGISTRYINDEX, ref);
    if (stored) return WENT_ON;
    struct eval e = actor_eval(a);
    eval_fail_lua(&e, in->model->mark);
    return actor_fail_eval(a, &e);
}

static void show(struct actor *a, const struct instr *in, const union op_room *room, struct buf *out)
{
    (void)a;
    (void)in;
    buf_printf(out, "`%s`", room->take.queue->name);
}

const struct step_kind step_take = {
    .schema =
        {
            .name = "take",
            .group = "flow",
            .value = {.type = FIELD_NAME},
            .flags = STEP_OPENING,
            .doc = "Takes the oldest value out of a queue of the case, and waits until there is one. "
                   "`as` captures it.",
            .example = "- take: mails\n  as: mail\n",
        },
    .compile = compile,
    .begin = begin,
    .finish = finish,
    .show = show,
};
