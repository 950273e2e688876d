#ifndef EVENT_MASK_H
#define EVENT_MASK_H

/* Secrets do not show in what is told: a text has `***` in their place, bytes as many `*` as they were, so that sizes
 * and offsets stay. They are found as they are, as they stand in quotes, percent-encoded (RFC 3986 2.1), as hex, and
 * within base64 (RFC 4648 4 and 5) wherever they begin.
 *
 * Bytes that belong together may come in pieces: where one ends within what may be a secret, the beginning is masked
 * before it is known, because it is told at once. So a few bytes at the end of a piece may be masked without need. */

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"

enum {
    MASK_SHORTEST = 4,      /* bytes: less is found everywhere */
    MASK_LONGEST = 8 << 10, /* bytes */
};

struct mask;

/* Copies the secrets; each has MASK_SHORTEST to MASK_LONGEST bytes. n may be 0. */
struct mask *mask_new(const struct slice *secrets, size_t n);
void mask_free(struct mask *m);
/* Appends the text with `***` in the place of secrets; also where it cuts one short, before a `...`. False if there is
 * none: nothing is appended. */
bool mask_text(const struct mask *m, struct slice text, struct buf *out);
/* Copies a text to `to`, of the same length. */
void mask_whole(const struct mask *m, struct slice text, char *to);
/* The same with a part of something longer, either end of which may have cut a secret short. */
void mask_window(const struct mask *m, struct slice window, char *to);
/* Copies the first `most` bytes of a piece to `to`. *state is that of what came before, 0 at the beginning. */
void mask_bytes(const struct mask *m, struct slice piece, uint32_t *state, char *to, size_t most);

#endif
