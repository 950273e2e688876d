#ifndef REPORT_CARET_H
#define REPORT_CARET_H

/* A place in a source with its line, a caret, and what is to be said there:
 *
 *       --> wrong/mismatch.yaml:13:17
 *      13 |       - expect: "250-mail.test\r\n"
 *         |                 ^ first difference at byte 13: expected 0d "\r", got 0a "\n"
 */

#include "report/line.h"
#include "util/diag.h"

/* What is unknown of the place is left out; the message (NULL: none) is then a paragraph. */
void caret_render(const struct place *p, const char *message, const struct style *s, struct buf *out);

#endif
