#include "engine/serve.h"

#include <string.h>

#include "engine/actor.h"
#include "engine/run.h"
#include "engine/wait.h"

/* Connections that are taken before others get their turn. */
enum { ACCEPTS_AT_ONCE = 1024 };

static void start_copy(struct actor *a, int fd)
{
    struct run *r = a->run;
    struct actor *copy = run_add_actor(r, a->plan, ++a->instance);
    copy->server = a;
    r->unfinished++;
    r->serving++;
    if (actor_attach(copy, fd, a->listener->scheme, NULL, NULL))
        actor_start(copy);
    else
        run_actor_ended(r, copy);
}

static void resume(struct task *t)
{
    struct actor *a = (struct actor *)(void *)t;
    struct accept_op accept;
    if (a->run->phase != RUN_STEPS) return;
    for (unsigned n = 0; n < ACCEPTS_AT_ONCE; n++) {
        accept_begin(&accept, a->listener);
        const enum op_result r = op_poll(&accept.op, t);
        if (r == OP_WAIT) return;
        if (r == OP_FAILED) {
            if (accept.op.failure == OP_GONE) return;
            actor_fail(a, "system", (struct mark){0}, "cannot accept: %s", strerror(accept.op.error));
            run_stop(a->run);
            return;
        }
        start_copy(a, accept_take(&accept));
    }
    task_wake(t);
}

void serve_start(struct actor *a)
{
    task_init(&a->task, &a->run->sched, resume);
    a->state = ACTOR_RESTING;
    a->instance = 0;
    task_wake(&a->task);
}
