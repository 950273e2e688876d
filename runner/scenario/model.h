#ifndef SCENARIO_MODEL_H
#define SCENARIO_MODEL_H

/* What was written: a file's cases, actors and steps, each with its place. Checked for form, names of macros and
 * references within the file; nothing is evaluated. Lives in the arena of its scenario. Nodes that hold payloads,
 * expectations, matchers or `${}` are kept as they are: compiling them is the engine's work. */

#include <stdbool.h>
#include <stdint.h>

#include "doc/field.h"
#include "doc/node.h"
#include "util/arena.h"

enum step_flags {
    STEP_CONNECTION = 1, /* works on the actor's connection: as its first such step a listening actor accepts */
    STEP_OPENING = 2,    /* may open a branch of any, all and meanwhile, and stand in `ignore` */
    STEP_BLOCK = 4,      /* only groups other steps; an opening is looked for inside */
};

/* What a verb is to the loader, the help, the schema and the reference. */
struct step_schema {
    const char *name;
    const char *group; /* "connection", "flow", "program" */
    struct field
        value; /* the verb's own value; name NULL; FIELD_NOTHING if none, FIELD_OPTIONAL_VALUE if it may be bare */
    const struct field *fields; /* modifiers of this verb beside the common ones; ends with a zeroed one; NULL: none */
    unsigned flags;
    const char *doc;     /* a sentence or more, in Markdown */
    const char *example; /* YAML */
};

/* name, via, timeout, as, if, level, ignore, meanwhile: modifiers of every step. Ends with a zeroed one. */
extern const struct field step_common_fields[];
/* Has the modifier a meaning on this step? `ignore` and `meanwhile` do not on all. */
bool step_takes(const struct step_schema *s, const char *modifier);

struct step_model;

struct block_model {
    struct step_model *steps;
    uint32_t n;
    struct mark mark;
};

struct branch_model {
    const char *name; /* NULL in `all` */
    struct mark mark;
    struct block_model block;
};

struct branches_model {
    struct branch_model *list;
    uint32_t n;
};

struct macro_model {
    const char *name;
    struct mark mark;
    const struct node *with; /* map of argument: default, or the plain scalar `required`; NULL */
    bool circular;           /* its calls lead back to itself: a diagnostic */
    struct block_model block;
};

struct step_model {
    const struct step_schema *schema;
    bool broken;              /* its value is missing, or not what the verb takes: a diagnostic */
    bool incomplete;          /* a modifier was wrong, and is left out: a diagnostic */
    struct mark mark;         /* the verb */
    const struct node *map;   /* the step as written, without modifiers that are wrong; NULL for a bare verb */
    const struct node *value; /* of the verb; NULL if bare or with nothing behind the colon */
    const struct node *name, *via, *timeout, *as, *condition, *level, *ignore; /* common modifiers, or NULL */
    struct block_model block;       /* where the value, or the modifier `steps`, is FIELD_STEPS */
    struct branches_model branches; /* where the value is FIELD_BRANCHES or FIELD_LANES */
    struct branches_model meanwhile;
    const struct macro_model *macro; /* of `call` */
};

/* A modifier of this verb's own table, or NULL. */
const struct node *step_field(const struct step_model *s, const char *name);

enum actor_kind { ACTOR_LISTEN, ACTOR_CONNECT, ACTOR_RUN, ACTOR_PROXY, ACTOR_PLAIN };

/* When an actor's steps are done. */
enum actor_part {
    ACTOR_STEPS,
    ACTOR_SETUP,  /* before all others begin */
    ACTOR_ALWAYS, /* once all others have ended */
};

struct actor_model {
    const char *name;
    struct mark mark; /* its name */
    enum actor_kind kind;
    enum actor_part part;
    const struct node
        *map; /* as written: files, env, cwd, pass, ready, stop, grace, exit, pty, rules are read from it */
    const struct node *endpoint; /* value of listen, connect, run or proxy; NULL of a plain one */
    const struct node *instances, *eol, *step_timeout;
    bool has_steps;                   /* `steps` was written */
    struct block_model setup, always; /* of the one client of the short form, or of an actor that has nothing else */
    struct block_model steps;
    bool serves; /* `serve` was written */
    struct block_model serve;
    const struct node *session; /* a scalar of Lua, or a map of `by` and `timeout`; NULL */
    struct branches_model meanwhile;
};

struct case_model {
    const char
        *name; /* unique in the file; "" if the file has no `cases`, "case N" without a name; rows add " [cl=5]" */
    struct mark mark;
    const char *tags;              /* the file's and its own, separated by blanks; "" */
    int64_t timeout, step_timeout; /* ns, its own or the file's or the default */
    const struct node *vars;       /* of the case, or NULL; the file's are in the scenario */
    const struct node *skip;       /* reason, or NULL */
    const struct node *only;       /* `only: true`, or NULL */
    const char *id;                /* unique in the run, or NULL; rows add "[cl=5]" */
    struct mark id_mark;
    const char *ref, *quote; /* of the requirement, or NULL */
    const char *covers;      /* separated by blanks; "" */
    const struct node *level;
    const struct node *xfail;                 /* a reason or a map, or NULL */
    const struct node *xfail_when;            /* or NULL */
    const char *xfail_reason, *xfail_message; /* or NULL */
    const char *serial;                       /* what it shares with others that must not run beside it, or NULL */
    struct actor_model *actors;
    uint32_t nactors;
    const struct node **ports; /* names of reserved ports, of file and case */
    uint32_t nports;
    /* each, matrix: the row of this case. matrix has one node for each of its names. Cases of one body share their
     * actors. */
    const struct node *row; /* of `each`, or NULL */
    const char **matrix_names;
    const struct node **matrix_values;
    uint32_t nmatrix;
    uint32_t body; /* index of the case as written: cases with the same body have the same actors */
};

struct vars_model {
    struct pair **list; /* name: value, later ones of the same name win and replace the earlier */
    uint32_t n;
};

struct use_model {
    const char *name; /* of the file, without `.lua` */
    const char *path; /* absolute */
    const char *shown;
    struct mark mark;
};

/* The system under test. */
struct target_model {
    const struct node *map;      /* NULL: there is none */
    const struct pair *pair;     /* as written */
    const struct node *to;       /* where it is reached, or NULL */
    const struct node *endpoint; /* the same as an address, with its TLS and options */
    const char *actor;           /* the actor that `target` names, or NULL */
};

struct scenario {
    struct source *sources; /* [0] is the file itself, the others were included */
    uint32_t nsources;
    const char *folder; /* absolute folder of the file */
    const char *name;   /* or NULL */
    const char *description;
    bool lf; /* eol: lf */
    struct vars_model vars;
    const struct node *requires; /* list, or NULL */
    struct use_model *uses;      /* message modules that the files name */
    uint32_t nuses;
    void *modules; /* the engine's: what it knows of message modules */
    struct macro_model *macros;
    uint32_t nmacros;
    const struct node **unread; /* what stands for a step and is none: nobody knows what it would capture */
    uint32_t nunread;
    struct case_model *cases;
    uint32_t ncases;
    uint32_t concurrency; /* cases at the same time, at least 1 */
    const char *serial;   /* of the file, or NULL */
    struct target_model target;
    struct case_model *before; /* its actors live as long as the file; NULL: there are none */
};

#endif
