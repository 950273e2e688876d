#include <stdio.h>

#include "report/reporter.h"
#include "report/story.h"
#include "util/mem.h"

enum { OUT_MOST = 64 << 20 };

/* All is told at the end: packets come a little later than what the child says of them. */
struct explain {
    struct reporter reporter;
    FILE *out;
    struct style style;
    struct arena arena;
    struct story *first, **last;
    struct story *now; /* the case that runs */
    struct wire *wires;
    uint32_t nwires;
};

static void begin(struct explain *x, const struct event *e)
{
    struct story *s = ARENA_NEW(&x->arena, struct story);
    *s = (struct story){.arena = &x->arena,
                        .file = arena_dup(&x->arena, slice_of(e->file)),
                        .name = arena_dup(&x->arena, slice_of(e->case_name))};
    x->now = *x->last = s;
    x->last = &s->next;
}

static void tell_all(struct explain *x)
{
    struct buf out = BUF_INIT(OUT_MOST);
    struct story_told told = {0};
    for (struct story *s = x->first; s; s = s->next) {
        s->wires = x->wires;
        s->nwires = x->nwires;
        story_show(s, &told, &x->style, &out);
        buf_addc(&out, '\n');
    }
    fwrite(buf_str(&out), 1, out.n, x->out);
    buf_done(&out);
}

static void keep_wire(struct explain *x, struct slice packet)
{
    struct wire w;
    if (x->nwires == STORY_WIRES_MOST || !wire_parse(packet, &w)) return;
    x->wires[x->nwires++] = w;
}

static void take(struct event_sink *s, const struct event *e)
{
    struct explain *x = (struct explain *)s;
    switch (e->kind) {
    case EVENT_CASE: begin(x, e); break;
    case EVENT_TRAFFIC:
        if (x->now && e->socket) story_add(x->now, e);
        break;
    case EVENT_FRAME: keep_wire(x, e->bytes); break;
    case EVENT_RUN_END: tell_all(x); break;
    case EVENT_FILE_END:
    case EVENT_RUN:
    case EVENT_FILE:
    case EVENT_ATTEMPT:
    case EVENT_VERDICT:
    case EVENT_STEP:
    case EVENT_LOG:
    case EVENT_LOST:
    case EVENT_SECRETS:
    case EVENT_PACKETS: break;
    }
}

static const char *error(const struct reporter *r)
{
    (void)r;
    return NULL;
}

static void explain_free(struct reporter *r)
{
    struct explain *x = (struct explain *)r;
    arena_done(&x->arena);
    mem_free(x->wires);
    mem_free(x);
}

struct event_sink *explain_new(FILE *out, bool color, unsigned width)
{
    struct explain *x = mem_zalloc(sizeof *x);
    x->reporter = (struct reporter){{.take = take}, error, explain_free};
    x->out = out;
    x->style = (struct style){.color = color, .width = width ? width : LINE_WIDTH};
    x->last = &x->first;
    x->wires = mem_alloc(STORY_WIRES_MOST * sizeof *x->wires);
    return &x->reporter.sink;
}
