#include "lua/api_tasks.h"

#include <stdio.h>

#include "util/clock.h"
#include "util/units.h"

/* Tasks and time. */

static struct luatask *check_task(lua_State *L)
{
    return object_check(L, 1, "task", OBJECT_TASK);
}

int api_start_task(lua_State *L)
{
    struct luahost *h = luahost_of(L);
    const char *name = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    struct luatask *t = luatask_push(L, h, NULL, name, lua_gettop(L) - 2);
    luatask_start(L, lua_gettop(L), t);
    return 1;
}

/*: spawn(name, function, argument...) -> task
 * Starts a task: the function runs beside the caller, who goes on first. An error in it fails the case. The name stands
 * in reports. example: sock.spawn("server", function() local c <close> = l:accept() end) */
static int f_spawn(lua_State *L)
{
    return api_start_task(L);
}

/* Waits for another task's end. */
static enum op_result join_poll(struct op *op, struct task *t)
{
    union luaroom *room = (union luaroom *)(void *)op;
    struct luatask *other = (struct luatask *)room->meet.object;
    if (luatask_over(other)) {
        waiter_leave(&room->meet.waiter);
        return OP_DONE;
    }
    waiter_join(&room->meet.waiter, &other->joiners, t);
    op->waits = WAITS_RENDEZVOUS;
    return OP_WAIT;
}

static void join_cancel(struct op *op, struct task *t)
{
    (void)t;
    waiter_leave(&((union luaroom *)(void *)op)->meet.waiter);
}

static int joined(lua_State *L, int status, lua_KContext ctx)
{
    struct luatask *t = lua_touserdata(L, 1);
    (void)status;
    (void)ctx;
    if (luawait_result(L) != LUAWAIT_DONE) return luawait_fail(L);
    luawait_done(L);
    if (t->state == LUATASK_CANCELLED) return api_nil(L, "cancelled");
    if (t->state == LUATASK_FAILED) return luaL_error(L, "task `%s` has failed: %s", t->name, lua_tostring(t->co, -1));
    const int n = t->nresults;
    luaL_checkstack(L, n, "too many results");
    luaL_checkstack(t->co, n, "too many results");
    const int first = lua_gettop(t->co) - n + 1;
    for (int i = 0; i < n; i++)
        lua_pushvalue(t->co, first + i);
    lua_xmove(t->co, L, n);
    return n;
}

/*: task:join([timeout]) -> result... | nil, reason
 * Waits until it is over, and gives what its function returned; "cancelled" if it was.
 * example: local total = task:join() */
static int m_join(lua_State *L)
{
    static const struct op_type type = {.name = "join", .poll = join_poll, .cancel = join_cancel};
    struct luatask *t = check_task(L);
    const int64_t timeout = api_timeout(L, 2);
    union luaroom *room = luawait_room(L);
    if (t == luahost_of(L)->current) return luaL_error(L, "a task cannot join itself");
    room->meet.op = (struct op){.type = &type};
    room->meet.waiter = (struct waiter){0};
    room->meet.object = &t->object;
    return luawait(L, &room->op, timeout == LUAWAIT_DEFAULT ? LUAWAIT_FOREVER : timeout, 0, joined);
}

/*: task:cancel([why])
 * Ends it where it waits; what it holds in `<close>` variables is closed. Nothing if it is over.
 * example: task:cancel("enough") */
static int m_cancel(lua_State *L)
{
    struct luatask *t = check_task(L);
    if (t == luahost_of(L)->current) return luaL_error(L, "a task cannot cancel itself");
    luatask_cancel(t);
    return 0;
}

static int show_task(lua_State *L)
{
    static const char *const states[] = {"ready", "waits", "runs", "done", "failed", "cancelled"};
    const struct luatask *t = lua_touserdata(L, 1);
    lua_pushfstring(L, "task `%s` (%s)", t->name, states[t->state]);
    return 1;
}

static int end_scope(lua_State *L)
{
    struct luatask *t = lua_touserdata(L, 1);
    if (t != luahost_of(L)->current) luatask_cancel(t);
    return 0;
}

static int never(lua_State *L)
{
    (void)L;
    return 0;
}

static const luaL_Reg methods[] = {{"join", m_join}, {"cancel", m_cancel}, {NULL, NULL}};
static const luaL_Reg meta[] = {{"__tostring", show_task}, {"__close", end_scope}, {"__gc", never}, {NULL, NULL}};
const struct object_type luatask_type = {.name = "task", .magic = OBJECT_TASK, .methods = methods, .meta = meta};

static int slept(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    if (luawait_result(L) != LUAWAIT_DONE) return luawait_fail(L);
    luawait_done(L);
    return 0;
}

/*: sleep(seconds)
 * Waits. Whoever can wait for something else does that instead.
 * example: sock.sleep(0.05) */
static int f_sleep(lua_State *L)
{
    const lua_Number seconds = luaL_checknumber(L, 1);
    luaL_argcheck(L, seconds >= 0 && seconds < 1e9, 1, "seconds, from 0 on");
    union luaroom *room = luawait_room(L);
    sleep_begin(&room->sleep, clock_now() + (int64_t)(seconds * (lua_Number)NS_PER_S));
    return luawait(L, &room->op, LUAWAIT_FOREVER, 0, slept);
}

/*: now() -> seconds
 * The monotonic clock, for measuring: its zero means nothing.
 * example: local began = sock.now() */
static int f_now(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)clock_now() / (lua_Number)NS_PER_S);
    return 1;
}

/* Index 1 is the deadline that was in force before, 2 its own. */
static int end_within(lua_State *L, int status, lua_KContext ctx)
{
    struct luatask *t = luahost_of(L)->current;
    const int64_t own = lua_tointeger(L, 2);
    (void)ctx;
    t->within = lua_tointeger(L, 1);
    if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - 2;
    if (t->expired && t->task->sched->now >= own) {
        t->expired = false;
        return api_nil(L, "timeout");
    }
    return lua_error(L);
}

/*: within(seconds, function, argument...) -> result... | nil, "timeout"
 * Calls the function; every wait in it, and in what it calls, is over when the time is.
 * example: local line = sock.within(2, function() return c:receive("l") end) */
static int f_within(lua_State *L)
{
    struct luahost *h = luahost_of(L);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    luawait_room(L);
    struct luatask *t = h->current;
    const int64_t limit = api_timeout(L, 1), now = clock_now();
    luaL_argcheck(L, limit >= 0, 1, "seconds");
    const int64_t own = limit < TASK_NEVER - now ? now + limit : TASK_NEVER;
    const int n = lua_gettop(L) - 2;
    lua_pushinteger(L, t->within);
    lua_pushinteger(L, own);
    lua_rotate(L, 1, 2);
    lua_remove(L, 3);
    if (own < t->within) t->within = own;
    return end_within(L, lua_pcallk(L, n, LUA_MULTRET, 0, 0, end_within), 0);
}

const luaL_Reg api_tasks[] = {
    {"spawn", f_spawn}, {"sleep", f_sleep}, {"now", f_now}, {"within", f_within}, {NULL, NULL}};
