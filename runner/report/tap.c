#include "report/report.h"

#include <inttypes.h>
#include <string.h>

#include "report/failure.h"
#include "report/outfile.h"
#include "report/reporter.h"
#include "util/hash.h"
#include "util/mem.h"
#include "util/text.h"
#include "util/units.h"

/* https://testanything.org/tap-version-14-specification.html */

enum { REASON_MOST = 1024, MESSAGE_MOST = 8 * 1024, BLOCK_MOST = 64 * 1024 * 1024 };
#define FILE_MOST ((size_t)1 << 31)

/* A file that runs: its subtest is written when it is over, since those of others must not stand in it. */
struct subtest {
    UT_hash_handle hh;
    char *file;
    uint64_t planned, ran, failed;
    int64_t time; /* ns */
    struct buf lines;
};

struct tap {
    struct reporter reporter;
    struct outfile out;
    struct subtest *subtests; /* that are not over, in the order in which they began */
    uint64_t number;          /* of the last subtest */
    struct buf line;
    struct buf text; /* scratch */
};

static struct subtest *subtest_of(struct tap *t, const char *file)
{
    struct subtest *s = NULL;

    if (!file) file = "";
    HASH_FIND_STR(t->subtests, file, s);
    if (s) return s;
    s = mem_zalloc(sizeof(*s));
    s->file = mem_dup(slice_of(file));
    s->lines = BUF_INIT(FILE_MOST);
    HASH_ADD_KEYPTR(hh, t->subtests, s->file, strlen(s->file), s);
    return s;
}

static void free_subtest(struct tap *t, struct subtest *s)
{
    HASH_DEL(t->subtests, s);
    mem_free(s->file);
    buf_done(&s->lines);
    mem_free(s);
}

/* A description or reason: # would begin a directive, and some readers take a brace at the end for a subtest within
 * braces. */
static void add_escaped(struct slice s, struct buf *out)
{
    size_t end = s.n;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '#' || s.p[i] == '\\') buf_addc(out, '\\');
        buf_addc(out, s.p[i]);
    }
    while (end > 0 && s.p[end - 1] == ' ')
        end--;
    if (end > 0 && s.p[end - 1] == '{') buf_adds(out, "...");
}

/* The two characters that text_safe lets pass and YAML does not (1.2 section 5.1): U+FFFE and U+FFFF. */
static void add_yaml(struct slice s, struct buf *out)
{
    for (const char *at; (at = s.n > 2 ? memmem(s.p, s.n - 1, "\xef\xbf", 2) : NULL);) {
        const size_t n = (size_t)(at - s.p);
        const bool illegal = (unsigned char)at[2] >= 0xbe;
        buf_add(out, slice_part(s, 0, illegal ? n : n + 3));
        if (illegal) buf_addc(out, '?');
        s = slice_part(s, n + 3, s.n);
    }
    buf_add(out, s);
}

/* What is cut is cut inside of the quotes: behind them it would be no YAML. */
static void add_quoted(struct tap *t, const char *pad, const char *key, struct slice value)
{
    struct buf shown = BUF_INIT(BLOCK_MOST);

    line_text(value, MESSAGE_MOST, &shown);
    buf_clear(&t->text);
    text_quote(buf_slice(&shown), SIZE_MAX, &t->text);
    buf_done(&shown);
    buf_printf(&t->line, "%s%s: ", pad, key);
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
    buf_adds(&t->line, "      at:\n");
    add_quoted(t, "        ", "file", slice_of(file));
    if (line > 0) buf_printf(&t->line, "        line: %u\n", line);
    if (p->file && p->col > 0) buf_printf(&t->line, "        column: %u\n", p->col);
}

static void add_literal(struct tap *t, const char *key, const struct event *e)
{
    const struct style plain = {.width = LINE_WIDTH};

    buf_clear(&t->text);
    failure_render(e, &plain, &t->text);
    buf_printf(&t->line, "      %s: |\n", key);
    for (size_t from = 0; from < t->text.n;) {
        const char *end = memchr(t->text.p + from, '\n', t->text.n - from);
        size_t n = end ? (size_t)(end - t->text.p) - from : t->text.n - from;
        /* Empty lines too: readers of TAP know less YAML than others. */
        buf_adds(&t->line, "        ");
        add_yaml((struct slice){t->text.p + from, n}, &t->line);
        buf_addc(&t->line, '\n');
        from += n + 1;
    }
}

static const char *severity(const struct event *e)
{
    return e->verdict <= SR_WARN && e->verdict != SR_XFAIL ? "warning" : sr_verdict_name(e->verdict);
}

