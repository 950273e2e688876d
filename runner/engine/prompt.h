#ifndef ENGINE_PROMPT_H
#define ENGINE_PROMPT_H

/* Lua by hand (`sockrun lua`): each entry is a chunk that runs as a task beside those that earlier ones have spawned.
 * Variables, connections and tasks stay until the end. One in a process. */

#include <stdbool.h>

#include "engine/child.h"
#include "event/event.h"

struct prompt;

struct prompt_ears {
    /* What `print` writes, and the values of an expression. */
    void (*print)(void *ctx, struct slice text);
    /* EVENT_LOG, or EVENT_VERDICT with its failures; by any task, also while prompt_wait waits. */
    void (*event)(void *ctx, const struct event *e);
    void *ctx;
};

enum prompt_result {
    PROMPT_DONE,
    PROMPT_FAILED,      /* told as an event */
    PROMPT_INCOMPLETE,  /* it goes on: the next entry begins with this one's text */
    PROMPT_INTERRUPTED, /* by SIGINT */
};

/* `name` is what reports call the entries; its lines are counted on. Takes SIGINT, which interrupts what runs, until
 * prompt_free. NULL with *ret_why. */
struct prompt *prompt_new(const struct settings *s, const char *name, const char *folder,
                          const struct prompt_ears *ears, const char **ret_why);
void prompt_free(struct prompt *p);
/* An expression's values are printed. whole: nothing can follow, so that it is never incomplete. */
enum prompt_result prompt_run(struct prompt *p, struct slice text, bool whole);
/* Lets the tasks run until fd can be read (or is at its end). False: SIGINT came first. */
bool prompt_wait(struct prompt *p, int fd);
/* The worst of what was told so far. */
enum sr_verdict prompt_verdict(const struct prompt *p);

#endif
