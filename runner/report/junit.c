#include "report/report.h"

#include <inttypes.h>
#include <string.h>

#include "report/failure.h"
#include "report/outfile.h"
#include "report/reporter.h"
#include "report/running.h"
#include "report/xml.h"
#include "util/arena.h"
#include "util/hash.h"
#include "util/mem.h"
#include "util/units.h"

enum { NAME_MOST = 64 * 1024, BLOCK_MOST = 64 * 1024 * 1024 };
#define CASES_MOST ((size_t)1 << 32)

struct tally {
    uint64_t tests, failures, errors, skipped;
    int64_t time; /* ns */
};

/* Of the text of all cases, one file's next part. */
struct piece {
    struct piece *next;
    size_t from, n;
};

/* One file. All are kept until the end: a file's cases may come in several goes, between those of others, and the
 * counts stand before the cases. */
struct suite {
    UT_hash_handle hh;
    const char *file;
    struct tally tally;
    struct piece *first, **last;
};

/* A classname and name that was given out, as it stands in the report (where what XML cannot hold looks the same), NUL
 * between. */
struct used {
    UT_hash_handle hh;
    uint64_t times;
    char key[];
};

struct junit {
    struct reporter reporter;
    struct outfile out;
    struct suite *suites;
    struct used *used;
    struct runnings runnings;
    /* In few places, since a forked child has each page that we write to copied. */
    struct arena arena;
    struct buf cases;
    struct buf name, classname, text; /* scratch */
};

static struct suite *suite_of(struct junit *j, const char *file)
{
    struct suite *s = NULL;

    if (!file) file = "";
    HASH_FIND_STR(j->suites, file, s);
    if (s) return s;
    s = arena_alloc(&j->arena, sizeof(*s));
    s->file = arena_dup(&j->arena, slice_of(file));
    s->last = &s->first;
    HASH_ADD_KEYPTR(hh, j->suites, s->file, strlen(s->file), s);
    return s;
}

static struct slice without_ending(const char *file)
{
    static const char *const endings[] = {".yaml", ".yml", ".lua"};
    struct slice s = slice_of(file);

    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t n = strlen(endings[i]);
        if (s.n > n && memcmp(s.p + s.n - n, endings[i], n) == 0) return slice_part(s, 0, s.n - n);
    }
    return s;
}

/* Readers make a tree of the dots: a/b.yaml is a.b. */
static void add_classname(const char *file, struct buf *out)
{
    struct slice s = without_ending(file);
    struct buf safe = BUF_INIT(NAME_MOST);

    while (s.n > 0 && (s.p[0] == '.' || s.p[0] == '/'))
        s = slice_part(s, 1, s.n);
    line_text(s, NAME_MOST / 8, &safe);
    for (size_t i = 0; i < safe.n; i++)
        buf_addc(out, safe.p[i] == '/' ? '.' : safe.p[i]);
    buf_done(&safe);
}

static void add_name(const struct event *e, struct buf *out)
{
    struct slice s = without_ending(e->file ? e->file : "");
    const char *slash = s.p ? memrchr(s.p, '/', s.n) : NULL;

    if (e->case_name && *e->case_name)
        s = slice_of(e->case_name);
    else if (slash)
        s = slice_part(s, (size_t)(slash + 1 - s.p), s.n);
    line_text(s, NAME_MOST / 8, out);
}

static struct used *find_used(struct junit *j, struct slice key)
{
    struct used *u = NULL;

    HASH_FIND(hh, j->used, key.p, key.n, u);
    return u;
}

static struct used *note_used(struct junit *j, struct slice key)
{
    struct used *u = arena_alloc(&j->arena, sizeof(*u) + key.n);

    memcpy(u->key, key.p, key.n);
    u->times = 1;
    HASH_ADD_KEYPTR(hh, j->used, u->key, key.n, u);
    return u;
}

