#include "run/compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "run/tally.h"
#include "scenario/index.h"

enum { REPORT = 1 }; /* the version of the form that is understood */

/* Reading */

struct reading {
    struct arena *arena;
    struct compare_report *report;
    uint32_t size;
    struct index names;
};

static const char *text_of(struct arena *a, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? arena_dup(a, slice_of(text)) : NULL;
}

/* What stands for "the same case", made so that no name can be taken for another's. */
static struct slice key_of(struct arena *a, const struct compare_case *c)
{
    return slice_of(arena_printf(a, "%zu %s %s", strlen(c->file), c->file, c->name));
}

/* As event_reason chooses: warnings are passed over where something worse has happened. */
static const json_t *worst_failure(const json_t *failures, enum sr_verdict verdict)
{
    size_t i;
    json_t *one;
    json_array_foreach(failures, i,
                       one) if (verdict == SR_WARN || !json_is_true(json_object_get(one, "warning"))) return one;
    return json_array_get(failures, 0);
}

static const char *reason_of(struct arena *a, const json_t *c, enum sr_verdict verdict)
{
    const json_t *failure = worst_failure(json_object_get(c, "failures"), verdict);
    const char *kind = text_of(a, failure, "kind"), *message = text_of(a, failure, "message");
    if (!message) return text_of(a, c, "reason");
    return kind ? arena_printf(a, "%s: %s", kind, message) : message;
}

/* Merged shards may hold a case twice: the worse verdict stands. */
static void add_case(struct reading *r, const struct compare_case *c)
{
    const uint32_t at = index_add(&r->names, r->arena, key_of(r->arena, c), r->report->n);
    struct compare_report *report = r->report;
    if (at < report->n) {
        if (c->verdict > report->cases[at].verdict) report->cases[at] = *c;
        return;
    }
    if (report->n == r->size) {
        struct compare_case *old = report->cases;
        r->size = r->size ? 2 * r->size : 256;
        report->cases = arena_array(r->arena, r->size, sizeof *report->cases);
        if (old) memcpy(report->cases, old, report->n * sizeof *old);
    }
    report->cases[report->n++] = *c;
}

static const char *read_case(struct reading *r, const char *file, const json_t *object)
{
    const char *verdict = json_string_value(json_object_get(object, "verdict"));
    const int v = verdict ? sr_verdict_of_name(verdict) : -1;
    struct compare_case c = {.file = file, .name = text_of(r->arena, object, "case")};
    if (!c.name) return "a case has no name";
    if (v < 0) return arena_printf(r->arena, "the case `%s` has no verdict that is known", c.name);
    const json_int_t line = json_integer_value(json_object_get(object, "line"));
    c.line = line > 0 && line <= UINT32_MAX ? (uint32_t)line : 0;
    c.id = text_of(r->arena, object, "id");
    c.verdict = (enum sr_verdict)v;
    c.flaky = json_integer_value(json_object_get(object, "attempts")) > 1 && c.verdict < SR_WARN;
    c.reason = reason_of(r->arena, object, c.verdict);
    add_case(r, &c);
    return NULL;
}

static const char *read_file(struct reading *r, const json_t *object)
{
    const json_t *cases = json_object_get(object, "cases");
    const char *file = text_of(r->arena, object, "file"), *why = NULL;
    if (!file || !json_is_array(cases)) return "one of its files has no name or no cases";
    for (size_t i = 0; !why && i < json_array_size(cases); i++)
        why = read_case(r, file, json_array_get(cases, i));
    return why;
}

static const char *read_report(struct reading *r, const json_t *root)
{
    const json_t *version = json_object_get(root, "report"), *files = json_object_get(root, "files");
    const char *why = NULL;
    if (!json_is_integer(version) || !json_is_array(files)) return "it is no JSON report of sockrun";
    if (json_integer_value(version) != REPORT) return "it is a report of a version that is not known";
    r->report->whole = !json_object_get(root, "ended");
    for (size_t i = 0; !why && i < json_array_size(files); i++)
        why = read_file(r, json_array_get(files, i));
    return why;
}

