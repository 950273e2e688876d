#include "cli/watcher.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "util/arena.h"
#include "util/buf.h"
#include "util/mem.h"

enum {
    READ_SIZE = 64 * 1024,
    CHANGED_MOST = 1 << 20, /* bytes of paths */
    DEPTH_MOST = 64,
    EVENTS = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE,
};

/* Two names of one folder have the same number. */
struct folder {
    int number;
    bool tree; /* folders that come in it are watched too */
    const char *path;
};

struct watcher {
    int fd;
    struct arena arena;
    struct folder *folders;
    uint32_t n;
    struct buf changed; /* paths */
    uint32_t nchanged;
};

struct watcher *watcher_new(void)
{
    const int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0) return NULL;
    struct watcher *w = mem_zalloc(sizeof *w);
    w->fd = fd;
    w->changed = BUF_INIT(CHANGED_MOST);
    w->folders = mem_zalloc(WATCHER_FOLDERS_MOST * sizeof *w->folders);
    return w;
}

void watcher_free(struct watcher *w)
{
    if (!w) return;
    close(w->fd);
    mem_free(w->folders);
    buf_done(&w->changed);
    arena_done(&w->arena);
    mem_free(w);
}

static bool add(struct watcher *w, const char *folder, bool tree)
{
    const int number = inotify_add_watch(w->fd, folder, EVENTS | IN_ONLYDIR);
    if (number < 0) return false;
    for (uint32_t i = 0; i < w->n; i++) {
        if (w->folders[i].number != number || strcmp(w->folders[i].path, folder) != 0) continue;
        w->folders[i].tree = w->folders[i].tree || tree;
        return true;
    }
    if (w->n == WATCHER_FOLDERS_MOST) {
        errno = ENOSPC;
        return false;
    }
    w->folders[w->n++] = (struct folder){number, tree, arena_dup(&w->arena, slice_of(folder))};
    return true;
}

static void add_changed(struct watcher *w, const char *folder, const char *name)
{
    const size_t from = w->changed.n;
    buf_printf(&w->changed, "%s/%s", folder, name);
    buf_addc(&w->changed, '\0');
    if (w->changed.overflow) return;
    const char *at = w->changed.p, *added = w->changed.p + from;
    for (; at < added; at += strlen(at) + 1) {
        if (strcmp(at, added) != 0) continue;
        w->changed.n = from;
        return;
    }
    w->nchanged++;
}

/* With `news`, its files count as changed. */
static bool add_tree(struct watcher *w, const char *folder, bool news, unsigned depth)
{
    bool ok = add(w, folder, true);
    DIR *d = ok && depth < DEPTH_MOST ? opendir(folder) : NULL;
    for (const struct dirent *e; ok && d && (e = readdir(d));) {
        char below[PATH_MAX];
        if (e->d_name[0] == '.') continue;
        if (snprintf(below, sizeof below, "%s/%s", folder, e->d_name) >= PATH_MAX) continue;
        if (e->d_type == DT_DIR || e->d_type == DT_UNKNOWN)
            ok = add_tree(w, below, news, depth + 1) || errno == ENOTDIR || errno == ENOENT || errno == EACCES;
        if (news && e->d_type != DT_DIR) add_changed(w, folder, e->d_name);
    }
    if (d) closedir(d);
    return ok;
}

bool watcher_add(struct watcher *w, const char *folder)
{
    return add(w, folder, false);
}

bool watcher_add_tree(struct watcher *w, const char *folder)
{
    return add_tree(w, folder, false, 1);
}

/* What is in it may have come before it was watched. */
static void take_folder(struct watcher *w, const struct folder *f, const char *name)
{
    char path[PATH_MAX];
    if (!f->tree || name[0] == '.' || snprintf(path, sizeof path, "%s/%s", f->path, name) >= PATH_MAX) return;
    add_tree(w, path, true, 1);
}

static void take_event(struct watcher *w, const struct inotify_event *e)
{
    const uint32_t n = w->n;
    for (uint32_t i = 0; e->len && i < n; i++) {
        if (w->folders[i].number != e->wd) continue;
        if (e->mask & IN_ISDIR)
            take_folder(w, &w->folders[i], e->name);
        else if (e->mask & (IN_CLOSE_WRITE | IN_MOVED_TO))
            add_changed(w, w->folders[i].path, e->name);
    }
}

/* All that is there by now. False if some was lost. */
static bool take_events(struct watcher *w)
{
    _Alignas(struct inotify_event) char events[READ_SIZE];
    bool known = true;
    ssize_t n;
    while ((n = read(w->fd, events, sizeof events)) > 0) {
        const struct inotify_event *e;
        for (const char *at = events; at < events + n; at += sizeof *e + e->len) {
            e = (const struct inotify_event *)(const void *)at;
            if (e->mask & IN_Q_OVERFLOW) known = false;
            take_event(w, e);
        }
    }
    return known && !w->changed.overflow;
}

enum watcher_news watcher_wait(struct watcher *w, int until, const char **ret_paths, uint32_t *ret_n)
{
    struct pollfd polls[] = {{.fd = w->fd, .events = POLLIN}, {.fd = until, .events = POLLIN}};
    bool known = true;
    buf_clear(&w->changed);
    w->nchanged = 0;
    while (known && !w->nchanged) {
        if (poll(polls, 2, -1) < 0 && errno != EINTR) return WATCHER_ENDED;
        if (polls[1].revents) return WATCHER_ENDED;
        known = take_events(w);
    }
    *ret_paths = w->changed.p;
    *ret_n = w->nchanged;
    return known ? WATCHER_CHANGED : WATCHER_ALL;
}
