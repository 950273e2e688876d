#ifndef EVENT_MASKER_H
#define EVENT_MASKER_H

/* Events on their way, without secrets, and with what is known of each connection's two directions and each program's
 * output, whose pieces belong together. */

#include "event/event.h"
#include "event/mask.h"

struct masker;

/* The mask must outlive it. */
struct masker *masker_new(const struct mask *m);
void masker_free(struct masker *m);
/* The event as it may be told; valid until the next one. Names of files stay. */
const struct event *masker_event(struct masker *m, const struct event *e);

#endif
