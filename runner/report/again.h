#ifndef REPORT_AGAIN_H
#define REPORT_AGAIN_H

/* How a case is run once more: a line to paste into a shell. */

#include "event/event.h"
#include "util/buf.h"

struct again {
    const char *command; /* the program and the options that matter, quoted; NULL: nobody is to be told */
    bool repeated;       /* names of cases end with " (run 3)", which is none of theirs */
};

/* Appends "sockrun --var user=bob x.yaml --case 'id'", nothing where the command is NULL. Safe to print. */
void again_show(const struct again *a, const struct event *e, struct buf *out);

#endif
