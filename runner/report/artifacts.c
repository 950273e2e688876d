#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "event/jsonl.h"
#include "event/pcap.h"
#include "report/failure.h"
#include "report/filename.h"
#include "report/keep.h"
#include "report/outfile.h"
#include "report/reporter.h"
#include "report/trace.h"
#include "sockrun/version.h"
#include "util/arena.h"
#include "util/clock.h"
#include "util/hash.h"
#include "util/mem.h"
#include "util/path.h"

enum {
    LINE_MOST = 16 << 20,
    CASE_MOST = 32 << 20, /* bytes of events that are kept of one case */
    FILE_MOST = 4 << 20,  /* of what lives as long as the file */
    TEXT_MOST = 64 << 20,
    HEAD_MOST = 4096,
    LAST_MESSAGES = 30,
};

/* The latest events of a case that runs, as lines; or of what lives as long as a file. */
struct kept {
    struct kept *next;
    char *file;
    int32_t index; /* -1: of the file */
    int64_t began;
    struct buf lines;
    uint64_t dropped;
};

struct artifacts {
    struct reporter reporter;
    char *path;
    const struct mask *mask;
    struct kept *kept;
    struct buf line;
    char *error; /* the first */
};

static void keep_error(struct artifacts *a, const char *why)
{
    if (why && !a->error) a->error = mem_dup(slice_of(why));
}

static void cannot_write(struct artifacts *a, const char *path)
{
    struct buf why = BUF_INIT(1 << 20);
    buf_printf(&why, "cannot write %s: %s", path, strerror(errno));
    keep_error(a, buf_str(&why));
    buf_done(&why);
}

/* What is kept while a case runs */

static struct kept **find(struct artifacts *a, const char *file, int32_t index)
{
    struct kept **at = &a->kept;
    while (*at && ((*at)->index != index || strcmp((*at)->file, file) != 0))
        at = &(*at)->next;
    return at;
}

static struct kept *kept_of(struct artifacts *a, const struct event *e)
{
    struct kept **at = find(a, e->file, e->case_index);
    if (*at) return *at;
    struct kept *k = mem_zalloc(sizeof *k);
    k->file = mem_dup(slice_of(e->file));
    k->index = e->case_index;
    k->began = e->at;
    k->lines = BUF_INIT(k->index < 0 ? FILE_MOST : CASE_MOST);
    k->next = a->kept;
    return a->kept = k;
}

static void forget(struct artifacts *a, const char *file, int32_t index)
{
    struct kept **at = find(a, file, index), *k = *at;
    if (!k) return;
    *at = k->next;
    mem_free(k->file);
    buf_done(&k->lines);
    mem_free(k);
}

/* The oldest half, so that it is seldom done: what happened last says most. */
static void drop_oldest(struct kept *k, size_t needed)
{
    size_t drop = k->lines.n / 2 > needed ? k->lines.n / 2 : needed;
    if (drop > k->lines.n) drop = k->lines.n;
    const char *end = drop < k->lines.n ? memchr(k->lines.p + drop, '\n', k->lines.n - drop) : NULL;
    drop = end ? (size_t)(end + 1 - k->lines.p) : k->lines.n;
    for (size_t i = 0; i < drop; i++)
        k->dropped += k->lines.p[i] == '\n';
    buf_drop(&k->lines, drop);
}

static void take_message(struct artifacts *a, const struct event *e)
{
    struct kept *k = kept_of(a, e);
    buf_clear(&a->line);
    if (!jsonl_write(e, &a->line) || a->line.n > k->lines.max) {
        k->dropped++;
        return;
    }
    if (k->lines.n + a->line.n > k->lines.max) drop_oldest(k, a->line.n);
    buf_add(&k->lines, buf_slice(&a->line));
}

/* What is written of one that failed */

/* What a program has said: its stdout, or its stderr. */
struct said {
    UT_hash_handle hh;
    char *name;
    struct buf text;
};

