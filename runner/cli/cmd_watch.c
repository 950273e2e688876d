#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/outputs.h"
#include "cli/terminal.h"
#include "cli/watcher.h"
#include "util/mem.h"

/* A file that is run, by the arguments that name it (`a.yaml:7` too), and what it was made of. */
struct entry {
    const char **arguments;
    uint32_t narguments;
    const char **parts; /* absolute; [0] is the file itself */
    uint32_t nparts;
};

struct watch {
    const struct options *o;
    struct watcher *watcher;
    struct arena arena; /* of the entries */
    struct entry *entries;
    uint32_t n;
    int signals;
    const char **arguments; /* of the next run: those of the command line, or `chosen` */
    uint32_t narguments;
    const char **chosen;
    bool folder_failed; /* which was said */
};

static bool ends_in(const char *path, const char *end)
{
    const size_t n = strlen(path), m = strlen(end);
    return n >= m && strcmp(path + n - m, end) == 0;
}

static void watch_folder(struct watch *w, const char *folder, bool tree)
{
    if (tree ? watcher_add_tree(w->watcher, folder) : watcher_add(w->watcher, folder)) return;
    if (!w->folder_failed) terminal_say("%s cannot be watched: %s", folder, strerror(errno));
    w->folder_failed = true;
}

static void watch_parent(struct watch *w, const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const int n = slash ? (int)(slash - path) : 0;
    snprintf(folder, sizeof folder, "%.*s", n ? n : 1, n ? path : "/");
    watch_folder(w, folder, false);
}

/* What was named as a folder: files may come. */
static void watch_arguments(struct watch *w)
{
    struct stat st;
    char path[PATH_MAX];
    for (uint32_t i = 0; i < w->o->narguments; i++)
        if (stat(w->o->arguments[i], &st) == 0 && S_ISDIR(st.st_mode) && realpath(w->o->arguments[i], path))
            watch_folder(w, path, true);
}

/* Entries */

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void fill_arguments(struct arena *a, const struct paths *paths, const char *name, struct entry *e)
{
    const struct path_file *p = NULL;
    for (uint32_t i = 0; i < paths->n && !p; i++)
        if (strcmp(paths->files[i].name, name) == 0) p = &paths->files[i];
    const bool lines = p && !p->whole && p->nlines;
    e->narguments = lines ? p->nlines : 1;
    e->arguments = arena_array(a, e->narguments, sizeof *e->arguments);
    for (uint32_t i = 0; i < e->narguments; i++)
        e->arguments[i] = lines ? arena_printf(a, "%s:%u", name, p->lines[i]) : arena_dup(a, slice_of(name));
}

static struct entry entry_of(struct arena *a, const struct session *s, const struct suite_file *f)
{
    struct entry e = {.nparts = f->ntexts};
    fill_arguments(a, &s->paths, f->name, &e);
    e.parts = arena_array(a, f->ntexts, sizeof *e.parts);
    e.parts[0] = arena_printf(a, "%s/%s", f->folder, base_of(f->name));
    for (uint32_t i = 1; i < f->ntexts; i++)
        e.parts[i] = arena_dup(a, slice_of(f->texts[i].name));
    return e;
}

static struct entry kept(struct arena *a, const struct entry *old)
{
    struct entry e = *old;
    e.arguments = arena_array(a, e.narguments, sizeof *e.arguments);
    e.parts = arena_array(a, e.nparts, sizeof *e.parts);
    for (uint32_t i = 0; i < e.narguments; i++)
        e.arguments[i] = arena_dup(a, slice_of(old->arguments[i]));
    for (uint32_t i = 0; i < e.nparts; i++)
        e.parts[i] = arena_dup(a, slice_of(old->parts[i]));
    return e;
}

static bool has_entry(const struct entry *list, uint32_t n, const char *path)
{
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(list[i].parts[0], path) == 0) return true;
    return false;
}

/* What was loaded now replaces what is known of it; the arena starts anew, so that it does not grow from run to run. */
static void note_files(struct watch *w, const struct session *s)
{
    struct arena fresh;
    arena_init(&fresh);
    struct entry *list = arena_array(&fresh, s->suite.n + w->n, sizeof *list);
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->suite.n; i++)
        list[n++] = entry_of(&fresh, s, &s->suite.files[i]);
    const uint32_t loaded = n;
    for (uint32_t i = 0; i < w->n; i++)
        if (!has_entry(list, loaded, w->entries[i].parts[0])) list[n++] = kept(&fresh, &w->entries[i]);
    arena_done(&w->arena);
    w->arena = fresh;
    w->entries = list;
    w->n = n;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < list[i].nparts; k++)
            watch_parent(w, list[i].parts[k]);
    for (const struct module_spec *m = s->modules.list; m; m = m->next)
        if (m->folder) watch_folder(w, m->folder, false);
}

/* What has changed */

static void choose_all(struct watch *w)
{
    w->arguments = w->o->arguments;
    w->narguments = w->o->narguments;
}

