#ifndef ENGINE_CHILD_H
#define ENGINE_CHILD_H

/* The program of one file's child process: makes the plan again from the same text, runs the cases that it is told to,
 * one after the other, and sends events. Also what the parent asks of a plan: is there anything wrong with it? */

#include <stdbool.h>
#include <stdint.h>

#include "engine/board.h"
#include "scenario/load.h"
#include "util/diag.h"
#include "util/permit.h"

struct mask;

/* A variable given on the command line, by a file or by SOCKRUN_VAR_name. Wins over the scenario's. Always text. */
struct setting_var {
    const char *name;
    const char *value;
};

/* What the command line says about running. One for the whole run, never changed by a child. */
struct settings {
    const struct permit *permit;
    const struct setting_var *vars;
    uint32_t nvars;
    double timeout_scale;
    const char *target;      /* address of the system under test, instead of what the files say; NULL */
    uint64_t lua_memory;     /* bytes */
    bool messages;           /* somebody wants message events */
    bool ci;                 /* in continuous integration: `only` is an error */
    bool packets;            /* somebody wants a capture */
    bool sockets;            /* with messages: what the system holds after each of them */
    const struct mask *mask; /* hides secrets in all that is told; NULL: there are none */
    bool keep;               /* somebody wants the temporary files of cases that failed */
    bool check_only;         /* test scripts are compiled and not asked for their tests */
    struct modules *modules; /* message modules; NULL: none */
};

struct handover;

struct child_text {
    const char *name; /* as shown */
    struct slice text;
};

struct child_job {
    const char *file;                       /* as shown */
    const char *folder;                     /* absolute */
    const struct step_schema *const *steps; /* every verb; ends with NULL */
    const struct child_text *texts;         /* [0] the file, then every included one by its absolute path */
    uint32_t ntexts;
    const uint32_t *cases; /* indices into the scenario's cases, in the order to run them; the n-th repetition of a case
                              has n times their number added */
    uint32_t ncases;
    const struct settings *settings;
    struct board *board;
    int control; /* pipe: JSON Lines of control events, without EVENT_RUN, EVENT_FILE, EVENT_FILE_END and EVENT_RUN_END
                  */
    int spool;   /* file opened O_APPEND for message events, -1: none wanted */
    struct handover *packets; /* where a capture goes, NULL: none is wanted */
    uint64_t spool_most;      /* bytes; what does not fit is counted and told as EVENT_LOST before the verdict */
};

/* Runs in the forked child. SIGTERM and SIGINT end it: the running case's programs are ended, no verdict is sent.
 * SIGUSR1 asks where Lua is (the answer goes to the board). Returns the process's exit code: 0 when every case got a
 * verdict. The caller then leaves by _exit. */
int child_main(const struct child_job *job);

/* Parses and compiles everything of a file: the scenario, in the arena, or NULL. Diagnostics of every layer are in d.
 * Used by the parent (which keeps names, lines, tags and timeouts of the cases and drops the rest) and by the child. */
struct luastate;
struct scenario *plan_check(const struct load_options *o, const char *name, struct slice text, const struct settings *s,
                            struct luastate *lua, struct arena *a, struct diags *d);

#endif