static void add_diagnostics(struct tap *t, const struct event *e)
{
    struct buf summary = BUF_INIT(BLOCK_MOST);

    failure_summary(e, &summary);
    buf_adds(&t->line, "      ---\n");
    add_quoted(t, "      ", "message", summary.n > 0 ? buf_slice(&summary) : slice_of(sr_verdict_name(e->verdict)));
    buf_printf(&t->line, "      severity: %s\n", severity(e));
    const struct event_failure *f = event_reason(e);
    if (f && f->kind) add_quoted(t, "      ", "kind", slice_of(f->kind));
    if (e->attempts > 1) buf_printf(&t->line, "      attempts: %" PRIu32 "\n", e->attempts);
    add_at(t, e);
    if (e->verdict >= SR_WARN || e->nfailures > 0) add_literal(t, "report", e);
    buf_adds(&t->line, "      ...\n");
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

static void add_time(struct tap *t, int64_t ns)
{
    int64_t us = ns > 0 ? ns / NS_PER_US : 0;

    if (us < 1000000 && us % 1000 != 0)
        buf_printf(&t->line, " # time=%" PRId64 ".%03" PRId64 "ms", us / 1000, us % 1000);
    else
        buf_printf(&t->line, " # time=%" PRId64 "ms", us / 1000);
}

/* Without a description the number would be all that there is. */
static void add_description(struct tap *t, const char *name, const char *file)
{
    buf_clear(&t->text);
    line_case(NULL, *name ? name : file, &t->text);
    add_escaped(buf_slice(&t->text), &t->line);
}

static void add_test(struct tap *t, const struct subtest *s, const struct event *e)
{
    bool ok = e->verdict == SR_PASS || e->verdict == SR_WARN || e->verdict == SR_SKIP;

    buf_printf(&t->line, "    %s %" PRIu64 " - ", ok ? "ok" : "not ok", s->ran);
    add_description(t, e->case_name ? e->case_name : "", s->file);
    if (e->verdict == SR_SKIP)
        add_directive(t, "SKIP", e);
    else if (e->verdict == SR_XFAIL)
        add_directive(t, "TODO", e);
    else
        add_time(t, e->duration);
    buf_addc(&t->line, '\n');
}

static void take_verdict(struct tap *t, const struct event *e)
{
    struct subtest *s = subtest_of(t, e->file);
    bool flaky = e->attempts > 1 && e->verdict == SR_PASS;

    s->ran++;
    s->failed += e->verdict >= SR_XPASS;
    if (e->duration > 0) s->time += e->duration;
    add_test(t, s, e);
    if (flaky || e->verdict >= SR_WARN || (e->verdict == SR_XFAIL && e->nfailures > 0)) add_diagnostics(t, e);
    buf_add(&s->lines, buf_slice(&t->line));
    buf_clear(&t->line);
}

/* It counts all cases that were to run: those of an interrupted file are missed. */
static void begin_subtest(struct tap *t, const struct subtest *s)
{
    buf_adds(&t->line, "# Subtest: ");
    add_description(t, s->file, "");
    buf_printf(&t->line, "\n    1..%" PRIu64 "\n", s->planned > s->ran ? s->planned : s->ran);
}

static void end_subtest(struct tap *t, const struct subtest *s)
{
    bool whole = s->ran >= s->planned;

    buf_printf(&t->line, "%s %" PRIu64 " - ", whole && s->failed == 0 ? "ok" : "not ok", ++t->number);
    add_description(t, s->file, "");
    add_time(t, s->time);
    buf_addc(&t->line, '\n');
    if (whole) return;
    buf_printf(&t->line,
               "  ---\n  message: \"%" PRIu64 " of %" PRIu64 " cases have no verdict\"\n  severity: error\n  ...\n",
               s->planned - s->ran, s->planned);
}

static void print(struct tap *t)
{
    outfile_add(&t->out, buf_slice(&t->line));
    buf_clear(&t->line);
}

static void write_subtest(struct tap *t, struct subtest *s)
{
    begin_subtest(t, s);
    print(t);
    outfile_add(&t->out, buf_slice(&s->lines));
    if (s->lines.overflow) outfile_fail(&t->out, "the report of one file is larger than 2 GiB");
    end_subtest(t, s);
    print(t);
    free_subtest(t, s);
}

static void take_end(struct tap *t, const struct event *e)
{
    while (t->subtests)
        write_subtest(t, t->subtests);
    if (e->text && *e->text) {
        buf_clear(&t->text);
        line_text(slice_of(e->text), REASON_MOST, &t->text);
        buf_adds(&t->line, "Bail out! ");
        add_escaped(buf_slice(&t->text), &t->line);
        buf_addc(&t->line, '\n');
    } else {
        buf_printf(&t->line, "1..%" PRIu64 "\n", t->number);
    }
    print(t);
    outfile_commit(&t->out);
}

static void take(struct event_sink *s, const struct event *e)
{
    struct tap *t = (struct tap *)s;

    switch (e->kind) {
    case EVENT_RUN: outfile_add(&t->out, SLICE("TAP version 14\n")); break;
    case EVENT_FILE: subtest_of(t, e->file)->planned += e->number > 0 ? (uint64_t)e->number : 0; break;
    case EVENT_VERDICT: take_verdict(t, e); break;
    case EVENT_FILE_END: write_subtest(t, subtest_of(t, e->file)); break;
    case EVENT_RUN_END: take_end(t, e); break;
    case EVENT_CASE:
    case EVENT_ATTEMPT:
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

    while (t->subtests)
        free_subtest(t, t->subtests);
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
