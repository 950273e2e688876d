#include "engine/actor.h"

#include <assert.h>
#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "engine/dialing.h"
#include "engine/failure.h"
#include "engine/lanes.h"
#include "engine/loop.h"
#include "engine/lua_host.h"
#include "engine/program_run.h"
#include "engine/proxy_run.h"
#include "engine/recorder.h"
#include "engine/resend.h"
#include "engine/run.h"
#include "engine/scope.h"
#include "engine/sessions.h"
#include "engine/step.h"
#include "engine/wait.h"
#include "engine/witness.h"
#include "util/mem.h"

/* Steps that do not wait, before others get their turn: a loop without waits must not starve timers. */
enum { STEPS_AT_ONCE = 10000 };

struct eval actor_eval(struct actor *a)
{
    return (struct eval){.lua = a->run->base->lua, .env = &a->env, .arena = &a->arena, .permit = &a->run->permit};
}

const char *actor_name(const struct actor *a, char *text, size_t size)
{
    if (a->instance)
        snprintf(text, size, "%s %u", a->plan->name, a->instance);
    else
        snprintf(text, size, "%s", a->plan->name);
    return text;
}

bool actor_unfinished(const struct actor *a)
{
    return a->state == ACTOR_RUNNING || a->state == ACTOR_NEW;
}

enum level actor_level(const struct actor *a)
{
    if (a->at && a->at->level != LEVEL_INHERIT) return a->at->level;
    return a->top ? (enum level)a->top->level : (enum level)a->run->plan->level;
}

enum { PATH_MOST = 16, STEP_TEXT = 128 };

static size_t path_of(const struct frame *f, uint16_t *path, size_t most)
{
    if (!f) return 0;
    const size_t n = path_of(f->below, path, most);
    if (f->kind == FRAME_LANES || f->pc == 0 || n == most) return n;
    path[n] = (uint16_t)f->pc;
    return n + 1;
}

const char *actor_path(const struct actor *a, char *text, size_t size)
{
    uint16_t path[PATH_MOST];
    const size_t n = a->at && a->at == a->plan->own ? 0 : path_of(a->top, path, PATH_MOST);
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < n && at + 8 < size; i++)
        at += (size_t)snprintf(text + at, size - at, "%s%u", i ? "." : "", path[i]);
    return text;
}

struct channel *actor_channel(struct actor *a, const struct instr *in)
{
    const struct slice via = slice_of(in->via);
    for (struct channel *c = a->channels; c; c = c->next) {
        if (in->via ? c->name && slice_is(via, c->name) : !c->name) return c;
    }
    if (in->via)
        actor_fail(a, "misuse", in->model->via ? in->model->via->mark : in->model->mark,
                   "connection `%s` is not open yet", in->via);
    else
        actor_fail(a, "misuse", (struct mark){0}, "this actor has no connection");
    return NULL;
}

static void describe_step(const struct actor *a, char *text, size_t size)
{
    char path[64];
    actor_path(a, path, sizeof path);
    snprintf(text, size, "%s%s%s%s", *path ? "step " : "", path, *path ? " " : "", a->at->kind->schema.name);
}

/* What an actor does, in words: kept, since a step sends and receives often. */
struct label {
    const struct instr *at;
    uint16_t path[PATH_MOST];
    size_t npath;
    struct place place;
    char step[STEP_TEXT];
};

struct told {
    struct witness witness; /* first */
    char actor[BOARD_NAME];
    struct label labels[2]; /* of what it receives, and sends */
};

static void know_step(const struct actor *a, struct label *l)
{
    uint16_t path[PATH_MOST];
    const size_t n = path_of(a->top, path, PATH_MOST);
    if (!a->at || (l->at == a->at && n == l->npath && memcmp(path, l->path, n * sizeof *path) == 0)) return;
    l->at = a->at;
    l->npath = n;
    memcpy(l->path, path, n * sizeof *path);
    l->place = source_place(a->at->model->mark);
    l->place.text = (struct slice){0};
    if (n || a->at == a->plan->own)
        describe_step(a, l->step, sizeof l->step);
    else
        snprintf(l->step, sizeof l->step, "ends");
}

static void who(const struct witness *w, bool sent, struct event *e)
{
    struct told *told = (struct told *)(uintptr_t)w;
    const struct channel *ch = w->ctx;
    struct label *l = &told->labels[sent];
    know_step(ch->actor, l);
    e->actor = told->actor;
    e->step = *l->step ? l->step : NULL;
    e->place = l->place;
}

