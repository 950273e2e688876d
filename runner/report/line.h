#ifndef REPORT_LINE_H
#define REPORT_LINE_H

/* Pieces of lines that are safe to print: names, wrapped messages, labelled notes, colours. Nothing that comes from a
 * scenario or a peer reaches an output but through here, text_quote or the dump. */

#include <stdbool.h>

#include "util/buf.h"
#include "util/slice.h"

/* What a colour means; each reporter that has colours uses the same ones. */
enum paint { PAINT_GOOD, PAINT_BAD, PAINT_NOTICE, PAINT_PLACE, PAINT_STRONG, PAINT_FAINT };

struct style {
    bool color;
    unsigned width; /* of the output in columns */
};

enum { LINE_WIDTH = 100 }; /* where the output has none of its own */

/* Nothing is written without colour. */
void paint_on(const struct style *s, enum paint p, struct buf *out);
void paint_off(const struct style *s, struct buf *out);

/* Appends text as part of one line: text_safe, and newline and tab become \n and \t. At most `most` bytes of it are
 * shown, whole characters, then "... (N bytes)". */
void line_text(struct slice text, size_t most, struct buf *out);
/* Appends safe text broken at blanks so that no line goes beyond width. The first line begins at column `at`, the
 * others at column `indent` behind `prefix` and blanks. A word that is too long stays whole. No newline at the end. */
void line_wrap(struct slice safe, unsigned width, size_t at, const char *prefix, size_t indent, struct buf *out);
/* Appends "   label          text\n"; the further lines of the text stand below its first one. */
void line_note(const struct style *s, const char *label, struct slice text, struct buf *out);
/* "file", "file > case": how a case is named everywhere. name may be NULL or empty. */
void line_case(const char *file, const char *name, struct buf *out);

#endif
