#ifndef ENGINE_EVAL_H
#define ENGINE_EVAL_H

/* Evaluating operands: what a step needs to turn `${}` into values. The Lua state is made on first use, since many
 * cases never need one. */

#include <stdbool.h>
#include <stdint.h>

#include "doc/source.h"
#include "lua/expr.h"
#include "match/view.h"
#include "util/arena.h"
#include "util/permit.h"

/* The field of Lua's registry that holds `it`: the value that a `where` judges; nil at any other time. */
#define EVAL_IT "sockrun.it"

struct lazy_lua {
    struct luastate *state; /* NULL until somebody asks */
    size_t cap;
    struct modules *modules; /* that may be used; NULL: none */
    const char *folder;      /* of the scenario: where `require` looks first; NULL: nowhere */
    void (*note)(void *ctx, const char *where);
    void *note_ctx;
};
struct luastate *lazy_lua_get(struct lazy_lua *l);
void lazy_lua_done(struct lazy_lua *l);

/* One evaluation's surroundings: of an actor, for the step that begins. */
struct eval {
    struct lazy_lua *lua;
    struct env *env;
    struct arena *arena;               /* results live here */
    const struct permit_scope *permit; /* for files */
    struct conn *conn;                 /* that messages are made for, or NULL */
    const char *why;                   /* after a false: what went wrong, in the arena */
    struct mark mark;                  /* and where; source NULL: at the step */
    bool denied;                       /* it was a permission */
};

/* Notes why, and returns false. */
bool eval_fail(struct eval *e, struct mark mark, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Takes the message from the top of the Lua stack. */
bool eval_fail_lua(struct eval *e, struct mark mark);
/* The state; NULL with e->why. */
struct luastate *eval_lua(struct eval *e);
/* Calls f protected with p (a light userdata) as its argument; true with `results` values pushed. What f evaluates in
 * turn may fail: then it raises by eval_raise, and the first reason stays. */
bool eval_call(struct eval *e, struct mark mark, lua_CFunction f, void *p, int results);
int eval_raise(const struct eval *e, lua_State *L);

/* A text with `${}` in it, and where it stands. */
struct text_plan {
    struct tmpl tmpl;
    const struct node *node;
};
/* Bytes of a text. Constant ones are not copied. */
bool text_eval(const struct text_plan *t, struct eval *e, struct slice *ret);
/* Pushes its value on the Lua stack. */
bool text_push(const struct text_plan *t, struct eval *e);
/* Its value: of a whole `${x}` whatever it is, else bytes. Nothing but those that are nil is absent: an error. */
bool text_view(const struct text_plan *t, struct eval *e, struct view *ret);
/* The bytes that a value stands for within a text, as Lua's tostring gives them; p NULL for null, lists and maps. */
struct slice text_of_view(const struct view *v, struct arena *a);
/* Where a text's value comes from: its one `${}`, or all of it. */
struct mark text_mark(const struct text_plan *t);

/* A number, size or duration that may be a `${}`. */
enum quantity_type { QUANTITY_INT, QUANTITY_SIZE, QUANTITY_DURATION };
struct quantity {
    enum quantity_type type;
    bool dynamic;
    int64_t value; /* ns, bytes, or the number */
    struct text_plan text;
};
bool quantity_eval(const struct quantity *q, struct eval *e, int64_t *ret);

/* Runs a Lua expression for its truth. */
bool condition_eval(struct expr *x, struct mark mark, struct eval *e, bool *ret);

#endif
