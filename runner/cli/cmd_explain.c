#include <stdio.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "event/masker.h"
#include "net/capture.h"
#include "report/report.h"
#include "run/supervisor.h"
#include "run/tally.h"

struct explaining {
    struct bus bus;
    struct tally tally;
    struct capture capture;
};

/* What the system has carried so far becomes events. */
static void pass_frames(void *ctx, int64_t now)
{
    struct explaining *x = ctx;
    struct event e = {.kind = EVENT_FRAME, .case_index = -1};
    (void)now;
    while (capture_next(&x->capture, &e.bytes)) {
        bus_send(&x->bus, &e);
        e.at = 0;
    }
}

static enum sr_exit explain(struct session *s, const struct options *o)
{
    struct explaining x = {.capture = {.fd = -1}};
    struct supervisor_result result;
    const bool color = terminal_color(o->color, STDOUT_FILENO);
    const unsigned width = terminal_width(STDOUT_FILENO);
    /* Where it is not allowed, headers are derived from what the system tells. */
    (void)capture_open(&x.capture);
    const struct console_options c = {.color = color, .verbosity = -1, .width = width};
    struct event_sink *story = explain_new(stdout, color, width), *console = console_new(stdout, &c);
    bus_init(&x.bus);
    x.bus.masker = s->mask ? masker_new(s->mask) : NULL;
    tally_init(&x.tally);
    bus_add(&x.bus, &x.tally.sink);
    bus_add(&x.bus, story);
    bus_add(&x.bus, console);
    const struct supervisor_options options = {.suite = &s->suite,
                                               .settings = &s->settings,
                                               .bus = &x.bus,
                                               .child = child_main,
                                               .jobs = 1,
                                               .memory = o->memory,
                                               .tick = pass_frames,
                                               .tick_ctx = &x};
    supervisor_run(&options, &result);
    const uint32_t lost = capture_lost(&x.capture);
    capture_close(&x.capture);
    bool whole = terminal_finish();
    reporter_free(story);
    reporter_free(console);
    masker_free(x.bus.masker);
    if (lost) terminal_say("%u packets came too fast to be captured", lost);
    if (result.complaints.n) fputs(buf_str(&result.complaints), stderr);
    enum sr_exit code = tally_exit(&x.tally, result.interrupted, !whole || result.complaints.n);
    buf_done(&result.complaints);
    return code;
}

enum sr_exit cmd_explain(const struct options *o)
{
    struct session s;
    enum sr_exit result = session_open(&s, o);
    s.settings.messages = s.settings.sockets = true;
    if (result == SR_EXIT_OK && s.suite.nselected == 0) {
        terminal_say("no case is selected");
        result = SR_EXIT_NONE;
    } else if (result == SR_EXIT_OK) {
        result = explain(&s, o);
    }
    session_done(&s);
    return result;
}
