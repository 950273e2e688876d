#include "engine/wait.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "engine/failure.h"
#include "engine/framing.h"
#include "engine/lanes.h"
#include "engine/loop.h"
#include "engine/resend.h"
#include "engine/run.h"
#include "engine/scope.h"
#include "util/clock.h"
#include "util/mem.h"

struct wait *wait_new(struct actor *a, const struct instr *in)
{
    struct run *r = a->run;
    struct wait *w = r->free_waits;
    if (w)
        r->free_waits = w->next;
    else
        w = arena_alloc(&r->arena, sizeof *w);
    w->next = NULL;
    w->in = in;
    w->main = w->ignored = w->meanwhile = (struct choices){0};
    w->one = (struct choice){0};
    w->began = a->began;
    w->limit = 0;
    w->deadline = 0;
    w->limited_by = (struct mark){0};
    w->ordered = false;
    return w;
}

static void choice_free(struct actor *a, const struct wait *w, struct choice *c)
{
    if (c->begun) op_cancel(&c->room->op, &a->task);
    frame_drop(a, c->chain);
    if (c->room != &w->room) mem_free(c->room);
}

static void choices_free(struct actor *a, struct wait *w, struct choices *cs)
{
    for (uint32_t i = 0; i < cs->n; i++) {
        struct conn *c = cs->list[i].begun ? cs->list[i].room->op.conn : NULL;
        choice_free(a, w, &cs->list[i]);
        /* What stands beside the steps claims no message that it has only looked at. */
        if (cs == &w->meanwhile && c && c->messages) c->messages->begun = NULL;
    }
    if (cs->list != &w->one) mem_free(cs->list);
    *cs = (struct choices){0};
}

bool wait_expects(const struct choice *c)
{
    const struct op *op = &c->room->op;
    return op->type && strcmp(op->type->name, "expect") == 0;
}

void wait_free(struct actor *a, struct wait *w)
{
    if (!w) return;
    choices_free(a, w, &w->meanwhile);
    choices_free(a, w, &w->main);
    choices_free(a, w, &w->ignored);
    arena_done(&w->arena);
    w->next = a->run->free_waits;
    a->run->free_waits = w;
}

static struct choice *add(struct choices *cs)
{
    if (cs->n == cs->size) {
        cs->size = cs->size ? cs->size * 2 : 4;
        cs->list = mem_resize(cs->list, cs->size, sizeof *cs->list);
    }
    struct choice *c = &cs->list[cs->n++];
    *c = (struct choice){.room = mem_zalloc(sizeof *c->room)};
    return c;
}

/* The branches of an `any` that opens a branch are alternatives like their neighbours. */
static enum went add_nested(struct actor *a, struct wait *w, struct choices *to, const struct instr *in, uint32_t lane)
{
    struct frame *base = a->top;
    enum went went = WENT_ON;
    for (uint32_t i = 0; i < in->nbranches && went == WENT_ON; i++) {
        a->top = base;
        base->refs++;
        struct frame *f = actor_push(a, FRAME_BRANCH, &in->branches[i].block, in);
        if (f)
            went = wait_add(a, w, to, in->branches[i].name, lane);
        else {
            base->refs--;
            went = WENT_FAILED;
        }
    }
    frame_drop(a, base);
    return went;
}

enum went wait_add(struct actor *a, struct wait *w, struct choices *to, const char *outcome, uint32_t lane)
{
    while (a->top->pc < a->top->block->n) {
        const struct instr *in = &a->top->block->steps[a->top->pc++];
        bool holds = true;
        struct eval e = actor_eval(a);
        if (in->condition && !condition_eval(in->condition, in->model->condition->mark, &e, &holds))
            return actor_fail_eval(a, &e);
        if (!holds) continue;
        if (in->nbranches && !in->kind->begin && (in->model->schema->flags & STEP_OPENING))
            return add_nested(a, w, to, in, lane);
        if (in->kind->enter) {
            a->opening = true;
            const enum went went = in->kind->enter(a, in);
            a->opening = false;
            if (went != WENT_ON) return went;
            continue;
        }
        assert(in->kind->begin);
        struct choice *c = add(to);
        c->in = in;
        c->outcome = outcome;
        c->lane = lane;
        c->chain = a->top;
        const enum went went = in->kind->begin(a, in, c->room);
        c->begun = went == WENT_ON;
        return went;
    }
    return actor_fail(a, "misuse", (struct mark){0}, "a branch has no step left that it could begin with");
}

