#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/outputs.h"
#include "cli/terminal.h"
#include "run/merge.h"
#include "run/paths.h"

static enum sr_exit find_streams(struct paths *p, const struct options *o)
{
    static const char *const endings[] = {".jsonl", NULL};
    bool ok = true;
    p->endings = endings;
    for (uint32_t i = 0; i < o->narguments; i++)
        ok = paths_add(p, o->arguments[i]) && ok;
    for (uint32_t i = 0; i < p->n; i++)
        if (p->files[i].nlines) paths_complain(p, "%s: of a stream all lines are taken", p->files[i].name);
    if (!ok || p->wrong.n) {
        terminal_say_lines(&p->wrong);
        return SR_EXIT_USAGE;
    }
    if (p->n) return SR_EXIT_OK;
    terminal_say("there is nothing to merge: %s",
                 o->narguments ? "no file ends in .jsonl" : "sockrun merge takes what --report-jsonl has written");
    return o->narguments ? SR_EXIT_NONE : SR_EXIT_USAGE;
}

static bool add_stream(struct merge *m, const char *name)
{
    FILE *in = fopen(name, "re");
    const char *why = in ? merge_add(m, name, in) : strerror(errno);
    if (why) terminal_say("%s: %s", name, why);
    return !why;
}

static enum sr_exit merge(struct merge *m, const struct options *o)
{
    struct outputs out;
    struct merge_result result;
    outputs_open(&out, o, NULL);
    merge_send(m, &out.bus, &result);
    const bool whole = outputs_close(&out);
    if (result.complaints.n) fputs(buf_str(&result.complaints), stderr);
    const enum sr_exit code = tally_exit(&out.tally, result.interrupted, !whole || result.complaints.n);
    buf_done(&result.complaints);
    return code;
}

enum sr_exit cmd_merge(const struct options *o)
{
    struct paths p;
    if (!outputs_fit(o)) return SR_EXIT_USAGE;
    paths_init(&p);
    struct merge *m = merge_new();
    enum sr_exit result = find_streams(&p, o);
    for (uint32_t i = 0; result != SR_EXIT_USAGE && i < p.n; i++)
        if (!add_stream(m, p.files[i].name)) result = SR_EXIT_INVALID;
    if (result == SR_EXIT_OK) result = merge(m, o);
    merge_free(m);
    paths_done(&p);
    return result;
}
