#ifndef ENGINE_UNPACKING_H
#define ENGINE_UNPACKING_H

/* `{unpack: FORMAT, where: LUA}` (language 6): a frame that string.unpack reads, with names for its values. */

#include "engine/eval.h"
#include "op/expect.h"

struct compiler;

struct unpacking {
    struct text_plan format;
    struct expr *where; /* or NULL */
    struct mark where_mark;
    const char **names; /* `as` */
    uint32_t n;
    bool sized;   /* size is known */
    int64_t size; /* bytes of a constant format, -1: as the data says */
};

enum { UNPACKING_WHERE = -1 }; /* the id of the matcher that is its `where`, as unsigned */

/* NULL after errors. where may be NULL. names: of `as`, n of them. */
struct unpacking *unpacking_compile(struct compiler *c, const struct node *format, const struct node *where,
                                    const char **names, uint32_t n);
/* Fills in the framing, and the matcher: `matcher` (or NULL) and `where`. */
bool unpacking_eval(struct unpacking *u, struct eval *e, const struct matcher *matcher, struct expectation *ret);
/* Assigns the values of a frame to the names. */
bool unpacking_capture(const struct unpacking *u, struct eval *e, struct slice frame);

#endif
