#include "run/paths.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/mem.h"
#include "util/text.h"
#include "util/units.h"

enum { WRONG_MOST = 64 * 1024 };

void paths_init(struct paths *p)
{
    *p = (struct paths){.wrong = BUF_INIT(WRONG_MOST)};
}

void paths_done(struct paths *p)
{
    for (uint32_t i = 0; i < p->n; i++) {
        mem_free(p->files[i].name);
        mem_free(p->files[i].lines);
    }
    mem_free(p->files);
    buf_done(&p->wrong);
    paths_init(p);
}

void paths_complain(struct paths *p, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    struct buf text = BUF_INIT(WRONG_MOST);
    buf_vprintf(&text, format, ap);
    va_end(ap);
    if (p->wrong.n) buf_addc(&p->wrong, '\n');
    text_safe(buf_slice(&text), &p->wrong);
    buf_done(&text);
}

static struct path_file *find_file(struct paths *p, const struct stat *st)
{
    for (uint32_t i = p->n; i-- > 0;) {
        if (p->files[i].inode == st->st_ino && p->files[i].device == st->st_dev) return &p->files[i];
    }
    return NULL;
}

static struct path_file *new_file(struct paths *p, const char *name, const struct stat *st)
{
    if (p->n == p->size) {
        p->size = p->size ? 2 * p->size : 16;
        p->files = mem_resize(p->files, p->size, sizeof *p->files);
    }
    struct path_file *f = &p->files[p->n++];
    *f = (struct path_file){.name = mem_dup(slice_of(name)), .device = st->st_dev, .inode = st->st_ino};
    return f;
}

/* line 0: the whole file. */
static bool add_file(struct paths *p, const char *name, const struct stat *st, uint32_t line)
{
    struct path_file *f = find_file(p, st);
    if (!f && p->n == PATHS_MOST) {
        paths_complain(p, "more than %d files", PATHS_MOST);
        return false;
    }
    if (!f) f = new_file(p, name, st);
    if (line == 0) {
        f->whole = true;
        return true;
    }
    f->lines = mem_resize(f->lines, f->nlines + 1, sizeof *f->lines);
    f->lines[f->nlines++] = line;
    return true;
}

static bool has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name), k = strlen(suffix);
    return n > k && strcmp(name + n - k, suffix) == 0;
}

static bool is_wanted(const struct paths *p, const char *name)
{
    static const char *const scenarios[] = {".yaml", ".yml", "_test.lua", NULL};
    for (const char *const *ending = p->endings ? p->endings : scenarios; *ending; ending++)
        if (has_suffix(name, *ending)) return true;
    return false;
}

static bool add_folder(struct paths *p, const char *folder, unsigned depth);

static bool add_entry(struct paths *p, const char *name, const struct dirent *entry, unsigned depth)
{
    struct stat st;
    const bool wanted = is_wanted(p, entry->d_name);
    if (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN && !wanted) return true;
    if (lstat(name, &st) < 0) return true;
    if (S_ISDIR(st.st_mode)) return add_folder(p, name, depth + 1);
    if (!wanted) return true;
    if (S_ISLNK(st.st_mode) && stat(name, &st) < 0) return true;
    return !S_ISREG(st.st_mode) || add_file(p, name, &st, 0);
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool add_folder(struct paths *p, const char *folder, unsigned depth)
{
    struct dirent **entries = NULL;
    bool ok = true;
    if (depth > PATHS_DEPTH) {
        paths_complain(p, "%s: folders are nested deeper than %d", folder, PATHS_DEPTH);
        return false;
    }
    int n = scandir(folder, &entries, is_shown, by_name);
    if (n < 0) {
        paths_complain(p, "%s: %s", folder, strerror(errno));
        return false;
    }
    const char *slash = has_suffix(folder, "/") || strcmp(folder, "/") == 0 ? "" : "/";
    for (int i = 0; i < n; i++) {
        char *name = NULL;
        if (asprintf(&name, "%s%s%s", folder, slash, entries[i]->d_name) < 0) mem_exhausted();
        /* What `.` holds is shown without "./". */
        const char *shown = strncmp(name, "./", 2) == 0 ? name + 2 : name;
        ok = ok && add_entry(p, shown, entries[i], depth);
        free(name);
        free(entries[i]);
    }
    free(entries);
    return ok;
}

/* The line behind the last colon, 0 if there is none. */
static uint32_t line_of(const char *argument, size_t *ret_length)
{
    const char *colon = strrchr(argument, ':');
    int64_t line;
    if (!colon || colon == argument || colon[1] < '1' || colon[1] > '9') return 0;
    if (units_int(slice_of(colon + 1), &line) || line > INT32_MAX) return 0;
    *ret_length = (size_t)(colon - argument);
    return (uint32_t)line;
}

static bool add_with_line(struct paths *p, const char *argument, int error)
{
    size_t length = 0;
    struct stat st;
    uint32_t line = line_of(argument, &length);
    if (line == 0) {
        paths_complain(p, "%s: %s", argument, strerror(error));
        return false;
    }
    char *name = mem_dup((struct slice){argument, length});
    bool ok = false;
    if (stat(name, &st) < 0)
        paths_complain(p, "%s: %s", name, strerror(errno));
    else if (S_ISDIR(st.st_mode))
        paths_complain(p, "%s: %s is a folder: it has no lines", argument, name);
    else
        ok = add_file(p, name, &st, line);
    mem_free(name);
    return ok;
}

bool paths_add(struct paths *p, const char *argument)
{
    struct stat st;
    if (stat(argument, &st) < 0) return add_with_line(p, argument, errno);
    if (S_ISDIR(st.st_mode)) return add_folder(p, argument, 1);
    return add_file(p, argument, &st, 0);
}
