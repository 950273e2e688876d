#ifndef ENGINE_RUN_H
#define ENGINE_RUN_H

/* One case being run: its actors, what they share, its time, and what went wrong. Everything that a case opens, starts
 * or makes belongs to its run and is gone when run_case returns. */

#include <stdbool.h>
#include <stdint.h>

#include "engine/actor.h"
#include "engine/board.h"
#include "engine/child.h"
#include "engine/emit.h"
#include "engine/program.h"
#include "lua/host.h"
#include "op/meet.h"

struct program;

struct reserved_port {
    const char *name;
    uint16_t port;
    int fd;
};

enum run_phase {
    RUN_STARTING, /* programs, one after the other, until they are ready */
    RUN_SETUP,
    RUN_STEPS,
    RUN_ALWAYS,   /* what is done whatever happened */
    RUN_STOPPING, /* programs are being ended */
    RUN_OVER,
};

/* What outlives a case within a child: given to every run. */
struct run_base {
    const struct scenario *scenario;
    const struct settings *settings;
    const char *folder;
    struct lazy_lua *lua;
    struct tls_library *tls;
    struct emit *emit;
    struct board *board; /* of this case */
    struct hub *hub;
    struct crew *crew;  /* who runs it, beside others */
    struct run *shared; /* that of `before`, whose actors every case sees; NULL: none, or this is it */
};

struct run {
    struct sched sched;
    const struct run_base *base;
    const struct case_model *model;
    const struct case_plan *plan;
    struct permit_scope permit;
    struct permit_need need; /* of the last refusal */
    struct arena arena;
    struct actor *actors, **tail; /* in the order in which they came */
    struct actor **first;         /* by the plan's index: the first copy, NULL if it has none yet */
    struct program *programs, **programs_tail;
    struct program *starting; /* the one whose readiness is awaited */
    struct sync *syncs;
    struct queue *queues;
    struct reserved_port *ports;
    struct timer over;   /* the case's deadline */
    struct timer quiet;  /* the next look for a deadlock */
    struct task control; /* does what timers and others have noted */
    unsigned due;
    uint64_t quiet_passes;
    int64_t started;
    uint32_t unfinished; /* actors with steps, and copies, that run */
    uint32_t serving;    /* of these, copies of `serve` */
    uint32_t ending;     /* actors at their `always` steps */
    int vars, row;       /* registry references, 0: not made yet */
    enum run_phase phase;
    bool failed; /* something did not pass: the others are cancelled */
    bool told_to_end;
    bool left;        /* its temporary folder is another's to remove */
    bool lasting;     /* `before`: goes on until it is told to end, or something in it fails */
    const char *skip; /* reason of a `skip` step */
    enum sr_verdict verdict;
    struct event_failure *failures;
    uint32_t nfailures, failures_size;
    struct luahost lua; /* begun when Lua code first needs it */
    struct frame *free_frames;
    struct wait *free_waits;
};

struct datum;
/* Begins a case; it goes on while its hub runs, until its sched is stopped. rows: the row of `each`, or the values of
 * the matrix in the order of its names; NULL: neither. Owned. */
struct run *run_new(const struct run_base *base, const struct case_model *model, const struct case_plan *plan,
                    const struct datum **rows);
/* Sends its verdict and ends all that it has; false if it was told to end before (no verdict is sent), or is the run of
 * `before`. */
bool run_free(struct run *r);
/* Its time and its actors are given up: nothing is judged. */
void run_tell_end(struct run *r);
/* The others that it works with have gone: `why` is the reason why this case cannot go on. */
void run_break(struct run *r, const struct event_failure *why);
/* The run whose sched this is. */
struct run *run_of_sched(struct sched *s);

/* The case's temporary folder, made on first use; NULL if it cannot be made. */
const char *run_tmp(struct run *r);
/* A PEM file in the temporary folder with the authority of servers that have no certificate of their own; NULL if it
 * cannot be made. */
const char *run_ca_file(struct run *r);
/* An actor of the run's list: a copy of a plan. */
struct actor *run_add_actor(struct run *r, const struct actor_plan *plan, uint32_t instance);
/* The actor has ended, in whatever state: counts, and ends the case when it was the last. */
void run_actor_ended(struct run *r, struct actor *a);
/* Adds a failure; the worst verdict stays. Fatal ones (all but warnings) cancel the others. */
struct event_failure *run_add_failure(struct run *r, enum sr_verdict verdict);
/* From now on nothing goes on: actors are cancelled where they stand, programs ended. */
void run_stop(struct run *r);
/* The same once nothing of what runs now is on the stack. */
void run_stop_soon(struct run *r);

#endif
