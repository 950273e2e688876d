#ifndef ENGINE_COMPILE_H
#define ENGINE_COMPILE_H

/* Model -> program. Every operand of every step is read here, so that what is wrong in it is found before anything
 * runs: payloads, matchers, patterns, addresses, Lua. Names are collected as they are used and defined, and compared at
 * the end. */

#include <stdbool.h>

#include "engine/eval.h"
#include "engine/program.h"
#include "scenario/model.h"
#include "util/diag.h"

struct name_use;
struct name_def;

/* A macro whose steps are being compiled. */
struct calling {
    const struct macro_model *macro;
    const struct calling *outer;
};

struct compiler {
    struct arena *arena;
    struct diags *diags;
    struct luastate *lua;    /* to check Lua with; NULL in a child, where the parent has done so */
    struct modules *modules; /* that messages may be of; NULL: none */
    const struct scenario *scenario;
    const struct case_model *model; /* the first of its body */
    uint32_t nrows;                 /* cases of this body from there on, if names are to be compared */
    struct case_plan *plan;
    struct actor_plan *actor;
    const struct ignore *ignore;     /* of the blocks around what is compiled */
    const struct node *via;          /* of the innermost block that says so */
    const struct node *as;           /* of this step, until somebody takes it */
    struct mark unconnected;         /* the actor's first step on a connection of its own */
    bool connects;                   /* it has a `connect` step that gives it one */
    const struct index *unread;      /* words that are perhaps names (names_unread); NULL: none */
    const struct settings *settings; /* variables of the command line are names too; NULL: none */
    struct name_use *uses;
    struct name_def *defs;
    struct slice *arguments; /* names that macros' arguments and loops define here, innermost last */
    uint32_t narguments, arguments_size;
    const struct calling *calls; /* the macros that are being put in place, innermost first */
    uint32_t steps;              /* compiled so far: macros multiply */
    bool opening;                /* what is compiled now opens a branch: nothing in it may be streamed */
    bool lane;                   /* of `all`: nor in any other step */
};

/* The plan of one case's body: in the arena, or NULL after errors. Names are not compared yet. */
struct case_plan *compile_case(struct compiler *c);

/* For operands. All add diagnostics and return false (or NULL) when something is wrong. */
struct diag *compile_error(struct compiler *c, struct mark mark, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool compile_text(struct compiler *c, const struct node *scalar, struct text_plan *ret);
/* A Lua expression or chunk that is a scalar's whole text. */
struct expr *compile_expr(struct compiler *c, const struct node *scalar, enum expr_kind kind);
/* node NULL: fallback. */
bool compile_quantity(struct compiler *c, const struct node *scalar, enum quantity_type type, int64_t fallback,
                      struct quantity *ret);
/* The step, or what is in it, defines this variable of the actor. */
void compile_define(struct compiler *c, struct slice name, struct mark mark);
/* Names in `as`: a scalar or a list of them, each defined. In the arena; *ret_n of them. */
const char **compile_as(struct compiler *c, const struct node *as, uint32_t *ret_n);
/* `as` of a step that opens a connection: its name for `via`. */
bool compile_connection_name(struct compiler *c, const struct step_model *m, struct instr *in);
bool compile_block(struct compiler *c, const struct block_model *m, struct block *ret);
/* Names that hold within what is compiled next: remember c->narguments before, and set it back. */
void compile_bind(struct compiler *c, struct slice name);
bool compile_bound(const struct compiler *c, struct slice name);
/* Steps of a verb whose model has branches. */
bool compile_branches(struct compiler *c, const struct branches_model *m, struct branch **ret, uint32_t *ret_n);
/* The opening step of a block: the first that is no block itself, looked for inside blocks, calls and nested any. Adds
 * a diagnostic (and returns false) if there is none, or it is a step that cannot open. */
bool compile_check_opening(struct compiler *c, const struct block_model *m, struct mark mark, const char *what);
/* False, with a diagnostic, for a modifier that must be known before anything runs. */
bool compile_fixed(struct compiler *c, const struct node *n, const char *name);
/* The sync (or queue) of this name in the case, made on first use. */
struct sync_plan *compile_sync(struct compiler *c, const char *name);
uint32_t compile_queue(struct compiler *c, const char *name);

#endif
