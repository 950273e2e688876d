#include "cli/outputs.h"

#include <stdlib.h>
#include <string.h>

#include "cli/terminal.h"
#include "event/masker.h"
#include "report/report.h"

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

bool outputs_fit(const struct options *o)
{
    if (stdout_reports(o) <= 1) return true;
    terminal_say("only one report can go to standard output");
    return false;
}

void outputs_open(struct outputs *out, const struct options *o, const struct mask *mask)
{
    /* Where people read: not among a report. */
    FILE *file = stdout_reports(o) > 0 ? stderr : stdout;
    struct console_options c = {.color = terminal_color(o->color, fileno(file)),
                                .progress = terminal_live(fileno(file)),
                                .verbosity = o->verbosity,
                                .width = terminal_width(fileno(file)),
                                .durations = o->durations};
    *out = (struct outputs){.live = c.progress};
    bus_init(&out->bus);
    out->bus.masker = out->masker = mask ? masker_new(mask) : NULL;
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

bool outputs_close(struct outputs *out)
{
    bool ok = terminal_finish();
    for (unsigned i = 0; i < out->nfiles; i++) {
        const char *why = reporter_error(out->files[i]);
        if (why) terminal_say("%s", why);
        ok = ok && !why;
        reporter_free(out->files[i]);
    }
    reporter_free(out->console);
    masker_free(out->masker);
    return ok;
}
