#ifndef ENGINE_NAMES_CHECK_H
#define ENGINE_NAMES_CHECK_H

/* Names of a case: which are used in `${}`, `via` and Lua, which are defined by captures, variables, macros and actors.
 * Collected while a case is compiled and compared at its end, so that a name which nobody defines is an error at load.
 */

#include <stdbool.h>

#include "doc/node.h"
#include "util/slice.h"

struct compiler;
struct index;
struct scenario;

enum use_kind {
    USE_VALUE, /* `${x}` */
    USE_FIELD, /* `${server.x}`, `${ports.x}` */
    USE_VIA,   /* a connection */
    USE_QUEUE, /* `take: x`: defined by whoever puts into it */
};

struct name_use {
    struct name_use *next;
    struct slice name;
    struct slice of; /* USE_FIELD: the name before the dot */
    struct mark mark;
    const struct actor_plan *actor; /* NULL: of the case */
    enum use_kind kind;
};

struct name_def {
    struct name_def *next;
    struct slice name;
    const struct actor_plan *actor; /* NULL: for all */
    enum use_kind kind;
    bool perhaps; /* a word of a step that is wrong: of whatever kind */
};

/* Notes the free names of the Lua in `text`, which stands `at` bytes into the scalar's value; chunk: names that it
 * assigns are defined by it. Those that an enclosing macro or loop defines are no uses. */
void names_use_lua(struct compiler *c, const struct node *scalar, struct slice text, size_t at, bool chunk);
void names_use(struct compiler *c, struct slice name, struct mark mark, enum use_kind kind);
void names_define(struct compiler *c, struct slice name, enum use_kind kind);
/* What is wrong may have been meant to define any of its words: a name is not called unknown because of that. */
void names_perhaps(struct compiler *c, const struct node *n);
/* The words of what could not be read as a step: the same for all cases of the file. */
void names_unread(const struct scenario *s, struct arena *a, struct index *ret);
/* Adds a diagnostic for every use that nothing defines. */
void names_compare(struct compiler *c);

#endif
