#ifndef ENGINE_LOOP_H
#define ENGINE_LOOP_H

/* `repeat` and `each`: rounds of a block. */

#include "engine/actor.h"
#include "engine/step.h"

struct wait;

/* What `repeat` and `each` say. */
struct loop_plan {
    bool forever;
    bool by_time;
    struct quantity times; /* rounds, or ns */
    struct datum *rows;    /* each */
    struct mark rows_mark;
    struct expr *until;
    struct mark until_mark;
};

/* Enters a loop: the first round begins, or none. */
enum went loop_enter(struct actor *a, const struct instr *in);
/* The loop's frame is on top and its block is over: the next round, or the end. */
enum went loop_next(struct actor *a);
/* True if the step that waits is the opening of its copy or of a round of a loop: nothing before it in any frame down
 * to there. */
bool loop_at_opening(const struct actor *a);
/* The time of the innermost `repeat: 4s` whose round's opening the actor waits at; TASK_NEVER. */
int64_t loop_deadline(const struct actor *a);
/* That time has passed at a round's opening: the loop ends. False if there is no such loop. */
bool loop_expired(struct actor *a);
/* The peer has closed, in order, between two rounds of `repeat: forever`: the loop ends. */
bool loop_peer_gone(struct actor *a, struct wait *w);

#endif
