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

/* What all tasks of a process share. */
struct sched {
    struct reactor *reactor;
    struct task *head, **tail;
    uint64_t passes; /* resumes ever */
    int64_t now;     /* when the task that runs was resumed: near enough for reports and deadlines, and free */
    bool stop;
    /* Called when no task can run, before the process waits. */
    void (*idle)(void *ctx);
    void *idle_ctx;
    char *scratch;             /* SCRATCH bytes that every receive goes into first */
    struct conn *scratch_user; /* whose unread bytes are still in it */
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
int sched_init(struct sched *s);
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
