#ifndef ENGINE_CREW_H
#define ENGINE_CREW_H

/* The cases of one child: which of them run at the same time, what they share (the reactor, Lua, the actors of
 * `before`), and what becomes of them when the process is told to end. */

#include <stdbool.h>

#include "engine/child.h"
#include "engine/run.h"
#include "util/arena.h"
#include "util/diag.h"

struct crew;

struct crew_options {
    const struct child_job *job;
    const struct scenario *scenario;
    struct lazy_lua *lua;
    struct tls_library *tls;
    const struct emit *emit; /* what it sends goes the same way */
    int signals;             /* signalfd(2): readable when the child is to end; -1: none */
    const char *missing;     /* why no case can run, or NULL */
    struct arena *arena;
    struct diags *diags;
};

/* Runs the job's cases. True if every one got its verdict. */
bool crew_run(const struct crew_options *o);

/* For runs. */

/* The tasks of this one run next. */
void crew_running(struct crew *c, const struct board *b);
/* The actors of `before` are there. */
void crew_shared_ready(struct crew *c);
/* Something that serves all cases has met what it did not expect: the cases that run fail with it. */
void crew_break(struct crew *c, const struct event_failure *f);
/* A run is about to be gone: whatever processes belong to nobody any more are ended. */
void crew_end_children(struct crew *c);

#endif
