#include "engine/script.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "engine/lua_modules.h"
#include "engine/lua_witness.h"
#include "engine/recorder.h"
#include "engine/script_deadlock.h"
#include "engine/script_failure.h"
#include "engine/tmp.h"
#include "engine/verdict.h"
#include "engine/witness.h"
#include "lua/testscript.h"
#include "net/process.h"
#include "util/clock.h"
#include "util/mem.h"
#include "util/units.h"

enum { FAILURES_MOST = 100, DUE_ABORT = 1, DUE_OVER = 2, DUE_SIGNAL = 4, DUE_NEXT = 8, DUE_QUIET = 16 };

/* What is still going on when a test ends may go so far; what `after` may take once the test's time is over; programs.
 */
#define SETTLE_NS (100 * NS_PER_MS)
#define AFTER_NS NS_PER_S
/* Nobody was resumed for so long: perhaps nobody ever will be. */
#define QUIET_NS (3 * NS_PER_MS)
#define END_ALL_NS (2 * NS_PER_S)
/* Each wait, where the script does not say otherwise. */
#define WAIT_NS (5 * NS_PER_S)

enum stage { STAGE_BEFORE, STAGE_TEST, STAGE_AFTER, STAGE_SETTLE, STAGE_OVER };

/* What outlives a test. */
struct base {
    const struct child_job *job;
    struct lazy_lua *lazy;
    struct luastate *lua;
    struct emit *emit;
    int signals;
    struct testscript script;
    struct script_text text;
    struct tls_library *tls;
};

/* One test that runs. */
struct trial {
    const struct base *base;
    const struct luatest *test;
    struct luahost host;
    struct sched sched;
    struct permit_scope permit;
    struct permit_need need;
    struct arena arena;
    struct luatask *main; /* of the stage; NULL between two */
    int t;                /* registry reference of the argument */
    enum stage stage;
    uint32_t next; /* function of `before` or `after` that comes next, from 1 */
    unsigned due;
    struct timer over, quiet;
    uint64_t quiet_at; /* the scheduler's count of passes when that was looked at */
    struct watch signals;
    struct task control;
    int64_t started, limit;
    bool failed, told_to_end;
    const char *skip;
    enum sr_verdict verdict;
    struct event_failure failures[FAILURES_MOST];
    uint32_t nfailures;
};

bool script_named(const char *file)
{
    const size_t n = strlen(file);
    return n > 4 && strcmp(file + n - 4, ".lua") == 0;
}

static struct trial *trial_of(struct luahost *h)
{
    return h->ctx;
}

static void note_due(struct trial *r, unsigned due)
{
    r->due |= due;
    task_wake(&r->control);
}

/* Failures */

static enum sr_verdict verdict_of(const struct trial *r, const char *kind)
{
    static const struct {
        const char *name;
        enum level level;
    } levels[] = {{"should", LEVEL_SHOULD}, {"may", LEVEL_MAY}, {"setup", LEVEL_SETUP}};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (strcmp(r->test->level, levels[i].name) == 0) return verdict_of_miss(kind, levels[i].level);
    return verdict_of_miss(kind, LEVEL_MUST);
}

/* NULL: it is a consequence of what was told already, or only recorded. */
static struct event_failure *add_failure(struct trial *r, const char *kind)
{
    const enum sr_verdict verdict = verdict_of(r, kind);
    const bool first = !r->failed;
    r->failed = true;
    note_due(r, DUE_ABORT);
    if ((!first && verdict != SR_ERROR) || verdict == SR_PASS || r->nfailures == FAILURES_MOST) return NULL;
    r->verdict = sr_verdict_worst(r->verdict, verdict);
    struct event_failure *f = &r->failures[r->nfailures++];
    *f = (struct event_failure){.after = clock_now() - r->started, .limit = -1};
    return f;
}

static void tell(struct trial *r, lua_State *L, const struct luatask *t, const struct luafailure *from)
{
    struct event_failure *f = add_failure(r, from->kind);
    if (!f) return;
    script_failure_fill(&r->base->text, L, from, &r->arena, f);
    if (!f->place.line) f->place = script_place(&r->base->text, r->test->line);
    if (t && t != r->main) f->actor = arena_dup(&r->arena, slice_of(t->name));
    script_failure_tasks(&r->base->text, &r->host, t, &r->arena, f);
}

static void host_failed(struct luahost *h, lua_State *L, const struct luafailure *f)
{
    tell(trial_of(h), L, h->current, f);
}

