#include "report/report.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "report/counts.h"
#include "report/failure.h"
#include "report/outfile.h"
#include "report/reporter.h"
#include "util/mem.h"
#include "util/units.h"

/* GitHub refuses a summary of more than 1 MiB: rows that would not fit are counted instead. So are annotations, of
 * which it shows ten for each step. */
enum {
    TEXT_MOST = 64 * 1024 * 1024,
    ROWS_MOST = 768 * 1024,
    ANNOTATIONS_MOST = 1024 * 1024,
    MESSAGE_MOST = 8 * 1024,
    REASON_MOST = 1024
};

struct github {
    struct reporter reporter;
    FILE *out;
    struct outfile summary;
    bool summarize;
    struct counts counts;
    uint64_t unlisted, unmarked; /* rows and annotations that do not fit */
    struct buf annotations, rows;
    struct buf text, line; /* scratch */
    char *error;
};

/* https://docs.github.com/actions/reference/workflow-commands-for-github-actions: what would end a message, or one of
 * the properties before it. */
static void add_escaped(struct slice s, bool property, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool special = c == '%' || c == '\r' || c == '\n' || (property && (c == ':' || c == ','));
        if (special)
            buf_printf(out, "%%%02X", (unsigned)c);
        else
            buf_addc(out, c);
    }
}

static void add_property(struct github *g, const char *before, struct slice value)
{
    buf_adds(&g->line, before);
    add_escaped(value, true, &g->line);
}

static void add_place(struct github *g, const struct event *e)
{
    const struct event_failure *reason = event_reason(e);
    const struct place *p = reason ? &reason->place : &e->place;
    const char *file = p->file ? p->file : e->file;
    uint32_t line = p->file ? p->line : e->case_line;

    if (!file) return;
    buf_clear(&g->text);
    line_text(slice_of(file), MESSAGE_MOST, &g->text);
    add_property(g, "file=", buf_slice(&g->text));
    if (line > 0) buf_printf(&g->line, ",line=%" PRIu32, line);
    if (p->file && p->col > 0) buf_printf(&g->line, ",col=%" PRIu32, p->col);
    buf_addc(&g->line, ',');
}

/* Why, in one line. */
static struct slice reason_of(struct github *g, const struct event *e)
{
    buf_clear(&g->text);
    failure_summary(e, &g->text);
    if (g->text.n == 0) buf_adds(&g->text, sr_verdict_name(e->verdict));
    return buf_slice(&g->text);
}

static void add_annotation(struct github *g, const struct event *e)
{
    buf_clear(&g->line);
    buf_adds(&g->line, e->verdict == SR_WARN ? "::warning " : "::error ");
    add_place(g, e);
    buf_clear(&g->text);
    buf_printf(&g->text, "%s: ", sr_verdict_name(e->verdict));
    line_case(e->file, e->case_name, &g->text);
    add_property(g, "title=", buf_slice(&g->text));
    buf_adds(&g->line, "::");
    add_escaped(reason_of(g, e), false, &g->line);
    buf_addc(&g->line, '\n');
    if (!buf_add(&g->annotations, buf_slice(&g->line))) g->unmarked++;
}

/* CommonMark 2.4: a backslash takes the meaning from any of these. ':', '@' and the dot of "www." would make links, of
 * which a peer could choose the target; '$' would begin a formula. */
static void add_markdown(struct slice s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        const bool www = s.p[i] == '.' && i > 0 && (s.p[i - 1] | 0x20) == 'w';
        if (www || (s.p[i] && strchr("\\`*_[]<>&|~#!:@$", s.p[i]))) buf_addc(out, '\\');
        buf_addc(out, s.p[i]);
    }
}

