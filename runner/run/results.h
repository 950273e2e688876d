#ifndef RUN_RESULTS_H
#define RUN_RESULTS_H

/* What is remembered from run to run: of each case its last verdict, for --last-failed, and how long it took, for
 * shards. A text file: a line `sockrun results 1`, then `verdict TAB nanoseconds TAB file TAB case` for each case, with
 * `\t`, `\n` and `\\` for what would break the line. Unless it is named, it is
 * $XDG_STATE_HOME/sockrun/HASH.results (~/.local/state if that is not set), with one HASH for each working folder. */

#include <stdbool.h>
#include <stdint.h>

#include "event/bus.h"
#include "sockrun/verdict.h"

struct results;

struct result {
    enum sr_verdict verdict;
    int64_t duration; /* ns, 0: not known */
};

/* path NULL: the default one, or none where there is no home. A file that is not there is empty; one that cannot be
 * read as such is as well, and is told in *ret_why, which is the results' (NULL: nothing to tell). */
struct results *results_new(const char *path, const char **ret_why);
void results_free(struct results *r);
/* NULL: nothing is known of it. file as it is shown. */
const struct result *results_find(const struct results *r, const char *file, const char *case_name);
/* Takes every verdict. keep_durations: those that are known stay, so that every shard of one run reckons with the same.
 * repeated: names end in " (run 3)", and the worst of them is remembered. */
struct event_sink *results_sink(struct results *r, bool keep_durations, bool repeated);
/* NULL, or why the file could not be written, which is the results'. What was written whole is there, or the old one.
 */
const char *results_save(struct results *r);

#endif
