#include "run/results.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scenario/index.h"
#include "util/arena.h"
#include "util/mem.h"
#include "util/text.h"
#include "util/units.h"

enum { FILE_MOST = 64 << 20, KEY_MOST = 64 << 10, RECORDS_MOST = 500000 };

static const char head[] = "sockrun results 1\n";

struct record {
    const char *key; /* as it stands in the file: file TAB case */
    struct result result;
    bool now; /* of this run */
};

struct results {
    struct event_sink sink; /* first */
    struct arena arena;
    const char *path; /* NULL: nothing is kept */
    bool named;
    struct record *records;
    uint32_t n, size;
    struct index keys;
    bool keep_durations, repeated;
    char cwd[PATH_MAX];
};

/* FNV-1a */
static uint64_t hash(const char *text)
{
    uint64_t h = 14695981039346656037u;
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    return h;
}

static const char *default_path(struct results *r)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (!*r->cwd) return NULL;
    if (state && *state == '/')
        return arena_printf(&r->arena, "%s/sockrun/%016llx.results", state, (unsigned long long)hash(r->cwd));
    if (!home || *home != '/') return NULL;
    return arena_printf(&r->arena, "%s/.local/state/sockrun/%016llx.results", home, (unsigned long long)hash(r->cwd));
}

static void put_escaped(struct slice s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        const char c = s.p[i];
        if (c == '\t' || c == '\n' || c == '\\') {
            buf_addc(out, '\\');
            buf_addc(out, c == '\t' ? 't' : c == '\n' ? 'n' : '\\');
        } else {
            buf_addc(out, c);
        }
    }
}

/* However the file was named on the command line: below the working folder, by its path from there. */
static void put_key(const struct results *r, const char *file, struct slice case_name, struct buf *out)
{
    const size_t n = strlen(r->cwd);
    if (n > 1 && strncmp(file, r->cwd, n) == 0 && file[n] == '/') file += n + 1;
    while (strncmp(file, "./", 2) == 0)
        file += 2;
    put_escaped(slice_of(file), out);
    buf_addc(out, '\t');
    put_escaped(case_name, out);
}

static struct record *record_of(struct results *r, struct slice key)
{
    const uint32_t at = index_find(&r->keys, key);
    if (at != INDEX_NONE) return &r->records[at];
    if (r->n == RECORDS_MOST) return NULL;
    if (r->n == r->size) {
        r->size = r->size ? 2 * r->size : 64;
        r->records = mem_resize(r->records, r->size, sizeof *r->records);
    }
    struct record *one = &r->records[r->n];
    *one = (struct record){.key = arena_dup(&r->arena, key)};
    index_add(&r->keys, &r->arena, slice_of(one->key), r->n++);
    return one;
}

/* Up to the next tab. */
static bool take_field(struct slice *rest, struct slice *ret)
{
    const char *tab = rest->n ? memchr(rest->p, '\t', rest->n) : NULL;
    if (!tab) return false;
    *ret = slice_part(*rest, 0, (size_t)(tab - rest->p));
    *rest = slice_part(*rest, ret->n + 1, rest->n);
    return true;
}

static bool read_line(struct results *r, struct slice line)
{
    struct slice verdict, duration;
    char name[16];
    int64_t ns;
    if (!take_field(&line, &verdict) || !take_field(&line, &duration) || verdict.n >= sizeof name) return false;
    snprintf(name, sizeof name, "%.*s", (int)verdict.n, verdict.p);
    const int v = sr_verdict_of_name(name);
    if (v < 0 || units_int(duration, &ns) || ns < 0 || !memchr(line.p, '\t', line.n)) return false;
    struct record *one = record_of(r, line);
    if (one) one->result = (struct result){(enum sr_verdict)v, ns};
    return one != NULL;
}

static bool read_all(struct results *r, struct slice text)
{
    if (!slice_starts(text, slice_of(head))) return false;
    text = slice_part(text, strlen(head), text.n);
    while (text.n) {
        const char *end = memchr(text.p, '\n', text.n);
        if (!end || !read_line(r, slice_part(text, 0, (size_t)(end - text.p)))) return false;
        text = slice_part(text, (size_t)(end - text.p) + 1, text.n);
    }
    return true;
}