static void host_skip(struct luahost *h, const char *reason)
{
    struct trial *r = trial_of(h);
    if (!r->skip) r->skip = arena_dup(&r->arena, slice_of(reason));
    note_due(r, DUE_ABORT);
}

static void host_log(struct luahost *h, lua_State *L, const char *text)
{
    struct trial *r = trial_of(h);
    struct event e = {.kind = EVENT_LOG,
                      .actor = h->current && h->current != r->main ? h->current->name : NULL,
                      .place = script_where(&r->base->text, L, &r->arena),
                      .text = text};
    emit_event(r->base->emit, &e);
}

static void host_ended(struct luahost *h, struct luatask *t)
{
    struct trial *r = trial_of(h);
    if (t->state == LUATASK_FAILED && !t->told) {
        const struct luafailure f = {.kind = "lua", .message = lua_tostring(t->co, -1)};
        tell(r, t->co, t, &f);
    }
    if (t != r->main) return;
    r->main = NULL;
    note_due(r, DUE_NEXT);
}

static void host_opened(struct luahost *h, struct luatask *t, struct conn *c)
{
    struct trial *r = trial_of(h);
    lua_witness_begin(h, r->base->emit, &r->arena, t ? t->name : NULL, c);
}

static void host_listens(struct luahost *h, struct luatask *t, const struct listener *l, const struct addr_spec *asked)
{
    lua_witness_listens(h, trial_of(h)->base->emit, t ? t->name : NULL, l, asked);
}

static const char *host_tmp(struct luahost *h)
{
    struct trial *r = trial_of(h);
    if (r->permit.tmp) return r->permit.tmp;
    r->permit.tmp = tmp_make();
    board_folder(r->base->job->board, r->permit.tmp);
    return r->permit.tmp;
}

static const struct luahost_ops host_ops = {.failed = host_failed,
                                            .skip = host_skip,
                                            .log = host_log,
                                            .ended = host_ended,
                                            .opened = host_opened,
                                            .listens = host_listens,
                                            .tmp = host_tmp};

/* The stages */

/* Pushes the function that comes next, and which stage it belongs to. False: nothing is left. */
static bool push_next(struct trial *r, lua_State *L)
{
    const struct testscript *s = &r->base->script;
    if (r->stage == STAGE_BEFORE) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, s->before ? s->before : LUA_REFNIL);
        if (s->before && r->next <= lua_rawlen(L, -1)) {
            lua_rawgeti(L, -1, r->next++);
            return true;
        }
        r->stage = STAGE_TEST;
        lua_rawgeti(L, LUA_REGISTRYINDEX, r->test->function);
        return true;
    }
    if (r->stage == STAGE_TEST) {
        r->stage = STAGE_AFTER;
        r->next = 1;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, s->after ? s->after : LUA_REFNIL);
    if (!s->after || r->next > lua_rawlen(L, -1)) return false;
    lua_rawgeti(L, -1, r->next++);
    return true;
}

/* Protected. */
static int start_stage(lua_State *L)
{
    struct trial *r = lua_touserdata(L, 1);
    if (!r->t) {
        luatest_push(L, r->test->name, r->base->job->folder);
        r->t = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    if (!push_next(r, L)) return 0;
    int n = 1;
    lua_rawgeti(L, LUA_REGISTRYINDEX, r->t);
    if (r->stage == STAGE_TEST && r->test->row) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, r->test->row);
        n = 2;
    }
    r->main = luatask_push(L, &r->host, NULL, "test", n);
    luatask_start(L, lua_gettop(L), r->main);
    return 0;
}

static void stop(struct trial *r)
{
    r->stage = STAGE_OVER;
    r->sched.stop = true;
}

static void settle(struct trial *r)
{
    r->stage = STAGE_SETTLE;
    if (r->failed || r->skip)
        stop(r);
    else
        reactor_set(r->sched.reactor, &r->over, clock_now() + SETTLE_NS);
}

static void next_stage(struct trial *r)
{
    struct luastate *s = r->base->lua;
    if (r->stage >= STAGE_SETTLE) return;
    if ((r->failed || r->skip) && r->stage < STAGE_TEST) r->stage = STAGE_TEST;
    luastate_room(s->L);
    lua_pushcfunction(s->L, start_stage);
    lua_pushlightuserdata(s->L, r);
    if (!luastate_call(s, 1, 0)) {
        const struct luafailure f = {.kind = "lua", .message = lua_tostring(s->L, -1)};
        tell(r, s->L, NULL, &f);
        lua_pop(s->L, 1);
        stop(r);
    }
    if (!r->main) settle(r);
}

