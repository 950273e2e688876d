#ifndef RUN_SUPERVISOR_H
#define RUN_SUPERVISOR_H

/* Runs a suite: one process for each file, some at once; hears what they say, ends those that go past their deadline,
 * and sends the whole run to the bus as one stream. A process that dies costs the case that it was at; another one goes
 * on. */

#include <stdbool.h>
#include <stdint.h>

#include "event/bus.h"
#include "run/worker.h"

struct supervisor_limits {
    int64_t grace; /* ns beyond a case's deadline */
    int64_t ask;   /* from SIGUSR1 to SIGKILL */
    int64_t load;  /* until a process has begun its next case, or ended after its last */
    int64_t stop;  /* from SIGTERM to SIGKILL, once the run is to end */
};

/* 2 s, 200 ms, 10 s, 2 s */
extern const struct supervisor_limits supervisor_limits;

struct supervisor_options {
    const struct suite *suite;
    const struct settings *settings;
    struct bus *bus;
    int (*child)(const struct child_job *job); /* child_main */
    unsigned jobs;                             /* processes at once */
    uint32_t fail_fast;                        /* end the run after so many cases that failed, 0: never */
    uint32_t retry;                            /* a case that fails is run so often again, 0: never */
    uint64_t memory;                           /* RLIMIT_DATA of each process in bytes, 0: as it is */
    const struct supervisor_limits *limits;    /* NULL: supervisor_limits */
    void (*tick)(void *ctx, int64_t now);      /* some ten times a second, or NULL */
    void *tick_ctx;
};

struct supervisor_result {
    bool interrupted;      /* by SIGINT, SIGTERM or SIGHUP */
    struct buf complaints; /* lines about what went wrong outside of any case: the run broke */
};

/* Blocks and takes the signals above while it runs; raises the limit of descriptors; makes this process a subreaper.
 * `complaints` are the caller's to free. */
void supervisor_run(const struct supervisor_options *o, struct supervisor_result *ret);

#endif