static const char *load(struct results *r)
{
    const char *why = NULL;
    struct buf text = BUF_INIT(FILE_MOST);
    const int fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return errno == ENOENT || !r->named ? NULL : arena_printf(&r->arena, "%s: %s", r->path, strerror(errno));
    ssize_t n = 1;
    while (n > 0) {
        char *room = buf_room(&text, 64 << 10);
        n = room ? read(fd, room, 64 << 10) : 0;
        if (n > 0) text.n += (size_t)n;
    }
    close(fd);
    if (n < 0) why = arena_printf(&r->arena, "%s: %s", r->path, strerror(errno));
    if (n == 0 && text.n && !read_all(r, buf_slice(&text)))
        why = arena_printf(&r->arena, "%s: these are no results of sockrun", r->path);
    buf_done(&text);
    return r->named ? why : NULL;
}

struct results *results_new(const char *path, const char **ret_why)
{
    struct results *r = mem_zalloc(sizeof *r);
    if (!getcwd(r->cwd, sizeof r->cwd)) r->cwd[0] = '\0';
    r->named = path != NULL;
    r->path = path ? path : default_path(r);
    *ret_why = r->path ? load(r) : NULL;
    return r;
}

void results_free(struct results *r)
{
    if (!r) return;
    mem_free(r->records);
    arena_done(&r->arena);
    mem_free(r);
}

const struct result *results_find(const struct results *r, const char *file, const char *case_name)
{
    struct buf key = BUF_INIT(KEY_MOST);
    put_key(r, file, slice_of(case_name), &key);
    const uint32_t at = index_find(&r->keys, buf_slice(&key));
    buf_done(&key);
    return at == INDEX_NONE ? NULL : &r->records[at].result;
}

/* Without its " (run 3)". */
static struct slice own_name(const struct results *r, const char *name)
{
    const struct slice all = slice_of(name);
    if (!r->repeated || !all.n) return all;
    const char *from = memrchr(all.p, '(', all.n);
    size_t n = from ? (size_t)(from - all.p) : all.n;
    while (n && all.p[n - 1] == ' ')
        n--;
    return slice_part(all, 0, n);
}

static void take(struct event_sink *sink, const struct event *e)
{
    struct results *r = (struct results *)(void *)sink;
    struct buf key = BUF_INIT(KEY_MOST);
    if (e->kind != EVENT_VERDICT || !e->file || !e->case_name) return;
    put_key(r, e->file, own_name(r, e->case_name), &key);
    struct record *one = key.overflow ? NULL : record_of(r, buf_slice(&key));
    buf_done(&key);
    if (!one) return;
    one->result.verdict = one->now ? sr_verdict_worst(one->result.verdict, e->verdict) : e->verdict;
    /* What was not run says nothing about how long it takes. */
    if (!r->keep_durations && e->verdict != SR_SKIP) one->result.duration = e->duration;
    one->now = true;
}

struct event_sink *results_sink(struct results *r, bool keep_durations, bool repeated)
{
    r->sink.take = take;
    r->keep_durations = keep_durations;
    r->repeated = repeated;
    return &r->sink;
}

/* The folders above it, of the default path only: where a user names the file, the folder is the user's. */
static void make_folders(const char *path)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(folder, 0700);
        *slash = '/';
    }
}

static bool write_records(const struct results *r, FILE *f)
{
    bool ok = fputs(head, f) >= 0;
    for (uint32_t i = 0; ok && i < r->n; i++) {
        const struct record *one = &r->records[i];
        ok = fprintf(f, "%s\t%lld\t%s\n", sr_verdict_name(one->result.verdict), (long long)one->result.duration,
                     one->key) > 0;
    }
    return ok;
}

const char *results_save(struct results *r)
{
    if (!r->path) return NULL;
    if (!r->named) make_folders(r->path);
    const char *next = arena_printf(&r->arena, "%s.%d", r->path, (int)getpid());
    const int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    int error = f ? 0 : errno;
    if (!f && fd >= 0) close(fd);
    if (f) {
        bool ok = write_records(r, f);
        if (!ok) error = errno;
        ok = fclose(f) == 0 && ok;
        if (!ok && !error) error = errno;
        if (ok && rename(next, r->path) == 0) return NULL;
        if (ok) error = errno;
        unlink(next);
    }
    /* A home that is read-only is no reason to complain of a run that nobody asked to remember. */
    return r->named ? arena_printf(&r->arena, "cannot write %s: %s", r->path, strerror(error)) : NULL;
}
