#include "engine/loop.h"

#include <lauxlib.h>

#include "engine/datum.h"
#include "engine/operands.h"
#include "engine/run.h"
#include "engine/wait.h"
#include "util/clock.h"
#include "util/mem.h"

enum { VALUES_SHOWN = 400 };

/* Binds `row` and `as` for the round; protected, called with the actor and frame as light userdata. */
static int bind_round(lua_State *L)
{
    struct actor *a = lua_touserdata(L, 1);
    struct frame *f = a->top;
    const struct loop *l = f->loop;
    if (l->rows) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, l->rows);
        lua_rawgeti(L, -1, (lua_Integer)l->round);
        frame_bind(a, f, "row");
        lua_pop(L, 1);
    }
    if (f->in->nas) {
        lua_pushinteger(L, (lua_Integer)l->round);
        frame_bind(a, f, f->in->as[0]);
    }
    return 0;
}

static enum went begin_round(struct actor *a)
{
    struct frame *f = a->top;
    f->loop->round++;
    f->pc = 0;
    if (!f->loop->rows && !f->in->nas) return WENT_ON;
    struct luastate *lua = lazy_lua_get(a->run->base->lua);
    lua_pushcfunction(lua->L, bind_round);
    lua_pushlightuserdata(lua->L, a);
    if (luastate_call(lua, 1, 0)) return WENT_ON;
    struct eval e = actor_eval(a);
    eval_fail_lua(&e, f->in->model->mark);
    return actor_fail_eval(a, &e);
}

static bool take_rows(struct actor *a, const struct loop_plan *p, struct loop *l)
{
    struct eval e = actor_eval(a);
    if (!datum_push(p->rows, &e)) return actor_fail_eval(a, &e), false;
    lua_State *L = e.lua->state->L;
    if (!lua_istable(L, -1)) {
        lua_pop(L, 1);
        actor_fail(a, "misuse", p->rows_mark, "`each` wants a list");
        return false;
    }
    l->rounds = lua_rawlen(L, -1);
    l->rows = luaL_ref(L, LUA_REGISTRYINDEX);
    return true;
}

static bool take_times(struct actor *a, const struct loop_plan *p, struct loop *l)
{
    int64_t times = 0;
    l->rounds = UINT64_MAX;
    if (p->forever) return true;
    struct eval e = actor_eval(a);
    if (!quantity_eval(&p->times, &e, &times)) return actor_fail_eval(a, &e), false;
    if (p->by_time)
        l->until = clock_now() + times;
    else
        l->rounds = times > 0 ? (uint64_t)times : 0;
    return true;
}

static enum went end_loop(struct actor *a)
{
    actor_pop(a);
    return WENT_ON;
}

enum went loop_enter(struct actor *a, const struct instr *in)
{
    const struct loop_plan *p = in->operand;
    struct frame *f = actor_push(a, FRAME_LOOP, &in->block, in);
    if (!f) return WENT_FAILED;
    f->loop = mem_zalloc(sizeof *f->loop);
    if (p->rows ? !take_rows(a, p, f->loop) : !take_times(a, p, f->loop)) return WENT_FAILED;
    return f->loop->rounds ? begin_round(a) : end_loop(a);
}

/* It is the loop's own failure, not that of the step that its last round ended with. */
static enum went fail_until(struct actor *a, const struct loop_plan *p)
{
    struct buf values = BUF_INIT(VALUES_SHOWN);
    const unsigned long long rounds = a->top->loop->round;
    operands_show(a, p->until, &values);
    a->at = a->top->in;
    a->began = a->top->entered;
    actor_pop(a);
    const enum went went = actor_fail(a, "check", p->until_mark, "after %llu rounds this is not so%s%s", rounds,
                                      values.n ? ": " : "", buf_str(&values));
    buf_done(&values);
    return went;
}

enum went loop_next(struct actor *a)
{
    const struct frame *f = a->top;
    const struct loop_plan *p = f->in->operand;
    if (p->until) {
        bool holds = false;
        struct eval e = actor_eval(a);
        if (!condition_eval(p->until, p->until_mark, &e, &holds)) return actor_fail_eval(a, &e);
        if (holds) return end_loop(a);
    }
    const bool over = f->loop->round >= f->loop->rounds || (f->loop->until && clock_now() >= f->loop->until);
    if (!over) return begin_round(a);
    return p->until ? fail_until(a, p) : end_loop(a);
}

/* The loop whose round's opening waits, or NULL: nothing stands before the step in any frame down to it. *ret_bottom:
 * the way went down to the actor's own steps. */
static const struct frame *opening_loop(const struct actor *a, bool *ret_bottom)
{
    *ret_bottom = false;
    for (const struct frame *f = a->top; f; f = f->below) {
        if (f->kind == FRAME_MEANWHILE || f->kind == FRAME_LANE || f->kind == FRAME_LANES || f->pc > 1) return NULL;
        if (f->kind == FRAME_LOOP) return f;
        *ret_bottom = !f->below;
    }
    return NULL;
}

bool loop_at_opening(const struct actor *a)
{
    bool bottom;
    return opening_loop(a, &bottom) || bottom;
}

int64_t loop_deadline(const struct actor *a)
{
    bool bottom;
    const struct frame *f = opening_loop(a, &bottom);
    return f && f->loop->until ? f->loop->until : TASK_NEVER;
}

static void leave(struct actor *a, const struct frame *loop)
{
    struct wait *w = a->wait;
    a->wait = NULL;
    wait_free(a, w);
    while (a->top != loop)
        actor_pop(a);
    actor_pop(a);
}

bool loop_expired(struct actor *a)
{
    bool bottom;
    const struct frame *f = opening_loop(a, &bottom);
    if (!f || !f->loop->until || clock_now() < f->loop->until) return false;
    leave(a, f);
    return true;
}

bool loop_peer_gone(struct actor *a, struct wait *w)
{
    bool bottom;
    const struct frame *f = opening_loop(a, &bottom);
    if (!f || f->loop->rounds != UINT64_MAX || f->loop->until || ((const struct loop_plan *)f->in->operand)->until)
        return false;
    for (uint32_t i = 0; i < w->main.n; i++) {
        const struct op *op = &w->main.list[i].room->op;
        if (!op->conn || op->conn->end != CONN_FIN || !op->edge || conn_has(op->conn, op->conn->base)) return false;
    }
    leave(a, f);
    return true;
}
