#include "run/merge.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "event/jsonl.h"
#include "report/line.h"
#include "scenario/index.h"
#include "sockrun/version.h"
#include "util/mem.h"

enum {
    READ_SIZE = 64 << 10,
    LINE_MOST = 256 << 20, /* what --report-jsonl writes at most */
    COMPLAINTS_MOST = 64 << 10,
    TWICE_TOLD = 10,
    NAME_MOST = 4096,
};

struct stream {
    char *name;
    FILE *in;
    struct buf text; /* of which `taken` bytes have been given out */
    size_t taken;
    uint64_t line; /* the number of the last one */
    bool ended;    /* by its last event */
    bool failed;   /* told of already */
};

struct merge {
    struct stream *streams;
    uint32_t n, size;
    struct event begin; /* of all */
    int64_t duration;
    char *end; /* why the first that was not done ended, or NULL */
    struct arena arena;
    struct index cases;
    const char **tellers; /* of each case: the stream that has its verdict */
    uint32_t ncases, cases_size;
    uint64_t twice;
    struct bus *bus;
    struct merge_result *result;
};

struct merge *merge_new(void)
{
    struct merge *m = mem_zalloc(sizeof *m);
    m->begin = (struct event){.kind = EVENT_RUN, .case_index = -1};
    return m;
}

void merge_free(struct merge *m)
{
    if (!m) return;
    for (uint32_t i = 0; i < m->n; i++) {
        mem_free(m->streams[i].name);
        buf_done(&m->streams[i].text);
        fclose(m->streams[i].in);
    }
    mem_free(m->streams);
    mem_free(m->tellers);
    mem_free(m->end);
    arena_done(&m->arena);
    mem_free(m);
}

/* Lines */

enum line { LINE_WHOLE, LINE_CUT, LINE_NONE, LINE_TOO_LONG };

static enum line read_line(struct stream *s, struct slice *ret)
{
    size_t looked = s->taken;
    for (;;) {
        const char *from = s->text.n > looked ? s->text.p + looked : NULL;
        const char *end = from ? memchr(from, '\n', s->text.n - looked) : NULL;
        if (end) {
            *ret = slice_part(buf_slice(&s->text), s->taken, (size_t)(end - s->text.p) - s->taken);
            s->taken += ret->n + 1;
            s->line++;
            return LINE_WHOLE;
        }
        buf_drop(&s->text, s->taken);
        s->taken = 0;
        looked = s->text.n;
        char *room = buf_room(&s->text, READ_SIZE);
        const size_t n = room ? fread(room, 1, READ_SIZE, s->in) : 0;
        if (!room) return LINE_TOO_LONG;
        if (n == 0) return s->text.n ? LINE_CUT : LINE_NONE;
        s->text.n += n;
    }
}

/* The first line */

static struct stream *new_stream(struct merge *m, const char *name, FILE *in)
{
    if (m->n == m->size) {
        m->size = m->size ? 2 * m->size : 16;
        m->streams = mem_resize(m->streams, m->size, sizeof *m->streams);
    }
    struct stream *s = &m->streams[m->n++];
    *s = (struct stream){.name = mem_dup(slice_of(name)), .in = in, .text = BUF_INIT(LINE_MOST)};
    return s;
}

static const char *take_first(struct merge *m, struct slice line)
{
    static const char why[] = "it is no stream of events, as --report-jsonl writes them";
    struct arena a;
    struct event e;
    arena_init(&a);
    const bool good = !jsonl_read(line, &a, &e) && e.kind == EVENT_RUN;
    if (good) {
        if (m->begin.at == 0) m->begin.at = e.at;
        m->begin.number += e.number > 0 ? e.number : 0;
    }
    arena_done(&a);
    return good ? NULL : why;
}

const char *merge_add(struct merge *m, const char *name, FILE *in)
{
    struct stream *s = new_stream(m, name, in);
    struct slice line;
    switch (read_line(s, &line)) {
    case LINE_WHOLE: return take_first(m, line);
    case LINE_CUT:
    case LINE_NONE:
        if (ferror(in)) return strerror(errno);
        return NULL;
    case LINE_TOO_LONG: break;
    }
    return "its first line has more than 256 MiB";
}

/* All lines */

