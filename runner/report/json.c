#include "report/report.h"

#include <string.h>

#include "event/jsonl.h"
#include "report/counts.h"
#include "report/outfile.h"
#include "report/reporter.h"
#include "report/running.h"
#include "util/hash.h"
#include "util/mem.h"

enum { DOCUMENT = 1 }; /* the version of the form */
#define CASES_MOST ((size_t)1 << 31)

/* All are kept until the end: a file's cases may come in several goes, between those of others. */
struct file {
    UT_hash_handle hh;
    char *name;
    struct counts counts;
    int64_t duration;
    struct buf cases;
    struct jsonw writer; /* of cases */
};

struct json {
    struct reporter reporter;
    struct outfile out;
    struct file *files;
    struct runnings runnings;
    char *version;
    int64_t began, planned;
};

static struct file *file_of(struct json *j, const char *name)
{
    struct file *f = NULL;

    if (!name) name = "";
    HASH_FIND_STR(j->files, name, f);
    if (f) return f;
    f = mem_zalloc(sizeof(*f));
    f->name = mem_dup(slice_of(name));
    f->cases = BUF_INIT(CASES_MOST);
    jsonw_init(&f->writer, &f->cases);
    HASH_ADD_KEYPTR(hh, j->files, f->name, strlen(f->name), f);
    return f;
}

static void add_words(struct jsonw *w, const char *key, const char *words)
{
    if (!words || !*words) return;
    jsonw_open(w, key, '[');
    while (*words) {
        size_t n = strcspn(words, " ");
        if (n > 0) jsonw_text(w, NULL, (struct slice){words, n});
        words += n + (words[n] == ' ');
    }
    jsonw_close(w, ']');
}

static void take_verdict(struct json *j, const struct event *e)
{
    struct file *f = file_of(j, e->file);
    struct jsonw *w = &f->writer;

    counts_take(&f->counts, e);
    if (e->duration > 0) f->duration += e->duration;
    jsonw_open(w, NULL, '{');
    jsonw_str(w, "case", e->case_name ? e->case_name : "");
    if (e->case_line > 0) jsonw_int(w, "line", e->case_line);
    if (e->case_index >= 0) jsonw_int(w, "index", e->case_index);
    add_words(w, "tags", e->tags);
    jsonw_str(w, "id", e->id);
    jsonw_str(w, "ref", e->ref);
    jsonw_str(w, "quote", e->quote);
    jsonw_str(w, "level", e->level);
    add_words(w, "covers", e->covers);
    jsonw_str(w, "verdict", sr_verdict_name(e->verdict));
    jsonw_int(w, "duration", e->duration);
    if (e->attempts > 1) jsonw_int(w, "attempts", e->attempts);
    jsonw_str(w, "reason", e->text);
    jsonl_failures(e, w);
    jsonw_close(w, '}');
    runnings_end(&j->runnings, runnings_find(&j->runnings, e));
}

static void add_counts(struct jsonw *w, const struct counts *c)
{
    jsonw_open(w, "verdicts", '{');
    for (int i = 0; i < SR_VERDICTS; i++)
        jsonw_int(w, sr_verdict_name((enum sr_verdict)i), (int64_t)c->of[i]);
    jsonw_close(w, '}');
    jsonw_int(w, "flaky", (int64_t)c->flaky);
}

/* Cases that had begun when the run was interrupted: they have no verdict. */
static void add_unfinished(const struct json *j, struct jsonw *w)
{
    if (!j->runnings.first) return;
    jsonw_open(w, "unfinished", '[');
    for (const struct running *one = j->runnings.first; one; one = one->next) {
        jsonw_open(w, NULL, '{');
        jsonw_str(w, "file", one->file ? one->file : "");
        jsonw_str(w, "case", one->name ? one->name : "");
        jsonw_close(w, '}');
    }
    jsonw_close(w, ']');
}

static struct counts sum(const struct json *j)
{
    struct counts all = {0};

    for (const struct file *f = j->files; f; f = f->hh.next) {
        for (int i = 0; i < SR_VERDICTS; i++)
            all.of[i] += f->counts.of[i];
        all.flaky += f->counts.flaky;
    }
    return all;
}

static void add_head(const struct json *j, struct jsonw *w, const struct event *e)
{
    const struct counts all = sum(j);

    jsonw_int(w, "report", DOCUMENT);
    jsonw_str(w, "sockrun", j->version ? j->version : "");
    jsonw_int(w, "began", j->began);
    jsonw_int(w, "duration", e->duration);
    jsonw_int(w, "planned", j->planned);
    if (e->text && *e->text) jsonw_str(w, "ended", e->text);
    add_counts(w, &all);
    add_unfinished(j, w);
}

static void add_file(struct json *j, struct jsonw *w, const struct file *f)
{
    if (f->cases.overflow) outfile_fail(&j->out, "the report of one file is larger than 2 GiB");
    jsonw_open(w, NULL, '{');
    jsonw_str(w, "file", f->name);
    jsonw_int(w, "duration", f->duration);
    add_counts(w, &f->counts);
    jsonw_open(w, "cases", '[');
    outfile_add(&j->out, buf_slice(w->out));
    buf_clear(w->out);
    outfile_add(&j->out, buf_slice(&f->cases));
    jsonw_close(w, ']');
    jsonw_close(w, '}');
}

static void take_end(struct json *j, const struct event *e)
{
    struct buf part = BUF_INIT(CASES_MOST);
    struct jsonw w;

    jsonw_init(&w, &part);
    jsonw_open(&w, NULL, '{');
    add_head(j, &w, e);
    jsonw_open(&w, "files", '[');
    for (const struct file *f = j->files; f; f = f->hh.next)
        add_file(j, &w, f);
    jsonw_close(&w, ']');
    jsonw_close(&w, '}');
    buf_addc(&part, '\n');
    outfile_add(&j->out, buf_slice(&part));
    buf_done(&part);
    outfile_commit(&j->out);
}

static void take_run(struct json *j, const struct event *e)
{
    mem_free(j->version);
    j->version = e->text ? mem_dup(slice_of(e->text)) : NULL;
    j->began = e->at;
    j->planned = e->number;
}

static void take(struct event_sink *s, const struct event *e)
{
    struct json *j = (struct json *)s;

    if (e->kind == EVENT_RUN) take_run(j, e);
    if (e->kind == EVENT_FILE) file_of(j, e->file);
    if (e->kind == EVENT_CASE) runnings_begin(&j->runnings, e);
    if (e->kind == EVENT_VERDICT) take_verdict(j, e);
    if (e->kind == EVENT_RUN_END) take_end(j, e);
}

static const char *error(const struct reporter *r)
{
    return outfile_error(&((const struct json *)r)->out);
}

static void json_free(struct reporter *r)
{
    struct json *j = (struct json *)r;
    struct file *f, *next;

    HASH_ITER(hh, j->files, f, next)
    {
        HASH_DEL(j->files, f);
        mem_free(f->name);
        buf_done(&f->cases);
        mem_free(f);
    }
    runnings_done(&j->runnings);
    outfile_done(&j->out);
    mem_free(j->version);
    mem_free(j);
}

struct event_sink *json_new(const char *path)
{
    struct json *j = mem_zalloc(sizeof(*j));

    j->reporter = (struct reporter){{.take = take}, error, json_free};
    outfile_open(&j->out, path);
    runnings_init(&j->runnings);
    return &j->reporter.sink;
}
