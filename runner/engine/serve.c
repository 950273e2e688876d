#include "engine/serve.h"

#include <errno.h>
#include <string.h>

#include <lauxlib.h>

#include "engine/actor.h"
#include "engine/run.h"
#include "engine/sessions.h"
#include "engine/wait.h"
#include "tls/dtls.h"

/* Connections that are taken before others get their turn. */
enum { ACCEPTS_AT_ONCE = 1024 };

static struct actor *add_copy(struct actor *a)
{
    struct run *r = a->run;
    struct actor *copy = run_add_actor(r, a->plan, ++a->instance);
    copy->server = a;
    r->unfinished++;
    r->serving++;
    return copy;
}

static void start_copy(struct actor *copy, struct channel *ch)
{
    if (ch) {
        ch->conn.server = true;
        actor_start(copy);
    } else {
        run_actor_ended(copy->run, copy);
    }
}

static int set_it(lua_State *L)
{
    const struct slice *bytes = lua_touserdata(L, 1);
    lua_pushlstring(L, bytes->p, bytes->n);
    lua_setfield(L, LUA_REGISTRYINDEX, EVAL_IT);
    return 0;
}

/* What `session` makes of a datagram: any text or number. False with e->why. */
static bool eval_session(const struct actor *a, struct slice bytes, struct eval *e, struct slice *ret)
{
    const struct mark mark = a->plan->session_mark;
    if (!eval_call(e, mark, set_it, &bytes, 0)) return false;
    lua_State *L = e->lua->state->L;
    const bool ran = expr_run(e->lua->state, a->plan->session, e->env);
    lua_pushnil(L);
    lua_setfield(L, LUA_REGISTRYINDEX, EVAL_IT);
    if (!ran) return eval_fail_lua(e, mark);
    struct slice key = {NULL, 0};
    if (lua_isstring(L, -1)) key.p = lua_tolstring(L, -1, &key.n);
    const char *kind = luaL_typename(L, -1);
    if (key.p) *ret = (struct slice){arena_dup(e->arena, key), key.n};
    lua_pop(L, 1);
    return key.p || eval_fail(e, mark, "`session` gives a text or a number, not a %s", kind);
}

/* False after actor_fail. */
static bool key_of(struct actor *a, struct slice bytes, const struct addr *from, struct slice *ret)
{
    if (!a->plan->session) {
        *ret = (struct slice){(const char *)&from->sa, from->len};
        return true;
    }
    struct eval e = actor_eval(a);
    return eval_session(a, bytes, &e, ret) || (actor_fail_eval(a, &e), false);
}

static bool deal(struct actor *a, struct slice bytes, const struct addr *from, size_t cut)
{
    struct slice key = {NULL, 0};
    if (!key_of(a, bytes, from, &key)) return false;
    struct conn *share = sessions_find(a, key);
    if (share) {
        sessions_put(share, bytes, from, cut);
        return true;
    }
    /* What is left of a session that has ended, or was never any, begins none. */
    if (a->listener->tls && !dtls_opens(bytes)) return true;
    struct actor *copy = add_copy(a);
    struct channel *ch = actor_attach_share(copy, a->listener, from);
    if (ch) {
        sessions_add(a, key, &ch->conn);
        sessions_put(&ch->conn, bytes, from, cut);
    }
    start_copy(copy, ch);
    return true;
}

/* Everybody's datagrams come in on one socket. */
static void resume_datagrams(struct task *t)
{
    struct actor *a = (struct actor *)(void *)t;
    struct listener *l = a->listener;
    l->waiting = t;
    for (unsigned n = 0; n < ACCEPTS_AT_ONCE && a->run->phase == RUN_STEPS && l->fd >= 0; n++) {
        struct addr from;
        size_t cut;
        char *scratch = a->run->sched.hub->scratch;
        conn_leave_scratch(&a->run->sched);
        const ssize_t r = datagram_recv(l->fd, scratch, SCRATCH, false, &from, &cut);
        if (r == -EAGAIN) {
            l->watch.ready = 0;
            return;
        }
        /* What one of them has refused is no matter of the others. */
        if (r < 0) continue;
        if (!deal(a, (struct slice){scratch, (size_t)r}, &from, cut)) {
            run_stop(a->run);
            return;
        }
        arena_done(&a->arena);
    }
    if (l->fd >= 0) task_wake(t);
}

static void resume(struct task *t)
{
    struct actor *a = (struct actor *)(void *)t;
    struct accept_op accept;
    if (a->run->phase != RUN_STEPS) return;
    for (unsigned n = 0; n < ACCEPTS_AT_ONCE; n++) {
        accept_begin(&accept, a->listener);
        const enum op_result r = op_poll(&accept.op, t);
        if (r == OP_WAIT) return;
        if (r == OP_FAILED) {
            if (accept.op.failure == OP_GONE) return;
            actor_fail(a, "system", (struct mark){0}, "cannot accept: %s", strerror(accept.op.error));
            run_stop(a->run);
            return;
        }
        struct actor *copy = add_copy(a);
        start_copy(copy, actor_attach_accepted(copy, accept_take(&accept), a->listener, NULL));
    }
    task_wake(t);
}

void serve_start(struct actor *a)
{
    task_init(&a->task, &a->run->sched, listener_is_datagrams(a->listener) ? resume_datagrams : resume);
    a->state = ACTOR_RESTING;
    a->instance = 0;
    task_wake(&a->task);
}
