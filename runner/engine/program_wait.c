#include "engine/program_wait.h"

#include <stdio.h>

#include "engine/program_io.h"
#include "util/mem.h"

/* Beside its op, which has no room for it. */
struct program_wait {
    struct program_wait *next, **link; /* link NULL: in no list */
    struct program *program;
    struct task *task;
    struct exit_want want;
    char why[80];
};

static struct program_wait *wait_of(struct op *op)
{
    return ((union op_room *)(void *)op)->other.own;
}

static enum op_result wait_on(struct op *op, struct task *t)
{
    struct program_wait *w = wait_of(op);
    struct program_wait **list = &w->program->io->waits;
    op->waits = WAITS_OUTSIDE;
    w->task = t;
    if (w->link) return OP_WAIT;
    w->link = list;
    w->next = *list;
    if (w->next) w->next->link = &w->next;
    *list = w;
    return OP_WAIT;
}

static enum op_result ready_poll(struct op *op, struct task *t)
{
    const struct program *p = wait_of(op)->program;
    if (p->state == PROGRAM_READY) return OP_DONE;
    if (p->state == PROGRAM_ENDED) return op_fail(op, OP_GONE, "the program has ended before it was ready");
    return wait_on(op, t);
}

static enum op_result end_poll(struct op *op, struct task *t)
{
    struct program_wait *w = wait_of(op);
    const int status = w->program->process.status;
    char want[32], got[32];
    if (w->program->state != PROGRAM_ENDED) return wait_on(op, t);
    if (exit_want_met(&w->want, status)) return OP_DONE;
    snprintf(w->why, sizeof w->why, "expected %s, got %s", exit_want_show(&w->want, want),
             process_show_status(status, got));
    return op_fail(op, OP_MISMATCH, w->why);
}

static void wait_cancel(struct op *op, struct task *t)
{
    struct program_wait *w = wait_of(op);
    (void)t;
    if (w->link) {
        *w->link = w->next;
        if (w->next) w->next->link = w->link;
    }
    mem_free(w);
}

static struct program_wait *wait_begin(union op_room *room, struct program *p, const struct op_type *type)
{
    struct program_wait *w = mem_zalloc(sizeof *w);
    w->program = p;
    room->other.op = (struct op){.type = type, .edge = true};
    room->other.own = w;
    return w;
}

void program_wait_ready(union op_room *room, struct program *p)
{
    static const struct op_type type = {.name = "start", .poll = ready_poll, .cancel = wait_cancel};
    wait_begin(room, p, &type);
}

void program_wait_end(union op_room *room, struct program *p, const struct exit_want *want)
{
    static const struct op_type type = {.name = "exit", .poll = end_poll, .cancel = wait_cancel};
    struct program_wait *w = wait_begin(room, p, &type);
    w->want = want ? *want : (struct exit_want){.any = true};
}

void program_wait_wake(struct program *p)
{
    for (struct program_wait *w = p->io->waits; w; w = w->next)
        task_wake(w->task);
}

void program_wait_forget(struct program *p)
{
    for (struct program_wait *w = p->io->waits; w; w = w->next)
        w->link = NULL;
    p->io->waits = NULL;
}
