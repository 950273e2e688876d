#include "engine/run.h"

#include <assert.h>
#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/crew.h"
#include "engine/datum.h"
#include "engine/deadlock.h"
#include "engine/dialing.h"
#include "engine/failure.h"
#include "engine/lua_host.h"
#include "engine/program_run.h"
#include "engine/proxy_run.h"
#include "engine/recorder.h"
#include "engine/scope.h"
#include "engine/serve.h"
#include "engine/tmp.h"
#include "engine/verdict.h"
#include "engine/wait.h"
#include "engine/witness.h"
#include "net/sock.h"
#include "tls/context.h"
#include "util/clock.h"
#include "util/mem.h"
#include "util/units.h"

enum { START_AT_ONCE = 256, FAILURES_MOST = 1000, POLLS_MOST = 100 };
#define QUIET_NS (3 * NS_PER_MS)

/* Its tasks run next: what the process has once is theirs. */
static void enter(void *ctx)
{
    struct run *r = ctx;
    struct luastate *lua = r->base->lua->state;
    if (lua) lua->host = r->lua.lua ? &r->lua : NULL;
    crew_running(r->base->crew, r->base->board);
}

const char *run_tmp(struct run *r)
{
    if (r->permit.tmp) return r->permit.tmp;
    r->permit.tmp = tmp_make();
    board_folder(r->base->board, r->permit.tmp);
    return r->permit.tmp;
}

const char *run_ca_file(struct run *r)
{
    const char *tmp = run_tmp(r);
    const char *path = tmp ? arena_printf(&r->arena, "%s/" TLS_CA_FILE, tmp) : NULL;
    return path && tls_library_ca_file(r->base->tls, &r->permit, path) ? path : NULL;
}

struct event_failure *run_add_failure(struct run *r, enum sr_verdict verdict)
{
    static_assert(SR_PASS < SR_WARN, "what is worse than a pass is told");
    if (verdict <= SR_PASS || r->nfailures == FAILURES_MOST) return ARENA_NEW(&r->arena, struct event_failure);
    if (r->nfailures == r->failures_size) {
        r->failures_size = r->failures_size ? r->failures_size * 2 : 4;
        r->failures = mem_resize(r->failures, r->failures_size, sizeof *r->failures);
    }
    r->verdict = sr_verdict_worst(r->verdict, verdict);
    if (verdict >= SR_FAIL) r->failed = true;
    struct event_failure *f = &r->failures[r->nfailures++];
    *f = (struct event_failure){.after = -1, .limit = -1, .warning = verdict == SR_WARN};
    return f;
}

struct actor *run_add_actor(struct run *r, const struct actor_plan *plan, uint32_t instance)
{
    struct actor *a = mem_zalloc(sizeof *a);
    char name[BOARD_NAME];
    a->run = r;
    a->plan = plan;
    a->instance = instance;
    a->task.sched = &r->sched;
    a->env = (struct env){.ops = &scope_ops, .owner = a};
    struct board_actor *b = board_actor(r->base->board, actor_name(a, name, sizeof name));
    a->board = b ? (uint32_t)(b - r->base->board->actors) : BOARD_ACTORS;
    *r->tail = a;
    r->tail = &a->next;
    if (!r->first[plan->index]) r->first[plan->index] = a;
    return a;
}

static bool has_steps(const struct actor *a)
{
    if (a->plan->model->part != ACTOR_STEPS) return a->plan->model->part == ACTOR_SETUP;
    return a->plan->model->has_steps || a->plan->model->kind == ACTOR_CONNECT;
}

/* Programs end one after the other, the last one first. */
static void stop_next_program(struct run *r)
{
    struct program *last = NULL;
    for (struct program *p = r->programs; p; p = p->next)
        if (p->state != PROGRAM_NEW && p->state != PROGRAM_ENDED) last = p;
    if (last) {
        if (last->state != PROGRAM_STOPPING) program_stop(last);
        return;
    }
    r->phase = RUN_OVER;
    r->sched.stop = true;
}

/* Ending the programs may take all their graces, one after the other, beyond the case's own time. */
static void allow_graces(const struct run *r)
{
    struct board *b = r->base->board;
    int64_t until = clock_now();
    for (const struct program *p = r->programs; p; p = p->next)
        until += p->plan->grace;
    if (until > b->deadline) b->deadline = until;
}

