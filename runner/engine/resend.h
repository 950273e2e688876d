#ifndef ENGINE_RESEND_H
#define ENGINE_RESEND_H

/* `send` with `resend`: a datagram is sent again and again until the next expectation on its connection is met. Until
 * the last time it does not matter that nobody listens there. */

#include "engine/actor.h"

/* After it was sent once. The bytes are copied. Pauses in ns, the next one `factor` times the one before. */
void resend_start(struct channel *c, struct slice bytes, int64_t every, double factor, uint32_t times);
/* Nothing if none is under way. */
void resend_stop(struct channel *c);

#endif
