#ifndef SOCKRUN_VERDICT_H
#define SOCKRUN_VERDICT_H

#include <stdbool.h>

/* What a case came to, best first: the worst of several wins. */
enum sr_verdict {
    SR_SKIP,
    SR_PASS,
    SR_XFAIL, /* failed as it was said to */
    SR_WARN,  /* a recommendation was missed */
    SR_XPASS, /* passed although it was said to fail */
    SR_FAIL,
    SR_ERROR, /* could not be judged */
};

enum { SR_VERDICTS = SR_ERROR + 1 };

/* "skip", "pass", "xfail", "warn", "xpass", "fail", "error". */
const char *sr_verdict_name(enum sr_verdict v);
/* The verdict of that name, or -1. */
int sr_verdict_of_name(const char *name);
/* The worse of two. */
enum sr_verdict sr_verdict_worst(enum sr_verdict a, enum sr_verdict b);

/* Does it count as a failure of the run? xpass, fail, error. */
static inline bool sr_verdict_failed(enum sr_verdict v)
{
    return v >= SR_XPASS;
}

/* Exit codes of the program (README). */
enum sr_exit {
    SR_EXIT_OK = 0,
    SR_EXIT_USAGE = 1,
    SR_EXIT_INVALID = 2,
    SR_EXIT_ERROR = 3,
    SR_EXIT_FAIL = 4,
    SR_EXIT_NONE = 5,
    SR_EXIT_INTERRUPTED = 130,
};

#endif
