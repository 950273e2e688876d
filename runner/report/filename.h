#ifndef REPORT_FILENAME_H
#define REPORT_FILENAME_H

/* Names of files and cases as names of folders: any script is kept, nothing leads elsewhere, and what is different
 * stays different. A slash becomes `+`, in a case's name a blank becomes `_`. Where more had to change (what a system
 * or a shell takes amiss, what is too long, a `+` or `_` that could be mistaken), `~` and eight digits of the whole
 * name follow. */

#include "util/buf.h"
#include "util/slice.h"

void filename_of_file(const char *file, struct buf *out);
/* An empty one is called "case". */
void filename_of_case(const char *name, struct buf *out);
/* Of an actor, or whatever else. */
void filename_of_text(struct slice text, struct buf *out);

#endif