static void watch_channel(struct actor *a, struct channel *c)
{
    c->told = mem_zalloc(sizeof *c->told);
    actor_name(a, c->told->actor, sizeof c->told->actor);
    const struct listener *l = a->server ? a->server->listener : a->listener;
    c->told->witness =
        (struct witness){.emit = a->run->base->emit, .who = who, .ctx = c, .listener = c->conn.server && l ? l->fd : 0};
    witness_begin(&c->told->witness, &c->conn);
}

static void free_channel(struct channel *c)
{
    conn_done(&c->conn);
    mem_free(c->told);
    mem_free(c);
}

static struct channel *adopt(struct actor *a, struct channel *c, int r, const char *name)
{
    if (r < 0) {
        mem_free(c);
        actor_fail(a, "system", (struct mark){0}, "the connection cannot be used: %s", strerror(-r));
        return NULL;
    }
    c->actor = a;
    c->conn.user = c;
    c->name = name;
    c->next = a->channels;
    a->channels = c;
    if (emit_traffic(a->run->base->emit)) watch_channel(a, c);
    return c;
}

struct channel *actor_attach(struct actor *a, int fd, enum addr_scheme scheme, const char *name,
                             const struct addr *peer)
{
    struct channel *c = mem_zalloc(sizeof *c);
    struct sched *s = a->task.sched;
    const bool datagrams = addr_socktype(scheme) != SOCK_STREAM;
    const int r = datagrams ? conn_init_datagrams(&c->conn, s, fd, scheme, peer)
                            : conn_init_socket(&c->conn, s, fd, scheme == ADDR_UNIX ? CONN_UNIX : CONN_TCP, peer);
    c->conn.server = !peer;
    return adopt(a, c, r, name);
}

/* What a server has got is secured as its listener says. NULL after actor_fail. */
static struct channel *secure_served(struct actor *a, struct channel *c, const struct listener *l)
{
    if (!c || !l->tls || conn_secure(&c->conn, l->tls, NULL)) return c;
    actor_fail(a, "system", (struct mark){0}, "TLS cannot begin");
    return NULL;
}

struct channel *actor_attach_listener(struct actor *a)
{
    struct channel *c = mem_zalloc(sizeof *c);
    listener_lend(a->listener, &c->conn);
    c->conn.server = true;
    return secure_served(a, adopt(a, c, 0, NULL), a->listener);
}

struct channel *actor_attach_share(struct actor *a, struct listener *l, const struct addr *peer)
{
    struct channel *c = mem_zalloc(sizeof *c);
    conn_init_borrowed(&c->conn, a->task.sched, &l->fd, &l->watch, l->scheme, &l->addr, true);
    c->conn.server = true;
    if (peer->len > sizeof(sa_family_t)) conn_send_to(&c->conn, peer);
    return secure_served(a, adopt(a, c, 0, NULL), l);
}

struct channel *actor_attach_accepted(struct actor *a, int fd, const struct listener *l, const char *name)
{
    struct channel *c = actor_attach(a, fd, l->scheme, name, NULL);
    if (c) c->conn.server = true;
    return secure_served(a, c, l);
}

struct channel *actor_attach_pipes(struct actor *a, int rfd, int wfd, bool terminal)
{
    struct channel *c = mem_zalloc(sizeof *c);
    const int error = conn_init_pipes(&c->conn, a->task.sched, rfd, wfd);
    c->conn.fd.terminal = terminal;
    return adopt(a, c, error, NULL);
}

void actor_took(struct actor *a, struct channel *ch, uint64_t from, struct slice bytes, uint64_t size)
{
    char room[BOARD_BYTES];
    const size_t n = bytes.n < sizeof ch->took ? bytes.n : sizeof ch->took;
    const struct mask *mask = a->run->base->settings->mask;
    const char *told = recorder_mask(mask, &ch->conn, false, bytes, size, room);
    ch->took_at = a->run->sched.now;
    ch->took_from = from;
    ch->took_size = (uint32_t)size;
    if (n) memcpy(ch->took, told, n);
    board_record(a->run->base->board, ch->took_at, (uint16_t)a->board, false, from, told, (uint32_t)bytes.n);
}

void actor_sent(struct actor *a, struct channel *ch, struct slice bytes, uint64_t size)
{
    char room[BOARD_BYTES];
    const uint64_t from = ch->conn.sent >= size ? ch->conn.sent - size : 0;
    const struct mask *mask = a->run->base->settings->mask;
    const char *told = recorder_mask(mask, &ch->conn, true, bytes, size, room);
    board_record(a->run->base->board, a->began, (uint16_t)a->board, true, from, told, (uint32_t)bytes.n);
}

void actor_log(struct actor *a, const char *text, bool warning)
{
    char name[BOARD_NAME];
    struct event e = {.kind = EVENT_LOG,
                      .actor = actor_name(a, name, sizeof name),
                      .place = source_place(a->at->model->mark),
                      .text = text,
                      .number = warning};
    emit_event(a->run->base->emit, &e);
}

