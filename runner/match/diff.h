#ifndef MATCH_DIFF_H
#define MATCH_DIFF_H

/* Where two byte strings differ, and the windows to show. Linear in time. */

#include <stddef.h>
#include <stdint.h>

#include "util/slice.h"

/* Offset of the first difference; the shorter one's length if it is a prefix of the other. */
size_t diff_first(struct slice a, struct slice b);

struct diff_window {
    size_t from; /* of both windows, a multiple of 16 */
    struct slice expected, got;
};
/* `before` rows of 16 bytes before the row of `at`, and `after` rows behind it, of both. */
struct diff_window diff_window(struct slice expected, struct slice got, size_t at, size_t before, size_t after);
/* "expected 0d \"\\r\", got 0a \"\\n\"" for the byte at `at`; "expected the end", "got the end" where one is over. */
struct buf;
void diff_message(struct slice expected, struct slice got, size_t at, struct buf *out);

#endif