/* Before the connection that it reads is there, nothing can come on it. */
static bool has_connection(const struct actor *a, const struct block *b)
{
    const struct instr *first = b->steps;
    if (!(first->model->schema->flags & STEP_CONNECTION)) return a->channels || (!first->nbranches && !first->block.n);
    for (const struct channel *c = a->channels; c; c = c->next)
        if (first->via ? c->name && strcmp(first->via, c->name) == 0 : !c->name) return true;
    return false;
}

/* Branches that are answered beside any wait: those of the blocks around, and the actor's own. A meanwhile branch is
 * not itself interrupted by its neighbours. */
static enum went add_meanwhile(struct actor *a, struct wait *w)
{
    struct frame *top = a->top;
    const struct frame *f = top;
    enum went went = WENT_ON;
    const struct meanwhile *m = NULL;
    for (;; f = f->below) {
        if (f && f->kind == FRAME_MEANWHILE) break;
        m = f ? (f->in ? &f->in->meanwhile : NULL) : &a->plan->meanwhile;
        for (uint32_t i = 0; m && i < m->n && went == WENT_ON; i++) {
            if (!has_connection(a, &m->list[i].block)) continue;
            a->top = top;
            top->refs++;
            struct frame *branch = actor_push(a, FRAME_MEANWHILE, &m->list[i].block, NULL);
            branch->deadline = TASK_NEVER;
            went = wait_add(a, w, &w->meanwhile, m->list[i].name, 0);
        }
        if (!f) break;
    }
    a->top = top;
    return went;
}

static bool has_meanwhile(const struct actor *a)
{
    const struct frame *f = a->top;
    for (; f; f = f->below) {
        if (f->kind == FRAME_MEANWHILE) return false;
        if (f->in && f->in->meanwhile.n) return true;
    }
    return a->plan->meanwhile.n > 0 && a->top;
}

enum went wait_for_branches(struct actor *a, const struct instr *in)
{
    struct wait *w = wait_new(a, in);
    struct frame *top = a->top;
    top->refs++;
    const enum went went = add_nested(a, w, &w->main, in, 0);
    a->top = top;
    if (went == WENT_ON) return wait_start(a, w);
    wait_free(a, w);
    return went;
}

enum went wait_start(struct actor *a, struct wait *w)
{
    if (a->plan->has_meanwhile && has_meanwhile(a)) {
        const enum went went = add_meanwhile(a, w);
        if (went != WENT_ON) {
            wait_free(a, w);
            return went;
        }
    }
    a->wait = w;
    return wait_poll(a);
}

/* When this wait must be over. */
static void bound(struct actor *a, struct wait *w, int64_t limit)
{
    const struct frame *top = a->top;
    w->limit = (int64_t)((double)limit * a->run->base->settings->timeout_scale);
    w->deadline = w->limit ? w->began + w->limit : TASK_NEVER;
    if (top && top->deadline < w->deadline) {
        w->deadline = top->deadline;
        const struct frame *f = top;
        while (f->below && f->below->deadline == f->deadline)
            f = f->below;
        w->limit = f->deadline - f->entered;
        if (f->in) w->limited_by = f->in->model->mark;
    }
    const int64_t loop = loop_deadline(a);
    if (loop < w->deadline) w->deadline = loop;
}

/* Like a first connection it may take its time. */
static bool awaits_first(const struct wait *w)
{
    const struct conn *c = w->main.n ? w->main.list[0].room->op.conn : NULL;
    return c && c->datagrams && c->server && !c->datagrams->received;
}

static int64_t default_limit(const struct actor *a, const struct wait *w)
{
    return w->in->kind->untimed || awaits_first(w) ? 0 : a->plan->step_timeout;
}

