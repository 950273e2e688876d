#include "run/shard.h"

#include <stdlib.h>
#include <string.h>

#include "util/mem.h"
#include "util/units.h"

/* Of a system that numbers its jobs. */
struct numbering {
    const char *index, *total;
    const char *first; /* the variable with the number of the first one, or NULL: it is `base` */
    int64_t base;
    const char *step; /* the variable with the distance of two numbers, or NULL: 1 */
};

static const struct numbering numberings[] = {
    {"CI_NODE_INDEX", "CI_NODE_TOTAL", NULL, 1, NULL},                         /* GitLab */
    {"CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", NULL, 0, NULL},                 /* CircleCI */
    {"BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT", NULL, 0, NULL}, /* Buildkite */
    {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN", 0, "SLURM_ARRAY_TASK_STEP"},
    {"JOB_COMPLETION_INDEX", "SOCKRUN_SHARD_TOTAL", NULL, 0, NULL}, /* Kubernetes */
};

static bool number(const char *text, int64_t *ret)
{
    return text && *text && !units_int(slice_of(text), ret);
}

static const char *check(int64_t index, int64_t total, struct shard *ret)
{
    if (total < 1 || total > SHARD_MOST) return "there are from 1 to 10000 parts";
    if (index < 1 || index > total) return "the part is a number from 1 to the number of parts";
    *ret = (struct shard){(uint32_t)index, (uint32_t)total};
    return NULL;
}

/* total 0: the environment says how many. */
static const char *by_environment(int64_t total, char *(*env)(const char *name), struct shard *ret)
{
    for (size_t i = 0; i < sizeof numberings / sizeof *numberings; i++) {
        const struct numbering *n = &numberings[i];
        int64_t index, first = n->base, step = 1;
        const char *text = env(n->index);
        if (!text || !*text) continue;
        if (!number(text, &index)) return "the environment's number of this part is none";
        if (!total && !number(env(n->total), &total))
            return "the environment does not say how many parts there are: write auto/N";
        if (n->first && !number(env(n->first), &first)) first = n->base;
        if (n->step && (!number(env(n->step), &step) || step < 1)) step = 1;
        return check((index - first) / step + 1, total, ret);
    }
    return "nothing in the environment says which part this is";
}

const char *shard_parse(const char *text, char *(*env)(const char *name), struct shard *ret)
{
    static const char form[] = "it is I/N, such as 2/4, or auto, or auto/N";
    const char *slash = strchr(text, '/');
    int64_t index, total = 0;
    if (slash && !number(slash + 1, &total)) return form;
    const struct slice left = {text, slash ? (size_t)(slash - text) : strlen(text)};
    if (slice_is(left, "auto")) {
        if (slash && total < 1) return form;
        return by_environment(total, env, ret);
    }
    if (!slash || !left.n || units_int(left, &index)) return form;
    return check(index, total, ret);
}

/* A selected case. */
struct item {
    uint32_t file, index;
    uint32_t order; /* of all that are selected */
    uint32_t part;
    int64_t duration;
};

static int longest_first(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->duration != y->duration) return x->duration < y->duration ? 1 : -1;
    return x->order < y->order ? -1 : 1;
}

static int in_order(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return x->order < y->order ? -1 : x->order > y->order;
}

static struct item *collect(const struct suite *s, const struct results *r)
{
    struct item *items = mem_zalloc((s->nselected + 1) * sizeof *items);
    uint32_t n = 0, known = 0;
    int64_t sum = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        const struct suite_file *f = &s->files[i];
        for (uint32_t k = 0; k < f->nselected; k++, n++) {
            const struct result *had = results_find(r, f->name, f->cases[f->selected[k]].name);
            items[n] = (struct item){.file = i, .index = f->selected[k], .order = n};
            if (!had || had->duration <= 0) continue;
            items[n].duration = had->duration;
            sum += had->duration;
            known++;
        }
    }
    for (uint32_t i = 0; i < n; i++)
        if (!items[i].duration) items[i].duration = known ? sum / known : 1;
    return items;
}

/* Of equal parts the first: with durations that are all the same the cases go round. */
static uint32_t least(const int64_t *loads, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (loads[i] < loads[best]) best = i;
    return best;
}

static void deal_out(struct item *items, uint32_t n, uint32_t total)
{
    int64_t *loads = mem_zalloc(total * sizeof *loads);
    qsort(items, n, sizeof *items, longest_first);
    for (uint32_t i = 0; i < n; i++) {
        items[i].part = least(loads, total);
        loads[items[i].part] += items[i].duration;
    }
    mem_free(loads);
    qsort(items, n, sizeof *items, in_order);
}

/* FNV-1a over all names and their parts. */
static uint32_t fingerprint(const struct suite *s, const struct item *items, uint32_t n)
{
    uint32_t h = 2166136261u;
    for (uint32_t i = 0; i < n; i++) {
        const struct suite_file *f = &s->files[items[i].file];
        for (const char *c = f->cases[items[i].index].name; *c; c++)
            h = (h ^ (unsigned char)*c) * 16777619u;
        h = (h ^ items[i].part) * 16777619u;
    }
    return h;
}

uint32_t shard_keep(struct suite *s, const struct shard *shard, const struct results *r)
{
    const uint32_t n = s->nselected;
    struct item *items = collect(s, r);
    deal_out(items, n, shard->total);
    const uint32_t plan = fingerprint(s, items, n);
    s->nselected = 0;
    for (uint32_t i = 0; i < s->n; i++)
        s->files[i].nselected = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct suite_file *f = &s->files[items[i].file];
        if (items[i].part != shard->index - 1) continue;
        f->selected[f->nselected++] = items[i].index;
        s->nselected++;
    }
    mem_free(items);
    return plan;
}
