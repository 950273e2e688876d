#ifndef ENGINE_PROGRAM_READY_H
#define ENGINE_PROGRAM_READY_H

/* What shows that a program is ready: a line of its output (engine/program_io.h looks for it), a connection, a file. */

#include "engine/program_io.h"

/* Evaluates what `ready` says, once its process runs. WENT_ON, or WENT_FAILED after actor_fail. */
enum went program_ready_begin(struct program *p);
/* WENT_ON: it is ready; WENT_WAIT: ask again when the task is woken, or at program_ready_wake; WENT_FAILED after
 * actor_fail. */
enum went program_ready_check(struct program *p);
/* CLOCK_MONOTONIC ns, TASK_NEVER. */
int64_t program_ready_wake(const struct program *p);
/* No more asking. */
void program_ready_end(struct program *p);

#endif
