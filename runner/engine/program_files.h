#ifndef ENGINE_PROGRAM_FILES_H
#define ENGINE_PROGRAM_FILES_H

/* Writes a program's `files` below the case's folder, before it starts. What stood there is replaced. */

#include "engine/actor.h"
#include "engine/program.h"

/* WENT_ON, or WENT_FAILED after actor_fail. */
enum went program_files_write(struct actor *a, const struct program_plan *plan);

#endif
