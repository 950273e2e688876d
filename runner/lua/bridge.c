#include "lua/bridge.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "util/clock.h"
#include "util/mem.h"

enum { LEVELS_MOST = 100 };

/* What a thread's extra space says of it. */
enum {
    THREAD_STUCK = 1, /* it was resumed from where nothing can yield */
    THREAD_WAITS = 2, /* it has yielded for a wait */
    THREAD_TASK = 4,  /* the outermost one of a task */
};

static uintptr_t flags_of(lua_State *L)
{
    uintptr_t flags;
    memcpy(&flags, lua_getextraspace(L), sizeof flags);
    return flags;
}

static void set_flags(lua_State *L, uintptr_t flags)
{
    memcpy(lua_getextraspace(L), &flags, sizeof flags);
}

struct luahost *luahost_of(lua_State *L)
{
    struct luahost *h = luastate_of(L)->host;
    if (!h) luaL_error(L, "this works only while a case runs");
    return h;
}

void luahost_begin(struct luahost *h, struct luastate *s)
{
    h->lua = s;
    s->host = h;
}

void luahost_keep(lua_State *L, struct luahost *h)
{
    if (!h->kept) {
        lua_newtable(L);
        h->kept = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, h->kept);
    lua_insert(L, -2);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_pop(L, 1);
}

/* Tasks */

static void resume_own(struct task *task);

extern const struct object_type luatask_type;

struct luatask *luatask_push(lua_State *L, struct luahost *h, struct task *task, const char *name, int n)
{
    struct luatask *t = object_push(L, &luatask_type, sizeof *t, 2);
    t->co = lua_newthread(L);
    lua_setiuservalue(L, -2, 1);
    lua_pushstring(L, name);
    t->name = lua_tostring(L, -1);
    lua_setiuservalue(L, -2, 2);
    set_flags(t->co, THREAD_TASK);
    lua_insert(L, -(n + 2));
    if (!lua_checkstack(t->co, n + 1)) luaL_error(L, "too many arguments");
    lua_xmove(L, t->co, n + 1);
    t->nresults = n;
    t->object.host = NULL;
    t->within = t->until = TASK_NEVER;
    t->task = task ? task : &t->own;
    task_init(&t->own, h->sched, resume_own);
    return t;
}

void luatask_start(lua_State *L, int arg, struct luatask *t)
{
    struct luahost *h = luastate_of(L)->host;
    lua_pushvalue(L, arg);
    t->anchor = luaL_ref(L, LUA_REGISTRYINDEX);
    struct object *o = &t->object;
    o->link = &h->tasks;
    o->next = h->tasks;
    if (o->next) o->next->link = &o->next;
    h->tasks = o;
    t->state = LUATASK_READY;
    if (t->task == &t->own) task_wake(t->task);
}

static struct luahost *host_of(const struct luatask *t)
{
    return luastate_of(t->co)->host;
}

static void drop_inner(struct luatask *t)
{
    struct op *o = t->inner;
    t->inner = NULL;
    if (o) op_cancel(o, t->task);
}

/* Nothing of it is touched afterwards: only its joiners may keep it. */
static void end_task(struct luatask *t, enum luatask_state state)
{
    t->state = (uint8_t)state;
    drop_inner(t);
    *t->object.link = t->object.next;
    if (t->object.next) t->object.next->link = t->object.link;
    mem_free(t->chain);
    t->chain = NULL;
    t->nchain = 0;
    waiter_wake_all(t->joiners);
    task_done(&t->own);
    luaL_unref(t->co, LUA_REGISTRYINDEX, t->anchor);
}

/* What `__close` of the variables that it held has raised is the case's affair, unless it is what ended the task. */
static void close_thread(struct luatask *t, lua_State *co, const char *known)
{
    struct luahost *h = host_of(t);
    struct luatask *outer = h->current;
    h->current = t;
    set_flags(co, flags_of(co) & ~(uintptr_t)THREAD_WAITS);
    const bool told = t->told;
    t->told = false;
    const bool well = luastate_reset(co);
    const bool told_now = t->told;
    t->told = told;
    h->current = outer;
    if (well) return;
    const struct luafailure f = {.kind = "lua", .message = lua_tostring(co, -1)};
    const bool same = known && (strcmp(known, f.message) == 0 || strcmp(f.message, "not enough memory") == 0);
    if (!told_now && !same) h->ops->failed(h, co, &f);
}

void luatask_cancel(struct luatask *t)
{
    if (luatask_over(t) || !t->anchor) return;
    drop_inner(t);
    t->state = LUATASK_CANCELLED;
    for (uint32_t i = 0; i < t->nchain; i++)
        close_thread(t, t->chain[i], NULL);
    close_thread(t, t->co, NULL);
    lua_settop(t->co, 0);
    end_task(t, LUATASK_CANCELLED);
}