const char *compare_read(const char *path, struct arena *a, struct compare_report *ret)
{
    json_error_t error;
    struct compare_report report = {0};
    struct reading r = {.arena = a, .report = &report};
    const size_t flags = JSON_ALLOW_NUL;
    errno = 0;
    json_t *root = strcmp(path, "-") == 0 ? json_loadf(stdin, flags, &error) : json_load_file(path, flags, &error);
    const int cause = errno;
    if (!root && json_error_code(&error) == json_error_cannot_open_file) return arena_printf(a, "%s", strerror(cause));
    if (!root) return arena_printf(a, "it is no JSON report of sockrun: line %d: %s", error.line, error.text);
    const char *why = read_report(&r, root);
    json_decref(root);
    if (!why) *ret = report;
    return why;
}

/* Comparing */

static enum compare_change judge_new(enum sr_verdict is)
{
    return sr_verdict_failed(is) ? COMPARE_NEW_FAILS : COMPARE_NEW;
}

static enum compare_change judge(const struct compare_case *was, const struct compare_case *is, bool whole)
{
    if (!is) return whole ? COMPARE_GONE : COMPARE_NOT_RUN;
    if (!was) return judge_new(is->verdict);
    if (sr_verdict_failed(is->verdict) && !sr_verdict_failed(was->verdict)) return COMPARE_FAILS;
    if (is->verdict == SR_SKIP) return was->verdict == SR_SKIP ? COMPARE_SAME : COMPARE_SKIPPED;
    /* What was skipped had not been judged: nothing got worse. */
    if (was->verdict == SR_SKIP || is->verdict < was->verdict) return COMPARE_BETTER;
    if (is->verdict > was->verdict) return COMPARE_WORSE;
    if (is->flaky != was->flaky) return is->flaky ? COMPARE_FLAKY : COMPARE_BETTER;
    return COMPARE_SAME;
}

bool compare_is_worse(enum compare_change c)
{
    return c <= COMPARE_NOT_RUN;
}

/* partners[i]: the old case that the new case i is, or INDEX_NONE; taken[k]: the old case k has one. */
static void pair_by(const struct compare_report *was, const struct compare_report *is, bool ids, uint32_t *partners,
                    bool *taken)
{
    struct arena a;
    struct index known = {0};
    arena_init(&a);
    for (uint32_t i = 0; i < was->n; i++) {
        const struct compare_case *c = &was->cases[i];
        if (!taken[i] && (!ids || c->id)) index_add(&known, &a, ids ? slice_of(c->id) : key_of(&a, c), i);
    }
    for (uint32_t i = 0; i < is->n; i++) {
        const struct compare_case *c = &is->cases[i];
        if (partners[i] != INDEX_NONE || (ids && !c->id)) continue;
        const uint32_t at = index_find(&known, ids ? slice_of(c->id) : key_of(&a, c));
        if (at == INDEX_NONE || taken[at]) continue;
        partners[i] = at;
        taken[at] = true;
    }
    arena_done(&a);
}

static int by_order(const void *left, const void *right)
{
    const struct compare_pair *a = left, *b = right;
    const struct compare_case *x = a->is ? a->is : a->was, *y = b->is ? b->is : b->was;
    if (a->change != b->change) return a->change < b->change ? -1 : 1;
    const int file = strcmp(x->file, y->file);
    if (file) return file;
    if (x->line != y->line) return x->line < y->line ? -1 : 1;
    return strcmp(x->name, y->name);
}

static void add_pair(struct comparison *c, enum compare_change change, const struct compare_case *was,
                     const struct compare_case *is)
{
    c->of[change]++;
    c->pairs[c->n++] = (struct compare_pair){change, was, is};
}

void compare_reports(const struct compare_report *was, const struct compare_report *is, struct arena *a,
                     struct comparison *ret)
{
    uint32_t *partners = arena_array(a, is->n, sizeof *partners);
    bool *taken = arena_array(a, was->n, sizeof *taken);
    struct comparison c = {.pairs = arena_array(a, (size_t)was->n + is->n, sizeof *c.pairs)};
    for (uint32_t i = 0; i < is->n; i++)
        partners[i] = INDEX_NONE;
    pair_by(was, is, false, partners, taken);
    pair_by(was, is, true, partners, taken);
    for (uint32_t i = 0; i < is->n; i++) {
        const struct compare_case *before = partners[i] == INDEX_NONE ? NULL : &was->cases[partners[i]];
        add_pair(&c, judge(before, &is->cases[i], is->whole), before, &is->cases[i]);
    }
    for (uint32_t i = 0; i < was->n; i++)
        if (!taken[i]) add_pair(&c, judge(&was->cases[i], NULL, is->whole), &was->cases[i], NULL);
    qsort(c.pairs, c.n, sizeof *c.pairs, by_order);
    *ret = c;
}