static void note_phase(const struct run *r, const char *phase)
{
    snprintf(r->base->board->phase, sizeof r->base->board->phase, "%s", phase);
}

static void stop_programs(struct run *r)
{
    r->phase = RUN_STOPPING;
    allow_graces(r);
    reactor_unset(r->sched.reactor, &r->over);
    note_phase(r, "ending programs");
    for (struct actor *a = r->actors; a; a = a->next)
        actor_cancel(a);
    stop_next_program(r);
}

static int64_t limit_of(const struct run *r)
{
    return (int64_t)((double)r->model->timeout * r->base->settings->timeout_scale);
}

/* The `always` steps have as much time again as the case had, so that a case that took too long cleans up too. */
static bool begin_always(struct run *r)
{
    r->phase = RUN_ALWAYS;
    for (struct actor *a = r->actors; a; a = a->next)
        r->ending += a->plan->always.n && !a->server;
    if (!r->ending) return false;
    r->base->board->deadline = clock_now() + limit_of(r);
    reactor_set(r->sched.reactor, &r->over, r->base->board->deadline);
    note_phase(r, "");
    for (struct actor *a = r->actors; a; a = a->next)
        if (a->plan->always.n && !a->server) actor_always(a);
    return true;
}

void run_stop(struct run *r)
{
    if (r->phase >= RUN_ALWAYS) return;
    const bool told = r->told_to_end;
    const bool began = r->phase >= RUN_SETUP;
    r->phase = RUN_ALWAYS;
    reactor_unset(r->sched.reactor, &r->over);
    reactor_unset(r->sched.reactor, &r->quiet);
    for (struct actor *a = r->actors; a; a = a->next)
        actor_cancel(a);
    if (told || !began || !begin_always(r)) stop_programs(r);
}

void run_program_ended(struct run *r, struct program *p)
{
    (void)p;
    if (r->phase == RUN_STOPPING)
        stop_next_program(r);
    else if (r->failed)
        run_stop(r);
}

/* An actor that has ended comes to no sync any more. */
static void leave_syncs(struct run *r, const struct actor *a)
{
    for (uint32_t i = 0; i < r->plan->nsyncs; i++) {
        const struct sync_plan *p = &r->plan->syncs[i];
        if (p->parties || r->syncs[i].gone) continue;
        for (uint32_t k = 0; k < p->nactors; k++) {
            if (p->actors[k] != a->plan->index) continue;
            char name[BOARD_NAME];
            sync_leave(&r->syncs[i],
                       arena_printf(&r->arena, "`%s` has ended and will not come", actor_name(a, name, sizeof name)));
        }
    }
}

static void begin_steps(struct run *r);

/* What serves every case does not end with one connection: a case that leaves in the middle is no failure of it, and
 * another one is that of the cases that run. */
static void copy_ended(struct run *r)
{
    const struct event_failure *f = r->nfailures ? &r->failures[0] : NULL;
    const bool left = f && (strcmp(f->kind, "closed") == 0 || strcmp(f->kind, "reset") == 0);
    if (r->failed && f && !left) crew_break(r->base->crew, f);
    r->failed = false;
    r->nfailures = 0;
    r->verdict = SR_PASS;
}

void run_actor_ended(struct run *r, struct actor *a)
{
    if (r->phase == RUN_ALWAYS) {
        if (--r->ending == 0) stop_programs(r);
        return;
    }
    if (a->server) r->serving--;
    if (a->server || has_steps(a)) r->unfinished--;
    if (r->lasting && a->server) {
        copy_ended(r);
        return;
    }
    if (r->failed) {
        run_stop(r);
        return;
    }
    leave_syncs(r, a);
    if (r->phase == RUN_SETUP) begin_steps(r);
}

/* What a proxy still holds comes to the server later. */
static bool proxies_are_busy(const struct run *r)
{
    for (const struct actor *a = r->actors; a; a = a->next)
        if (a->proxy && proxy_is_busy(a->proxy)) return true;
    return false;
}

