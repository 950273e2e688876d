#include "engine/lua_host.h"

#include <stdio.h>
#include <string.h>

#include "engine/failure.h"
#include "engine/lua_modules.h"
#include "engine/lua_witness.h"
#include "engine/recorder.h"
#include "engine/script_failure.h"
#include "lua/testscript.h"

static struct run *run_of(struct luahost *h)
{
    return h->ctx;
}

/* The actor whose step the task runs, or NULL: it is one that a script has spawned. */
static struct actor *actor_of(struct run *r, const struct luatask *t)
{
    struct actor *a = r->actors;
    while (a && (!t || &a->task != t->task))
        a = a->next;
    return a;
}

static const struct source *source_of(const struct run *r, struct slice name)
{
    const struct scenario *sc = r->base->scenario;
    for (uint32_t i = 0; i < sc->nsources; i++)
        if (slice_is(name, sc->sources[i].name)) return &sc->sources[i];
    return NULL;
}

/* The line's first character that is no blank. */
static struct mark mark_of(const struct source *s, uint32_t line)
{
    if (!s || line == 0 || line > s->nlines) return (struct mark){0};
    uint32_t off = s->lines[line - 1];
    while (off < s->text.n && (s->text.p[off] == ' ' || s->text.p[off] == '\t'))
        off++;
    return (struct mark){s, off, 1};
}

static struct mark find_mark(const struct run *r, lua_State *L, const char **message, struct arena *a)
{
    const struct scenario *sc = r->base->scenario;
    for (uint32_t i = 0; i < sc->nsources; i++) {
        const uint32_t line = testscript_place(sc->sources[i].name, *message, message);
        if (line) return mark_of(&sc->sources[i], line);
    }
    const struct place p = script_where(NULL, L, a);
    return p.line ? mark_of(source_of(r, slice_of(p.file)), p.line) : (struct mark){0};
}

enum went lua_host_fail(struct actor *a, lua_State *L, const struct luafailure *f)
{
    struct run *r = a->run;
    const char *message = f->message;
    const uint32_t before = r->nfailures;
    const struct mark mark = find_mark(r, L, &message, &r->arena);
    actor_fail(a, f->kind, mark, "%s", message);
    if (r->nfailures > before) script_failure_values(f, &r->arena, &r->failures[r->nfailures - 1]);
    return WENT_FAILED;
}

static void fail_case(struct run *r, lua_State *L, const struct luafailure *f)
{
    const char *message = f->message;
    const struct mark mark = find_mark(r, L, &message, &r->arena);
    failure_of_case(r, f->kind, mark.source ? mark : r->model->mark, message);
    script_failure_values(f, &r->arena, &r->failures[r->nfailures - 1]);
    run_stop_soon(r);
}

static void host_failed(struct luahost *h, lua_State *L, const struct luafailure *f)
{
    struct run *r = run_of(h);
    struct actor *a = actor_of(r, h->current);
    if (a)
        lua_host_fail(a, L, f);
    else
        fail_case(r, L, f);
}

static void host_skip(struct luahost *h, const char *reason)
{
    struct run *r = run_of(h);
    if (!r->skip) r->skip = arena_dup(&r->arena, slice_of(reason));
    run_stop_soon(r);
}

static void host_log(struct luahost *h, lua_State *L, const char *text)
{
    struct run *r = run_of(h);
    struct actor *a = actor_of(r, h->current);
    if (a) {
        actor_log(a, text, false);
        return;
    }
    struct event e = {.kind = EVENT_LOG,
                      .actor = h->current ? h->current->name : NULL,
                      .place = script_where(NULL, L, &r->arena),
                      .text = text};
    emit_event(r->base->emit, &e);
}

/* A step tells of its own task. */
static void host_ended(struct luahost *h, struct luatask *t)
{
    struct run *r = run_of(h);
    if (t->state != LUATASK_FAILED || t->told || t->task != &t->own) return;
    const struct luafailure f = {.kind = "lua", .message = lua_tostring(t->co, -1)};
    fail_case(r, t->co, &f);
}

static const char *name_of(struct run *r, const struct luatask *t, char name[BOARD_NAME])
{
    const struct actor *a = actor_of(r, t);
    return a ? actor_name(a, name, BOARD_NAME) : t ? t->name : NULL;
}

static void host_opened(struct luahost *h, struct luatask *t, struct conn *c)
{
    struct run *r = run_of(h);
    char name[BOARD_NAME];
    lua_witness_begin(h, r->base->emit, &r->arena, name_of(r, t, name), c);
}

static void passed(void *ctx, struct conn *c, bool sent, uint64_t from, struct slice bytes)
{
    struct run *r = ctx;
    char name[BOARD_NAME];
    const char *actor = name_of(r, r->lua.current, name);
    recorder_keep(r->base->board, r->sched.now, actor ? actor : "case", r->base->settings->mask, c, sent, from, bytes);
}

static void host_listens(struct luahost *h, struct luatask *t, const struct listener *l, const struct addr_spec *asked)
{
    char name[BOARD_NAME];
    lua_witness_listens(h, run_of(h)->base->emit, name_of(run_of(h), t, name), l, asked);
}

static const char *host_tmp(struct luahost *h)
{
    return run_tmp(run_of(h));
}

static const char *host_name(struct luahost *h, const struct task *t, char *text, size_t size)
{
    for (const struct actor *a = run_of(h)->actors; a; a = a->next) {
        char name[BOARD_NAME];
        if (&a->task != t) continue;
        snprintf(text, size, "`%s`", actor_name(a, name, sizeof name));
        return text;
    }
    snprintf(text, size, "another task");
    return text;
}

struct luahost *lua_host(struct run *r)
{
    static const struct luahost_ops ops = {.failed = host_failed,
                                           .skip = host_skip,
                                           .log = host_log,
                                           .ended = host_ended,
                                           .opened = host_opened,
                                           .listens = host_listens,
                                           .tmp = host_tmp,
                                           .name = host_name};
    struct luahost *h = &r->lua;
    if (h->lua) return h;
    *h = (struct luahost){.sched = &r->sched,
                          .permit = &r->permit,
                          .need = &r->need,
                          .tls = r->base->tls,
                          .ops = &ops,
                          .ctx = r,
                          .scale = r->base->settings->timeout_scale};
    r->sched.passed = passed;
    r->sched.passed_ctx = r;
    lua_modules(h, r->base->lua);
    luahost_begin(h, r->base->lua->state);
    return h;
}

void lua_host_end(struct run *r)
{
    luahost_end(&r->lua);
}

void lua_host_push_conn(lua_State *L, struct channel *c)
{
    lua_host(c->actor->run);
    if (!c->object) {
        c->object = luaconn_lend(L, &c->conn);
        c->object_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, c->object_ref);
}

void lua_host_lose_conn(struct channel *c)
{
    if (!c->object) return;
    luaconn_lost(c->object);
    luaL_unref(c->actor->run->base->lua->state->L, LUA_REGISTRYINDEX, c->object_ref);
    c->object = NULL;
}
