#ifndef ENGINE_FAILURE_H
#define ENGINE_FAILURE_H

/* What went wrong, told so that one can act on it: the place, what was expected and got, what came before, the
 * connection, and where every other actor stood. Built at the moment of the failure, in the run's arena. */

#include "engine/actor.h"
#include "engine/step.h"
#include "engine/wait.h"

struct run;

/* A wait whose every choice has failed, or whose time is over. Both return WENT_FAILED. */
enum went failure_of_wait(struct actor *a, struct wait *w);
enum went failure_timeout(struct actor *a, struct wait *w);
/* Not one actor's: the case took too long, or its actors wait for each other. Notes say where each stands. */
void failure_of_case(struct run *r, const char *kind, struct mark mark, const char *message);
/* A `warn` step. */
void failure_warning(struct actor *a, const char *text);
/* Adds a note in the arena of the run. */
void failure_note(struct run *r, struct event_failure *f, const char *label, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