/* All actors with steps are done. What is still on its way to a server is dealt with first; then copies that rest at an
 * opening, with nothing to read, close quietly. */
static void settle(struct run *r)
{
    bool left = false;
    /* News that wakes nobody, as of a listener without steps, is no reason to wait for more. */
    for (unsigned n = 0; n < POLLS_MOST && !r->sched.head; n++)
        if (!reactor_poll(r->sched.reactor, false)) break;
    if (r->sched.head || proxies_are_busy(r)) return;
    for (struct actor *a = r->actors; a; a = a->next) {
        if (!a->server || !actor_unfinished(a)) continue;
        if (wait_is_resting(a)) {
            actor_cancel(a);
            r->serving--;
            r->unfinished--;
        } else {
            left = true;
        }
    }
    if (!left) run_stop(r);
}

static void idle(void *ctx)
{
    struct run *r = ctx;
    if (r->phase != RUN_STEPS || r->lasting) return;
    if (r->unfinished == r->serving) {
        settle(r);
        return;
    }
    if (!r->quiet.pos && r->quiet_passes != r->sched.passes && !r->programs) {
        r->quiet_passes = r->sched.passes;
        reactor_set(r->sched.reactor, &r->quiet, clock_now() + QUIET_NS);
    }
}

/* Timers and signals only take note, as the reactor wants it; the control task then does what is due. */
enum { DUE_QUIET = 1, DUE_OVER = 2, DUE_END = 4, DUE_STOP = 8 };

static void quiet_fired(struct timer *t)
{
    struct run *r = (struct run *)(void *)((char *)t - offsetof(struct run, quiet));
    if (r->quiet_passes != r->sched.passes) {
        r->quiet_passes = r->sched.passes;
        reactor_set(r->sched.reactor, t, clock_now() + QUIET_NS);
        return;
    }
    /* The look itself is a pass of the control task. */
    r->quiet_passes++;
    r->due |= DUE_QUIET;
    task_wake(&r->control);
}

static void over_fired(struct timer *t)
{
    struct run *r = (struct run *)(void *)((char *)t - offsetof(struct run, over));
    r->due |= DUE_OVER;
    task_wake(&r->control);
}

void run_stop_soon(struct run *r)
{
    r->due |= DUE_STOP;
    task_wake(&r->control);
}

static void look_for_deadlock(struct run *r)
{
    struct mark mark = r->model->mark;
    if (!deadlock_certain(r)) return;
    for (struct actor *a = r->actors; a; a = a->next) {
        if (!actor_unfinished(a) || !a->at) continue;
        mark = a->at->model->mark;
        break;
    }
    failure_of_case(r, "deadlock", mark, "deadlock: everybody waits for somebody else, and nothing more can happen");
    run_stop(r);
}

static void case_over(struct run *r)
{
    char limit[UNITS_TEXT], text[200];
    units_show_duration(limit_of(r), limit);
    if (r->starting) {
        snprintf(text, sizeof text, "`%s` was not ready within the %s of the case", program_name(r->starting), limit);
        failure_of_case(r, "timeout", r->starting->plan->ready_mark, text);
    } else if (r->phase == RUN_ALWAYS) {
        snprintf(text, sizeof text, "the `always` steps took longer than %s", limit);
        failure_of_case(r, "timeout", r->model->mark, text);
        stop_programs(r);
        return;
    } else {
        snprintf(text, sizeof text, "the case took longer than %s", limit);
        failure_of_case(r, "timeout", r->model->mark, text);
    }
    run_stop(r);
}

static void control(struct task *t)
{
    struct run *r = (struct run *)(void *)((char *)t - offsetof(struct run, control));
    const unsigned due = r->due;
    r->due = 0;
    if (r->phase >= RUN_STOPPING) return;
    if (due & DUE_END) {
        r->told_to_end = true;
        if (r->phase == RUN_ALWAYS) stop_programs(r);
        run_stop(r);
    } else if (due & DUE_STOP) {
        run_stop(r);
    } else if (due & DUE_OVER) {
        case_over(r);
    } else if (due & DUE_QUIET) {
        look_for_deadlock(r);
    }
}

void run_tell_end(struct run *r)
{
    r->due |= DUE_END;
    task_wake(&r->control);
}

