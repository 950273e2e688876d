#include "op/task.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "util/clock.h"
#include "util/mem.h"

int sched_init(struct sched *s)
{
    *s = (struct sched){.reactor = reactor_new()};
    if (!s->reactor) return -errno;
    s->tail = &s->head;
    s->now = clock_now();
    s->scratch = mem_alloc(SCRATCH);
    return 0;
}

void sched_done(struct sched *s)
{
    reactor_free(s->reactor);
    mem_free(s->scratch);
    *s = (struct sched){0};
}

static struct task *next_task(struct sched *s)
{
    struct task *t = s->head;
    if (!t) return NULL;
    s->head = t->next;
    if (!s->head) s->tail = &s->head;
    t->next = NULL;
    t->queued = false;
    return t;
}

void sched_run(struct sched *s)
{
    while (!s->stop) {
        struct task *t = next_task(s);
        if (!t) {
            if (s->idle) s->idle(s->idle_ctx);
            if (!s->head && !s->stop) reactor_poll(s->reactor, true);
            continue;
        }
        s->now = clock_now();
        t->resume(t);
        /* Tasks that keep each other busy by handoff must not starve timers and other descriptors. */
        if (++s->passes % SCHED_PASSES == 0) reactor_poll(s->reactor, false);
    }
}

static void timer_fired(struct timer *timer)
{
    struct task *t = (struct task *)(void *)((char *)timer - offsetof(struct task, timer));
    if (t->deadline == TASK_NEVER) return;
    if (t->deadline > clock_now()) {
        reactor_set(t->sched->reactor, timer, t->deadline);
        return;
    }
    t->expired = true;
    task_wake(t);
}

void task_init(struct task *t, struct sched *s, void (*resume)(struct task *))
{
    *t = (struct task){.sched = s, .resume = resume, .deadline = TASK_NEVER, .timer = {.fire = timer_fired}};
}

static void unqueue(struct task *t)
{
    struct sched *s = t->sched;
    for (struct task **link = &s->head; *link; link = &(*link)->next) {
        if (*link != t) continue;
        *link = t->next;
        if (s->tail == &t->next) s->tail = link;
        break;
    }
    t->next = NULL;
    t->queued = false;
}

void task_done(struct task *t)
{
    if (!t->sched) return;
    if (t->queued) unqueue(t);
    reactor_unset(t->sched->reactor, &t->timer);
    t->sched = NULL;
}

void task_wake(struct task *t)
{
    if (t->queued) return;
    t->queued = true;
    t->next = NULL;
    *t->sched->tail = t;
    t->sched->tail = &t->next;
}

void task_deadline(struct task *t, int64_t at)
{
    t->expired = false;
    t->deadline = at;
    if (at == TASK_NEVER) return;
    /* A timer that is set for an earlier time stays: it finds the new deadline when it fires. */
    if (t->timer.pos && t->timer.at <= at) return;
    reactor_set(t->sched->reactor, &t->timer, at);
}
