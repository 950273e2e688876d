#include "op/task.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "util/clock.h"
#include "util/mem.h"

int hub_init(struct hub *h)
{
    *h = (struct hub){.reactor = reactor_new()};
    if (!h->reactor) return -errno;
    h->tail = &h->head;
    h->scratch = mem_alloc(SCRATCH);
    return 0;
}

void hub_done(struct hub *h)
{
    reactor_free(h->reactor);
    mem_free(h->scratch);
    *h = (struct hub){0};
}

int sched_init(struct sched *s)
{
    struct hub *h = mem_alloc(sizeof *h);
    const int error = hub_init(h);
    if (error) {
        *s = (struct sched){0};
        mem_free(h);
        return error;
    }
    sched_join(s, h);
    s->owns_hub = true;
    return 0;
}

void sched_join(struct sched *s, struct hub *h)
{
    *s = (struct sched){.hub = h, .reactor = h->reactor, .now = clock_now()};
    s->tail = &s->head;
}

static void list(struct sched *s)
{
    struct hub *h = s->hub;
    if (s->listed) return;
    s->listed = true;
    s->next = NULL;
    *h->tail = s;
    h->tail = &s->next;
}

static void unlist(struct sched *s)
{
    struct hub *h = s->hub;
    for (struct sched **link = &h->head; *link; link = &(*link)->next) {
        if (*link != s) continue;
        *link = s->next;
        if (h->tail == &s->next) h->tail = link;
        break;
    }
    s->listed = false;
}

void sched_done(struct sched *s)
{
    struct hub *h = s->hub;
    if (h && s->listed) unlist(s);
    if (h && h->current == s) h->current = NULL;
    if (s->owns_hub) {
        hub_done(h);
        mem_free(h);
    }
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

/* The one whose turn it is: it goes to the end of the list, or leaves it with its last task. */
static struct sched *next_sched(struct hub *h)
{
    struct sched *s = h->head;
    if (!s) return NULL;
    h->head = s->next;
    if (!h->head) h->tail = &h->head;
    s->listed = false;
    return s;
}

static void enter(struct sched *s)
{
    struct hub *h = s->hub;
    if (h->current == s) return;
    h->current = s;
    if (s->enter) s->enter(s->enter_ctx);
}

static void run_one(struct sched *s)
{
    struct hub *h = s->hub;
    struct task *t = next_task(s);
    enter(s);
    if (t) {
        s->now = clock_now();
        s->passes++;
        t->resume(t);
        /* Tasks that keep each other busy by handoff must not starve timers and other descriptors. */
        if (++h->passes % SCHED_PASSES == 0) reactor_poll(h->reactor, false);
    }
    if (s->head)
        list(s);
    else if (s->idle && !s->stop)
        s->idle(s->idle_ctx);
}

/* The sched that had its turn, or NULL after a wait for news. */
static struct sched *step(struct hub *h)
{
    struct sched *s = next_sched(h);
    if (s)
        run_one(s);
    else
        reactor_poll(h->reactor, true);
    return s;
}

struct sched *hub_run(struct hub *h)
{
    while (!h->pause) {
        struct sched *s = step(h);
        if (s && s->stop) return s;
    }
    h->pause = false;
    return NULL;
}

void sched_run(struct sched *s)
{
    /* Who has no task that can run may want to be told so. */
    list(s);
    while (!s->stop)
        if (!step(s->hub)) list(s);
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
    list(t->sched);
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
