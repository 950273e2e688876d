#ifndef UTIL_DIAG_H
#define UTIL_DIAG_H

/* Diagnostics: what a user wrote wrongly, collected and then printed together, in the order of the text:
 *
 *     scenarios/a.yaml:7:9: error: unknown step `exepct`
 *        7 |       - exepct: "hello"
 *          |         ^^^^^^ did you mean `expect`?
 *
 * Nothing here reads files: a place brings the text of its line along. */

#include <stdbool.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/buf.h"
#include "util/slice.h"

/* A place in a text. line and col count from 1, col in characters (code points). line 0: the file as a whole. */
struct place {
    const char *file;
    uint32_t line;
    uint32_t col;
    uint32_t span;     /* characters to underline, at least 1, within the line */
    struct slice text; /* the source line without its end; may be empty */
};

struct diag {
    struct place place;
    const char *message;    /* without "error:" and without a full stop */
    const char *hint;       /* behind the caret, or NULL */
    const char *suggestion; /* what was probably meant instead of what stands there, or NULL */
    struct place also;      /* a second place ("first defined here"), file NULL if none */
    const char *also_message;
    uint32_t order; /* in which it was added: ties keep it */
};

struct diags {
    struct arena arena; /* owns every string of every entry */
    struct diag *list;
    uint32_t n, size;
    uint32_t dropped; /* beyond DIAGS_MOST */
};

enum { DIAGS_MOST = 1000 };

void diags_init(struct diags *d);
void diags_done(struct diags *d);
/* Adds one, unless the same message stands at this place; strings are copied. message is printf's. Returns it, for
 * diag_hint and diag_also; never NULL (a scratch entry if nothing was added, which is so beyond DIAGS_MOST too). */
struct diag *diags_add(struct diags *d, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void diag_hint(struct diags *d, struct diag *g, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Hint "did you mean `x`?", and the suggestion x, if there is a near name. */
struct suggest;
void diag_suggest(struct diags *d, struct diag *g, const struct suggest *s);
void diag_also(struct diags *d, struct diag *g, struct place place, const char *message);
/* All of them by file (in order of first appearance), line and column: d->n entries; mem_free is due. */
const struct diag **diags_sorted(const struct diags *d);
/* Appends the text of all, sorted. */
void diags_print(struct diags *d, bool color, struct buf *out);

#endif