/* Leaves in j->name what no case of that class was called yet. */
static void make_unique(struct junit *j)
{
    struct buf key = BUF_INIT(16 * NAME_MOST);

    xml_text(buf_slice(&j->classname), &key);
    buf_addc(&key, '\0');
    xml_text(buf_slice(&j->name), &key);
    struct used *first = find_used(j, buf_slice(&key));
    size_t bare = j->name.n, bare_key = key.n;
    while (first && find_used(j, buf_slice(&key))) {
        j->name.n = bare;
        key.n = bare_key;
        first->times++;
        buf_printf(&j->name, " #%" PRIu64, first->times);
        buf_printf(&key, " #%" PRIu64, first->times);
    }
    note_used(j, buf_slice(&key));
    buf_done(&key);
}

static void add_time(int64_t ns, struct buf *out)
{
    int64_t us = ns > 0 ? ns / NS_PER_US : 0;

    buf_printf(out, " time=\"%" PRId64 ".%06" PRId64 "\"", us / 1000000, us % 1000000);
}

/* One line, without what could show something else than what is there. */
static void add_attr(const char *name, const char *value, struct buf *out)
{
    struct buf safe = BUF_INIT(NAME_MOST);

    line_text(slice_of(value), NAME_MOST / 8, &safe);
    xml_attr(name, slice_of(buf_str(&safe)), out);
    buf_done(&safe);
}

static void add_property(const char *name, const char *value, struct buf *out)
{
    buf_adds(out, "        <property");
    xml_attr("name", slice_of(name), out);
    add_attr("value", value, out);
    buf_adds(out, "/>\n");
}

static bool is_flaky(const struct event *e)
{
    return e->attempts > 1 && (e->verdict == SR_PASS || e->verdict == SR_WARN);
}

static void add_properties(struct junit *j, const struct event *e, struct buf *out)
{
    const struct {
        const char *name, *value;
    } marks[] = {{"tags", e->tags}, {"id", e->id}, {"ref", e->ref}, {"level", e->level}, {"covers", e->covers}};
    const size_t before = out->n;

    buf_adds(out, "      <properties>\n");
    const size_t none = out->n;
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (marks[i].value && *marks[i].value) add_property(marks[i].name, marks[i].value, out);
    if (e->attempts > 1) {
        buf_clear(&j->text);
        buf_printf(&j->text, "%" PRIu32, e->attempts);
        add_property("attempts", buf_str(&j->text), out);
    }
    if (e->verdict == SR_WARN) {
        buf_clear(&j->text);
        failure_summary(e, &j->text);
        add_property("warning", buf_str(&j->text), out);
    }
    if (out->n == none)
        out->n = before;
    else
        buf_adds(out, "      </properties>\n");
}

static void add_block(struct junit *j, const struct event *e, struct buf *out)
{
    const struct style plain = {.width = LINE_WIDTH};

    buf_clear(&j->text);
    failure_render(e, &plain, &j->text);
    xml_text(buf_slice(&j->text), out);
}

static void add_message(struct junit *j, const struct event *e, struct buf *out)
{
    buf_clear(&j->text);
    failure_summary(e, &j->text);
    xml_attr("message", j->text.n > 0 ? buf_slice(&j->text) : slice_of(sr_verdict_name(e->verdict)), out);
}

static void add_failure(struct junit *j, const char *element, const struct event *e, struct buf *out)
{
    const struct event_failure *reason = event_reason(e);
    const char *kind = reason ? reason->kind : NULL;

    buf_printf(out, "      <%s", element);
    add_attr("type", kind ? kind : sr_verdict_name(e->verdict), out);
    add_message(j, e, out);
    buf_addc(out, '>');
    add_block(j, e, out);
    buf_printf(out, "</%s>\n", element);
}

static void add_skipped(struct junit *j, const struct event *e, struct buf *out)
{
    buf_adds(out, "      <skipped");
    xml_attr("type", slice_of(sr_verdict_name(e->verdict)), out);
    add_message(j, e, out);
    buf_adds(out, "/>\n");
}