/* A connection to a program's stdin and stdout. */
struct pipes {
    UT_hash_handle hh;
    uint32_t connection;
};

struct writing {
    struct artifacts *artifacts;
    const struct event *verdict;
    struct buf path; /* of the folder */
    struct outfile events, packets;
    struct event_sink *capture;
    struct said *said;
    struct pipes *pipes;
    struct buf notes, last;
    uint64_t dropped;
    int64_t began;
};

static void add_to(struct writing *w, const char *actor, const char *ending, struct slice bytes)
{
    struct buf name = BUF_INIT(HEAD_MOST);
    struct said *s = NULL;
    filename_of_text(slice_of(actor ? actor : "program"), &name);
    buf_adds(&name, ending);
    HASH_FIND(hh, w->said, buf_str(&name), name.n, s);
    if (!s) {
        s = mem_zalloc(sizeof *s);
        s->name = mem_dup(buf_slice(&name));
        s->text = BUF_INIT(CASE_MOST);
        HASH_ADD_KEYPTR(hh, w->said, s->name, strlen(s->name), s);
    }
    buf_add(&s->text, bytes);
    buf_done(&name);
}

static void take_said(struct writing *w, const struct event *e)
{
    struct pipes *p = NULL;
    if (e->action == EVENT_OUTPUT) add_to(w, e->actor, e->number == 1 ? ".stdout" : ".stderr", e->bytes);
    if (e->connection) HASH_FIND(hh, w->pipes, &e->connection, sizeof e->connection, p);
    if (p && e->action == EVENT_RECEIVE) add_to(w, e->actor, ".stdout", e->bytes);
    if (p || !e->socket || e->action != EVENT_CONNECT || strcmp(e->socket->protocol, "program") != 0) return;
    p = mem_zalloc(sizeof *p);
    p->connection = e->connection;
    HASH_ADD(hh, w->pipes, connection, sizeof p->connection, p);
}

static bool write_packets(void *ctx, struct slice blocks)
{
    outfile_add(ctx, blocks);
    return true;
}

static void take_line(struct writing *w, struct slice line, bool shown)
{
    const struct style plain = {.width = LINE_WIDTH};
    struct arena arena;
    struct event e;
    arena_init(&arena);
    if (!jsonl_read(line, &arena, &e) && !event_is_control(e.kind)) {
        w->capture->take(w->capture, &e);
        if (e.kind == EVENT_TRAFFIC) take_said(w, &e);
        if (shown && (e.kind == EVENT_TRAFFIC || e.kind == EVENT_STEP)) {
            buf_adds(&w->last, "   ");
            trace_render(&e, w->began, &plain, &w->last);
        }
    }
    arena_done(&arena);
}

static size_t count_lines(struct slice s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == '\n';
    return n;
}

static void take_lines(struct writing *w, const struct kept *k)
{
    if (!k) return;
    struct slice rest = buf_slice(&k->lines);
    size_t left = count_lines(rest);
    w->dropped += k->dropped;
    outfile_add(&w->events, rest);
    for (; left > 0; left--) {
        const size_t n = (size_t)((const char *)memchr(rest.p, '\n', rest.n) - rest.p);
        take_line(w, slice_part(rest, 0, n), k->index >= 0 && left <= LAST_MESSAGES);
        rest = slice_part(rest, n + 1, rest.n);
    }
}

static void write_event(struct writing *w, const struct event *e)
{
    struct buf *line = &w->artifacts->line;
    buf_clear(line);
    if (jsonl_write(e, line)) outfile_add(&w->events, buf_slice(line));
}

