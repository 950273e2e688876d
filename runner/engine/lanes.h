#ifndef ENGINE_LANES_H
#define ENGINE_LANES_H

/* `all`: lists of steps that interleave. Each lane runs until it comes to a step that reads, and parks there; each
 * message then goes to the first lane listed that wants it. */

#include "engine/actor.h"
#include "engine/step.h"

/* Enters an `all` step. */
enum went lanes_enter(struct actor *a, const struct instr *in);
/* The lanes frame is on top: starts the next lane, or waits for a message, or is done. */
enum went lanes_next(struct actor *a, struct frame *f);
/* The actor has come to a step that reads. If it is inside a lane (and not in a meanwhile branch above it), the lane
 * parks, and the lanes frame is on top again; false if it is not. */
bool lanes_park(struct actor *a);
/* The lane's frame on top has no more steps. */
void lanes_lane_done(struct actor *a);
/* A choice of the wait has been chosen: its lane runs on; the others stay where they were. */
void lanes_chosen(struct actor *a, struct frame *f, uint32_t chosen);
void lanes_free(struct actor *a, struct frame *f);

#endif
