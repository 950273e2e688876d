#include "report/report.h"

#include <inttypes.h>

#include "report/failure.h"
#include "report/outfile.h"
#include "report/reporter.h"
#include "util/mem.h"
#include "util/text.h"
#include "util/units.h"

enum { REASON_MOST = 1024, MESSAGE_MOST = 8 * 1024, BLOCK_MOST = 64 * 1024 * 1024 };

struct tap {
    struct reporter reporter;
    struct outfile out;
    int64_t planned; /* 0: the plan comes last */
    uint64_t number; /* of the last test */
    struct buf line;
    struct buf text; /* scratch */
};

static void print(struct tap *t)
{
    outfile_add(&t->out, buf_slice(&t->line));
    buf_clear(&t->line);
}

/* A description or reason: # would begin a directive. */
static void add_escaped(struct slice s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '#' || s.p[i] == '\\') buf_addc(out, '\\');
        buf_addc(out, s.p[i]);
    }
}

/* The two characters that text_safe lets pass and YAML does not (1.2 section 5.1): U+FFFE and U+FFFF. */
static void add_yaml(struct slice s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        struct slice c = slice_part(s, i, 3);
        bool illegal = slice_eq(c, SLICE("\xef\xbf\xbe")) || slice_eq(c, SLICE("\xef\xbf\xbf"));
        buf_addc(out, illegal ? '?' : s.p[i]);
        if (illegal) i += 2;
    }
}

static void add_quoted(struct tap *t, const char *indent, const char *key, struct slice value)
{
    buf_clear(&t->text);
    text_quote(value, MESSAGE_MOST, &t->text);
    buf_printf(&t->line, "%s%s: ", indent, key);
    add_yaml(buf_slice(&t->text), &t->line);
    buf_addc(&t->line, '\n');
}

static void add_at(struct tap *t, const struct event *e)
{
    const struct event_failure *f = event_reason(e);
    const struct place *p = f ? &f->place : &e->place;
    const char *file = p->file ? p->file : e->file;
    uint32_t line = p->file ? p->line : e->case_line;

    if (!file) return;
    buf_adds(&t->line, "  at:\n");
    add_quoted(t, "    ", "file", slice_of(file));
    if (line > 0) buf_printf(&t->line, "    line: %u\n", line);
    if (p->file && p->col > 0) buf_printf(&t->line, "    column: %u\n", p->col);
}

static void add_literal(struct tap *t, const char *key, const struct event *e)
{
    const struct style plain = {.width = LINE_WIDTH};

    buf_clear(&t->text);
    failure_render(e, &plain, &t->text);
    buf_printf(&t->line, "  %s: |\n", key);
    for (size_t from = 0; from < t->text.n;) {
        const char *end = memchr(t->text.p + from, '\n', t->text.n - from);
        size_t n = end ? (size_t)(end - t->text.p) - from : t->text.n - from;
        /* Empty lines too: readers of TAP know less YAML than others. */
        buf_adds(&t->line, "    ");
        add_yaml((struct slice){t->text.p + from, n}, &t->line);
        buf_addc(&t->line, '\n');
        from += n + 1;
    }
}

static void add_diagnostics(struct tap *t, const struct event *e)
{
    struct buf summary = BUF_INIT(BLOCK_MOST);

    failure_summary(e, &summary);
    buf_adds(&t->line, "  ---\n");
    add_quoted(t, "  ", "message", summary.n > 0 ? buf_slice(&summary) : slice_of(sr_verdict_name(e->verdict)));
    buf_printf(&t->line, "  severity: %s\n", e->verdict == SR_WARN ? "warning" : sr_verdict_name(e->verdict));
    const struct event_failure *f = event_reason(e);
    if (f && f->kind) add_quoted(t, "  ", "kind", slice_of(f->kind));
    add_at(t, e);
    add_literal(t, "report", e);
    buf_adds(&t->line, "  ...\n");
    buf_done(&summary);
}

static void add_directive(struct tap *t, const char *directive, const struct event *e)
{
    buf_clear(&t->text);
    line_text(slice_of(e->text), REASON_MOST, &t->text);
    buf_printf(&t->line, " # %s", directive);
    if (t->text.n > 0) buf_addc(&t->line, ' ');
    add_escaped(buf_slice(&t->text), &t->line);
}

static void add_test(struct tap *t, const struct event *e)
{
    bool ok = e->verdict == SR_PASS || e->verdict == SR_WARN || e->verdict == SR_SKIP;
    int64_t us = e->duration > 0 ? e->duration / NS_PER_US : 0;

    buf_clear(&t->text);
    line_case(e->file, e->case_name, &t->text);
    buf_printf(&t->line, "%s %" PRIu64 " - ", ok ? "ok" : "not ok", ++t->number);
    add_escaped(buf_slice(&t->text), &t->line);
    if (e->verdict == SR_SKIP)
        add_directive(t, "SKIP", e);
    else if (e->verdict == SR_XFAIL)
        add_directive(t, "TODO", e);
    else if (us < 1000000 && us % 1000 != 0)
        buf_printf(&t->line, " # time=%" PRId64 ".%03" PRId64 "ms", us / 1000, us % 1000);
    else
        buf_printf(&t->line, " # time=%" PRId64 "ms", us / 1000);
    buf_addc(&t->line, '\n');
}

static void take_verdict(struct tap *t, const struct event *e)
{
    add_test(t, e);
    if (e->verdict >= SR_WARN || (e->verdict == SR_XFAIL && e->nfailures > 0)) add_diagnostics(t, e);
    print(t);
}

static void take_run(struct tap *t, const struct event *e)
{
    buf_adds(&t->line, "TAP version 14\n");
    if (e->number > 0) {
        t->planned = e->number;
        buf_printf(&t->line, "1..%" PRId64 "\n", e->number);
    }
    print(t);
}

static void take_end(struct tap *t, const struct event *e)
{
    if (e->text && *e->text) {
        buf_clear(&t->text);
        line_text(slice_of(e->text), REASON_MOST, &t->text);
        buf_printf(&t->line, "Bail out! %s\n", buf_str(&t->text));
    } else if (t->planned == 0) {
        buf_printf(&t->line, "1..%" PRIu64 "\n", t->number);
    }
    print(t);
    outfile_commit(&t->out);
}

static void take(struct event_sink *s, const struct event *e)
{
    struct tap *t = (struct tap *)s;

    switch (e->kind) {
    case EVENT_RUN: take_run(t, e); break;
    case EVENT_VERDICT: take_verdict(t, e); break;
    case EVENT_RUN_END: take_end(t, e); break;
    case EVENT_FILE:
    case EVENT_CASE:
    case EVENT_FILE_END:
    case EVENT_STEP:
    case EVENT_TRAFFIC:
    case EVENT_LOG:
    case EVENT_LOST:
    case EVENT_SECRETS:
    case EVENT_PACKETS:
    case EVENT_FRAME: break;
    }
}

static const char *error(const struct reporter *r)
{
    return outfile_error(&((const struct tap *)r)->out);
}

static void tap_free(struct reporter *r)
{
    struct tap *t = (struct tap *)r;

    outfile_done(&t->out);
    buf_done(&t->line);
    buf_done(&t->text);
    mem_free(t);
}

struct event_sink *tap_new(const char *path)
{
    struct tap *t = mem_zalloc(sizeof(*t));

    t->reporter = (struct reporter){{.take = take}, error, tap_free};
    outfile_open(&t->out, path);
    t->line = BUF_INIT(BLOCK_MOST);
    t->text = BUF_INIT(BLOCK_MOST);
    return &t->reporter.sink;
}
