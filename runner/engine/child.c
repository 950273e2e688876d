#include "engine/child.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "engine/compile.h"
#include "engine/crew.h"
#include "engine/emit.h"
#include "engine/eval.h"
#include "engine/lua_modules.h"
#include "engine/plan.h"
#include "engine/requires.h"
#include "engine/run.h"
#include "engine/script.h"
#include "event/handover.h"
#include "event/masker.h"
#include "event/pcap.h"
#include "net/process.h"
#include "tls/context.h"
#include "util/clock.h"

enum { PACKETS_MOST = 512 << 20 };

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

static bool run_cases(const struct child_job *job, const struct scenario *sc, struct lazy_lua *lua,
                      struct tls_library *tls, const struct emit *emit, int signals, struct arena *a, struct diags *d)
{
    const struct permit_scope scope = {.permit = job->settings->permit, .folder = job->folder};
    const struct crew_options o = {.job = job,
                                   .scenario = sc,
                                   .lua = lua,
                                   .tls = tls,
                                   .emit = emit,
                                   .signals = signals,
                                   .missing = requires_missing(sc->requires, &scope, a),
                                   .arena = a,
                                   .diags = d};
    return sc->ncases && crew_run(&o);
}

static bool handover_packets(void *ctx, struct slice block)
{
    return handover_add(ctx, block, PACKETS_MOST);
}

static struct event_sink *open_packets(const struct child_job *job)
{
    const int64_t wall = clock_wall() - clock_now();
    return job->packets ? pcap_new(handover_packets, job->packets, wall, (uint32_t)getpid()) : NULL;
}

int child_main(const struct child_job *job)
{
    struct arena arena = {0};
    struct diags diags;
    struct emit emit;
    uint32_t connections = 0;
    struct tls_library tls = {0};
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
    emit.connections = &connections;
    emit.packets = open_packets(job);
    if (job->settings->mask) emit.masker = masker_new(job->settings->mask);
    emit.sockets = job->settings->sockets;
    const struct load_options o = {.steps = job->steps,
                                   .folder = job->folder,
                                   .target = job->settings->target,
                                   .read = read_included,
                                   .ctx = (void *)(uintptr_t)job};
    struct scenario *sc = NULL;
    const bool script = script_named(job->file);
    if (!script) sc = scenario_load(&o, job->file, job->texts[0].text, &arena, &diags);
    if (sc) plan_use(sc, lua.modules, &arena);
    lua_modules_describe(&lua, script ? job->folder : NULL);
    const bool good = script ? script_run(job, &lua, &emit, &tls, signals)
                             : sc && !diags.n && run_cases(job, sc, &lua, &tls, &emit, signals, &arena, &diags);
    running_lua = NULL;
    lazy_lua_done(&lua);
    pcap_free(emit.packets);
    masker_free(emit.masker);
    tls_library_done(&tls);
    emit_done(&emit);
    diags_done(&diags);
    scenario_done(sc);
    arena_done(&arena);
    if (signals >= 0) close(signals);
    return good ? 0 : 1;
}
