#ifndef ENGINE_PROGRAM_H
#define ENGINE_PROGRAM_H

/* A case's program: what its actors do, with every operand compiled. Constant once made; lives in the plan's arena.
 * Blocks hold their steps in a row; running them needs a stack of frames (engine/actor.h) and no recursion. */

#include <stdbool.h>
#include <stdint.h>

#include "engine/address.h"
#include "engine/eval.h"
#include "scenario/model.h"

struct step_kind;
struct instr;
struct datum;
struct payload;
struct framing_plan;

struct block {
    struct instr *steps;
    uint32_t n;
};

struct branch {
    const char *name;
    struct mark mark;
    struct block block;
};

/* What may be passed over before an expectation: the step's own and those of the blocks around it. */
struct ignore {
    struct framing_plan **list;
    uint32_t n;
};

struct meanwhile {
    struct branch *list;
    uint32_t n;
};

enum level { LEVEL_INHERIT, LEVEL_MUST, LEVEL_SHOULD, LEVEL_MAY, LEVEL_SETUP };

/* A macro's argument or a loop's variable: its name and how its value is made. */
struct argument {
    const char *name;
    struct datum *value;
};

struct instr {
    const struct step_kind *kind;
    const struct step_model *model;
    void *operand; /* the kind's own */
    const char *via;
    const char **as;
    uint32_t nas;
    bool timed; /* `timeout` was written */
    struct quantity timeout;
    struct expr *condition;
    enum level level;
    struct ignore ignore;
    struct meanwhile meanwhile; /* of a block */
    struct block block;
    struct branch *branches;
    uint32_t nbranches;
    uint32_t line, col; /* of the verb */
    bool needs_conn;    /* works on the actor's connection, itself or its openings: a listening actor accepts first */
};

struct file_plan {
    const char *name;
    struct text_plan text;
};

struct env_plan {
    const char *name;
    struct text_plan value;
};

struct pass_plan {
    const char *name;
    struct address_plan address;
};

enum ready_kind { READY_AT_ONCE, READY_OUTPUT, READY_CONNECT, READY_FILE };

struct matching;

/* What a program actor's map says. */
struct program_plan {
    struct text_plan *argv;
    uint32_t nargv;
    struct file_plan *files;
    uint32_t nfiles;
    struct env_plan *env;
    uint32_t nenv;
    struct pass_plan *pass;
    uint32_t npass;
    uint16_t columns, rows; /* of its terminal; 0: it has pipes */
    struct text_plan *cwd;  /* or NULL */
    enum ready_kind ready;
    struct mark ready_mark;
    struct matching *output;
    struct address_plan connect;
    struct text_plan *file;
    int stop;      /* signal */
    int64_t grace; /* ns */
    bool exits;    /* `exit` was written */
    int exit_code; /* -1: by exit_signal */
    int exit_signal;
    struct mark exit_mark;
};

struct proxy_plan;

struct actor_plan {
    const struct actor_model *model;
    const char *name;
    uint32_t index;
    struct address_plan address;  /* listen, connect */
    struct instr *own;            /* connecting, or accepting: done before, or with, the first step */
    struct program_plan *program; /* run */
    struct proxy_plan *proxy;     /* proxy; it listens at `address` */
    struct quantity instances;
    struct block setup; /* before its steps */
    struct block steps;
    struct block serve;
    struct block always;  /* once all others have ended, whatever happened */
    struct expr *session; /* tells the copies of `serve` apart; NULL: by the sender */
    struct mark session_mark;
    int64_t session_timeout; /* ns, 0: none */
    struct meanwhile meanwhile;
    bool has_meanwhile; /* its own, or that of a block in it */
    bool lf;            /* eol */
    int64_t step_timeout;
};

struct sync_plan {
    const char *name;
    uint32_t parties; /* as said by `parties`, else 0: as many actors as name it */
    uint32_t *actors; /* indices of the actors that name it */
    uint32_t nactors;
};

struct case_plan {
    const struct scenario *scenario;
    struct actor_plan *actors;
    uint32_t nactors;
    struct sync_plan *syncs;
    uint32_t nsyncs;
    const char **queues;
    uint32_t nqueues;
    struct argument *vars; /* the file's, then the case's; without those that the command line replaces */
    uint32_t nvars;
    enum level level;         /* of its steps, where they do not say otherwise */
    struct text_plan *target; /* where the system under test is, or NULL */
    struct expr *xfail_when;  /* NULL: always, if the case is said to fail */
};

#endif