/* A stream of its own: whatever reads one reads it. */
static void begin_stream(struct writing *w, const struct kept *of_case)
{
    const struct event *v = w->verdict;
    const struct event run = {
        .kind = EVENT_RUN, .case_index = -1, .at = w->began, .text = SOCKRUN_VERSION, .number = 1};
    const struct event file = {.kind = EVENT_FILE, .case_index = -1, .at = w->began, .file = v->file, .number = 1};
    struct event begins = *v;
    begins.kind = EVENT_CASE;
    begins.at = w->began;
    begins.failures = NULL;
    begins.nfailures = begins.attempts = 0;
    begins.duration = 0;
    begins.text = begins.folder = NULL;
    write_event(w, &run);
    write_event(w, &file);
    const uint64_t dropped = of_case ? of_case->dropped : 0;
    const struct event lost = {.kind = EVENT_LOST,
                               .file = v->file,
                               .case_name = v->case_name,
                               .case_line = v->case_line,
                               .case_index = v->case_index,
                               .at = w->began,
                               .number = (int64_t)dropped};
    write_event(w, &begins);
    if (dropped) write_event(w, &lost);
}

static void end_stream(struct writing *w)
{
    struct event verdict = *w->verdict;
    const struct event end = {.kind = EVENT_RUN_END, .case_index = -1, .at = verdict.at, .duration = verdict.duration};
    verdict.kind = EVENT_VERDICT;
    verdict.folder = NULL;
    write_event(w, &verdict);
    write_event(w, &end);
}

static const char *path_of(struct writing *w, size_t n, const char *name)
{
    w->path.n = n;
    buf_printf(&w->path, "/%s", name);
    return buf_str(&w->path);
}

static void close_out(struct writing *w, struct outfile *out)
{
    outfile_commit(out);
    keep_error(w->artifacts, outfile_error(out));
    outfile_done(out);
}

static void write_text(struct writing *w, const char *path, struct slice text)
{
    struct outfile out;
    outfile_open(&out, path);
    outfile_add(&out, text);
    close_out(w, &out);
}

static void write_said(struct writing *w, size_t n)
{
    struct said *s, *next;
    struct pipes *p, *after;
    HASH_ITER(hh, w->said, s, next)
    {
        write_text(w, path_of(w, n, s->name), buf_slice(&s->text));
        HASH_DEL(w->said, s);
        mem_free(s->name);
        buf_done(&s->text);
        mem_free(s);
    }
    HASH_ITER(hh, w->pipes, p, after)
    {
        HASH_DEL(w->pipes, p);
        mem_free(p);
    }
}

static void write_report(struct writing *w, const char *path)
{
    const struct style plain = {.width = LINE_WIDTH};
    struct buf text = BUF_INIT(TEXT_MOST);
    failure_render(w->verdict, &plain, &text);
    if (w->last.n) buf_adds(&text, "\nlast:\n");
    buf_add(&text, buf_slice(&w->last));
    if (w->notes.n || w->dropped) buf_adds(&text, "\nnot here:\n");
    if (w->dropped) buf_printf(&text, "events: the first %" PRIu64 ", which were too many or too large\n", w->dropped);
    buf_add(&text, buf_slice(&w->notes));
    write_text(w, path, buf_slice(&text));
    buf_done(&text);
}

static bool make_folder(struct artifacts *a, const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST) return true;
    cannot_write(a, path);
    return false;
}

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* DIR/FILE/CASE, or DIR/FILE/CASE/attempt-N; what an earlier run has left there goes. */
static bool make_folders(struct writing *w)
{
    const struct event *v = w->verdict;
    struct artifacts *a = w->artifacts;
    buf_printf(&w->path, "%s/", a->path);
    filename_of_file(v->file, &w->path);
    if (!make_folder(a, buf_str(&w->path))) return false;
    buf_addc(&w->path, '/');
    filename_of_case(v->case_name, &w->path);
    const size_t n = w->path.n;
    const bool ours = is_there(path_of(w, n, "report.txt")) || is_there(path_of(w, n, "attempt-1"));
    w->path.n = n;
    w->path.p[n] = '\0';
    if (ours && v->attempts <= 1) path_remove(buf_str(&w->path));
    if (!make_folder(a, buf_str(&w->path))) return false;
    if (v->attempts == 0) return true;
    buf_printf(&w->path, "/attempt-%" PRIu32, v->attempts);
    return make_folder(a, buf_str(&w->path));
}

