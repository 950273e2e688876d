#ifndef EVENT_JSONL_H
#define EVENT_JSONL_H

/* Events as JSON Lines: one object a line. Keys that are not known are ignored when read; keys that say nothing are not
 * written. Bytes are base64. The first line of a stream carries `"stream":1`. */

#include <stdbool.h>

#include "event/event.h"
#include "util/arena.h"
#include "util/buf.h"
#include "util/jsonw.h"

/* Appends the event and a newline. False if the buffer's cap does not allow it (nothing was added then). */
bool jsonl_write(const struct event *e, struct buf *out);
/* Adds the event's list `failures` to the object that is open; nothing if there are none. */
void jsonl_failures(const struct event *e, struct jsonw *w);
/* Reads one line (its newline may be missing). Everything in *ret lives in the arena. NULL, or what is wrong as a
 * phrase; a line of an unknown kind is "unknown kind". */
const char *jsonl_read(struct slice line, struct arena *a, struct event *ret);

#endif
