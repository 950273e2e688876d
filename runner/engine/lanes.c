#include "engine/lanes.h"

#include "engine/run.h"
#include "engine/wait.h"
#include "util/mem.h"

struct lane {
    struct frame *top; /* parked: its stack, held; NULL while it runs */
    uint32_t pc;       /* of that frame at the parked step */
    bool done;
};

struct lanes {
    struct lane *list;
    uint32_t n;
    uint32_t started;
    uint32_t running; /* index of the lane that runs, n: none */
};

enum went lanes_enter(struct actor *a, const struct instr *in)
{
    struct frame *f = actor_push(a, FRAME_LANES, &in->block, in);
    if (!f) return WENT_FAILED;
    f->lanes = mem_zalloc(sizeof *f->lanes);
    f->lanes->n = f->lanes->running = in->nbranches;
    f->lanes->list = mem_zalloc(in->nbranches * sizeof *f->lanes->list);
    a->lanes++;
    return WENT_ON;
}

void lanes_free(struct actor *a, struct frame *f)
{
    struct lanes *l = f->lanes;
    for (uint32_t i = 0; i < l->n; i++)
        if (l->list[i].top) frame_drop(a, l->list[i].top);
    mem_free(l->list);
    mem_free(l);
    f->lanes = NULL;
    a->lanes--;
}

static enum went wait_for_message(struct actor *a, struct frame *f)
{
    struct lanes *l = f->lanes;
    a->began = a->run->sched.now;
    struct wait *w = wait_new(a, f->in);
    w->ordered = true;
    for (uint32_t i = 0; i < l->n; i++) {
        struct lane *lane = &l->list[i];
        if (lane->done) continue;
        struct frame *own = a->top;
        a->top = lane->top;
        lane->top->refs++;
        const enum went went = wait_add(a, w, &w->main, NULL, i);
        a->top = own;
        if (went != WENT_ON) {
            wait_free(a, w);
            return went;
        }
    }
    return wait_start(a, w);
}

enum went lanes_next(struct actor *a, struct frame *f)
{
    struct lanes *l = f->lanes;
    bool left = false;
    if (l->started < l->n) {
        l->running = l->started++;
        return actor_push(a, FRAME_LANE, &f->in->branches[l->running].block, NULL) ? WENT_ON : WENT_FAILED;
    }
    for (uint32_t i = 0; i < l->n; i++)
        left |= !l->list[i].done;
    if (left) return wait_for_message(a, f);
    actor_pop(a);
    return WENT_ON;
}

static struct frame *lane_below(const struct actor *a)
{
    for (struct frame *f = a->top; f && f->kind != FRAME_MEANWHILE; f = f->below)
        if (f->kind == FRAME_LANE) return f->below;
    return NULL;
}

bool lanes_park(struct actor *a)
{
    struct frame *f = lane_below(a);
    if (!f) return false;
    struct lane *lane = &f->lanes->list[f->lanes->running];
    lane->top = a->top;
    lane->pc = a->top->pc;
    f->lanes->running = f->lanes->n;
    a->top = f;
    return true;
}

void lanes_lane_done(struct actor *a)
{
    struct frame *f = a->top->below;
    f->lanes->list[f->lanes->running].done = true;
    f->lanes->running = f->lanes->n;
    frame_drop(a, a->top);
    a->top = f;
}

void lanes_chosen(struct actor *a, struct frame *f, uint32_t chosen)
{
    struct lanes *l = f->lanes;
    for (uint32_t i = 0; i < l->n; i++) {
        struct lane *lane = &l->list[i];
        if (!lane->top) continue;
        if (i != chosen) {
            lane->top->pc = lane->pc;
            continue;
        }
        frame_drop(a, lane->top);
        lane->top = NULL;
    }
    l->running = chosen;
}
