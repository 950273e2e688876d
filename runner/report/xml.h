#ifndef REPORT_XML_H
#define REPORT_XML_H

/* Text as XML 1.0 (section 2.2, Char): whatever the bytes are, the result is well-formed. What XML forbids, what is no
 * UTF-8 and what a terminal would obey becomes U+FFFD. */

#include "util/buf.h"
#include "util/slice.h"

/* Between tags. Carriage returns survive as &#13;. Never holds "]]>". */
void xml_text(struct slice s, struct buf *out);
/* Appends ` name="value"`; line ends and tabs of the value survive as references. Nothing if value.p is NULL. */
void xml_attr(const char *name, struct slice value, struct buf *out);

#endif
