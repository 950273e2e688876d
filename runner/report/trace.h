#ifndef REPORT_TRACE_H
#define REPORT_TRACE_H

/* Steps and traffic, one line each, for people:
 *
 *        0.000102 server       step 1 send    a.yaml:7:9
 *        0.000345 server       ->      11     "220 ready\r\n"
 */

#include "event/event.h"
#include "report/line.h"

/* Appends an EVENT_STEP or EVENT_TRAFFIC; began is when its case did, ns. */
void trace_render(const struct event *e, int64_t began, const struct style *s, struct buf *out);

#endif
