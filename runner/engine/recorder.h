#ifndef ENGINE_RECORDER_H
#define ENGINE_RECORDER_H

/* The flight recorder as text: the last messages of a case, whatever became of its process. */

#include "engine/board.h"
#include "util/arena.h"

/* "521 us: client sent 14 bytes \"NOOP\"", a line for each of the last `most` (at most BOARD_RECORDS), without a
 * newline at the end; "" if there are none. */
const char *recorder_show(const struct board *b, uint32_t most, struct arena *a);

#endif