/* As Maven Surefire tells of a test that passed when it was run again. */
static void add_flaky(struct junit *j, const struct event *e, struct buf *out)
{
    buf_clear(&j->text);
    line_text(slice_of(e->text), NAME_MOST / 8, &j->text);
    buf_adds(out, "      <flakyFailure type=\"flaky\"");
    xml_attr("message", buf_slice(&j->text), out);
    buf_adds(out, "><stackTrace>");
    xml_text(buf_slice(&j->text), out);
    buf_adds(out, "</stackTrace></flakyFailure>\n");
}

static void add_outcome(struct junit *j, struct tally *t, const struct event *e, struct buf *out)
{
    switch (e->verdict) {
    case SR_PASS:
    case SR_WARN:
        if (is_flaky(e)) add_flaky(j, e, out);
        break;
    case SR_SKIP:
    case SR_XFAIL:
        t->skipped++;
        add_skipped(j, e, out);
        break;
    case SR_XPASS:
    case SR_FAIL:
        t->failures++;
        add_failure(j, "failure", e, out);
        break;
    case SR_ERROR:
        t->errors++;
        add_failure(j, "error", e, out);
        break;
    }
}

static void add_output(struct junit *j, const struct event *e, const struct running *one, struct buf *out)
{
    bool logs = one && (one->logs.n > 0 || one->logs_lost > 0);
    bool block = e->verdict == SR_WARN || (e->verdict == SR_XFAIL && e->nfailures > 0);

    if (!logs && !block) return;
    buf_adds(out, "      <system-out>");
    if (block) add_block(j, e, out);
    if (logs) {
        buf_clear(&j->text);
        running_show_logs(one, &j->text);
        xml_text(buf_slice(&j->text), out);
    }
    buf_adds(out, "</system-out>\n");
}

static void add_case(struct junit *j, struct suite *s, const struct event *e, const struct running *one)
{
    struct buf *out = &j->cases;
    struct piece *piece = arena_alloc(&j->arena, sizeof(*piece));

    piece->from = out->n;
    buf_adds(out, "    <testcase");
    xml_attr("classname", buf_slice(&j->classname), out);
    xml_attr("name", buf_slice(&j->name), out);
    add_attr("file", s->file, out);
    if (e->case_line > 0) buf_printf(out, " line=\"%u\"", e->case_line);
    add_time(e->duration, out);
    buf_adds(out, ">\n");
    add_properties(j, e, out);
    add_outcome(j, &s->tally, e, out);
    add_output(j, e, one, out);
    buf_adds(out, "    </testcase>\n");
    piece->n = out->n - piece->from;
    *s->last = piece;
    s->last = &piece->next;
}

/* one: what is known of it from before, or NULL. */
static void end_case(struct junit *j, const struct event *e, struct running *one)
{
    struct suite *s = suite_of(j, e->file);

    buf_clear(&j->classname);
    buf_clear(&j->name);
    add_classname(s->file, &j->classname);
    add_name(e, &j->name);
    make_unique(j);
    s->tally.tests++;
    if (e->duration > 0) s->tally.time += e->duration;
    add_case(j, s, e, one);
    runnings_end(&j->runnings, one);
}

/* They had begun when the run was stopped: whatever they were about to say is not known. */
static void add_unfinished(struct junit *j, const struct event *end)
{
    while (j->runnings.first) {
        struct running *one = j->runnings.first;
        struct event_failure why = {
            .kind = "unfinished", .message = end->text ? end->text : "it did not end", .after = -1, .limit = -1};
        struct event e = {.kind = EVENT_VERDICT,
                          .verdict = SR_ERROR,
                          .file = one->file,
                          .case_name = one->name,
                          .case_index = one->index,
                          .case_line = one->line,
                          .duration = end->at - one->began,
                          .failures = &why,
                          .nfailures = 1};
        end_case(j, &e, one);
    }
}

