#include "report/report.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "report/counts.h"
#include "report/failure.h"
#include "report/line.h"
#include "report/reporter.h"
#include "report/running.h"
#include "report/slowest.h"
#include "report/trace.h"
#include "util/mem.h"
#include "util/text.h"
#include "util/units.h"

enum { LINE_MOST = 64 * 1024 * 1024, REASON_MOST = 4096, AGAIN_MOST = 16 * 1024, PROGRESS_EVERY_MS = 100 };

struct console {
    struct reporter reporter;
    FILE *out;
    struct console_options options;
    struct style style;
    struct buf line; /* what is about to be printed */
    struct runnings runnings;
    const struct running *heading; /* the case that the trace is about, for comparison only */
    struct counts counts;
    struct slowest slowest;
    uint64_t done, expected;
    bool gap;   /* the last line printed was empty, or nothing was printed yet */
    bool shown; /* the progress line stands there */
    int64_t drawn;
    char *error;
};

static void hide_progress(struct console *c)
{
    if (c->shown) fputs("\r\033[K", c->out);
    c->shown = false;
}

static void print(struct console *c)
{
    if (c->line.n == 0) return;
    hide_progress(c);
    fwrite(c->line.p, 1, c->line.n, c->out);
    c->gap = c->line.p[c->line.n - 1] == '\n' && (c->line.n == 1 || c->line.p[c->line.n - 2] == '\n');
    buf_clear(&c->line);
}

/* A case that did not pass as it should: worth a block, and seen by those who asked for quiet. */
static bool is_bad(enum sr_verdict v)
{
    return v >= SR_WARN;
}

static void add_line(struct console *c, const struct event *e)
{
    char text[UNITS_TEXT];

    paint_on(&c->style, failure_paint(e->verdict), &c->line);
    buf_printf(&c->line, "%-5s", sr_verdict_name(e->verdict));
    paint_off(&c->style, &c->line);
    buf_addc(&c->line, ' ');
    line_case(e->file, e->case_name, &c->line);
    if (e->verdict != SR_SKIP) {
        paint_on(&c->style, PAINT_FAINT, &c->line);
        buf_printf(&c->line, "  (%s)", units_show_duration(e->duration, text));
        paint_off(&c->style, &c->line);
    }
    if (e->text && *e->text) {
        buf_adds(&c->line, ": ");
        line_text(slice_of(e->text), REASON_MOST, &c->line);
    }
    buf_addc(&c->line, '\n');
}

static void add_again(struct console *c, const struct event *e)
{
    struct buf text = BUF_INIT(AGAIN_MOST);

    again_show(&c->options.again, e, &text);
    /* A part of it would be of no use. */
    if (text.n > 0 && !text.overflow) line_note(&c->style, "again", buf_slice(&text), &c->line);
    buf_done(&text);
}

static void take_verdict(struct console *c, const struct event *e)
{
    struct running *one = runnings_find(&c->runnings, e);
    bool bad = is_bad(e->verdict);

    counts_take(&c->counts, e);
    slowest_take(&c->slowest, e);
    c->done++;
    if (bad) {
        if (!c->gap) buf_addc(&c->line, '\n');
        failure_render(e, &c->style, &c->line);
    } else if (c->options.verbosity >= 0) {
        add_line(c, e);
    }
    if (one && (bad || c->options.verbosity >= 0)) running_show_logs(one, &c->line);
    if (e->verdict >= SR_XPASS) add_again(c, e);
    if (bad) buf_addc(&c->line, '\n');
    print(c);
    if (c->heading == one) c->heading = NULL;
    runnings_end(&c->runnings, one);
    /* The log of a CI system shows it at once, and has it if the system ends the run. */
    fflush(c->out);
}

/* Cases that run at the same time interleave: a line says whose steps follow. */
static void add_heading(struct console *c, const struct event *e, const struct running *one)
{
    if ((one && one == c->heading) || !e->file) return;
    c->heading = one;
    paint_on(&c->style, PAINT_STRONG, &c->line);
    buf_adds(&c->line, "case  ");
    line_case(e->file, e->case_name, &c->line);
    paint_off(&c->style, &c->line);
    buf_addc(&c->line, '\n');
}

static void take_trace(struct console *c, const struct event *e)
{
    const struct running *one = runnings_find(&c->runnings, e);

    if (c->options.verbosity < 1 || e->wire) return;
    add_heading(c, e, one);
    trace_render(e, one ? one->began : e->at, &c->style, &c->line);
    print(c);
}

static void take_log(struct console *c, const struct event *e)
{
    struct running *one = runnings_find(&c->runnings, e);

    if (one && c->options.verbosity < 1) {
        running_log(one, e);
        return;
    }
    add_heading(c, e, one);
    running_note(e, &c->style, &c->line);
    print(c);
}