void run_break(struct run *r, const struct event_failure *why)
{
    struct event_failure *f = run_add_failure(r, SR_FAIL);
    f->kind = arena_dup(&r->arena, slice_of(why->kind));
    f->message = arena_dup(&r->arena, slice_of(why->message));
    f->place = why->place;
    f->after = clock_now() - r->started;
    run_stop_soon(r);
}

/* Actors start in groups, so that the connects of a crowd do not overrun the backlog before anybody accepts. */
struct starter {
    struct task task; /* first */
    struct run *run;
    struct actor *next;
};

static void start_some(struct task *t)
{
    struct starter *s = (struct starter *)(void *)t;
    struct run *r = s->run;
    for (unsigned n = 0; s->next && n < START_AT_ONCE && r->phase == RUN_STEPS; n++) {
        struct actor *a = s->next;
        s->next = a->next;
        if (a->server || a->plan->model->part != ACTOR_STEPS) continue;
        if (a->plan->model->serves)
            serve_start(a);
        else if (has_steps(a))
            actor_start(a);
        else
            a->state = ACTOR_RESTING;
    }
    if (s->next && r->phase == RUN_STEPS) task_wake(t);
}

static void begin_steps(struct run *r)
{
    r->phase = RUN_STEPS;
    struct starter *s = ARENA_NEW(&r->arena, struct starter);
    task_init(&s->task, &r->sched, start_some);
    s->run = r;
    s->next = r->actors;
    task_wake(&s->task);
}

/* The steps that come first are an actor's of their own, which nobody else may meet. */
static bool begin_setup(struct run *r)
{
    r->phase = RUN_SETUP;
    for (struct actor *a = r->actors; a; a = a->next) {
        if (a->plan->model->part != ACTOR_SETUP) continue;
        actor_start(a);
        return true;
    }
    return false;
}

static void begin_part(struct run *r)
{
    if (r->lasting) {
        reactor_unset(r->sched.reactor, &r->over);
        r->base->board->deadline = 0;
        crew_shared_ready(r->base->crew);
    }
    if (!begin_setup(r)) begin_steps(r);
}

static void start_next_program(struct run *r)
{
    for (struct program *p = r->programs; p; p = p->next) {
        if (p->state != PROGRAM_NEW) continue;
        r->starting = p;
        if (program_start(p) != WENT_ON) run_stop(r);
        return;
    }
    r->starting = NULL;
    begin_part(r);
}

void run_program_ready(struct run *r, struct program *p)
{
    if (r->phase == RUN_STARTING && r->starting == p) start_next_program(r);
}

static bool reserve_ports(struct run *r)
{
    r->ports = arena_array(&r->arena, r->model->nports, sizeof *r->ports);
    for (uint32_t i = 0; i < r->model->nports; i++)
        r->ports[i].fd = -1;
    for (uint32_t i = 0; i < r->model->nports; i++) {
        struct reserved_port *p = &r->ports[i];
        p->name = r->model->ports[i]->text.p;
        p->fd = sock_reserve_port(&p->port);
        if (p->fd >= 0) continue;
        failure_of_case(r, "system", r->model->ports[i]->mark, strerror(-p->fd));
        return false;
    }
    return true;
}

