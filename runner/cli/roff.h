#ifndef CLI_ROFF_H
#define CLI_ROFF_H

/* Text for manual pages (man(7)): what the reference says in Markdown, as roff. */

#include "util/buf.h"

/* Words in lines of less than 80 characters; what stands in backquotes is bold, and an empty line begins a new
 * paragraph. */
void roff_text(struct buf *out, const char *markdown);
/* The same on one line, such as a tag has to be. */
void roff_line(struct buf *out, const char *markdown);
/* In bold, and every character itself; no line ends. */
void roff_bold(struct buf *out, const char *text);
/* Lines that stay as they are. */
void roff_example(struct buf *out, const char *text);

#endif