static void choose(struct watch *w, const char *argument)
{
    for (uint32_t i = 0; i < w->narguments; i++)
        if (strcmp(w->arguments[i], argument) == 0) return;
    w->arguments[w->narguments++] = argument;
}

static bool is_part(const struct entry *e, const char *path)
{
    for (uint32_t i = 0; i < e->nparts; i++)
        if (strcmp(e->parts[i], path) == 0) return true;
    return false;
}

static bool is_named_below(const struct watch *w, const char *path)
{
    char folder[PATH_MAX];
    for (uint32_t i = 0; i < w->o->narguments; i++) {
        if (!realpath(w->o->arguments[i], folder)) continue;
        const size_t n = strlen(folder);
        if (strncmp(path, folder, n) == 0 && path[n] == '/' && !strstr(path + n, "/.")) return true;
    }
    return false;
}

static bool is_scenario(const char *path)
{
    return ends_in(path, ".yaml") || ends_in(path, ".yml") || ends_in(path, "_test.lua");
}

/* False if nobody needs it. Who requires a Lua file is not known before it is run: all may. */
static bool choose_by(struct watch *w, const char *path)
{
    bool known = false;
    for (uint32_t i = 0; i < w->n; i++) {
        if (!is_part(&w->entries[i], path) || access(w->entries[i].parts[0], F_OK) != 0) continue;
        known = true;
        for (uint32_t k = 0; k < w->entries[i].narguments; k++)
            choose(w, w->entries[i].arguments[k]);
    }
    if (known) return true;
    if (is_scenario(path) && is_named_below(w, path)) {
        choose(w, arena_dup(&w->arena, slice_of(path)));
        return true;
    }
    if (!ends_in(path, ".lua")) return false;
    choose_all(w);
    return true;
}

/* False: it is over. */
static bool wait_for_change(struct watch *w)
{
    for (;;) {
        const char *paths;
        uint32_t n, most = 0;
        const enum watcher_news news = watcher_wait(w->watcher, w->signals, &paths, &n);
        if (news == WATCHER_ENDED) return false;
        if (news == WATCHER_ALL) {
            choose_all(w);
            return true;
        }
        for (uint32_t i = 0; i < w->n; i++)
            most += w->entries[i].narguments;
        w->arguments = w->chosen = mem_resize(w->chosen, most + n, sizeof *w->chosen);
        w->narguments = 0;
        const char *changed = NULL;
        for (uint32_t i = 0; i < n && w->arguments == w->chosen; i++, paths += strlen(paths) + 1)
            if (choose_by(w, paths) && !changed) changed = paths;
        if (!changed) continue;
        terminal_say("%s has changed", base_of(changed));
        return true;
    }
}

static enum sr_exit run_once(struct watch *w)
{
    struct options now = *w->o;
    struct session s;
    now.command = COMMAND_RUN;
    now.arguments = w->arguments;
    now.narguments = w->narguments;
    if (terminal_live(STDOUT_FILENO)) fputs("\033[H\033[2J", stdout);
    enum sr_exit result = session_open(&s, &now);
    note_files(w, &s);
    if (result == SR_EXIT_OK) result = run_session(&s, &now);
    session_done(&s);
    fflush(stdout);
    return result;
}

/* Signals wait, in a run for the supervisor and between runs for us. */
static int open_signals(sigset_t *ret_before)
{
    sigset_t end;
    sigemptyset(&end);
    sigaddset(&end, SIGINT);
    sigaddset(&end, SIGTERM);
    sigaddset(&end, SIGHUP);
    sigprocmask(SIG_BLOCK, &end, ret_before);
    return signalfd(-1, &end, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Those that were waited for are taken: let through, they would end the process. */
static void close_signals(int fd, const sigset_t *before)
{
    struct signalfd_siginfo info;
    if (fd >= 0) {
        while (read(fd, &info, sizeof info) > 0) {
        }
        close(fd);
    }
    sigprocmask(SIG_SETMASK, before, NULL);
}

enum sr_exit cmd_watch(const struct options *o)
{
    sigset_t before;
    struct watch w = {.o = o};
    enum sr_exit result = SR_EXIT_ERROR;
    if (!outputs_fit(o)) return SR_EXIT_USAGE;
    w.watcher = watcher_new();
    w.signals = open_signals(&before);
    choose_all(&w);
    if (!w.watcher || w.signals < 0) {
        terminal_say("files cannot be watched: %s", strerror(errno));
    } else {
        watch_arguments(&w);
        result = run_once(&w);
        /* What was not even found is not waited for. */
        while (w.n && result != SR_EXIT_INTERRUPTED) {
            terminal_say("watching %u file%s; Ctrl-C ends it", w.n, w.n == 1 ? "" : "s");
            if (!wait_for_change(&w)) break;
            result = run_once(&w);
        }
    }
    close_signals(w.signals, &before);
    watcher_free(w.watcher);
    arena_done(&w.arena);
    mem_free(w.chosen);
    return result;
}
