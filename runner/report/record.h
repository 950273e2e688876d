#ifndef REPORT_RECORD_H
#define REPORT_RECORD_H

/* The records of TLS in some bytes (RFC 8446 5.1), as somebody in between sees them. */

#include "util/buf.h"

/* Appends their names in their order: "ServerHello, change of cipher, 3 sealed records". A record that is sealed may
 * hold anything; what begins or ends within one is "part of a record". Returns how many there are if all are sealed and
 * whole, else 0. */
unsigned record_names(struct slice bytes, struct buf *out);

#endif