static enum went set_deadline(struct actor *a, struct wait *w)
{
    int64_t limit = default_limit(a, w);
    if (w->in->timed) {
        struct eval e = actor_eval(a);
        if (!quantity_eval(&w->in->timeout, &e, &limit)) return actor_fail_eval(a, &e);
    }
    bound(a, w, limit);
    return WENT_ON;
}

void wait_know_limit(struct actor *a, struct wait *w)
{
    if (w->deadline || (w->in->timed && w->in->timeout.dynamic)) return;
    bound(a, w, w->in->timed ? w->in->timeout.value : default_limit(a, w));
}

static void merge_wake(const struct choices *cs, int64_t *at)
{
    for (uint32_t i = 0; i < cs->n; i++) {
        const struct choice *c = &cs->list[i];
        if (c->begun && !c->failed && c->room->op.wake && c->room->op.wake < *at) *at = c->room->op.wake;
    }
}

/* Failures that are to be told may be older than the bytes that they point to. */
static void look_again(struct actor *a, struct wait *w)
{
    struct choices *const all[] = {&w->main, &w->meanwhile, &w->ignored};
    for (unsigned k = 0; k < sizeof all / sizeof *all; k++) {
        for (uint32_t i = 0; i < all[k]->n; i++)
            if (all[k]->list[i].failed) op_again(&all[k]->list[i].room->op, &a->task);
    }
}

static enum went expected_failure(struct actor *a, struct wait *w)
{
    const enum went went = w->in->kind->failed(a, w->in, &w->room);
    if (went != WENT_ON) return went;
    a->wait = NULL;
    wait_free(a, w);
    return WENT_ON;
}

/* Of the step itself, not of a block around it. */
static bool expects_timeout(const struct wait *w)
{
    return w->one.in && !w->limited_by.source && w->in->kind->expects_timeout && w->in->kind->expects_timeout(w->in);
}

static enum went still_waiting(struct actor *a, struct wait *w)
{
    if (!w->deadline && set_deadline(a, w) != WENT_ON) return WENT_FAILED;
    if (a->task.expired && w->deadline != TASK_NEVER && clock_now() >= w->deadline) {
        if (loop_expired(a)) return WENT_ON;
        if (expects_timeout(w)) {
            op_fail_status(&w->room.op, SR_TIMEOUT, ETIMEDOUT);
            return expected_failure(a, w);
        }
        look_again(a, w);
        return failure_timeout(a, w);
    }
    int64_t at = w->deadline;
    merge_wake(&w->main, &at);
    merge_wake(&w->meanwhile, &at);
    merge_wake(&w->ignored, &at);
    task_deadline(&a->task, at);
    return WENT_WAIT;
}

static enum op_result poll_choice(struct actor *a, struct choice *c)
{
    if (c->failed) return OP_FAILED;
    const enum op_result r = op_poll(&c->room->op, &a->task);
    c->failed = r == OP_FAILED;
    return r;
}

static bool ends_before(const struct choice *a, const struct choice *b)
{
    if (!b) return true;
    if (a->room->op.conn != b->room->op.conn || !a->room->op.conn) return false;
    return a->room->op.end < b->room->op.end;
}

/* The one that is complete after the fewest bytes, if that is fewer than what `best` took; one that still waits cannot
 * end before it. In `all` the first that wants the message, which is not known while one listed before still waits. */
static struct choice *poll_choices(struct actor *a, struct choices *cs, bool ordered, struct choice *best,
                                   bool *waiting)
{
    for (uint32_t i = 0; i < cs->n; i++) {
        struct choice *c = &cs->list[i];
        /* A connection that was accepted and not chosen would be lost. */
        if (best && c->room->op.listener) continue;
        switch (poll_choice(a, c)) {
        case OP_DONE:
            if (ordered) return c;
            if (ends_before(c, best)) best = c;
            break;
        case OP_WAIT:
            *waiting = true;
            if (ordered) return NULL;
            break;
        case OP_FAILED: break;
        }
    }
    return best;
}

/* A pattern that more bytes could lengthen may end before the best one, or as early and be listed before it. */
static bool may_still_win(const struct choices *cs, const struct choice *best)
{
    uint64_t end;
    for (uint32_t i = 0; i < cs->n; i++) {
        const struct choice *c = &cs->list[i];
        if (c == best || c->failed || c->room->op.conn != best->room->op.conn || !wait_expects(c)) continue;
        if (!expect_would_end(&c->room->expect, &end)) continue;
        if (end < best->room->op.end || (end == best->room->op.end && c < best)) return true;
    }
    return false;
}

