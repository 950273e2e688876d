#ifndef RUN_COMPARE_H
#define RUN_COMPARE_H

/* What became of the cases between two runs, by their JSON reports (docs/report.schema.json). A case is the same one if
 * its file and name are; of what is left, if its id is. */

#include <stdbool.h>
#include <stdint.h>

#include "sockrun/verdict.h"
#include "util/arena.h"

/* From the worst on, as they are told. */
enum compare_change {
    COMPARE_FAILS,     /* fails, and did not before */
    COMPARE_NEW_FAILS, /* is new, and fails */
    COMPARE_WORSE,     /* by its verdict: error after fail, warn after pass ... */
    COMPARE_NOT_RUN,   /* has no verdict, because the new run was ended before it was done */
    COMPARE_FLAKY,     /* passes after a retry only, and did not need one before */
    COMPARE_GONE,
    COMPARE_SKIPPED, /* and was judged before */
    COMPARE_NEW,
    COMPARE_BETTER,
    COMPARE_SAME,
    COMPARE_CHANGES
};

struct compare_case {
    const char *file, *name;
    const char *id;     /* or NULL */
    const char *reason; /* of its verdict: "mismatch: first difference at byte 3"; or NULL */
    uint32_t line;      /* 0: unknown */
    enum sr_verdict verdict;
    bool flaky;
};

struct compare_report {
    struct compare_case *cases;
    uint32_t n;
    bool whole; /* it was not ended before it was done */
};

struct compare_pair {
    enum compare_change change;
    const struct compare_case *was, *is; /* one of them may be NULL */
};

struct comparison {
    struct compare_pair *pairs; /* by change, file, line and name */
    uint32_t n;
    uint32_t of[COMPARE_CHANGES];
};

/* Everything lives in the arena. path "-" is standard input. NULL, or why it is no report, as a phrase. */
const char *compare_read(const char *path, struct arena *a, struct compare_report *ret);
/* The cases are those of the reports, which must outlive it. */
void compare_reports(const struct compare_report *was, const struct compare_report *is, struct arena *a,
                     struct comparison *ret);
/* Is that a change for the worse, which the exit code tells? */
bool compare_is_worse(enum compare_change c);

#endif
