#ifndef ENGINE_PROGRAM_WAIT_H
#define ENGINE_PROGRAM_WAIT_H

/* Ops that wait for what becomes of a program. */

#include "engine/program_plan.h"
#include "engine/program_run.h"

/* Makes an op in the room that is done once the program is ready; OP_GONE if it ends before. */
void program_wait_ready(union op_room *room, struct program *p);
/* Makes one that is done once it has ended; OP_MISMATCH if not as wanted. want is copied; NULL is any end. */
void program_wait_end(union op_room *room, struct program *p, const struct exit_want *want);

/* For the program: its state is another one now. */
void program_wait_wake(struct program *p);
/* It is going to be freed: whoever still waits is left alone. */
void program_wait_forget(struct program *p);

#endif
