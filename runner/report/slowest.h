#ifndef REPORT_SLOWEST_H
#define REPORT_SLOWEST_H

/* The cases that took longest. */

#include "event/event.h"
#include "util/buf.h"

struct slow_case;

struct slowest {
    struct slow_case *list; /* longest first */
    size_t n, most;
};

/* most: how many are kept, 0: none. */
void slowest_init(struct slowest *s, size_t most);
void slowest_done(struct slowest *s);
/* Looks at an EVENT_VERDICT. Of cases that took as long as each other the earlier ones stay. */
void slowest_take(struct slowest *s, const struct event *e);
/* Appends a line for each; nothing if there are none. */
void slowest_show(const struct slowest *s, struct buf *out);

#endif
