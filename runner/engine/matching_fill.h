#ifndef ENGINE_MATCHING_FILL_H
#define ENGINE_MATCHING_FILL_H

/* What a matcher is made of once it is compiled, and how its operands are filled in. For matching.c alone, whose header
 * has matching_eval (it is here). */

#include "engine/matching.h"
#include "engine/payload.h"

/* What a scalar is, where no matcher key says so. */
enum matching_context { AS_BYTES, AS_TEMPLATE, AS_NUMBER };

enum operand {
    OPERAND_KNOWN,
    OPERAND_VALUE,   /* text: a scalar with `${}`, which may carry a whole matcher */
    OPERAND_NUMBER,  /* text */
    OPERAND_PATTERN, /* text */
    OPERAND_DIGEST,  /* text */
    OPERAND_PAYLOAD, /* payload */
    OPERAND_WHERE,   /* where */
    OPERAND_BELOW,   /* of */
};

struct matching {
    struct matcher m; /* all of it, if constant */
    bool constant;
    bool lf;
    enum operand operand;
    enum matching_context context;
    struct mark mark;
    struct text_plan text;
    const struct module_field *field; /* of this field of a message is what the text carries; NULL: of none */
    const struct module_key *message; /* of this message; NULL: of none */
    struct payload *payload;
    struct expr *where;
    struct matching **of;
    const struct mark *marks; /* of the whole tree by id; in its root */
    unsigned nmarks;
};

/* As a matcher of this kind takes it: a number, or a size or duration with its unit (in bytes, in ns). NULL or a
 * phrase. */
const char *matching_number(struct slice text, struct matcher *ret);
/* The digest that the operand of `sha256` is, from its hexadecimal digits. NULL or a phrase. */
const char *matching_digest(struct slice text, struct arena *a, struct slice *ret);
/* What the `${}` of this matcher carries. Every matcher of it gets its id: it stands where that stands. NULL after
 * errors. */
struct matching *matching_compile_written(struct compiler *c, const struct node *n, const struct matching *at);
/* The regex goes when the arena does. NULL, or what is wrong as a phrase. */
const char *matching_pattern(struct slice pattern, struct arena *a, struct regex **ret, size_t *ret_at);
/* Compares `it` in Lua; ctx is made by matching_judge. */
struct matching_judge {
    struct lazy_lua *lua;
    struct env *env;
    struct expr *where;
};
bool matching_where(void *ctx, const struct matcher *m, const struct view *v, struct arena *a, const char **ret_why);

#endif
