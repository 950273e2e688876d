#ifndef REPORT_FAILURE_H
#define REPORT_FAILURE_H

/* Why a case did not pass, as a block of text that every reporter shares: headline, source line with a caret, dump,
 * notes. Safe to print whatever is in the event. */

#include "event/event.h"
#include "report/line.h"

/* Appends the blocks of all failures of a verdict, an empty line between two; a case that has none but a reason gets
 * the headline and the reason. Ends with a newline. */
void failure_render(const struct event *e, const struct style *s, struct buf *out);
/* The first failure (or the reason) in one line: "client > step 2 expect: first difference at byte 13 ...", and how
 * many more there are. Nothing if there is nothing to say. */
void failure_summary(const struct event *e, struct buf *out);
/* The colour of a verdict's word. */
enum paint failure_paint(enum sr_verdict v);

#endif
