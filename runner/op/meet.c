#include "op/meet.h"

#include <assert.h>
#include <stddef.h>
#include <utlist.h>

#include "util/clock.h"
#include "util/mem.h"

void waiter_join(struct waiter *w, struct waiter **list, struct task *t)
{
    if (w->list) return;
    *w = (struct waiter){.task = t, .list = list};
    DL_APPEND(*list, w);
}

void waiter_leave(struct waiter *w)
{
    if (!w->list) return;
    DL_DELETE(*w->list, w);
    w->list = NULL;
}

void waiter_wake_all(struct waiter *list)
{
    for (; list; list = list->next)
        task_wake(list->task);
}

static enum op_result sync_poll(struct op *op, struct task *t)
{
    struct sync_op *o = (struct sync_op *)op;
    struct sync *s = o->sync;
    if (!o->arrived) {
        if (s->gone) return op_fail(op, OP_GONE, s->gone);
        o->arrived = true;
        o->round = s->round;
        if (++s->arrived >= s->parties) {
            s->arrived = 0;
            s->round++;
            waiter_wake_all(s->waiters);
        }
    }
    if (o->round != s->round) {
        waiter_leave(&o->waiter);
        return OP_DONE;
    }
    if (s->gone) return op_fail(op, OP_GONE, s->gone);
    waiter_join(&o->waiter, &s->waiters, t);
    op->waits = WAITS_RENDEZVOUS;
    return OP_WAIT;
}

static void sync_cancel(struct op *op, struct task *t)
{
    struct sync_op *o = (struct sync_op *)op;
    (void)t;
    waiter_leave(&o->waiter);
    if (o->arrived && o->round == o->sync->round && o->sync->arrived) o->sync->arrived--;
}

void sync_begin(struct sync_op *o, struct sync *s)
{
    static const struct op_type type = {.name = "sync", .poll = sync_poll, .cancel = sync_cancel};
    *o = (struct sync_op){.op = {.type = &type, .edge = true}, .sync = s};
}

void sync_leave(struct sync *s, const char *who)
{
    s->gone = who;
    waiter_wake_all(s->waiters);
}

bool queue_put(struct queue *q, int item)
{
    if (q->n >= QUEUE_MOST) return false;
    if (q->first + q->n == q->size) {
        for (uint32_t i = 0; i < q->n; i++)
            q->items[i] = q->items[q->first + i];
        q->first = 0;
        /* Half of it is free now, or is made so: moving everything again is far off. */
        if (q->n * 2 > q->size || !q->size) {
            q->size = q->size ? q->size * 2 : 8;
            q->items = mem_resize(q->items, q->size, sizeof *q->items);
        }
    }
    q->items[q->first + q->n++] = item;
    if (q->waiters) task_wake(q->waiters->task);
    return true;
}

int queue_first(struct queue *q)
{
    assert(q->n);
    const int item = q->items[q->first++];
    q->n--;
    /* One put may have woken a task that then took something else: whoever is next in the line may go now. */
    if (q->n && q->waiters) task_wake(q->waiters->task);
    return item;
}

void queue_done(struct queue *q)
{
    mem_free(q->items);
    *q = (struct queue){0};
}

static enum op_result take_poll(struct op *op, struct task *t)
{
    struct take_op *o = (struct take_op *)op;
    struct queue *q = o->queue;
    const bool turn = !q->waiters || q->waiters == &o->waiter;
    if (q->n && turn) {
        waiter_leave(&o->waiter);
        return OP_DONE;
    }
    waiter_join(&o->waiter, &q->waiters, t);
    op->waits = WAITS_RENDEZVOUS;
    return OP_WAIT;
}

static void take_cancel(struct op *op, struct task *t)
{
    struct take_op *o = (struct take_op *)op;
    (void)t;
    waiter_leave(&o->waiter);
    if (o->queue->n && o->queue->waiters) task_wake(o->queue->waiters->task);
}

void take_begin(struct take_op *o, struct queue *q)
{
    static const struct op_type type = {.name = "take", .poll = take_poll, .cancel = take_cancel};
    *o = (struct take_op){.op = {.type = &type, .edge = true}, .queue = q};
}

static enum op_result sleep_poll(struct op *op, struct task *t)
{
    const struct sleep_op *o = (const struct sleep_op *)op;
    (void)t;
    if (clock_now() >= o->until) return OP_DONE;
    op->wake = o->until;
    op->waits = WAITS_TIME;
    return OP_WAIT;
}

void sleep_begin(struct sleep_op *o, int64_t until)
{
    static const struct op_type type = {.name = "sleep", .poll = sleep_poll};
    *o = (struct sleep_op){.op = {.type = &type, .edge = true}, .until = until};
}

enum { ASK_FIRST = 1000000, ASK_MOST = 20000000 };

static enum op_result ask_poll(struct op *op, struct task *t)
{
    struct ask_op *o = (struct ask_op *)op;
    (void)t;
    if (o->holds(o->ctx)) return OP_DONE;
    if (o->gone) return op_fail(op, OP_GONE, o->gone);
    const int64_t now = clock_now();
    if (now >= o->next) {
        o->next = now + o->step;
        o->step = o->step * 2 < ASK_MOST ? o->step * 2 : ASK_MOST;
    }
    op->wake = o->next;
    op->waits = WAITS_TIME;
    return OP_WAIT;
}

void ask_begin(struct ask_op *o, bool (*holds)(void *ctx), void *ctx)
{
    static const struct op_type type = {.name = "ask", .poll = ask_poll};
    *o = (struct ask_op){.op = {.type = &type, .edge = true}, .holds = holds, .ctx = ctx, .step = ASK_FIRST};
}
