#include "event/jsonl.h"

#include "report/outfile.h"
#include "report/reporter.h"
#include "util/mem.h"

enum { LINE_MOST = 256 * 1024 * 1024 };

struct stream {
    struct reporter reporter;
    struct outfile out;
    struct buf line;
};

static void take(struct event_sink *sink, const struct event *e)
{
    struct stream *s = (struct stream *)sink;

    buf_clear(&s->line);
    if (jsonl_write(e, &s->line))
        outfile_add(&s->out, buf_slice(&s->line));
    else
        outfile_fail(&s->out, "an event is larger than 256 MiB");
    if (e->kind == EVENT_RUN_END) outfile_commit(&s->out);
}

static const char *error(const struct reporter *r)
{
    return outfile_error(&((const struct stream *)r)->out);
}

static void stream_free(struct reporter *r)
{
    struct stream *s = (struct stream *)r;

    outfile_done(&s->out);
    buf_done(&s->line);
    mem_free(s);
}

struct event_sink *jsonl_new(const char *path)
{
    struct stream *s = mem_zalloc(sizeof(*s));

    s->reporter = (struct reporter){{.take = take}, error, stream_free};
    outfile_open(&s->out, path);
    s->line = BUF_INIT(LINE_MOST);
    return &s->reporter.sink;
}
