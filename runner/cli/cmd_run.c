#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "report/report.h"
#include "run/supervisor.h"
#include "run/tally.h"

enum { FILE_REPORTERS = 6 };

struct outputs {
    struct bus bus;
    struct tally tally;
    struct event_sink *console;
    struct event_sink *files[FILE_REPORTERS];
    unsigned nfiles;
};

static void add_file(struct outputs *out, struct event_sink *sink)
{
    out->files[out->nfiles++] = sink;
    bus_add(&out->bus, sink);
}

static unsigned is_stdout(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

static unsigned stdout_reports(const struct options *o)
{
    return is_stdout(o->junit) + is_stdout(o->tap) + is_stdout(o->json) + is_stdout(o->jsonl) + is_stdout(o->pcap);
}

/* Where people read: not among a report. */
static FILE *console_file(const struct options *o)
{
    return stdout_reports(o) > 0 ? stderr : stdout;
}

static void open_outputs(struct outputs *out, const struct options *o)
{
    FILE *file = console_file(o);
    struct console_options c = {.color = terminal_color(o->color, fileno(file)),
                                .progress = terminal_live(fileno(file)),
                                .verbosity = o->verbosity,
                                .width = terminal_width(fileno(file)),
                                .durations = o->durations};
    *out = (struct outputs){0};
    bus_init(&out->bus);
    tally_init(&out->tally);
    out->console = console_new(file, &c);
    bus_add(&out->bus, &out->tally.sink);
    bus_add(&out->bus, out->console);
    if (o->junit) add_file(out, junit_new(o->junit));
    if (o->tap) add_file(out, tap_new(o->tap));
    if (o->pcap) add_file(out, packets_new(o->pcap));
    if (o->json) add_file(out, json_new(o->json));
    if (o->jsonl) add_file(out, jsonl_new(o->jsonl));
    if (o->github) add_file(out, github_new(file, getenv("GITHUB_STEP_SUMMARY")));
}

/* True if every report is whole. */
static bool close_outputs(struct outputs *out)
{
    bool ok = terminal_finish();
    for (unsigned i = 0; i < out->nfiles; i++) {
        const char *why = reporter_error(out->files[i]);
        if (why) terminal_say("%s", why);
        ok = ok && !why;
        reporter_free(out->files[i]);
    }
    reporter_free(out->console);
    return ok;
}

static void tick(void *ctx, int64_t now)
{
    console_tick(ctx, now);
}

static enum sr_exit run(struct session *s, const struct options *o)
{
    struct outputs out;
    struct supervisor_result result;
    open_outputs(&out, o);
    struct supervisor_options options = {.suite = &s->suite,
                                         .settings = &s->settings,
                                         .bus = &out.bus,
                                         .child = child_main,
                                         .jobs = o->jobs,
                                         .fail_fast = o->fail_fast,
                                         .retry = o->retry,
                                         .memory = o->memory,
                                         .tick = terminal_live(fileno(console_file(o))) ? tick : NULL,
                                         .tick_ctx = out.console};
    bus_add(&out.bus, results_sink(s->results, o->shard.total > 0, o->repeat > 1));
    supervisor_run(&options, &result);
    bool whole = close_outputs(&out);
    const char *why = results_save(s->results);
    if (why) terminal_say("--results: %s", why);
    whole = whole && !why;
    if (result.complaints.n) fputs(buf_str(&result.complaints), stderr);
    enum sr_exit code = tally_exit(&out.tally, result.interrupted, !whole || result.complaints.n);
    buf_done(&result.complaints);
    return code;
}

enum sr_exit cmd_run(const struct options *o)
{
    struct session s;
    if (stdout_reports(o) > 1) {
        terminal_say("only one report can go to standard output");
        return SR_EXIT_USAGE;
    }
    enum sr_exit result = session_open(&s, o);
    if (result == SR_EXIT_OK && s.suite.nselected == 0) {
        terminal_say("no case is selected, of %u in %u file%s%s", s.suite.ncases, s.suite.n, s.suite.n == 1 ? "" : "s",
                     o->last_failed ? ": none failed the last time" : "");
        result = SR_EXIT_NONE;
    } else if (result == SR_EXIT_OK) {
        result = run(&s, o);
    }
    session_done(&s);
    return result;
}
