#include "cli/outputs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cli/again.h"
#include "cli/terminal.h"
#include "event/masker.h"
#include "report/report.h"
#include "util/text.h"

enum { TOKEN = 16, COMMAND_MOST = 16 * 1024 };

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
    return is_stdout(o->junit) + is_stdout(o->tap) + is_stdout(o->json) + is_stdout(o->jsonl) + is_stdout(o->html) +
           is_stdout(o->pcap);
}

bool outputs_fit(const struct options *o)
{
    if (stdout_reports(o) <= 1) return true;
    terminal_say("only one report can go to standard output");
    return false;
}

static bool in_github(const struct options *o)
{
    const char *said = getenv("GITHUB_ACTIONS");
    return o->github || (said && strcmp(said, "true") == 0);
}

static void add_guard(struct outputs *out, FILE *file)
{
    char token[TOKEN];
    struct buf text = BUF_INIT(2 * TOKEN);
    /* It never fails for so few bytes (getrandom(2)), and without it all would be as without a guard. */
    if (getrandom(token, sizeof token, 0) != (ssize_t)sizeof token) return;
    text_hex((struct slice){token, sizeof token}, "", &text);
    add_file(out, guard_new(file, buf_str(&text)));
    buf_done(&text);
}

void outputs_open(struct outputs *out, const struct options *o, const struct mask *mask)
{
    /* Where people read: not among a report. */
    FILE *file = stdout_reports(o) > 0 ? stderr : stdout;
    *out = (struct outputs){.live = terminal_live(fileno(file)), .again = BUF_INIT(COMMAND_MOST)};
    again_command(o, &out->again);
    const struct console_options c = {.color = terminal_color(o->color, fileno(file)),
                                      .progress = out->live,
                                      .verbosity = o->verbosity,
                                      .width = terminal_width(fileno(file)),
                                      .durations = o->durations,
                                      .again = {out->again.overflow ? NULL : buf_str(&out->again), o->repeat > 1}};
    bus_init(&out->bus);
    out->bus.masker = out->masker = mask ? masker_new(mask) : NULL;
    tally_init(&out->tally);
    out->tally.strict = o->strict;
    out->console = console_new(file, &c);
    bus_add(&out->bus, &out->tally.sink);
    bus_add(&out->bus, out->console);
    if (o->junit) add_file(out, junit_new(o->junit));
    if (o->tap) add_file(out, tap_new(o->tap));
    if (o->pcap) add_file(out, packets_new(o->pcap));
    if (o->json) add_file(out, json_new(o->json));
    if (o->jsonl) add_file(out, jsonl_new(o->jsonl));
    if (o->html) add_file(out, html_new(o->html));
    if (o->artifacts) add_file(out, artifacts_new(o->artifacts, mask));
    if (in_github(o)) add_guard(out, file);
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
    buf_done(&out->again);
    return ok;
}