/* False: it still waits. */
static bool poll_inner(struct luatask *t)
{
    if (!t->inner) {
        t->end = LUAWAIT_CLOSED;
        return true;
    }
    switch (op_poll(t->inner, t->task)) {
    case OP_DONE: t->end = LUAWAIT_DONE; return true;
    case OP_FAILED: t->end = LUAWAIT_FAILED; return true;
    case OP_WAIT: break;
    }
    t->end = LUAWAIT_TIMEOUT;
    return t->task->sched->now >= t->until;
}

static enum luatask_state finished(struct luatask *t, int status, int n)
{
    struct luahost *h = host_of(t);
    if (status == LUA_OK) {
        t->nresults = n;
        t->state = LUATASK_DONE;
    } else {
        luastate_settle(t->co, status);
        t->state = LUATASK_FAILED;
    }
    const enum luatask_state state = (enum luatask_state)t->state;
    if (h->ops->ended) h->ops->ended(h, t);
    if (state == LUATASK_FAILED) {
        drop_inner(t);
        char *known = mem_dup(slice_of(lua_tostring(t->co, -1)));
        close_thread(t, t->co, known);
        mem_free(known);
    }
    end_task(t, state);
    return state;
}

enum luatask_state luatask_go(struct luatask *t)
{
    struct luahost *h = host_of(t);
    struct luatask *outer = h->current;
    int n = 0;
    if (t->suspended && !poll_inner(t)) return LUATASK_WAITS;
    const int narguments = t->suspended ? 0 : t->nresults;
    t->suspended = false;
    t->nchain = 0;
    t->state = LUATASK_RUNS;
    h->current = t;
    const int status = luastate_resume(t->co, NULL, narguments, &n);
    h->current = outer;
    if (status != LUA_YIELD) return finished(t, status, n);
    assert(t->suspended);
    t->state = LUATASK_WAITS;
    return LUATASK_WAITS;
}

int64_t luatask_wake(const struct luatask *t)
{
    const int64_t wake = t->inner ? t->inner->wake : 0;
    return wake && wake < t->until ? wake : t->until;
}

static void resume_own(struct task *task)
{
    struct luatask *t = (struct luatask *)(void *)((char *)task - offsetof(struct luatask, own));
    if (luatask_go(t) == LUATASK_WAITS) task_deadline(task, luatask_wake(t));
}

lua_State *luatask_thread(const struct luatask *t)
{
    return t->nchain ? t->chain[0] : t->co;
}

void luahost_end(struct luahost *h)
{
    struct luastate *s = h->lua;
    if (!s) return;
    while (h->tasks)
        luatask_cancel((struct luatask *)h->tasks);
    while (h->objects)
        object_close(h->objects);
    luahost_forget_syncs(h);
    if (h->kept) luaL_unref(s->L, LUA_REGISTRYINDEX, h->kept);
    h->kept = 0;
    s->host = NULL;
    h->lua = NULL;
}

/* Waits */

static struct luatask *task_of(lua_State *L)
{
    struct luahost *h = luahost_of(L);
    if (!h->current) luaL_error(L, "cannot wait here: only in a test, a task or a `lua` step");
    return h->current;
}

union luaroom *luawait_room(lua_State *L)
{
    struct luatask *t = task_of(L);
    drop_inner(t);
    return &t->room;
}

/* The C function on the stack that cannot be suspended: `sort`, `gsub`, ... */
static int say_stuck(lua_State *L)
{
    lua_Debug ar;
    for (int level = 1; level < LEVELS_MOST && lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sn", &ar);
        if (*ar.what != 'C') {
            if (*ar.namewhat && strcmp(ar.namewhat, "metamethod") == 0)
                return luaL_error(L, "cannot wait here: `__%s` was called from where nothing can wait", ar.name);
            continue;
        }
        if (ar.name && strcmp(ar.name, "pcall") != 0 && strcmp(ar.name, "xpcall") != 0)
            return luaL_error(L, "cannot wait here: what `%s` calls must not wait", ar.name);
    }
    if (flags_of(L) & THREAD_STUCK)
        return luaL_error(L, "cannot wait here: this coroutine was resumed from where nothing can wait");
    return luaL_error(L, "cannot wait here: it is being closed");
}

static bool can_wait(lua_State *L)
{
    return lua_isyieldable(L) && !(flags_of(L) & THREAD_STUCK);
}

static int64_t deadline_of(const struct luahost *h, const struct luatask *t, int64_t limit, int64_t now)
{
    if (limit == LUAWAIT_DEFAULT) limit = h->limit ? h->limit : LUAWAIT_FOREVER;
    const int64_t until = limit < TASK_NEVER - now ? now + limit : TASK_NEVER;
    return until < t->within ? until : t->within;
}

