#ifndef REPORT_DUMP_H
#define REPORT_DUMP_H

/* Hex rows of what was expected and what came, the byte that differs in [brackets]:
 *
 *     expected 0000  32 35 30 2d 6d 61 69 6c 2e 74 65 73 74[0d]0a     250-mail.test..
 *     got      0000  32 35 30 2d 6d 61 69 6c 2e 74 65 73 74[0a]32 35  250-mail.test.25
 */

#include "event/event.h"
#include "report/line.h"

/* Nothing if there is none. A byte that is not there, because one of the two has ended, is shown as [  ]. */
void dump_render(const struct event_dump *d, const struct style *s, struct buf *out);

#endif