/* The row of `each`, or a table of the matrix's values. Protected. */
static int make_row(lua_State *L)
{
    struct actor *a = lua_touserdata(L, 1);
    struct run *r = a->run;
    const struct datum *const *rows = lua_touserdata(L, 2);
    struct eval e = actor_eval(a);
    if (r->model->row) {
        if (!datum_push(rows[0], &e)) return luaL_error(L, "%s", e.why);
    } else {
        lua_newtable(L);
        for (uint32_t i = 0; i < r->model->nmatrix; i++) {
            if (!datum_push(rows[i], &e)) return luaL_error(L, "%s", e.why);
            lua_setfield(L, -2, r->model->matrix_names[i]);
        }
    }
    r->row = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static bool load_row(struct run *r, const struct datum **rows)
{
    struct luastate *s = lazy_lua_get(r->base->lua);
    lua_pushcfunction(s->L, make_row);
    lua_pushlightuserdata(s->L, r->actors);
    lua_pushlightuserdata(s->L, rows);
    if (luastate_call(s, 2, 0)) return true;
    struct eval e = actor_eval(r->actors);
    eval_fail_lua(&e, r->model->mark);
    actor_fail_eval(r->actors, &e);
    return false;
}

/* The first copy of each, so that there is somebody to evaluate for. */
static void add_actors(struct run *r)
{
    for (uint32_t i = 0; i < r->plan->nactors; i++)
        run_add_actor(r, &r->plan->actors[i], r->plan->actors[i].model->instances ? 1 : 0);
}

static bool add_copies(struct run *r, struct actor *first)
{
    int64_t n = 1;
    struct eval e = actor_eval(first);
    if (!quantity_eval(&first->plan->instances, &e, &n)) return actor_fail_eval(first, &e), false;
    for (int64_t k = 2; k <= n; k++)
        run_add_actor(r, first->plan, (uint32_t)k);
    return true;
}

/* All that can be connected to is open before any step runs. */
static bool open_actors(struct run *r)
{
    for (uint32_t i = 0; i < r->plan->nactors; i++) {
        struct actor *a = r->first[i];
        if (a->plan->model->kind == ACTOR_LISTEN && dialing_listen(a) != WENT_ON) return false;
        if (a->plan->proxy && !(a->proxy = proxy_new(a, a->plan->proxy))) return false;
        if (a->plan->program && !(a->program = program_new(r, a, a->plan->program))) return false;
        if (a->plan->model->instances && !add_copies(r, a)) return false;
    }
    for (struct actor *a = r->actors; a; a = a->next)
        if (has_steps(a)) r->unfinished++;
    return true;
}

static void count_parties(struct run *r)
{
    r->syncs = arena_array(&r->arena, r->plan->nsyncs, sizeof *r->syncs);
    r->queues = arena_array(&r->arena, r->plan->nqueues, sizeof *r->queues);
    for (uint32_t i = 0; i < r->plan->nqueues; i++)
        r->queues[i].name = r->plan->queues[i];
    for (uint32_t i = 0; i < r->plan->nsyncs; i++) {
        const struct sync_plan *p = &r->plan->syncs[i];
        struct sync *s = &r->syncs[i];
        s->name = p->name;
        s->parties = p->parties;
        for (const struct actor *a = r->actors; a && !p->parties; a = a->next)
            for (uint32_t k = 0; k < p->nactors; k++)
                s->parties += p->actors[k] == a->plan->index;
    }
}

static void begin_time(struct run *r)
{
    struct board *b = r->base->board;
    r->started = clock_now();
    board_clear_case(b);
    b->case_index = r->base->emit->case_index;
    b->started = r->started;
    b->deadline = r->started + limit_of(r);
}

static void run_actors(struct run *r, const struct datum **rows)
{
    task_init(&r->control, &r->sched, control);
    r->over.fire = over_fired;
    r->quiet.fire = quiet_fired;
    reactor_set(r->sched.reactor, &r->over, r->base->board->deadline);
    r->sched.idle = idle;
    r->sched.idle_ctx = r;
    add_actors(r);
    const bool ready = reserve_ports(r) && (!rows || load_row(r, rows)) && open_actors(r);
    if (ready) {
        count_parties(r);
        note_phase(r, "");
        start_next_program(r);
    } else {
        run_stop(r);
    }
}

static void free_lua(struct run *r)
{
    struct luastate *s = r->base->lua->state;
    for (uint32_t i = 0; i < r->plan->nqueues; i++) {
        while (s && r->queues && r->queues[i].n)
            luaL_unref(s->L, LUA_REGISTRYINDEX, queue_first(&r->queues[i]));
        if (r->queues) queue_done(&r->queues[i]);
    }
    if (!s) return;
    luaL_unref(s->L, LUA_REGISTRYINDEX, r->vars ? r->vars : LUA_NOREF);
    luaL_unref(s->L, LUA_REGISTRYINDEX, r->row ? r->row : LUA_NOREF);
}

/* What was open is closed before the verdict: an end of a connection is still an event of the case. */
static void close_all(struct run *r)
{
    enter(r);
    lua_host_end(r);
    while (r->actors) {
        struct actor *a = r->actors;
        r->actors = a->next;
        actor_free(a);
    }
    free_lua(r);
    witness_tell_closed(r->base->emit);
}

static void run_done(struct run *r)
{
    crew_end_children(r->base->crew);
    for (uint32_t i = 0; i < r->model->nports; i++)
        if (r->ports && r->ports[i].fd >= 0) close(r->ports[i].fd);
    if (r->permit.tmp && !r->left) {
        tmp_remove(r->permit.tmp);
        board_folder(r->base->board, NULL);
    }
    mem_free((void *)(uintptr_t)r->permit.tmp);
    reactor_unset(r->sched.reactor, &r->over);
    reactor_unset(r->sched.reactor, &r->quiet);
    task_done(&r->control);
    sched_done(&r->sched);
    mem_free(r->failures);
    arena_done(&r->arena);
}

/* What makes an expected failure depend on variables. Evaluated while the case is still there. */
static bool is_xfail(struct run *r)
{
    const struct case_model *m = r->model;
    bool holds = true;
    if (!m->xfail || !r->plan->xfail_when || !r->actors) return m->xfail != NULL;
    struct eval e = actor_eval(r->actors);
    if (condition_eval(r->plan->xfail_when, m->xfail_when->mark, &e, &holds)) return holds;
    actor_fail_eval(r->actors, &e);
    return false;
}

static void send_verdict(struct run *r, bool xfail, int64_t duration, const char *last)
{
    const struct verdict_facts facts = {.worst = r->verdict,
                                        .failures = r->failures,
                                        .nfailures = r->nfailures,
                                        .skip = r->skip,
                                        .xfail = xfail,
                                        .message = r->model->xfail_message};
    const enum sr_verdict verdict = verdict_of_case(&facts);
    const bool told = verdict == SR_XFAIL || verdict == SR_XPASS;
    recorder_note(last, verdict, r->failures, r->nfailures, &r->arena);
    r->left = r->base->settings->keep && sr_verdict_failed(verdict);
    struct event e = {.kind = EVENT_VERDICT,
                      .verdict = verdict,
                      .text = verdict == SR_SKIP ? r->skip
                              : told             ? r->model->xfail_reason
                                                 : NULL,
                      .duration = duration,
                      .tags = *r->model->tags ? r->model->tags : NULL,
                      .failures = r->failures,
                      .nfailures = r->nfailures,
                      .folder = r->left ? r->permit.tmp : NULL};
    emit_event(r->base->emit, &e);
}

struct run *run_of_sched(struct sched *s)
{
    return (struct run *)(void *)((char *)s - offsetof(struct run, sched));
}

struct run *run_new(const struct run_base *base, const struct case_model *model, const struct case_plan *plan,
                    const struct datum **rows)
{
    struct run *r = mem_zalloc(sizeof *r);
    *r = (struct run){.base = base, .model = model, .plan = plan, .verdict = SR_PASS};
    r->permit = (struct permit_scope){.permit = base->settings->permit, .folder = base->folder};
    if (base->shared) r->permit.shared = &base->shared->permit;
    r->tail = &r->actors;
    r->programs_tail = &r->programs;
    r->lasting = model == base->scenario->before;
    begin_time(r);
    sched_join(&r->sched, base->hub);
    r->sched.enter = enter;
    r->sched.enter_ctx = r;
    r->first = arena_array(&r->arena, plan->nactors, sizeof *r->first);
    enter(r);
    base->hub->current = &r->sched;
    run_actors(r, rows);
    return r;
}

bool run_free(struct run *r)
{
    const bool judged = !r->told_to_end && !r->lasting;
    enter(r);
    for (const struct actor *a = r->actors; a; a = a->next)
        if (a->proxy) proxy_tell(a->proxy);
    const bool xfail = judged && is_xfail(r);
    const int64_t duration = clock_now() - r->started;
    const char *last = judged ? recorder_last(r->base->board, r->verdict, &r->arena) : "";
    close_all(r);
    if (judged) send_verdict(r, xfail, duration, last);
    r->base->board->case_index = -1;
    r->base->board->deadline = 0;
    run_done(r);
    mem_free(r);
    return judged;
}
