#include "engine/lua_host.h"
#include "engine/script_failure.h"
#include "engine/wait.h"
#include "steps/kinds.h"
#include "util/mem.h"

/* A chunk that runs in a coroutine under its actor. */
struct running {
    struct luatask *task;
    int ref; /* keeps the task, which nothing else does once it is over */
    struct luastate *lua;
    struct actor *actor;
};

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    in->operand = compile_expr(c, m->value, EXPR_CHUNK);
    return in->operand != NULL;
}

static struct running *running_of(const struct op *op)
{
    return ((const union op_room *)(const void *)op)->other.own;
}

/* An error that nobody has told of yet. */
static void tell(const struct running *r)
{
    const struct luatask *t = r->task;
    if (t->told || t->state != LUATASK_FAILED) return;
    const struct luafailure f = {.kind = "lua", .message = lua_tostring(t->co, -1)};
    lua_host_fail(r->actor, t->co, &f);
}

static enum op_result poll(struct op *op, struct task *t)
{
    const struct luatask *task = running_of(op)->task;
    (void)t;
    op->waits = WAITS_OUTSIDE;
    op->wake = 0;
    if (luatask_over(task)) return task->state == LUATASK_DONE ? OP_DONE : OP_FAILED;
    if (luatask_go(running_of(op)->task) != LUATASK_WAITS) {
        if (task->state == LUATASK_DONE) return OP_DONE;
        tell(running_of(op));
        return op_fail(op, OP_GONE, "the chunk has failed");
    }
    const int64_t wake = luatask_wake(task);
    if (wake != TASK_NEVER) op->wake = wake;
    return OP_WAIT;
}

static void cancel(struct op *op, struct task *t)
{
    struct running *r = running_of(op);
    (void)t;
    luatask_cancel(r->task);
    luaL_unref(r->lua->L, LUA_REGISTRYINDEX, r->ref);
    mem_free(r);
}

struct making {
    struct actor *actor;
    struct expr *chunk;
    struct running *running;
};

/* Protected. */
static int make(lua_State *L)
{
    const struct making *m = lua_touserdata(L, 1);
    char name[BOARD_NAME];
    expr_push(L, m->chunk, &m->actor->env);
    actor_name(m->actor, name, sizeof name);
    struct luatask *t = luatask_push(L, lua_host(m->actor->run), &m->actor->task, name, 0);
    luatask_start(L, lua_gettop(L), t);
    m->running->task = t;
    m->running->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static enum went begin(struct actor *a, const struct instr *in, union op_room *room)
{
    static const struct op_type type = {.name = "lua", .poll = poll, .cancel = cancel};
    struct eval e = actor_eval(a);
    struct luastate *s = eval_lua(&e);
    if (!s) return actor_fail_eval(a, &e);
    struct running *r = mem_zalloc(sizeof *r);
    struct making m = {a, in->operand, r};
    r->lua = s;
    r->actor = a;
    luastate_room(s->L);
    lua_pushcfunction(s->L, make);
    lua_pushlightuserdata(s->L, &m);
    if (!luastate_call(s, 1, 0)) {
        mem_free(r);
        eval_fail_lua(&e, (struct mark){0});
        return actor_fail_eval(a, &e);
    }
    room->other.op = (struct op){.type = &type};
    room->other.own = r;
    return WENT_ON;
}

static enum went failed(struct actor *a, const struct instr *in, union op_room *room)
{
    (void)a;
    (void)in;
    (void)room;
    return WENT_FAILED;
}

static void explain(const struct instr *in, const union op_room *room, struct buf *out)
{
    const struct luatask *t = running_of(&room->op)->task;
    struct arena arena = {0};
    const struct place p = script_where(NULL, luatask_thread(t), &arena);
    (void)in;
    buf_printf(out, "line %u of the file is %s", p.line, script_failure_waits(t));
    arena_done(&arena);
}

/* Most chunks need no wait; before an opening none can have one. */
static enum went enter(struct actor *a, const struct instr *in)
{
    union op_room room = {0};
    enum went went = begin(a, in, &room);
    if (went != WENT_ON) return went;
    const enum op_result r = op_poll(&room.op, &a->task);
    if (r == OP_WAIT && !a->opening) return wait_for_op(a, in, &room);
    if (r == OP_WAIT) {
        lua_State *L = luatask_thread(running_of(&room.op)->task);
        const struct luafailure f = {.kind = "misuse",
                                     .message = "a `lua` step before the opening of a branch cannot wait"};
        went = lua_host_fail(a, L, &f);
    } else if (r == OP_FAILED) {
        went = WENT_FAILED;
    }
    op_cancel(&room.op, &a->task);
    return went;
}

const struct step_kind step_lua = {
    .schema =
        {
            .name = "lua",
            .group = "flow",
            .value = {.type = FIELD_CHUNK},
            .doc = "Runs a Lua chunk. Its globals are this actor's variables, `conn` is its connection. What\n"
                   "`require \"sockrun\"` gives may wait: the step's `timeout` bounds it. An error that it raises\n"
                   "means that the case could not be judged; to fail a case, use `check`, `fail` or an assertion.",
            .example = "- lua: |\n    total = (total or 0) + #head\n    if total > 100 then error(\"too much\") end\n  "
                       "  conn:send(total, \"\\n\")\n",
        },
    .compile = compile,
    .enter = enter,
    .failed = failed,
    .explain = explain,
};
