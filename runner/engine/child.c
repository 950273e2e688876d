#include "engine/child.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "engine/compile.h"
#include "engine/emit.h"
#include "engine/eval.h"
#include "engine/module_load.h"
#include "engine/plan.h"
#include "engine/requires.h"
#include "engine/run.h"
#include "engine/script.h"
#include "net/process.h"
#include "util/clock.h"

/* The one thing that a signal handler must reach: SIGUSR1 asks where Lua is. */
static struct lazy_lua *running_lua;

static void ask_lua(int signal)
{
    (void)signal;
    if (running_lua && running_lua->state) luastate_interrupt(running_lua->state);
}

static void note_lua(void *ctx, const char *where)
{
    struct board *b = ctx;
    snprintf(b->lua, sizeof b->lua, "%s", where);
}

/* SIGTERM and SIGINT become readable, so that a case ends its programs before it goes. */
static int catch_signals(void)
{
    sigset_t end;
    struct sigaction ask = {.sa_handler = ask_lua, .sa_flags = SA_RESTART};
    sigemptyset(&end);
    sigaddset(&end, SIGTERM);
    sigaddset(&end, SIGINT);
    sigprocmask(SIG_BLOCK, &end, NULL);
    sigaction(SIGUSR1, &ask, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &end, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool read_included(void *ctx, const char *path, struct slice *ret_text, const char **ret_why)
{
    const struct child_job *job = ctx;
    for (uint32_t i = 1; i < job->ntexts; i++) {
        if (!slice_is(slice_of(path), job->texts[i].name)) continue;
        *ret_text = job->texts[i].text;
        return true;
    }
    *ret_why = "it was not there when the files were checked";
    return false;
}

/* Cases of one body share its plan. */
struct plans {
    struct case_plan *plan;
    uint32_t body;
};

static bool run_one(const struct run_base *base, const struct case_model *m, uint32_t index, struct plans *plans,
                    struct arena *a, struct diags *d, const char *missing)
{
    struct emit *e = base->emit;
    e->case_name = m->name;
    e->case_index = (int32_t)index;
    e->case_line = source_line(m->mark);
    struct event begins = {.kind = EVENT_CASE, .tags = *m->tags ? m->tags : NULL};
    emit_event(e, &begins);
    const char *skip = m->skip ? (m->skip->text.n ? m->skip->text.p : "skipped") : missing;
    if (skip) {
        struct event verdict = {.kind = EVENT_VERDICT, .verdict = SR_SKIP, .text = skip, .tags = begins.tags};
        emit_event(e, &verdict);
        base->board->case_index = -1;
        return true;
    }
    if (plans->body != m->body || !plans->plan) {
        plans->plan = plan_compile(base->scenario, m, NULL, a, d);
        plans->body = m->body;
    }
    const struct datum **rows = plan_rows(base->scenario, m, NULL, a, d);
    if (!plans->plan || d->n) return false;
    const bool judged = run_case(base, m, plans->plan, rows);
    base->board->case_index = -1;
    return judged;
}

static bool run_cases(const struct child_job *job, struct run_base *base, struct arena *a, struct diags *d)
{
    const struct permit_scope scope = {.permit = job->settings->permit, .folder = job->folder};
    struct plans plans = {.body = UINT32_MAX};
    const char *missing = requires_missing(base->scenario->requires, &scope, a);
    for (uint32_t i = 0; i < job->ncases; i++) {
        const uint32_t index = job->cases[i];
        if (index >= base->scenario->ncases) return false;
        if (!run_one(base, &base->scenario->cases[index], index, &plans, a, d, missing)) return false;
    }
    return true;
}

/* A module that nobody knew of when the files were checked, because a `${}` names it, says in the case's own state what
 * it has. */
static bool describe_module(void *ctx, const struct module_spec *m, struct buf *ret)
{
    struct luastate *s = lazy_lua_get(ctx);
    return s ? module_describe(s, m, ret) : (buf_adds(ret, "Lua cannot start within its memory cap"), false);
}

static void use_modules(struct scenario *sc, struct lazy_lua *lua, struct arena *a)
{
    plan_use(sc, lua->modules, a);
    if (!lua->modules) return;
    lua->modules->probe = describe_module;
    lua->modules->ctx = lua;
}

int child_main(const struct child_job *job)
{
    struct arena arena = {0};
    struct diags diags;
    struct emit emit;
    struct lazy_lua lua = {.modules = job->settings->modules,
                           .folder = job->folder,
                           .cap = job->settings->lua_memory,
                           .note = note_lua,
                           .note_ctx = job->board};
    process_subreaper();
    const int signals = catch_signals();
    snprintf(job->board->phase, sizeof job->board->phase, "loading");
    running_lua = &lua;
    diags_init(&diags);
    emit_init(&emit, job->file, job->control, job->settings->messages ? job->spool : -1, job->spool_most);
    const struct load_options o = {
        .steps = job->steps, .folder = job->folder, .read = read_included, .ctx = (void *)(uintptr_t)job};
    struct run_base base = {.settings = job->settings,
                            .folder = job->folder,
                            .lua = &lua,
                            .emit = &emit,
                            .board = job->board,
                            .signals = signals};
    const bool script = script_named(job->file);
    if (!script) base.scenario = scenario_load(&o, job->file, job->texts[0].text, &arena, &diags);
    if (base.scenario) use_modules((struct scenario *)(uintptr_t)base.scenario, &lua, &arena);
    const bool good = script ? script_run(job, &lua, &emit, signals)
                             : base.scenario && !diags.n && run_cases(job, &base, &arena, &diags);
    running_lua = NULL;
    lazy_lua_done(&lua);
    emit_done(&emit);
    diags_done(&diags);
    scenario_done((struct scenario *)(uintptr_t)base.scenario);
    arena_done(&arena);
    if (signals >= 0) close(signals);
    return good ? 0 : 1;
}
