#include "engine/actor.h"
#include "engine/lanes.h"
#include "engine/run.h"
#include "engine/step.h"
#include "engine/wait.h"
#include "util/mem.h"

#include <lauxlib.h>

/* A block's own timeout bounds it and everything in it. */
static bool block_deadline(struct actor *a, const struct instr *in, int64_t *ret)
{
    int64_t limit = 0;
    struct eval e = actor_eval(a);
    if (!quantity_eval(&in->timeout, &e, &limit)) return actor_fail_eval(a, &e), false;
    const int64_t at = a->run->sched.now + (int64_t)((double)limit * a->run->base->settings->timeout_scale);
    if (at < *ret) *ret = at;
    return true;
}

struct frame *actor_push(struct actor *a, enum frame_kind kind, const struct block *block, const struct instr *in)
{
    struct run *r = a->run;
    struct frame *below = a->top;
    int64_t deadline = below ? below->deadline : TASK_NEVER;
    if (in && in->timed && !block_deadline(a, in, &deadline)) return NULL;
    struct frame *f = r->free_frames;
    if (f)
        r->free_frames = f->below;
    else
        f = arena_alloc(&r->arena, sizeof *f);
    const enum level level = in && in->level != LEVEL_INHERIT ? in->level
                             : below                          ? below->level
                                                              : (enum level)r->plan->level;
    *f = (struct frame){.below = below,
                        .block = block,
                        .in = in,
                        .deadline = deadline,
                        .entered = r->sched.now,
                        .refs = 1,
                        .kind = (uint8_t)kind,
                        .level = (uint8_t)level};
    /* The hold that the actor had on the frame below is now this frame's. */
    a->top = f;
    return f;
}

static void free_bindings(struct actor *a, struct frame *f)
{
    struct luastate *lua = a->run->base->lua->state;
    while (f->bindings) {
        struct binding *b = f->bindings;
        f->bindings = b->next;
        luaL_unref(lua->L, LUA_REGISTRYINDEX, b->ref);
        mem_free(b);
    }
}

static void free_kind(struct actor *a, struct frame *f)
{
    switch ((enum frame_kind)f->kind) {
    case FRAME_LOOP:
        if (f->loop && f->loop->rows) luaL_unref(a->run->base->lua->state->L, LUA_REGISTRYINDEX, f->loop->rows);
        mem_free(f->loop);
        break;
    case FRAME_LANES: lanes_free(a, f); break;
    case FRAME_MEANWHILE: wait_free(a, f->resumed); break;
    case FRAME_BLOCK:
    case FRAME_CALL:
    case FRAME_BRANCH:
    case FRAME_LANE: break;
    }
}

void frame_drop(struct actor *a, struct frame *f)
{
    while (f && --f->refs == 0) {
        /* A lane does not hold the frame of its `all`, which owns it: they would keep each other for ever. */
        struct frame *below = f->kind == FRAME_LANE ? NULL : f->below;
        free_bindings(a, f);
        free_kind(a, f);
        f->below = a->run->free_frames;
        a->run->free_frames = f;
        f = below;
    }
}

void actor_pop(struct actor *a)
{
    struct frame *f = a->top;
    a->top = f->below;
    if (a->top) a->top->refs++;
    frame_drop(a, f);
}

void actor_unwind(struct actor *a)
{
    while (a->top) {
        struct frame *lanes = a->top;
        while (lanes && lanes->kind != FRAME_LANE)
            lanes = lanes->below;
        struct frame *f = a->top;
        a->top = lanes ? lanes->below : NULL;
        frame_drop(a, f);
    }
}

void frame_bind(struct actor *a, struct frame *f, const char *name)
{
    lua_State *L = a->run->base->lua->state->L;
    const struct slice wanted = slice_of(name);
    for (struct binding *b = f->bindings; b; b = b->next) {
        if (!slice_is(wanted, b->name)) continue;
        lua_rawseti(L, LUA_REGISTRYINDEX, b->ref);
        return;
    }
    struct binding *b = mem_alloc(sizeof *b);
    *b = (struct binding){.next = f->bindings, .name = name, .ref = luaL_ref(L, LUA_REGISTRYINDEX)};
    f->bindings = b;
}
