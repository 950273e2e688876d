#ifndef DOC_SOURCE_H
#define DOC_SOURCE_H

/* The text of a file, and where its lines are: turns a byte offset into file, line, column and the line itself. */

#include <stdint.h>

#include "util/diag.h"
#include "util/slice.h"

struct source_step;

struct source {
    const char *name; /* as the user gave it; what reports show */
    struct slice text;
    uint32_t *lines; /* offset of each line's first byte */
    uint32_t nlines;
    struct source_step *steps; /* of a large text: characters counted at regular distances, for columns in long lines */
};

/* A stretch of a source. off and len in bytes. */
struct mark {
    const struct source *source;
    uint32_t off;
    uint32_t len;
};

/* Takes ownership of neither: name and text outlive the source. The map of lines is made here: LF, CRLF and CR end a
 * line, and a byte order mark is no part of the first. The text is shorter than 4 GiB. */
void source_init(struct source *s, const char *name, struct slice text);
void source_done(struct source *s);
/* A zeroed mark (source NULL) gives a zeroed place. */
struct place source_place(struct mark m);
/* The stretch of len bytes at byte `from` of m; clipped to m. For a caret inside a scalar. */
struct mark mark_part(struct mark m, uint32_t from, uint32_t len);
uint32_t source_line(struct mark m);

#endif
