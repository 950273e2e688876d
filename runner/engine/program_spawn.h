#ifndef ENGINE_PROGRAM_SPAWN_H
#define ENGINE_PROGRAM_SPAWN_H

/* Starts what a program_plan's argv, env and cwd come to. For program actors and for the `run` step. */

#include "engine/actor.h"
#include "engine/program.h"
#include "net/process.h"

enum { PROGRAM_NAME = 64 };

/* The caller owns the process and its descriptors. ret_name is argv[0], for messages. WENT_ON, or WENT_FAILED after
 * actor_fail: kind "permission" without a grant, "system" if there is no such program or it cannot be started. */
enum went program_spawn(struct actor *a, const struct program_plan *plan, const struct process_pass *pass,
                        unsigned npass, struct process *ret, char ret_name[PROGRAM_NAME]);

#endif
