#include <string.h>
#include <sys/stat.h>

#include "event/pcap.h"
#include "report/outfile.h"
#include "report/reporter.h"
#include "util/mem.h"

enum { HEAD_MOST = 4096, PATH_TEXT_MOST = 64 * 1024 };

/* One capture that is being written. */
struct capture {
    struct capture *next;
    char *file; /* the scenario's; NULL: of all of them */
    struct outfile out;
};

struct packets {
    struct reporter reporter;
    char *path;
    bool folder;
    struct capture *open;
    char *error; /* the first */
};

static void keep_error(struct packets *p, const char *why)
{
    if (why && !p->error) p->error = mem_dup(slice_of(why));
}

static struct capture *open_capture(struct packets *p, const char *file, const char *path)
{
    struct capture *c = mem_zalloc(sizeof *c);
    struct buf head = BUF_INIT(HEAD_MOST);
    c->file = file ? mem_dup(slice_of(file)) : NULL;
    c->next = p->open;
    p->open = c;
    outfile_open(&c->out, path);
    pcap_head(&head);
    outfile_add(&c->out, buf_slice(&head));
    buf_done(&head);
    return c;
}

/* DIR/scenarios_tcp_hello.yaml.pcapng of scenarios/tcp/hello.yaml */
static void open_of_file(struct packets *p, const char *file)
{
    struct buf path = BUF_INIT(PATH_TEXT_MOST);
    buf_adds(&path, p->path);
    if (path.n && path.p[path.n - 1] != '/') buf_addc(&path, '/');
    const size_t from = path.n;
    buf_adds(&path, strncmp(file, "./", 2) == 0 ? file + 2 : file);
    buf_adds(&path, ".pcapng");
    for (size_t i = from; i < path.n; i++)
        if (path.p[i] == '/') path.p[i] = '_';
    open_capture(p, file, buf_str(&path));
    buf_done(&path);
}

static struct capture **find(struct packets *p, const char *file)
{
    struct capture **at = &p->open;
    while (*at && p->folder && (!file || strcmp((*at)->file, file) != 0))
        at = &(*at)->next;
    return at;
}

static void close_capture(struct packets *p, struct capture **at, bool whole)
{
    struct capture *c = *at;
    if (!c) return;
    *at = c->next;
    if (whole) outfile_commit(&c->out);
    keep_error(p, outfile_error(&c->out));
    outfile_done(&c->out);
    mem_free(c->file);
    mem_free(c);
}

static void take(struct event_sink *s, const struct event *e)
{
    struct packets *p = (struct packets *)s;
    struct capture *c;
    switch (e->kind) {
    case EVENT_RUN:
        if (!p->folder) open_capture(p, NULL, p->path);
        break;
    case EVENT_FILE:
        if (p->folder) open_of_file(p, e->file);
        break;
    case EVENT_PACKETS:
        c = *find(p, e->file);
        if (c) outfile_add(&c->out, e->bytes);
        break;
    case EVENT_FILE_END:
        if (p->folder) close_capture(p, find(p, e->file), true);
        break;
    case EVENT_RUN_END:
        while (p->open)
            close_capture(p, &p->open, true);
        break;
    case EVENT_CASE:
    case EVENT_ATTEMPT:
    case EVENT_VERDICT:
    case EVENT_STEP:
    case EVENT_TRAFFIC:
    case EVENT_LOG:
    case EVENT_LOST:
    case EVENT_SECRETS:
    case EVENT_FRAME: break;
    }
}

static const char *error(const struct reporter *r)
{
    return ((const struct packets *)r)->error;
}

static void packets_free(struct reporter *r)
{
    struct packets *p = (struct packets *)r;
    while (p->open)
        close_capture(p, &p->open, false);
    mem_free(p->path);
    mem_free(p->error);
    mem_free(p);
}

static bool is_folder(const char *path)
{
    struct stat st;
    const size_t n = strlen(path);
    return (n && path[n - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

struct event_sink *packets_new(const char *path)
{
    struct packets *p = mem_zalloc(sizeof *p);
    p->reporter = (struct reporter){{.take = take}, error, packets_free};
    p->path = mem_dup(slice_of(path));
    p->folder = is_folder(path);
    return &p->reporter.sink;
}
