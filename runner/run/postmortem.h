#ifndef RUN_POSTMORTEM_H
#define RUN_POSTMORTEM_H

/* The verdict of a case whose process cannot give one any more: `error`, with what its wait status and the board say.
 */

#include <stdint.h>

#include "event/event.h"
#include "run/worker.h"
#include "util/arena.h"

struct postmortem {
    const struct worker *worker; /* its process has been reaped */
    int status;                  /* waitpid's */
    int64_t now;
    int64_t grace, load; /* ns: limits that the process was held to */
    uint64_t memory;     /* RLIMIT_DATA of the process, 0: none */
    int64_t limit;       /* ns that the case had; postmortem_verdict's own */
    bool beside;         /* the same: its own time was not over, but another case's */
};

/* Why the process ended, in one line: "its process crashed (signal SEGV)". */
const char *postmortem_reason(const struct postmortem *p, struct arena *a);
/* EVENT_VERDICT for the case. With `before` (NULL: none) the case never began: the text says why not. */
void postmortem_verdict(const struct postmortem *given, uint32_t index, const char *before, struct arena *a,
                        struct event *ret);

#endif
