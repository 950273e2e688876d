#ifndef ENGINE_PROGRAM_RUN_H
#define ENGINE_PROGRAM_RUN_H

/* A program that an actor is, while it runs: its process, what it says on stderr (and on stdout when nobody else reads
 * it), when it is ready, and how it ends. Its own task drains and watches it, so that a full pipe never blocks it. */

#include <stdbool.h>

#include "engine/program.h"
#include "engine/step.h"
#include "net/process.h"
#include "util/buf.h"

struct run;
struct actor;

enum program_state { PROGRAM_NEW, PROGRAM_STARTED, PROGRAM_READY, PROGRAM_STOPPING, PROGRAM_ENDED };

struct program {
    struct program *next; /* in the run's list, in the order of the file */
    struct actor *actor;
    struct run *run;
    const struct program_plan *plan;
    struct process process;
    enum program_state state;
    struct task task;      /* drains, watches, waits for readiness */
    struct program_io *io; /* the room's own: watches, tails of the outputs, pass listeners, the readiness check */
};

/* Opens what `pass` hands over, so that its ports are known before anything starts, and puts it into the run's list.
 * NULL after actor_fail. */
struct program *program_new(struct run *r, struct actor *a, const struct program_plan *plan);
/* Writes `files`, starts the process, gives the actor its channel, and waits for `ready` in its own task:
 * run_program_ready is called then (also at once). Also starts one again that has ended. WENT_ON, or WENT_FAILED after
 * actor_fail. */
enum went program_start(struct program *p);
/* Begins to end it: the stop signal, after `grace` SIGKILL to its group. run_program_ended is called once it is reaped
 * and `exit` has been judged (actor_fail of kind "exit" if it is not met), and at once if it had ended before. */
void program_stop(struct program *p);
/* Its actor has done its steps: stdin is closed, and what it still says on stdout is read to the end. */
void program_drain(struct program *p);
/* Frees everything; kills what still runs. Its actor is still there, its channels need not be. */
void program_free(struct program *p);
/* The last lines of stderr, and of stdout where nobody else reads it, and how it ended, as text for a report: "" if
 * there is nothing. Valid until the program goes on. */
const char *program_output(const struct program *p);
/* The descriptor number and address of a passed listener: false if there is no such name. */
bool program_pass(const struct program *p, struct slice name, int *ret_fd, const struct addr **ret);
/* To the program itself: what it does with those it has started is its own affair. 0 or -errno, -ESRCH if it has ended.
 */
int program_signal(const struct program *p, int signal);
/* "redis-server". */
const char *program_name(const struct program *p);

/* The run's side. Ended is told for every end, also of one that was not stopped. */
void run_program_ready(struct run *r, struct program *p);
void run_program_ended(struct run *r, struct program *p);

#endif
