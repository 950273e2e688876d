#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

/* Reporters: each turns the event stream into one form. A reporter knows events and nothing else. */

#include <stdbool.h>
#include <stdio.h>

#include "event/bus.h"
#include "report/again.h"

struct console_options {
    bool color;
    bool progress;      /* stdout is a terminal: keep one line that says how far it is */
    int verbosity;      /* -1 quiet: only what did not pass, and the totals; 0; 1 every step and its bytes */
    unsigned width;     /* of the terminal, 0 unknown: 100 */
    unsigned durations; /* how many of the slowest cases are named at the end */
    struct again again; /* told below what failed */
};

/* Prints a line for each case, failures in full when they happen, totals at the end. out belongs to the caller. */
struct event_sink *console_new(FILE *out, const struct console_options *o);
/* Removes the progress line and puts one there again when the next event comes; `now` in ns, to be called some ten
 * times a second while nothing else happens. */
void console_tick(struct event_sink *s, int64_t now);

/* File reporters write to a temporary file beside path and rename it at EVENT_RUN_END; reporter_error then says what
 * went wrong. */
struct event_sink *junit_new(const char *path);
struct event_sink *tap_new(const char *path);
/* EVENT_PACKETS as a capture file; a folder (it is one, or path ends in a slash) gets one for each scenario file. */
struct event_sink *packets_new(const char *path);
/* Tells of each case what its sockets did, once it is over. */
struct event_sink *explain_new(FILE *out, bool color, unsigned width);
/* One document, as docs/report.schema.json says. */
struct event_sink *json_new(const char *path);
/* Every event as it comes, as docs/events.md says. */
struct event_sink *jsonl_new(const char *path);
/* One page that opens from disk, with every message of every case; docs/html.md. */
struct event_sink *html_new(const char *path);
/* At EVENT_RUN_END: annotations for GitHub Actions to out, which belongs to the caller, and a summary in Markdown to
 * the end of the file at path. summary NULL: no such file. */
struct event_sink *github_new(FILE *out, const char *summary);
/* Around a run whose output GitHub Actions reads: whatever a peer or a scenario says in it is no workflow command.
 * Nobody can guess the token. Stands in the bus behind all that prints what others say, and before github_new. */
struct event_sink *guard_new(FILE *out, const char *token);
struct mask;

/* A folder below path for each case that failed, and for each attempt that did: its events, packets, what programs
 * said, its temporary files and why it failed. mask hides secrets in those files, or NULL; it outlives this. */
struct event_sink *artifacts_new(const char *path, const struct mask *mask);
/* NULL, or "cannot write x.xml: No space left on device". Valid after EVENT_RUN_END. */
const char *reporter_error(const struct event_sink *s);
void reporter_free(struct event_sink *s);

#endif
