#ifndef ENGINE_WAIT_H
#define ENGINE_WAIT_H

/* What an actor waits for: one step's op, or several alternatives (the openings of `any`, the lanes of `all`), with
 * what may be ignored before them and what is answered meanwhile. All are tried at the same place of the stream; only
 * the chosen one takes bytes. */

#include <stdbool.h>
#include <stdint.h>

#include "engine/actor.h"
#include "engine/step.h"

struct choice {
    const struct instr *in; /* the opening step */
    struct frame *chain; /* frames from the actor's top down to the opening's block; NULL: it is the actor's top step */
    const char *outcome; /* the branch's name */
    union op_room *room;
    const struct framing_plan *ignored; /* of an ignore's entry: there is no step */
    bool begun, failed, done;
    uint32_t lane;
};

struct choices {
    struct choice *list;
    uint32_t n, size;
};

struct wait {
    struct wait *next;      /* in the run's list of free ones */
    const struct instr *in; /* the step that waits: the op's own, `any` or `all` */
    struct choices main;
    struct choices ignored;   /* begun once the main ones have failed at this place */
    struct choices meanwhile; /* beside it */
    struct choice one;        /* main.list of a plain step */
    union op_room room;       /* and its room */
    struct arena arena;       /* while a meanwhile branch runs: what its operands were evaluated to */
    int64_t began;
    int64_t limit;          /* ns it was given, 0: only the case's time */
    int64_t deadline;       /* TASK_NEVER: only the case's */
    struct mark limited_by; /* the block whose timeout it is; source NULL: the step's own */
    bool ordered;           /* `all`: the first that wants the message, in the order of listing */
};

/* Starts waiting for a step's own op. */
enum went wait_for_step(struct actor *a, const struct instr *in);
/* Starts waiting for an op that was polled already, and is moved. */
enum went wait_for_op(struct actor *a, const struct instr *in, const union op_room *room);
/* Starts waiting for one of a step's branches. */
enum went wait_for_branches(struct actor *a, const struct instr *in);
/* For `all`: an empty wait to which choices are added. */
struct wait *wait_new(struct actor *a, const struct instr *in);
/* Adds the openings of a block (several if it begins with `any`) whose frame stands on the actor's top. The frame
 * becomes part of the choice's chain. WENT_ON, or WENT_FAILED. */
enum went wait_add(struct actor *a, struct wait *w, struct choices *to, const char *outcome, uint32_t lane);
/* All choices are there: the actor waits for them. */
enum went wait_start(struct actor *a, struct wait *w);
/* Polls. WENT_ON: chosen and taken, the actor goes on behind it. */
enum went wait_poll(struct actor *a);
/* For a report on a wait that failed before it had to wait: the limit that it would have had, if that needs no
 * evaluation. */
void wait_know_limit(struct actor *a, struct wait *w);
/* Goes on waiting after a meanwhile branch. */
enum went wait_resume(struct actor *a, struct wait *w);
/* Its op reads a frame: room->expect. */
bool wait_expects(const struct choice *c);
/* Cancels everything in it and frees it. NULL is fine. */
void wait_free(struct actor *a, struct wait *w);
/* True if this is the opening expectation of the actor's copy, or of a round of its loop, and nothing of it has come:
 * where a copy may be closed quietly. */
bool wait_is_resting(const struct actor *a);

#endif