static void take_end(struct console *c, const struct event *e)
{
    char text[UNITS_TEXT];

    if (!c->gap && c->options.verbosity >= 0) buf_addc(&c->line, '\n');
    slowest_show(&c->slowest, &c->line);
    if (c->slowest.n > 0) buf_addc(&c->line, '\n');
    counts_show(&c->counts, &c->line);
    buf_printf(&c->line, " in %s", units_show_duration(e->duration, text));
    if (e->text && *e->text) {
        buf_adds(&c->line, ", ");
        line_text(slice_of(e->text), REASON_MOST, &c->line);
        if (c->expected > c->done) buf_printf(&c->line, " with %" PRIu64 " cases to go", c->expected - c->done);
    }
    buf_addc(&c->line, '\n');
    print(c);
    if (fflush(c->out) != 0 || ferror(c->out)) {
        buf_printf(&c->line, "cannot write standard output: %s", strerror(errno));
        mem_free(c->error);
        c->error = mem_dup(buf_slice(&c->line));
        buf_clear(&c->line);
    }
}

static void add_progress(const struct console *c, struct buf *out)
{
    uint64_t failed = c->counts.of[SR_FAIL] + c->counts.of[SR_ERROR] + c->counts.of[SR_XPASS];

    buf_printf(out, "[%" PRIu64, c->done);
    if (c->expected > 0) buf_printf(out, "/%" PRIu64, c->expected);
    buf_addc(out, ']');
    if (failed > 0) buf_printf(out, " %" PRIu64 " failed", failed);
    const char *before = "  running: ";
    for (const struct running *one = c->runnings.first; one; one = one->next) {
        /* More does not fit in any terminal's line. */
        if (out->n > 4 * (size_t)c->style.width) break;
        buf_adds(out, before);
        line_case(one->file, one->name, out);
        before = ", ";
    }
}

/* The first columns of s: one more than the terminal has and it would wrap, and could not be erased. */
static struct slice fitting(struct slice s, size_t columns)
{
    size_t at = 0;

    for (size_t i = 0; i < columns && at < s.n; i++) {
        size_t n = text_utf8((struct slice){s.p + at, s.n - at}, NULL);
        at += n > 0 ? n : 1;
    }
    return slice_part(s, 0, at);
}

static void draw_progress(struct console *c, int64_t now)
{
    if (!c->options.progress || (c->shown && now - c->drawn < PROGRESS_EVERY_MS * NS_PER_MS)) return;
    add_progress(c, &c->line);
    struct slice text = fitting(buf_slice(&c->line), c->style.width - 1);
    hide_progress(c);
    fwrite(text.p, 1, text.n, c->out);
    fflush(c->out);
    buf_clear(&c->line);
    c->shown = true;
    c->drawn = now;
}

static void take(struct event_sink *s, const struct event *e)
{
    struct console *c = (struct console *)s;

    switch (e->kind) {
    case EVENT_RUN: c->expected = e->number > 0 ? (uint64_t)e->number : 0; break;
    case EVENT_CASE: runnings_begin(&c->runnings, e); break;
    case EVENT_VERDICT: take_verdict(c, e); break;
    case EVENT_RUN_END: take_end(c, e); return;
    case EVENT_STEP:
    case EVENT_TRAFFIC: take_trace(c, e); break;
    case EVENT_LOG:
    case EVENT_LOST: take_log(c, e); break;
    case EVENT_FILE:
    case EVENT_ATTEMPT:
    case EVENT_FILE_END:
    case EVENT_SECRETS:
    case EVENT_PACKETS:
    case EVENT_FRAME: break;
    }
    /* While much happens the line is put back now and then, not for each event. */
    if (e->at - c->drawn >= PROGRESS_EVERY_MS * NS_PER_MS) draw_progress(c, e->at);
}

void console_tick(struct event_sink *s, int64_t now)
{
    struct console *c = (struct console *)s;

    draw_progress(c, now);
    /* A trace is wanted while its case is stuck. */
    fflush(c->out);
}

static const char *error(const struct reporter *r)
{
    return ((const struct console *)r)->error;
}

static void console_free(struct reporter *r)
{
    struct console *c = (struct console *)r;

    hide_progress(c);
    runnings_done(&c->runnings);
    slowest_done(&c->slowest);
    buf_done(&c->line);
    mem_free(c->error);
    mem_free(c);
}

struct event_sink *console_new(FILE *out, const struct console_options *o)
{
    struct console *c = mem_zalloc(sizeof(*c));

    c->reporter = (struct reporter){{.take = take}, error, console_free};
    c->out = out;
    c->options = *o;
    c->style = (struct style){o->color, o->width > 0 ? o->width : LINE_WIDTH};
    c->line = BUF_INIT(LINE_MOST);
    runnings_init(&c->runnings);
    slowest_init(&c->slowest, o->durations);
    c->gap = true;
    return &c->reporter.sink;
}