static void write_all(struct writing *w, const struct kept *of_file, const struct kept *of_case)
{
    struct artifacts *a = w->artifacts;
    const size_t n = w->path.n;
    struct buf head = BUF_INIT(HEAD_MOST);
    outfile_open(&w->events, path_of(w, n, "events.jsonl"));
    outfile_open(&w->packets, path_of(w, n, "packets.pcapng"));
    pcap_head(&head);
    outfile_add(&w->packets, buf_slice(&head));
    w->capture = pcap_new(write_packets, &w->packets, clock_wall() - clock_now(), 1);
    begin_stream(w, of_case);
    take_lines(w, of_file);
    take_lines(w, of_case);
    end_stream(w);
    pcap_free(w->capture);
    close_out(w, &w->events);
    close_out(w, &w->packets);
    write_said(w, n);
    if (w->verdict->folder) {
        char *error = keep_folder(w->verdict->folder, path_of(w, n, "tmp"), a->mask, &w->notes);
        keep_error(a, error);
        mem_free(error);
    }
    write_report(w, path_of(w, n, "report.txt"));
    buf_done(&head);
}

static void take_failed(struct artifacts *a, const struct event *e)
{
    const struct kept *of_file = *find(a, e->file, -1), *of_case = *find(a, e->file, e->case_index);
    struct writing w = {.artifacts = a,
                        .verdict = e,
                        .path = BUF_INIT(1 << 20),
                        .notes = BUF_INIT(TEXT_MOST),
                        .last = BUF_INIT(TEXT_MOST),
                        .began = of_case ? of_case->began : e->at - e->duration};
    if (make_folders(&w)) write_all(&w, of_file, of_case);
    buf_done(&w.path);
    buf_done(&w.notes);
    buf_done(&w.last);
}

static void take(struct event_sink *s, const struct event *e)
{
    struct artifacts *a = (struct artifacts *)s;
    if (!e->file) return;
    switch (e->kind) {
    case EVENT_CASE: kept_of(a, e); break;
    case EVENT_ATTEMPT:
    case EVENT_VERDICT:
        if (sr_verdict_failed(e->verdict)) take_failed(a, e);
        forget(a, e->file, e->case_index);
        break;
    case EVENT_FILE_END: forget(a, e->file, -1); break;
    case EVENT_STEP:
    case EVENT_TRAFFIC:
    case EVENT_LOG:
    case EVENT_LOST: take_message(a, e); break;
    case EVENT_RUN:
    case EVENT_FILE:
    case EVENT_RUN_END:
    case EVENT_SECRETS:
    case EVENT_PACKETS:
    case EVENT_FRAME: break;
    }
}

static const char *error(const struct reporter *r)
{
    return ((const struct artifacts *)r)->error;
}

static void artifacts_free(struct reporter *r)
{
    struct artifacts *a = (struct artifacts *)r;
    while (a->kept)
        forget(a, a->kept->file, a->kept->index);
    buf_done(&a->line);
    mem_free(a->path);
    mem_free(a->error);
    mem_free(a);
}

/* And those above it. */
static void make_path(struct artifacts *a)
{
    for (char *slash = strchr(a->path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(a->path, 0777);
        *slash = '/';
    }
    make_folder(a, a->path);
}

struct event_sink *artifacts_new(const char *path, const struct mask *mask)
{
    struct artifacts *a = mem_zalloc(sizeof *a);
    struct slice name = slice_of(path);
    while (name.n > 1 && name.p[name.n - 1] == '/')
        name.n--;
    a->reporter = (struct reporter){{.take = take}, error, artifacts_free};
    a->path = mem_dup(name);
    a->mask = mask;
    a->line = BUF_INIT(LINE_MOST);
    make_path(a);
    return &a->reporter.sink;
}
