#ifndef MATCH_MATCHER_TEXT_H
#define MATCH_MATCHER_TEXT_H

/* The words of matchers' messages. */

#include "match/matcher.h"
#include "util/buf.h"
#include "util/slice.h"

/* A scenario's own text (a pattern, an expression) as one line that is safe on a terminal: at most `most` bytes of it.
 */
void matcher_text_line(struct slice text, size_t most, struct buf *out);
/* /^220 / */
void matcher_text_pattern(const struct regex *r, size_t most, struct buf *out);

#endif
