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

bool watcher_add(struct watcher *w, const char *folder)
{
    const int number = inotify_add_watch(w->fd, folder, EVENTS | IN_ONLYDIR);
    if (number < 0) return false;
    for (uint32_t i = 0; i < w->n; i++)
        if (w->folders[i].number == number && strcmp(w->folders[i].path, folder) == 0) return true;
    if (w->n == WATCHER_FOLDERS_MOST) {
        errno = ENOSPC;
        return false;
    }
    w->folders[w->n++] = (struct folder){number, arena_dup(&w->arena, slice_of(folder))};
    return true;
}

static bool add_tree(struct watcher *w, const char *folder, unsigned depth)
{
    bool ok = watcher_add(w, folder);
    DIR *d = ok && depth < DEPTH_MOST ? opendir(folder) : NULL;
    for (const struct dirent *e; ok && d && (e = readdir(d));) {
        char below[PATH_MAX];
        if (e->d_name[0] == '.' || (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN)) continue;
        if (snprintf(below, sizeof below, "%s/%s", folder, e->d_name) >= PATH_MAX) continue;
        ok = add_tree(w, below, depth + 1) || errno == ENOTDIR || errno == ENOENT || errno == EACCES;
    }
    if (d) closedir(d);
    return ok;
}

bool watcher_add_tree(struct watcher *w, const char *folder)
{
    return add_tree(w, folder, 1);
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

/* False if there is more to it than a file that was written. */
static bool take_event(struct watcher *w, const struct inotify_event *e)
{
    if (e->mask & IN_Q_OVERFLOW) return false;
    if (e->mask & IN_ISDIR) return e->name[0] == '.';
    if (!e->len || !(e->mask & (IN_CLOSE_WRITE | IN_MOVED_TO))) return true;
    for (uint32_t i = 0; i < w->n; i++)
        if (w->folders[i].number == e->wd) add_changed(w, w->folders[i].path, e->name);
    return !w->changed.overflow;
}

/* All that is there by now. */
static bool take_events(struct watcher *w)
{
    _Alignas(struct inotify_event) char events[READ_SIZE];
    bool known = true;
    ssize_t n;
    while ((n = read(w->fd, events, sizeof events)) > 0) {
        const struct inotify_event *e;
        for (const char *at = events; at < events + n; at += sizeof *e + e->len) {
            e = (const struct inotify_event *)(const void *)at;
            known = take_event(w, e) && known;
        }
    }
    return known;
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
