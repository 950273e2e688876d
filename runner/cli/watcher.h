#ifndef CLI_WATCHER_H
#define CLI_WATCHER_H

/* Which files of some folders have been written (inotify(7)). Folders are watched rather than files, since editors
 * write a new file and rename it. */

#include <stdbool.h>
#include <stdint.h>

enum { WATCHER_FOLDERS_MOST = 4096 };

struct watcher;

/* NULL with errno set. */
struct watcher *watcher_new(void);
void watcher_free(struct watcher *w);
/* An absolute folder; one that is watched already is fine. False with errno set. */
bool watcher_add(struct watcher *w, const char *folder);
/* The same with all folders below it, also those that come later; links and names that begin with a dot are passed
 * over. */
bool watcher_add_tree(struct watcher *w, const char *folder);

enum watcher_news {
    WATCHER_CHANGED, /* the list says which */
    WATCHER_ALL,     /* too much happened: whatever is there may be new */
    WATCHER_ENDED,   /* `until` can be read */
};

/* Waits until something has happened, and tells of all that has. *ret_paths: the files, absolute and each once, behind
 * one another and each with a NUL at its end, until the next call. */
enum watcher_news watcher_wait(struct watcher *w, int until, const char **ret_paths, uint32_t *ret_n);

#endif
