#ifndef RUN_SELECT_H
#define RUN_SELECT_H

/* Which cases are wanted: `--case GLOB` over ids, `-k REGEX` over "file > case", and `--tags EXPR` over a case's tags:
 * names, `and`, `or`, `not` and parentheses, `not` binding tightest and `or` least. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"

struct regex;

struct selection {
    struct regex *regex;      /* NULL: every name */
    const char *tags;         /* NULL: any tags; belongs to the caller */
    const char *const *globs; /* set by the caller, and its own: one of them fits; none: every case */
    uint32_t nglobs;
};

/* Either may be NULL. False with one line in out about what is wrong. */
bool selection_init(struct selection *s, const char *regex, const char *tags, struct buf *out);
void selection_done(struct selection *s);
/* case_name "" is a file's one case without a name; tags are separated by blanks. */
bool selection_wants(struct selection *s, const char *file, const char *case_name, const char *tags);

/* By `globs`: over the id, or the name where it has none. `*` stands for anything, and `http1.both` for all rows
 * `http1.both[...]`. */
bool selection_names(const struct selection *s, const char *id);
/* NULL, or what is wrong as a phrase, at byte *ret_at of the expression. */
const char *tags_check(const char *expression, size_t *ret_at);
/* Of an expression that tags_check accepted. */
bool tags_match(const char *expression, const char *tags);

#endif
