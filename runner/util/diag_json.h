#ifndef UTIL_DIAG_JSON_H
#define UTIL_DIAG_JSON_H

/* Diagnostics for an editor: one JSON document, as docs/check.schema.json says, in one line. */

#include "util/buf.h"
#include "util/diag.h"

/* Appends the document, with a newline; sorted as diags_print does. */
void diags_json(const struct diags *d, struct buf *out);

#endif
