#include "report/report.h"

#include <errno.h>
#include <string.h>

#include "report/reporter.h"
#include "util/mem.h"

struct guard {
    struct reporter reporter;
    FILE *out;
    char *token;
    char *error;
};

static void print(struct guard *g, const char *before, const char *after)
{
    fprintf(g->out, "::%s%s%s\n", before, g->token, after);
    /* At once: a process that is forked later must not print it again, nor anything come before it. */
    if (fflush(g->out) != 0 && !g->error) g->error = mem_dup(slice_of(strerror(errno)));
}

static void take(struct event_sink *s, const struct event *e)
{
    struct guard *g = (struct guard *)s;

    if (e->kind == EVENT_RUN) print(g, "stop-commands::", "");
    if (e->kind == EVENT_RUN_END) print(g, "", "::");
}

static const char *error(const struct reporter *r)
{
    return ((const struct guard *)r)->error;
}

static void guard_free(struct reporter *r)
{
    struct guard *g = (struct guard *)r;

    mem_free(g->token);
    mem_free(g->error);
    mem_free(g);
}

struct event_sink *guard_new(FILE *out, const char *token)
{
    struct guard *g = mem_zalloc(sizeof(*g));

    g->reporter = (struct reporter){{.take = take}, error, guard_free};
    g->out = out;
    g->token = mem_dup(slice_of(token));
    return &g->reporter.sink;
}
