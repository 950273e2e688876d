#ifndef LUA_EXPR_H
#define LUA_EXPR_H

/* Lua expressions and chunks of a scenario, and texts with `${}` in them. Parsing needs no Lua state; compiling is done
 * once, on first use or by expr_check. What names mean is the caller's affair: every run is given an environment
 * (struct env). */

#include <stdbool.h>
#include <stddef.h>

#include "lua/state.h"
#include "util/arena.h"
#include "util/buf.h"

/* Where an expression looks its names up. The functions run within a protected call and may raise Lua errors. */
struct env_ops {
    /* The name is the string at index `name`. Pushes its value and returns true, or pushes nothing and returns false:
     * then the base names are looked up, then it is nil. */
    bool (*get)(void *owner, lua_State *L, int name);
    /* Assigns the value on top of the stack (left there) to the name at index `name`. */
    void (*set)(void *owner, lua_State *L, int name);
};

/* An environment. Zeroed but for ops and owner: made in Lua on first use. */
struct env {
    const struct env_ops *ops;
    void *owner;
    int anchor; /* registry reference, 0: not made yet */
};

/* Forgets what was made in Lua. Closures that were made in it and live on then see only nil, and cannot assign. */
void env_done(struct env *e, struct luastate *s);

enum expr_kind { EXPR_VALUE, EXPR_CHUNK };

struct expr {
    enum expr_kind kind;
    struct slice text; /* as written, not owned */
    struct slice lua;  /* the same as Lua takes it: names_spell_fields */
    struct slice name; /* set if the text is one plain name: `${mail}` */
    size_t at;         /* offset of the text in its scalar */
    const char *chunk; /* "file.yaml:12"; with kind EXPR_CHUNK "file.yaml", and lines count from first_line */
    unsigned first_line;
    int ref; /* registry reference of what was compiled (of a plain name: the string), 0: nothing yet */
};

/* In the arena; text must outlive it. */
struct expr *expr_new(struct arena *a, enum expr_kind kind, struct slice text, size_t at, const char *chunk,
                      unsigned first_line);
/* Compiles. NULL, or Lua's message without its chunk name and line; *ret_at is the offset in expr->text of the trouble
 * as far as it can be told (the token that Lua names, else the line's start). Lives in the arena. */
const char *expr_check(struct luastate *s, struct expr *e, struct arena *a, size_t *ret_at);
/* Runs it: true with one value pushed (EXPR_VALUE) or none (EXPR_CHUNK); false with the message on top of the stack
 * (a string; the chunk name and line of this expression taken off for EXPR_VALUE, kept as "file:line: " for
 * EXPR_CHUNK). */
bool expr_run(struct luastate *s, struct expr *e, struct env *env);
/* Pushes a function that runs it, for a run of one's own: in a coroutine, say, while others run the same expression. To
 * be called protected: raises what does not compile. */
void expr_push(lua_State *L, struct expr *e, struct env *env);

/* A scalar with `${}`. */
struct tmpl_part {
    struct slice text; /* literal bytes, `$${` already made `${` */
    struct expr *expr; /* or an expression */
};

struct tmpl {
    struct tmpl_part *parts;
    size_t n;
    bool constant; /* no expression: parts[0].text is all (n is 1, also when empty) */
    bool whole;    /* exactly one `${x}` and nothing else: carries its value as it is */
};

/* Parts live in the arena. NULL, or a phrase ("`${` has no closing `}`") with its offset. */
const char *tmpl_parse(struct slice text, const char *chunk, struct arena *a, struct tmpl *ret, size_t *ret_at);
/* The bytes of a template: strings as they are, numbers and booleans as tostring gives, appended to out. False with the
 * message on top of the stack: an error of the expression, nil ("`mail` is nil") or a table where text is wanted. */
bool tmpl_text(struct luastate *s, const struct tmpl *t, struct env *env, struct buf *out);
/* Pushes the value: of a whole template whatever it is, else a string. False with the message on top. */
bool tmpl_value(struct luastate *s, const struct tmpl *t, struct env *env);

#endif