static void add_row(struct github *g, const struct event *e)
{
    char duration[UNITS_TEXT];

    buf_clear(&g->line);
    buf_printf(&g->line, "| %s | ", sr_verdict_name(e->verdict));
    buf_clear(&g->text);
    line_case(e->file, e->case_name, &g->text);
    add_markdown(buf_slice(&g->text), &g->line);
    buf_printf(&g->line, " | %s | ", units_show_duration(e->duration, duration));
    struct buf reason = BUF_INIT(TEXT_MOST);
    line_text(reason_of(g, e), REASON_MOST, &reason);
    add_markdown(buf_slice(&reason), &g->line);
    buf_done(&reason);
    buf_adds(&g->line, " |\n");
    if (!buf_add(&g->rows, buf_slice(&g->line))) g->unlisted++;
}

static void take_verdict(struct github *g, const struct event *e)
{
    counts_take(&g->counts, e);
    if (e->verdict < SR_WARN) return;
    add_annotation(g, e);
    if (g->summarize) add_row(g, e);
}

static void write_annotations(struct github *g)
{
    fwrite(buf_str(&g->annotations), 1, g->annotations.n, g->out);
    if (g->unmarked > 0) fprintf(g->out, "::notice::%" PRIu64 " more are not marked\n", g->unmarked);
    if (fflush(g->out) == 0 && !ferror(g->out)) return;
    buf_clear(&g->line);
    buf_printf(&g->line, "cannot write annotations: %s", strerror(errno));
    g->error = mem_dup(buf_slice(&g->line));
}

static void write_summary(struct github *g, const struct event *e)
{
    char duration[UNITS_TEXT];

    buf_clear(&g->line);
    buf_adds(&g->line, "### sockrun: ");
    counts_show(&g->counts, &g->line);
    buf_printf(&g->line, " in %s", units_show_duration(e->duration, duration));
    if (e->text && *e->text) {
        buf_adds(&g->line, ", ");
        buf_clear(&g->text);
        line_text(slice_of(e->text), REASON_MOST, &g->text);
        add_markdown(buf_slice(&g->text), &g->line);
    }
    buf_adds(&g->line, "\n\n");
    if (g->rows.n > 0) buf_adds(&g->line, "| verdict | case | time | reason |\n|---|---|---|---|\n");
    outfile_add(&g->summary, buf_slice(&g->line));
    outfile_add(&g->summary, buf_slice(&g->rows));
    buf_clear(&g->line);
    if (g->unlisted > 0) buf_printf(&g->line, "\n%" PRIu64 " more do not fit here.\n", g->unlisted);
    if (g->rows.n > 0) buf_addc(&g->line, '\n');
    outfile_add(&g->summary, buf_slice(&g->line));
    outfile_commit(&g->summary);
}

static void take(struct event_sink *s, const struct event *e)
{
    struct github *g = (struct github *)s;

    if (e->kind == EVENT_VERDICT) take_verdict(g, e);
    if (e->kind != EVENT_RUN_END) return;
    write_annotations(g);
    if (g->summarize) write_summary(g, e);
}

static const char *error(const struct reporter *r)
{
    const struct github *g = (const struct github *)r;

    return g->error ? g->error : outfile_error(&g->summary);
}

static void github_free(struct reporter *r)
{
    struct github *g = (struct github *)r;

    if (g->summarize) outfile_done(&g->summary);
    buf_done(&g->annotations);
    buf_done(&g->rows);
    buf_done(&g->text);
    buf_done(&g->line);
    mem_free(g->error);
    mem_free(g);
}

struct event_sink *github_new(FILE *out, const char *summary)
{
    struct github *g = mem_zalloc(sizeof(*g));

    g->reporter = (struct reporter){{.take = take}, error, github_free};
    g->out = out;
    g->summarize = summary && *summary;
    if (g->summarize) outfile_open_end(&g->summary, summary);
    g->annotations = BUF_INIT(ANNOTATIONS_MOST);
    g->rows = BUF_INIT(ROWS_MOST);
    g->text = BUF_INIT(TEXT_MOST);
    g->line = BUF_INIT(TEXT_MOST);
    return &g->reporter.sink;
}
