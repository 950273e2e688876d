#ifndef REPORT_KEEP_H
#define REPORT_KEEP_H

/* Copies a folder for later: files and folders only, links and sockets are named, and no more of it than a report may
 * hold. */

#include "event/mask.h"
#include "util/buf.h"

/* mask: hides secrets in the files, or NULL. A line is added to notes for each thing that is not there as it was. NULL,
 * or the first error in writing, which is the caller's to free. */
char *keep_folder(const char *from, const char *to, const struct mask *mask, struct buf *notes);

#endif