static bool at_edge(const struct choices *cs)
{
    for (uint32_t i = 0; i < cs->n; i++)
        if (!cs->list[i].room->op.edge) return false;
    return true;
}

static void rewind_choices(struct choices *cs)
{
    for (uint32_t i = 0; i < cs->n; i++) {
        struct choice *c = &cs->list[i];
        if (!c->begun) continue;
        c->failed = false;
        op_rewind(&c->room->op);
    }
}

static struct conn *reading_conn(const struct wait *w)
{
    for (uint32_t i = 0; i < w->main.n; i++)
        if (w->main.list[i].room->op.conn) return w->main.list[i].room->op.conn;
    return NULL;
}

static enum went begin_ignored(struct actor *a, struct wait *w, struct conn *c)
{
    const struct ignore *ignore = &w->in->ignore;
    struct eval e = actor_eval(a);
    for (uint32_t i = 0; i < ignore->n; i++) {
        const struct expectation *x;
        if (!framing_eval(ignore->list[i], &e, &x)) return actor_fail_eval(a, &e);
        struct choice *choice = add(&w->ignored);
        choice->ignored = ignore->list[i];
        choice->begun = true;
        expect_begin(&choice->room->expect, c, x, &a->arena);
    }
    return WENT_ON;
}

static void take_bytes(struct actor *a, struct op *op)
{
    struct conn *c = op->conn;
    if (!c || op->end <= c->base) {
        op_commit(op);
        return;
    }
    const uint64_t from = c->base;
    const struct slice bytes = slice_part(conn_from(c, from), 0, (size_t)(op->end - from));
    actor_took(a, (struct channel *)c, from, bytes, op->end - from);
    op_commit(op);
}

/* What it was sent again for has come. */
static void met(const struct op *op)
{
    if (op->conn && ((struct channel *)op->conn)->resend && strncmp(op->type->name, "expect", 6) == 0)
        resend_stop((struct channel *)op->conn);
}

/* Everything has failed at this message: may it be passed over? WENT_ON: it was, look again. WENT_END: no. */
static enum went try_ignore(struct actor *a, struct wait *w, bool *ret_waiting)
{
    struct conn *c = reading_conn(w);
    if (!w->in->ignore.n || !c || !at_edge(&w->main)) return WENT_END;
    if (!w->ignored.n && begin_ignored(a, w, c) != WENT_ON) return WENT_FAILED;
    struct choice *best = poll_choices(a, &w->ignored, true, NULL, ret_waiting);
    /* Of a stream it would be passed over for ever. */
    if (!best || (best->room->op.end == c->base && !c->datagrams)) return WENT_END;
    take_bytes(a, &best->room->op);
    rewind_choices(&w->main);
    rewind_choices(&w->ignored);
    rewind_choices(&w->meanwhile);
    return WENT_ON;
}

static enum went set_outcome(struct actor *a, const struct frame *f)
{
    if (f->kind != FRAME_BRANCH || !f->in->nas) return WENT_ON;
    const char *name = NULL;
    for (uint32_t i = 0; i < f->in->nbranches; i++)
        if (&f->in->branches[i].block == f->block) name = f->in->branches[i].name;
    return scope_set_text(a, f->in->as[0], slice_of(name)) ? WENT_ON : WENT_FAILED;
}

