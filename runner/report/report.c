#include "report/report.h"

#include "report/reporter.h"

const char *reporter_error(const struct event_sink *s)
{
    const struct reporter *r = (const struct reporter *)s;

    return r->error(r);
}

void reporter_free(struct event_sink *s)
{
    struct reporter *r = (struct reporter *)s;

    if (r) r->free(r);
}