static void add_tally(const struct tally *t, struct buf *out)
{
    buf_printf(out, " tests=\"%" PRIu64 "\" failures=\"%" PRIu64 "\" errors=\"%" PRIu64 "\"", t->tests, t->failures,
               t->errors);
}

static void write_head(struct junit *j, const struct event *e)
{
    struct tally all = {.time = e->duration};

    for (const struct suite *s = j->suites; s; s = s->hh.next) {
        all.tests += s->tally.tests;
        all.failures += s->tally.failures;
        all.errors += s->tally.errors;
    }
    buf_clear(&j->text);
    buf_adds(&j->text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"sockrun\"");
    add_tally(&all, &j->text);
    add_time(all.time, &j->text);
    buf_adds(&j->text, ">\n");
    outfile_add(&j->out, buf_slice(&j->text));
}

static void write_suite(struct junit *j, const struct suite *s)
{
    buf_clear(&j->text);
    buf_adds(&j->text, "  <testsuite");
    add_attr("name", s->file, &j->text);
    add_tally(&s->tally, &j->text);
    buf_printf(&j->text, " skipped=\"%" PRIu64 "\"", s->tally.skipped);
    add_time(s->tally.time, &j->text);
    buf_adds(&j->text, ">\n");
    outfile_add(&j->out, buf_slice(&j->text));
    for (const struct piece *p = s->first; p; p = p->next)
        outfile_add(&j->out, slice_part(buf_slice(&j->cases), p->from, p->n));
    outfile_add(&j->out, SLICE("  </testsuite>\n"));
}

static void take_end(struct junit *j, const struct event *e)
{
    add_unfinished(j, e);
    if (j->cases.overflow) outfile_fail(&j->out, "it is larger than 4 GiB");
    write_head(j, e);
    for (const struct suite *s = j->suites; s; s = s->hh.next)
        write_suite(j, s);
    outfile_add(&j->out, SLICE("</testsuites>\n"));
    outfile_commit(&j->out);
}

static void take(struct event_sink *s, const struct event *e)
{
    struct junit *j = (struct junit *)s;

    switch (e->kind) {
    case EVENT_FILE: suite_of(j, e->file); break;
    case EVENT_CASE: runnings_begin(&j->runnings, e); break;
    case EVENT_VERDICT: end_case(j, e, runnings_find(&j->runnings, e)); break;
    case EVENT_RUN_END: take_end(j, e); break;
    case EVENT_LOG:
    case EVENT_LOST: {
        struct running *one = runnings_find(&j->runnings, e);
        if (one) running_log(one, e);
        break;
    }
    case EVENT_RUN:
    case EVENT_ATTEMPT:
    case EVENT_FILE_END:
    case EVENT_STEP:
    case EVENT_TRAFFIC:
    case EVENT_SECRETS:
    case EVENT_PACKETS:
    case EVENT_FRAME: break;
    }
}

static const char *error(const struct reporter *r)
{
    return outfile_error(&((const struct junit *)r)->out);
}

static void junit_free(struct reporter *r)
{
    struct junit *j = (struct junit *)r;

    HASH_CLEAR(hh, j->suites);
    HASH_CLEAR(hh, j->used);
    arena_done(&j->arena);
    buf_done(&j->cases);
    runnings_done(&j->runnings);
    outfile_done(&j->out);
    buf_done(&j->name);
    buf_done(&j->classname);
    buf_done(&j->text);
    mem_free(j);
}

struct event_sink *junit_new(const char *path)
{
    struct junit *j = mem_zalloc(sizeof(*j));

    j->reporter = (struct reporter){{.take = take}, error, junit_free};
    outfile_open(&j->out, path);
    runnings_init(&j->runnings);
    arena_init(&j->arena);
    j->cases = BUF_INIT(CASES_MOST);
    j->name = BUF_INIT(NAME_MOST);
    j->classname = BUF_INIT(NAME_MOST);
    j->text = BUF_INIT(BLOCK_MOST);
    return &j->reporter.sink;
}