int luawait(lua_State *L, struct op *o, int64_t limit, lua_KContext ctx, lua_KFunction k)
{
    struct luatask *t = task_of(L);
    struct luahost *h = luastate_of(L)->host;
    t->inner = o;
    switch (op_poll(o, t->task)) {
    case OP_DONE: t->end = LUAWAIT_DONE; return k(L, LUA_OK, ctx);
    case OP_FAILED: t->end = LUAWAIT_FAILED; return k(L, LUA_OK, ctx);
    case OP_WAIT: break;
    }
    /* Not sched->now: a script may have computed for long since it was resumed. */
    t->since = clock_now();
    t->until = deadline_of(h, t, limit, t->since);
    if (t->until <= t->since) {
        h->sched->now = t->since;
        t->end = LUAWAIT_TIMEOUT;
        return k(L, LUA_OK, ctx);
    }
    if (!can_wait(L)) {
        drop_inner(t);
        return say_stuck(L);
    }
    t->suspended = true;
    return lua_yieldk(L, 0, ctx, k);
}

enum luawait_end luawait_result(lua_State *L)
{
    return (enum luawait_end)task_of(L)->end;
}

void luawait_done(lua_State *L)
{
    drop_inner(task_of(L));
}

static int tell(lua_State *L, const char *why)
{
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
}

/* The op is cancelled, and the connection still there. */
static int tell_tls(lua_State *L, const struct op *o)
{
    const char *why = o->conn ? conn_why(o->conn) : NULL;
    lua_pushnil(L);
    lua_pushfstring(L, "tls: %s", why ? why : o->why ? o->why : "broken off");
    return 2;
}

static int tell_timeout(lua_State *L, struct luatask *t)
{
    if (t->task->sched->now < t->within) return tell(L, "timeout");
    t->expired = true;
    return luaL_error(L, "the time of `within` is over");
}

int luawait_fail(lua_State *L)
{
    struct luatask *t = task_of(L);
    if (t->end == LUAWAIT_CLOSED) return tell(L, "closed");
    struct op o = *t->inner;
    drop_inner(t);
    if (t->end == LUAWAIT_TIMEOUT) return tell_timeout(L, t);
    switch (o.failure) {
    case OP_STATUS:
        if (o.status == SR_DENIED) return luafail_denied(L, luahost_of(L));
        if (o.status == SR_TLS) return tell_tls(L, &o);
        return tell(L, o.status == SR_SYSTEM ? strerror(o.error) : sr_status_name(o.status));
    case OP_GONE: return tell(L, o.why);
    case OP_MISUSE:
    case OP_LIMIT:
    case OP_MISMATCH:
    case OP_FINE: break;
    }
    return luaL_error(L, "%s", o.why ? o.why : "failed");
}

static struct luatask *luatask_of(struct luahost *h, const struct task *task)
{
    for (struct luatask *t = (struct luatask *)h->tasks; t; t = luatask_next(t))
        if (t->task == task) return t;
    return NULL;
}

void luawait_closed(struct luahost *h, struct task *task)
{
    if (!task) return;
    struct luatask *t = luatask_of(h, task);
    if (t && t == h->current) return;
    if (t) drop_inner(t);
    task_wake(task);
}

const char *luawait_name(struct luahost *h, const struct task *task, char *text, size_t size)
{
    const struct luatask *t = luatask_of(h, task);
    if (t)
        snprintf(text, size, "task `%s`", t->name);
    else if (!h->ops->name)
        snprintf(text, size, "another task");
    else
        h->ops->name(h, task, text, size);
    return text;
}

int luafail(lua_State *L, const struct luafailure *f)
{
    struct luahost *h = luahost_of(L);
    h->ops->failed(h, L, f);
    if (h->current) h->current->told = true;
    return luaL_error(L, "%s", f->message);
}

int luafail_denied(lua_State *L, const struct luahost *h)
{
    char text[512];
    snprintf(text, sizeof text, "not permitted: %s; allow it with %s", h->need->what, h->need->flag);
    const struct luafailure f = {.kind = "permission", .message = text};
    return luafail(L, &f);
}

/* Coroutines of scripts */

bool bridge_passes(lua_State *L, lua_State *co)
{
    struct luahost *h = luastate_of(L)->host;
    struct luatask *t = h ? h->current : NULL;
    if (!t || !t->suspended) return false;
    if (t->nchain == t->chain_size) {
        t->chain_size = t->chain_size ? 2 * t->chain_size : 2;
        t->chain = mem_resize(t->chain, t->chain_size, sizeof(lua_State *));
    }
    t->chain[t->nchain++] = co;
    set_flags(co, flags_of(co) | THREAD_WAITS);
    return true;
}

const char *bridge_busy(lua_State *co)
{
    const uintptr_t flags = flags_of(co);
    if (flags & THREAD_TASK) return "a task is not a coroutine that a script resumes or closes";
    return flags & THREAD_WAITS ? "this coroutine waits for something in a task" : NULL;
}

void bridge_enter(lua_State *L, lua_State *co, bool behind_wait)
{
    if (behind_wait) set_flags(co, flags_of(co) & ~(uintptr_t)THREAD_WAITS);
    const char *busy = bridge_busy(co);
    if (busy) luaL_error(L, "%s", busy);
    const bool stuck = !lua_isyieldable(L) || (flags_of(L) & THREAD_STUCK);
    set_flags(co, stuck ? THREAD_STUCK : 0);
}

bool bridge_outermost(lua_State *L)
{
    return flags_of(L) & THREAD_TASK;
}
