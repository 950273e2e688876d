#ifndef ENGINE_RECORDER_H
#define ENGINE_RECORDER_H

/* The flight recorder as text: the last messages of a case, whatever became of its process. */

#include "engine/board.h"
#include "event/event.h"
#include "event/mask.h"
#include "op/conn.h"
#include "util/arena.h"

/* "521 us: client sent 14 bytes \"NOOP\"", a line for each of the last `most` (at most BOARD_RECORDS), without a
 * newline at the end; "" if there are none. */
const char *recorder_show(const struct board *b, uint32_t most, struct arena *a);
/* What a case with this verdict is told with: the last few; "" if it has not failed, or one stands in the failure
 * itself. */
const char *recorder_last(const struct board *b, enum sr_verdict verdict, struct arena *a);
/* The failure that is the reason gets them as a note. */
void recorder_note(const char *last, enum sr_verdict verdict, struct event_failure *failures, size_t n,
                   struct arena *a);
/* The first bytes of what has passed, `bytes` of `size`, as they may be told: themselves, or what stands in the room
 * then, of BOARD_BYTES. mask: hides secrets, or NULL. */
const char *recorder_mask(const struct mask *mask, struct conn *c, bool sent, struct slice bytes, uint64_t size,
                          char *room);
/* Keeps what has passed over a connection that no actor has. */
void recorder_keep(struct board *b, int64_t at, const char *actor, const struct mask *mask, struct conn *c, bool sent,
                   uint64_t from, struct slice bytes);

#endif