static void time_over(struct trial *r)
{
    char limit[UNITS_TEXT], text[100];
    if (r->stage == STAGE_SETTLE || r->failed) {
        stop(r);
        return;
    }
    snprintf(text, sizeof text, "the test took longer than %s", units_show_duration(r->limit, limit));
    const struct luafailure f = {.kind = "timeout", .message = text};
    const struct luatask *t = r->main;
    tell(r, t ? luatask_thread(t) : r->base->lua->L, t, &f);
    reactor_set(r->sched.reactor, &r->over, clock_now() + AFTER_NS);
}

static void look_for_deadlock(struct trial *r)
{
    struct luastate *s = r->base->lua;
    if (r->stage >= STAGE_SETTLE || !r->main || !script_deadlock(&r->host)) return;
    /* What nobody holds any more is closed, and its peer is told: then it was none. */
    lua_gc(s->L, LUA_GCCOLLECT);
    if (reactor_poll(r->sched.reactor, false) > 0 || !script_deadlock(&r->host)) return;
    const struct luafailure f = {.kind = "deadlock",
                                 .message = "deadlock: everybody waits for somebody else, and nothing more can happen"};
    tell(r, luatask_thread(r->main), r->main, &f);
}

static void control(struct task *task)
{
    struct trial *r = (struct trial *)(void *)((char *)task - offsetof(struct trial, control));
    const unsigned due = r->due;
    r->due = 0;
    if (due & DUE_SIGNAL) {
        r->told_to_end = true;
        stop(r);
        return;
    }
    if (due & DUE_OVER) time_over(r);
    if (due & DUE_QUIET) look_for_deadlock(r);
    if ((r->due | due) & DUE_ABORT && r->main && r->stage < STAGE_AFTER) {
        struct luatask *t = r->main;
        r->main = NULL;
        luatask_cancel(t);
        r->due |= DUE_NEXT;
    }
    if ((r->due | due) & DUE_NEXT && !r->main && r->stage < STAGE_SETTLE) {
        r->due = 0;
        next_stage(r);
    }
}

static void over_fired(struct timer *t)
{
    note_due((struct trial *)(void *)((char *)t - offsetof(struct trial, over)), DUE_OVER);
}

static void quiet_fired(struct timer *t)
{
    note_due((struct trial *)(void *)((char *)t - offsetof(struct trial, quiet)), DUE_QUIET);
}

static void signalled(struct watch *w)
{
    note_due((struct trial *)(void *)((char *)w - offsetof(struct trial, signals)), DUE_SIGNAL);
}

/* The test is done: what is on its way to its tasks is dealt with, and that is all. */
static void idle(void *ctx)
{
    struct trial *r = ctx;
    if (r->stage == STAGE_SETTLE && reactor_poll(r->sched.reactor, false) == 0 && !r->sched.head) stop(r);
    if (r->stage >= STAGE_SETTLE || r->quiet_at == r->sched.passes) return;
    /* To look is a pass of its own. */
    r->quiet_at = r->sched.passes + 1;
    reactor_set(r->sched.reactor, &r->quiet, clock_now() + QUIET_NS);
}

static void passed(void *ctx, struct conn *c, bool sent, uint64_t from, struct slice bytes)
{
    const struct trial *r = ctx;
    const struct child_job *job = r->base->job;
    const struct luatask *t = r->host.current;
    recorder_keep(job->board, r->sched.now, t ? t->name : "test", job->settings->mask, c, sent, from, bytes);
}

static void begin(struct trial *r)
{
    struct board *b = r->base->job->board;
    r->started = clock_now();
    board_clear(b);
    b->case_index = r->base->emit->case_index;
    b->started = r->started;
    b->deadline = r->started + r->limit;
    task_init(&r->control, &r->sched, control);
    r->over.fire = over_fired;
    r->quiet.fire = quiet_fired;
    reactor_set(r->sched.reactor, &r->over, b->deadline);
    r->signals = (struct watch){.fd = -1, .wake = signalled};
    if (r->base->signals >= 0) reactor_add(r->sched.reactor, &r->signals, r->base->signals);
    r->sched.idle = idle;
    r->sched.idle_ctx = r;
    r->sched.passed = passed;
    r->sched.passed_ctx = r;
    luahost_begin(&r->host, r->base->lua);
    note_due(r, DUE_NEXT);
}

static void end_children(void)
{
    siginfo_t info;
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD) return;
    process_end_all(NULL, clock_now() + END_ALL_NS);
}