/* Where it is, for the supervisor. */
static void note_step(struct actor *a, const struct instr *in)
{
    a->at = in;
    a->began = a->run->sched.now;
    struct run *r = a->run;
    if (a->board < BOARD_ACTORS) {
        struct board_actor *b = &r->base->board->actors[a->board];
        b->verb = in->kind->schema.name;
        b->line = in->line;
        b->col = in->col;
        b->since = a->began;
        memset(b->path, 0, sizeof b->path);
        if (in != a->plan->own) path_of(a->top, b->path, BOARD_PATH);
    }
    if (!emit_messages(r->base->emit)) return;
    char name[BOARD_NAME], step[STEP_TEXT];
    describe_step(a, step, sizeof step);
    struct event e = {.kind = EVENT_STEP,
                      .actor = actor_name(a, name, sizeof name),
                      .step = step,
                      .place = source_place(in->model->mark)};
    emit_event(r->base->emit, &e);
}

static enum went begin_own(struct actor *a)
{
    note_step(a, a->plan->own);
    return wait_for_step(a, a->plan->own);
}

/* A listening actor's first step that works on a connection accepts one, once. */
static bool must_accept(const struct actor *a, const struct instr *in)
{
    return in->needs_conn && !in->via && a->listener && !a->accepted && !a->plan->model->serves;
}

static enum went frame_over(struct actor *a)
{
    struct frame *f = a->top;
    switch ((enum frame_kind)f->kind) {
    case FRAME_LOOP: return loop_next(a);
    case FRAME_LANE: lanes_lane_done(a); return WENT_ON;
    case FRAME_MEANWHILE: {
        struct wait *w = f->resumed;
        f->resumed = NULL;
        actor_pop(a);
        return wait_resume(a, w);
    }
    case FRAME_LANES:
    case FRAME_BLOCK:
    case FRAME_CALL:
    case FRAME_BRANCH: break;
    }
    actor_pop(a);
    return WENT_ON;
}

static bool reads_as_opening(const struct instr *in)
{
    return (in->model->schema->flags & STEP_OPENING) != 0;
}

static enum went next_step(struct actor *a)
{
    struct frame *f = a->top;
    if (!f) return WENT_END;
    if (f->kind == FRAME_LANES) return lanes_next(a, f);
    if (f->pc == f->block->n) return frame_over(a);
    const struct instr *in = &f->block->steps[f->pc];
    if (must_accept(a, in) && !in->condition) return begin_own(a);
    if (a->lanes && reads_as_opening(in) && lanes_park(a)) return WENT_ON;
    f->pc++;
    if (in->condition) {
        bool holds = false;
        struct eval e = actor_eval(a);
        a->at = in;
        if (!condition_eval(in->condition, in->model->condition->mark, &e, &holds)) return actor_fail_eval(a, &e);
        if (!holds) return WENT_ON;
    }
    if (must_accept(a, in)) {
        f->pc--;
        return begin_own(a);
    }
    note_step(a, in);
    return in->kind->enter ? in->kind->enter(a, in) : wait_for_step(a, in);
}

/* Oldest first. A program's pipes are kept if they are still to be drained. */
static void close_channels(struct actor *a, bool keep_program)
{
    struct channel *oldest = NULL;
    while (a->channels) {
        struct channel *c = a->channels;
        a->channels = c->next;
        c->next = oldest;
        oldest = c;
    }
    while (oldest) {
        struct channel *c = oldest;
        oldest = c->next;
        if (keep_program && c->conn.kind == CONN_PROGRAM) {
            c->next = a->channels;
            a->channels = c;
            continue;
        }
        lua_host_lose_conn(c);
        resend_stop(c);
        free_channel(c);
    }
}

void actor_drop(struct actor *a, struct channel *ch)
{
    struct channel **at = &a->channels;
    while (*at != ch)
        at = &(*at)->next;
    *at = ch->next;
    lua_host_lose_conn(ch);
    free_channel(ch);
}

static void end(struct actor *a, enum actor_state state)
{
    if (a->wait) {
        struct wait *w = a->wait;
        a->wait = NULL;
        wait_free(a, w);
    }
    if (a->top) actor_unwind(a);
    a->state = (uint8_t)state;
    if (a->board < BOARD_ACTORS) a->run->base->board->actors[a->board].verb = NULL;
    arena_done(&a->arena);
}

static bool unread_reset(struct actor *a)
{
    for (struct channel *c = a->channels; c; c = c->next) {
        if (!c->conn.failed_send || c->conn.closed || c->conn.end != CONN_OPEN) continue;
        actor_fail(a, "reset", (struct mark){0}, "the peer had closed or reset the connection before all was sent");
        return true;
    }
    return false;
}