/* The opening was met: its stack is the actor's now. */
static enum went chosen(struct actor *a, struct wait *w, struct choice *c, bool meanwhile)
{
    struct frame *before = a->top;
    c->done = true;
    struct choice taken = *c;
    union op_room *room = c->room;
    const uint32_t lane = c->lane;
    op_again(&room->op, &a->task);
    a->wait = NULL;
    if (taken.chain) {
        c->chain = NULL;
        a->top = taken.chain;
    }
    enum went went = taken.in->kind->finish ? taken.in->kind->finish(a, taken.in, room) : WENT_ON;
    for (const struct frame *f = a->top; f && f != before && went == WENT_ON; f = f->below)
        went = set_outcome(a, f);
    if (went != WENT_ON) {
        if (taken.chain) frame_drop(a, before);
        a->wait = w;
        return went;
    }
    if (!meanwhile) met(&room->op);
    take_bytes(a, &room->op);
    if (!meanwhile) {
        if (before && before->kind == FRAME_LANES && taken.chain)
            lanes_chosen(a, before, lane);
        else if (taken.chain)
            frame_drop(a, before);
        wait_free(a, w);
        return WENT_ON;
    }
    frame_drop(a, before);
    choices_free(a, w, &w->meanwhile);
    choices_free(a, w, &w->ignored);
    struct frame *f = a->top;
    while (f->kind != FRAME_MEANWHILE)
        f = f->below;
    f->resumed = w;
    /* What it was evaluated to lives on with it, apart from what the branch evaluates. */
    w->arena = a->arena;
    a->arena = (struct arena){0};
    return WENT_ON;
}

enum went wait_for_step(struct actor *a, const struct instr *in)
{
    struct wait *w = wait_new(a, in);
    w->one = (struct choice){.in = in, .room = &w->room};
    w->main = (struct choices){.list = &w->one, .n = 1, .size = 1};
    enum went went = in->kind->begin(a, in, &w->room);
    if (went != WENT_ON) {
        wait_free(a, w);
        return went;
    }
    w->one.begun = true;
    const enum op_result r = a->plan->has_meanwhile ? OP_WAIT : op_poll(&w->room.op, &a->task);
    w->one.failed = r == OP_FAILED;
    if (r != OP_DONE) return wait_start(a, w);
    /* Most steps need no wait at all. */
    w->one.done = true;
    if (in->kind->finish && (went = in->kind->finish(a, in, &w->room)) != WENT_ON) {
        a->wait = w;
        return went;
    }
    met(&w->room.op);
    take_bytes(a, &w->room.op);
    wait_free(a, w);
    return WENT_ON;
}

enum went wait_for_op(struct actor *a, const struct instr *in, const union op_room *room)
{
    struct wait *w = wait_new(a, in);
    w->room = *room;
    w->one = (struct choice){.in = in, .room = &w->room, .begun = true};
    w->main = (struct choices){.list = &w->one, .n = 1, .size = 1};
    return wait_start(a, w);
}

enum went wait_resume(struct actor *a, struct wait *w)
{
    arena_done(&a->arena);
    a->arena = w->arena;
    w->arena = (struct arena){0};
    rewind_choices(&w->main);
    a->at = w->in;
    a->began = w->began;
    return wait_start(a, w);
}

enum went wait_poll(struct actor *a)
{
    struct wait *w = a->wait;
    for (;;) {
        bool waiting = false;
        struct choice *best = poll_choices(a, &w->main, w->ordered, NULL, &waiting);
        bool meanwhile = false;
        if (w->meanwhile.n && at_edge(&w->main)) {
            struct choice *beside = poll_choices(a, &w->meanwhile, false, best, &waiting);
            meanwhile = beside != best;
            best = beside;
        }
        if (best && !w->ordered && may_still_win(&w->main, best)) return still_waiting(a, w);
        if (best) return chosen(a, w, best, meanwhile);
        if (!waiting) {
            const enum went went = try_ignore(a, w, &waiting);
            if (went == WENT_ON) continue;
            if (went == WENT_FAILED) return went;
        }
        if (waiting) return still_waiting(a, w);
        if (w->main.n == 1 && !w->meanwhile.n && w->one.in && w->in->kind->failed) return expected_failure(a, w);
        if (loop_peer_gone(a, w)) return WENT_ON;
        look_again(a, w);
        return failure_of_wait(a, w);
    }
}

bool wait_is_resting(const struct actor *a)
{
    const struct wait *w = a->wait;
    if (!w || !a->top) return false;
    for (uint32_t i = 0; i < w->main.n; i++) {
        const struct op *op = &w->main.list[i].room->op;
        if (!op->edge || !op->conn || conn_has(op->conn, op->conn->base)) return false;
    }
    return loop_at_opening(a);
}