static void finish(struct trial *r)
{
    struct luastate *s = r->base->lua;
    reactor_remove(r->sched.reactor, &r->signals);
    reactor_unset(r->sched.reactor, &r->over);
    reactor_unset(r->sched.reactor, &r->quiet);
    r->main = NULL;
    luahost_end(&r->host);
    if (r->t) luaL_unref(s->L, LUA_REGISTRYINDEX, r->t);
    end_children();
    task_done(&r->control);
    sched_done(&r->sched);
}

/* left: it is another's to remove. */
static void end_tmp(struct trial *r, bool left)
{
    if (r->permit.tmp && !left) {
        tmp_remove(r->permit.tmp);
        board_folder(r->base->job->board, NULL);
    }
    mem_free((void *)(uintptr_t)r->permit.tmp);
}

/* True if the verdict's reader gets the temporary folder. */
static bool send_verdict(struct trial *r)
{
    const struct verdict_facts facts = {
        .worst = r->verdict, .failures = r->failures, .nfailures = r->nfailures, .skip = r->skip};
    const enum sr_verdict verdict = verdict_of_case(&facts);
    const bool left = r->base->job->settings->keep && sr_verdict_failed(verdict);
    const char *last = recorder_last(r->base->job->board, verdict, &r->arena);
    recorder_note(last, verdict, r->failures, r->nfailures, &r->arena);
    struct event e = {.kind = EVENT_VERDICT,
                      .verdict = verdict,
                      .text = verdict == SR_SKIP ? r->skip : NULL,
                      .duration = clock_now() - r->started,
                      .tags = *r->test->tags ? r->test->tags : NULL,
                      .failures = r->failures,
                      .nfailures = r->nfailures,
                      .folder = left ? r->permit.tmp : NULL};
    emit_event(r->base->emit, &e);
    return left;
}

static bool run_test(const struct base *base, uint32_t index)
{
    const struct child_job *job = base->job;
    const struct luatest *test = &base->script.tests[index % base->script.n];
    struct trial *r = mem_zalloc(sizeof *r);
    struct event begins = {.kind = EVENT_CASE, .tags = *test->tags ? test->tags : NULL};
    base->emit->case_name = test->name;
    base->emit->case_index = (int32_t)index;
    base->emit->case_line = test->line;
    emit_event(base->emit, &begins);
    r->base = base;
    r->test = test;
    r->verdict = SR_PASS;
    r->next = 1;
    r->limit = (int64_t)((double)test->timeout * job->settings->timeout_scale);
    r->permit = (struct permit_scope){.permit = job->settings->permit, .folder = job->folder};
    r->host = (struct luahost){.sched = &r->sched,
                               .permit = &r->permit,
                               .need = &r->need,
                               .tls = base->tls,
                               .ops = &host_ops,
                               .ctx = r,
                               .scale = job->settings->timeout_scale,
                               .limit = (int64_t)((double)WAIT_NS * job->settings->timeout_scale)};
    lua_modules(&r->host, base->lazy);
    bool judged = sched_init(&r->sched) == 0;
    if (judged) {
        begin(r);
        sched_run(&r->sched);
        finish(r);
        witness_tell_closed(r->base->emit);
        judged = !r->told_to_end;
        end_tmp(r, judged && send_verdict(r));
    }
    job->board->case_index = -1;
    arena_done(&r->arena);
    mem_free(r);
    return judged;
}

static bool load(struct base *b)
{
    const struct settings *s = b->job->settings;
    struct testscript_var *vars = mem_alloc((s->nvars + 1) * sizeof *vars);
    for (uint32_t i = 0; i < s->nvars; i++)
        vars[i] = (struct testscript_var){s->vars[i].name, s->vars[i].value};
    const bool good = testscript_load(&b->script, b->lua, b->job->file, b->job->texts[0].text, vars, s->nvars);
    mem_free(vars);
    return good;
}

bool script_run(const struct child_job *job, struct lazy_lua *lua, struct emit *emit, struct tls_library *tls,
                int signals)
{
    struct base b = {.job = job,
                     .lazy = lua,
                     .lua = lazy_lua_get(lua),
                     .emit = emit,
                     .signals = signals,
                     .tls = tls,
                     .text = {job->file, job->texts[0].text}};
    bool good = b.lua && load(&b);
    for (uint32_t i = 0; good && i < job->ncases; i++)
        good = b.script.n && run_test(&b, job->cases[i]);
    testscript_done(&b.script);
    return good;
}
