#include "report/html_case.h"
#include "report/reporter.h"
#include "report/running.h"
#include "util/mem.h"

enum { RUN_MOST = 64 * 1024 };

struct html {
    struct reporter reporter;
    struct html_page page;
    struct runnings runnings; /* own: struct html_case */
    uint32_t cases;
};

static void begin(struct html *h, const struct event *e)
{
    runnings_begin(&h->runnings, e)->own = html_case_new(++h->cases, e);
}

static void tell(struct html *h, const struct event *e)
{
    struct running *one = runnings_find(&h->runnings, e);
    if (one) html_case_add(one->own, e, &h->page);
}

static void end_case(struct html *h, const struct event *e)
{
    struct running *one = runnings_find(&h->runnings, e);
    struct html_case *c = one ? one->own : html_case_new(++h->cases, e);
    html_case_end(c, e, &h->page);
    html_case_free(c);
    runnings_end(&h->runnings, one);
}

/* The numbers of the run itself: at its beginning, and at its end. */
static void add_run(struct html *h, const struct event *e)
{
    struct buf text = BUF_INIT(RUN_MOST);
    struct jsonw w;
    jsonw_init(&w, &text);
    jsonw_open(&w, NULL, '{');
    jsonw_str(&w, e->kind == EVENT_RUN ? "sockrun" : "ended", e->text);
    jsonw_int(&w, e->kind == EVENT_RUN ? "planned" : "took", e->kind == EVENT_RUN ? e->number : e->duration);
    jsonw_close(&w, '}');
    html_page_add(&h->page, "data-run", e->kind == EVENT_RUN, buf_slice(&text));
    buf_done(&text);
}

static void end_run(struct html *h, const struct event *e)
{
    while (h->runnings.first) {
        const struct running *one = h->runnings.first;
        const struct event unfinished = {
            .kind = EVENT_CASE, .file = one->file, .case_name = one->name, .case_index = one->index};
        end_case(h, &unfinished);
    }
    add_run(h, e);
    html_page_close(&h->page);
}

static void take(struct event_sink *s, const struct event *e)
{
    struct html *h = (struct html *)s;
    switch (e->kind) {
    case EVENT_RUN: add_run(h, e); break;
    case EVENT_CASE: begin(h, e); break;
    case EVENT_VERDICT: end_case(h, e); break;
    case EVENT_RUN_END: end_run(h, e); break;
    case EVENT_STEP:
    case EVENT_TRAFFIC:
    case EVENT_LOG:
    case EVENT_LOST:
    case EVENT_ATTEMPT: tell(h, e); break;
    case EVENT_FILE:
    case EVENT_FILE_END:
    case EVENT_SECRETS:
    case EVENT_PACKETS:
    case EVENT_FRAME: break;
    }
}

static const char *error(const struct reporter *r)
{
    return outfile_error(&((const struct html *)r)->page.out);
}

static void html_free(struct reporter *r)
{
    struct html *h = (struct html *)r;
    for (struct running *one = h->runnings.first; one; one = one->next)
        html_case_free(one->own);
    runnings_done(&h->runnings);
    html_page_done(&h->page);
    mem_free(h);
}

struct event_sink *html_new(const char *path)
{
    struct html *h = mem_zalloc(sizeof *h);
    h->reporter = (struct reporter){{.take = take}, error, html_free};
    html_page_open(&h->page, path);
    runnings_init(&h->runnings);
    return &h->reporter.sink;
}
