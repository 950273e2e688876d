#ifndef LUA_BRIDGE_H
#define LUA_BRIDGE_H

/* Where Lua waits. A Lua task is a coroutine under a task of the scheduler: its own, or an actor's for the time of a
 * step. A call that must wait makes an op and polls it; only when that says so the coroutine yields, and the op is
 * polled by the scheduler until it is done. Scripts' coroutines within pass the wait on to the task (lua/coro.c). */

#include "lua/object.h"
#include "op/dial.h"
#include "op/handshake.h"
#include "op/meet.h"
#include "op/receive.h"
#include "op/send.h"

enum luatask_state { LUATASK_READY, LUATASK_WAITS, LUATASK_RUNS, LUATASK_DONE, LUATASK_FAILED, LUATASK_CANCELLED };

enum luawait_end { LUAWAIT_DONE, LUAWAIT_FAILED, LUAWAIT_TIMEOUT, LUAWAIT_CLOSED };

/* Room for the ops of one wait. Larger ones lie in userdata on the caller's stack. */
union luaroom {
    struct op op;
    struct receive_op receive;
    struct accept_op accept;
    struct sleep_op sleep;
    struct sync_op sync;
    struct piece_op piece;
    struct handshake_op handshake;
    struct {
        struct op op;
        struct waiter waiter;
        struct object *object;
        int64_t number;
    } meet;
};

struct luatask {
    struct object
        object; /* a userdata: user value 1 is the coroutine, 2 its name; linked with those that are not over */
    struct task own;
    struct task *task; /* own, or that of an actor */
    lua_State *co;
    const char *name;
    struct op *inner;  /* that is under way, or NULL */
    lua_State **chain; /* coroutines of the script's that wait in it, the innermost first */
    struct waiter *joiners;
    int64_t until, since; /* of the wait */
    int64_t within;       /* deadline of the blocks around what runs */
    uint32_t nchain, chain_size;
    int anchor, nresults;
    uint8_t state, end;
    bool suspended; /* by luawait, not by coroutine.yield */
    bool expired;   /* `within` has ended a wait, and its block has not seen it yet */
    bool told;      /* it is being unwound for a failure that was told */
    union luaroom room;
};

/* Pushes a new one for the function and n arguments on top, which are taken. task NULL: one of its own. It does not run
 * before luatask_start. */
struct luatask *luatask_push(lua_State *L, struct luahost *h, struct task *task, const char *name, int n);
/* Anchors it, and queues it if its task is its own. */
void luatask_start(lua_State *L, int arg, struct luatask *t);
/* For a task that is not its own: goes on until it waits or is over. Over: nothing keeps it any more but what the
 * caller does. */
enum luatask_state luatask_go(struct luatask *t);
/* When it must be polled at the latest; TASK_NEVER. */
int64_t luatask_wake(const struct luatask *t);
/* Not for the one that runs. Closes what it holds through `__close`. Nothing if it is over. */
void luatask_cancel(struct luatask *t);
static inline bool luatask_over(const struct luatask *t)
{
    return t->state >= LUATASK_DONE;
}
/* The next one in the host's list. */
static inline struct luatask *luatask_next(const struct luatask *t)
{
    return (struct luatask *)t->object.next;
}
/* The thread whose stack says where it is. */
lua_State *luatask_thread(const struct luatask *t);

/* The room of the task that runs; raises where none does. */
union luaroom *luawait_room(lua_State *L);

#define LUAWAIT_DEFAULT INT64_C(-1)
#define LUAWAIT_FOREVER INT64_MAX
/* Polls the op, and calls k at once or when it is over; `limit` ns. For `return luawait(...)`. */
int luawait(lua_State *L, struct op *o, int64_t limit, lua_KContext ctx, lua_KFunction k);
/* In k: how it ended. The op is as the last poll left it (of LUAWAIT_CLOSED it is gone) until luawait_done. */
enum luawait_end luawait_result(lua_State *L);
/* Cancels the op: its results have been taken. */
void luawait_done(lua_State *L);
/* In k of a wait that is not done: ends it and pushes nil and why: 2. Raises misuse. */
int luawait_fail(lua_State *L);
/* Ends the waits of others on a connection or listener that is being closed: they see "closed". */
void luawait_closed(struct luahost *h, struct task *t);
/* "task `server`". */
const char *luawait_name(struct luahost *h, const struct task *t, char *text, size_t size);

/* Records a failure of the case and unwinds the task. */
int luafail(lua_State *L, const struct luafailure *f);
/* The same for a permission. */
int luafail_denied(lua_State *L, const struct luahost *h);

/* For lua/coro.c. */

/* Has the coroutine, resumed from L, yielded for a wait? Then it is noted, and L must yield as well. */
bool bridge_passes(lua_State *L, lua_State *co);
/* It is being resumed from L: by the script, or behind a wait. Raises if it must not be. */
void bridge_enter(lua_State *L, lua_State *co, bool behind_wait);
/* NULL, or why it cannot be closed or resumed by a script. */
const char *bridge_busy(lua_State *co);
/* L is a task's outermost coroutine: a yield would lead nowhere. */
bool bridge_outermost(lua_State *L);

#endif
