#include "report/slowest.h"

#include <string.h>

#include "report/line.h"
#include "util/mem.h"
#include "util/units.h"

enum { NAME_MOST = 64 * 1024 };

struct slow_case {
    int64_t duration;
    char *name; /* safe to print */
};

void slowest_init(struct slowest *s, size_t most)
{
    *s = (struct slowest){.most = most};
    if (most > 0) s->list = mem_zalloc(most * sizeof(*s->list));
}

void slowest_done(struct slowest *s)
{
    for (size_t i = 0; i < s->n; i++)
        mem_free(s->list[i].name);
    mem_free(s->list);
    *s = (struct slowest){0};
}

void slowest_take(struct slowest *s, const struct event *e)
{
    struct buf name = BUF_INIT(NAME_MOST);
    size_t at = s->n;

    while (at > 0 && s->list[at - 1].duration < e->duration)
        at--;
    if (at == s->most || e->verdict == SR_SKIP) return;
    if (s->n == s->most) mem_free(s->list[--s->n].name);
    memmove(s->list + at + 1, s->list + at, (s->n - at) * sizeof(*s->list));
    line_case(e->file, e->case_name, &name);
    s->list[at] = (struct slow_case){e->duration, mem_dup(buf_slice(&name))};
    s->n++;
    buf_done(&name);
}

void slowest_show(const struct slowest *s, struct buf *out)
{
    char text[UNITS_TEXT];

    if (s->n > 0) buf_adds(out, "slowest:\n");
    for (size_t i = 0; i < s->n; i++)
        buf_printf(out, "   %-8s  %s\n", units_show_duration(s->list[i].duration, text), s->list[i].name);
}
