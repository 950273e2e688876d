#include <stdio.h>

#include "cli/command.h"
#include "cli/outputs.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "report/report.h"
#include "run/supervisor.h"

static void tick(void *ctx, int64_t now)
{
    console_tick(ctx, now);
}

static enum sr_exit run(struct session *s, const struct options *o)
{
    struct outputs out;
    struct supervisor_result result;
    outputs_open(&out, o, s->mask);
    struct supervisor_options options = {.suite = &s->suite,
                                         .settings = &s->settings,
                                         .bus = &out.bus,
                                         .child = child_main,
                                         .jobs = o->jobs,
                                         .fail_fast = o->fail_fast,
                                         .retry = o->retry,
                                         .memory = o->memory,
                                         .tick = out.live ? tick : NULL,
                                         .tick_ctx = out.console};
    bus_add(&out.bus, results_sink(s->results, o->shard.total > 0, o->repeat > 1));
    supervisor_run(&options, &result);
    bool whole = outputs_close(&out);
    const char *why = results_save(s->results);
    if (why) terminal_say("--results: %s", why);
    whole = whole && !why;
    if (result.complaints.n) fputs(buf_str(&result.complaints), stderr);
    enum sr_exit code = tally_exit(&out.tally, result.interrupted, !whole || result.complaints.n);
    buf_done(&result.complaints);
    return code;
}

enum sr_exit run_session(struct session *s, const struct options *o)
{
    if (s->suite.nselected) return run(s, o);
    terminal_say("no case is selected, of %u in %u file%s%s", s->suite.ncases, s->suite.n, s->suite.n == 1 ? "" : "s",
                 o->last_failed ? ": none failed the last time" : "");
    return SR_EXIT_NONE;
}

enum sr_exit cmd_run(const struct options *o)
{
    struct session s;
    if (!outputs_fit(o)) return SR_EXIT_USAGE;
    enum sr_exit result = session_open(&s, o);
    if (result == SR_EXIT_OK) result = run_session(&s, o);
    session_done(&s);
    return result;
}
