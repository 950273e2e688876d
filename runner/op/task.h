#ifndef OP_TASK_H
#define OP_TASK_H

/* A task is the only thing that is ever resumed: a YAML actor, a copy of it, a program being started. Waking a task
 * only queues it, first in, first out; nothing runs another task from within. Each wait has a deadline, kept lazily:
 * moving it later costs nothing, since the timer that fires too early is set again. */

#include <stdbool.h>
#include <stdint.h>

#include "net/reactor.h"

#define TASK_NEVER INT64_MAX

enum { SCRATCH = 64 << 10, SCHED_PASSES = 32 };

struct task;
struct conn;

/* What all tasks of a process share, whichever case they belong to. */
struct hub {
    struct reactor *reactor;
    struct sched *head, **tail; /* those with tasks that can run */
    struct sched *current;      /* whose tasks ran last, and whose `enter` was called; NULL: nobody's */
    bool pause;                 /* hub_run is to return */
    uint64_t passes;
    char *scratch;             /* SCRATCH bytes that every receive goes into first */
    struct conn *scratch_user; /* whose unread bytes are still in it */
};

/* The tasks of one case. Those of several take turns, a task of each. */
struct sched {
    struct hub *hub;
    struct reactor *reactor; /* the hub's */
    struct sched *next;
    struct task *head, **tail;
    uint64_t passes; /* resumes ever */
    int64_t now;     /* when the task that runs was resumed: near enough for reports and deadlines, and free */
    bool stop;
    bool owns_hub, listed;
    /* Called when none of its tasks can run any more. */
    void (*idle)(void *ctx);
    void *idle_ctx;
    /* Called before one of its tasks runs, when others' have run since; or NULL. */
    void (*enter)(void *ctx);
    void *enter_ctx;
    /* Told of what passes over connections that say so (conn.recorded), from position `from` on; or NULL. */
    void (*passed)(void *ctx, struct conn *c, bool sent, uint64_t from, struct slice bytes);
    void *passed_ctx;
};

struct task {
    struct sched *sched;
    struct task *next;
    bool queued;
    bool expired; /* the deadline has passed since task_deadline */
    void (*resume)(struct task *t);
    struct timer timer;
    int64_t deadline;
};

/* 0 or -errno. */
int hub_init(struct hub *h);
void hub_done(struct hub *h);
/* Runs tasks until one of the scheds is stopped, which is returned, or `pause` was set: NULL, and it is cleared. */
struct sched *hub_run(struct hub *h);

/* One with a hub of its own. 0 or -errno. */
int sched_init(struct sched *s);
/* One of several. */
void sched_join(struct sched *s, struct hub *h);
/* All of its tasks must be done. */
void sched_done(struct sched *s);
/* Runs tasks until s->stop is set. */
void sched_run(struct sched *s);

void task_init(struct task *t, struct sched *s, void (*resume)(struct task *));
/* Unlinks it from the run queue and the timers. Its waits must have been cancelled. */
void task_done(struct task *t);
void task_wake(struct task *t);
/* From now on the task is woken at this time (CLOCK_MONOTONIC ns; TASK_NEVER), and `expired` says so. */
void task_deadline(struct task *t, int64_t at);

#endif
