#include "report/running.h"

#include <inttypes.h>
#include <string.h>

#include "util/mem.h"

enum { LOGS_MOST = 64 * 1024, LOG_MOST = 16 * 1024, SCRATCH = 256 * 1024 };

void runnings_init(struct runnings *r)
{
    *r = (struct runnings){.last = &r->first};
}

static void free_running(struct running *one)
{
    mem_free(one->file);
    mem_free(one->name);
    buf_done(&one->logs);
    mem_free(one);
}

void runnings_done(struct runnings *r)
{
    for (struct running *one = r->first, *next; one; one = next) {
        next = one->next;
        free_running(one);
    }
    runnings_init(r);
}

struct running *runnings_begin(struct runnings *r, const struct event *e)
{
    struct running *one = mem_zalloc(sizeof(*one));

    one->file = mem_dup(slice_of(e->file));
    one->name = mem_dup(slice_of(e->case_name));
    one->index = e->case_index;
    one->line = e->case_line;
    one->began = e->at;
    one->logs = BUF_INIT(LOGS_MOST);
    *r->last = one;
    r->last = &one->next;
    r->found = one;
    return one;
}

static bool is_same(const struct running *one, const struct event *e)
{
    return one->index == e->case_index && strcmp(one->file, e->file ? e->file : "") == 0 &&
           strcmp(one->name, e->case_name ? e->case_name : "") == 0;
}

struct running *runnings_find(struct runnings *r, const struct event *e)
{
    if (r->found && is_same(r->found, e)) return r->found;
    for (struct running *one = r->first; one; one = one->next)
        if (is_same(one, e)) return r->found = one;
    return NULL;
}

void runnings_end(struct runnings *r, struct running *one)
{
    struct running **link = &r->first;

    if (!one) return;
    while (*link != one)
        link = &(*link)->next;
    *link = one->next;
    if (!one->next) r->last = link;
    r->found = NULL;
    free_running(one);
}

static void add_message(const struct event *e, struct buf *out)
{
    if (e->kind == EVENT_LOST) {
        buf_printf(out, "%" PRId64 " events of this case were lost: the spool is full", e->number);
        return;
    }
    if (e->actor) {
        line_text(slice_of(e->actor), LOG_MOST, out);
        buf_adds(out, ": ");
    }
    buf_add(out, slice_part(slice_of(e->text), 0, LOG_MOST));
}

void running_note(const struct event *e, const struct style *s, struct buf *out)
{
    struct buf text = BUF_INIT(SCRATCH);
    bool warning = e->kind == EVENT_LOST || e->number == 1;

    add_message(e, &text);
    line_note(s, warning ? "warning" : "log", buf_slice(&text), out);
    buf_done(&text);
}

void running_log(struct running *one, const struct event *e)
{
    const struct style plain = {.width = LINE_WIDTH};
    struct buf note = BUF_INIT(SCRATCH);

    running_note(e, &plain, &note);
    if (one->logs_lost > 0 || !buf_add(&one->logs, buf_slice(&note))) one->logs_lost++;
    buf_done(&note);
}

void running_show_logs(const struct running *one, struct buf *out)
{
    buf_add(out, buf_slice(&one->logs));
    if (one->logs_lost > 0) buf_printf(out, "   ... and %" PRIu64 " more\n", one->logs_lost);
}
