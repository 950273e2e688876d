#ifndef REPORT_REPORTER_H
#define REPORT_REPORTER_H

/* What all reporters of this layer begin with: a sink that can be asked for its error and freed. */

#include "report/report.h"

struct reporter {
    struct event_sink sink; /* first: report.h hands out a pointer to it */
    const char *(*error)(const struct reporter *r);
    void (*free)(struct reporter *r);
};

#endif