/* What it still has to do at the end, it does on the connections that it has. */
static bool keeps_connections(const struct actor *a)
{
    return a->plan->always.n && a->run->phase < RUN_ALWAYS;
}

static void leave(struct actor *a)
{
    if (keeps_connections(a)) return;
    close_channels(a, a->program != NULL);
    if (a->program) program_drain(a->program);
}

static void finished(struct actor *a)
{
    if (!keeps_connections(a) && unread_reset(a)) {
        run_actor_ended(a->run, a);
        return;
    }
    end(a, ACTOR_DONE);
    leave(a);
    run_actor_ended(a->run, a);
}

/* After a frame that was read the next message begins; after nothing was read, or only half of it, nobody knows where.
 */
static bool keeps_place(const struct wait *w)
{
    const struct choice *c = &w->main.list[0];
    const struct op *op = &c->room->op;
    if (w->main.n != 1) return false;
    if (wait_expects(c)) return c->room->expect.whole;
    if (op->conn || op->listener) return false;
    /* What only asks the system reads nothing. */
    return c->done || op->failure == OP_MISMATCH || strcmp(op->type->name, "ask") == 0;
}

/* A recommendation was missed: the actor goes on if it knows where the next message begins. */
static bool goes_on(struct actor *a)
{
    struct wait *w = a->wait;
    const enum level level = actor_level(a);
    if ((level != LEVEL_SHOULD && level != LEVEL_MAY) || a->run->failed) return false;
    if (w && !keeps_place(w)) return false;
    if (w && wait_expects(&w->main.list[0])) op_commit(&w->room.op);
    a->wait = NULL;
    wait_free(a, w);
    return true;
}

/* Who is not the reason for the case's end leaves its peers as any other actor does. */
static void gives_up(struct actor *a)
{
    end(a, ACTOR_FAILED);
    if (!a->run->failed || (a->run->lasting && a->server)) leave(a);
    run_actor_ended(a->run, a);
}

static void resume(struct task *t)
{
    struct actor *a = (struct actor *)(void *)t;
    if (a->state != ACTOR_RUNNING) return;
    for (unsigned n = 0;; n++) {
        enum went went = a->wait ? wait_poll(a) : next_step(a);
        if (went == WENT_WAIT) return;
        if (went == WENT_FAILED && goes_on(a)) went = WENT_ON;
        if (went == WENT_FAILED) {
            gives_up(a);
            return;
        }
        if (went == WENT_END) {
            finished(a);
            return;
        }
        if (a->state != ACTOR_RUNNING) return;
        if (!a->wait && a->arena.chunks) arena_done(&a->arena);
        if (n == STEPS_AT_ONCE) {
            task_wake(&a->task);
            return;
        }
    }
}

void actor_start(struct actor *a)
{
    const struct actor_model *m = a->plan->model;
    task_init(&a->task, &a->run->sched, resume);
    a->state = ACTOR_RUNNING;
    const bool connects = m->kind == ACTOR_CONNECT;
    if (a->server)
        actor_push(a, FRAME_BLOCK, &a->plan->serve, NULL);
    else
        actor_push(a, FRAME_BLOCK, &a->plan->steps, NULL);
    if (a->plan->setup.n) actor_push(a, FRAME_BLOCK, &a->plan->setup, NULL)->level = LEVEL_SETUP;
    if (connects) {
        const enum went went = begin_own(a);
        if (went == WENT_FAILED) {
            end(a, ACTOR_FAILED);
            run_actor_ended(a->run, a);
            return;
        }
    }
    if (!a->wait) task_wake(&a->task);
}

void actor_always(struct actor *a)
{
    if (!a->task.resume) task_init(&a->task, &a->run->sched, resume);
    a->state = ACTOR_RUNNING;
    actor_push(a, FRAME_BLOCK, &a->plan->always, NULL);
    task_wake(&a->task);
}

void actor_cancel(struct actor *a)
{
    if (!actor_unfinished(a) && a->state != ACTOR_RESTING) return;
    end(a, ACTOR_CANCELLED);
}

void actor_free(struct actor *a)
{
    end(a, (enum actor_state)a->state);
    close_channels(a, false);
    proxy_free(a->proxy);
    if (a->listener) {
        sessions_free(a);
        listener_close(a->listener);
        tls_context_free(a->listener->tls);
        mem_free(a->listener);
    }
    if (a->program) program_free(a->program);
    task_done(&a->task);
    struct luastate *lua = a->run->base->lua->state;
    if (lua) {
        env_done(&a->env, lua);
        if (a->vars) luaL_unref(lua->L, LUA_REGISTRYINDEX, a->vars);
    }
    arena_done(&a->arena);
    mem_free(a);
}