static void complain(struct merge *m, const struct stream *s, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void complain(struct merge *m, const struct stream *s, const char *format, ...)
{
    struct buf *out = &m->result->complaints;
    va_list ap;
    line_text(slice_of(s->name), NAME_MOST, out);
    buf_adds(out, ": ");
    va_start(ap, format);
    buf_vprintf(out, format, ap);
    va_end(ap);
    buf_addc(out, '\n');
}

/* The same case in two of them: they are no parts of one run. */
static void note_case(struct merge *m, const struct stream *s, const struct event *e)
{
    const char *file = e->file ? e->file : "", *name = e->case_name ? e->case_name : "";
    const char *key = arena_printf(&m->arena, "%zu %s %s", strlen(file), file, name);
    const uint32_t at = index_add(&m->cases, &m->arena, slice_of(key), m->ncases);
    if (at == m->ncases) {
        if (m->ncases == m->cases_size) {
            m->cases_size = m->cases_size ? 2 * m->cases_size : 256;
            m->tellers = mem_resize(m->tellers, m->cases_size, sizeof *m->tellers);
        }
        m->tellers[m->ncases++] = s->name;
        return;
    }
    if (++m->twice > TWICE_TOLD) return;
    struct buf text = BUF_INIT(4 * NAME_MOST);
    line_case(file, name, &text);
    buf_adds(&text, " is in ");
    line_text(slice_of(m->tellers[at]), NAME_MOST, &text);
    complain(m, s, "%s too", buf_str(&text));
    buf_done(&text);
}

static void keep_end(struct merge *m, const char *why)
{
    if (!m->end) m->end = mem_dup(slice_of(why));
}

static void take_end(struct merge *m, struct stream *s, const struct event *e)
{
    s->ended = true;
    if (e->duration > m->duration) m->duration = e->duration;
    if (!e->text || !*e->text) return;
    keep_end(m, e->text);
    if (strcmp(e->text, "interrupted") == 0) m->result->interrupted = true;
}

static void take_event(struct merge *m, struct stream *s, struct event *e)
{
    if (e->kind == EVENT_RUN || (s->ended && e->kind == EVENT_RUN_END)) {
        if (!s->failed)
            complain(m, s, "line %" PRIu64 ": another stream begins here: it needs a file of its own", s->line);
        s->failed = true;
    } else if (e->kind == EVENT_RUN_END) {
        take_end(m, s, e);
    } else {
        if (e->kind == EVENT_VERDICT) note_case(m, s, e);
        bus_send(m->bus, e);
    }
}

static void take_line(struct merge *m, struct stream *s, struct slice line)
{
    struct arena a;
    struct event e;
    arena_init(&a);
    const char *why = jsonl_read(line, &a, &e);
    if (!why) {
        take_event(m, s, &e);
    } else if (strcmp(why, "unknown kind") != 0) {
        if (!s->failed) complain(m, s, "line %" PRIu64 " is no event: %s", s->line, why);
        s->failed = true;
    }
    arena_done(&a);
}

static void cut_short(struct merge *m, struct stream *s, enum line how)
{
    if (ferror(s->in))
        complain(m, s, "%s", strerror(errno));
    else if (how == LINE_TOO_LONG)
        complain(m, s, "line %" PRIu64 " has more than 256 MiB", s->line + 1);
    else if (how == LINE_CUT)
        complain(m, s, "it is cut short in the middle of line %" PRIu64, s->line + 1);
    else
        complain(m, s, "it is cut short after line %" PRIu64 ": the run that wrote it has not ended", s->line);
    keep_end(m, "cut short");
}

static void send_stream(struct merge *m, struct stream *s)
{
    struct slice line;
    enum line how;
    errno = 0;
    while ((how = read_line(s, &line)) == LINE_WHOLE)
        if (line.n) take_line(m, s, line);
    if (how != LINE_NONE || !s->ended || ferror(s->in)) cut_short(m, s, how);
}

void merge_send(struct merge *m, struct bus *bus, struct merge_result *ret)
{
    struct event end = {.kind = EVENT_RUN_END, .case_index = -1};
    *ret = (struct merge_result){.complaints = BUF_INIT(COMPLAINTS_MOST)};
    m->bus = bus;
    m->result = ret;
    m->begin.text = SOCKRUN_VERSION;
    bus_send(bus, &m->begin);
    for (uint32_t i = 0; i < m->n; i++)
        send_stream(m, &m->streams[i]);
    if (m->twice > TWICE_TOLD)
        buf_printf(&ret->complaints, "%" PRIu64 " more cases are there twice\n", m->twice - TWICE_TOLD);
    end.duration = m->duration;
    end.text = m->end;
    bus_send(bus, &end);
}
