#ifndef REPORT_RUNNING_H
#define REPORT_RUNNING_H

/* The cases that are running, oldest first, and what their `log` and `warn` steps said so far. */

#include "event/event.h"
#include "report/line.h"

struct running {
    struct running *next;
    char *file;
    char *name;
    int32_t index;
    uint32_t line;
    int64_t began; /* the event's clock, ns */
    struct buf logs;
    uint64_t logs_lost; /* lines that did not fit */
    void *own;          /* the reporter's, who frees it before the end */
};

struct runnings {
    struct running *first, **last;
    struct running *found; /* by the search before: most events are of the same case as their neighbours */
};

void runnings_init(struct runnings *r);
void runnings_done(struct runnings *r);
/* The event's case is running from now on. */
struct running *runnings_begin(struct runnings *r, const struct event *e);
/* The event's case, or NULL. */
struct running *runnings_find(struct runnings *r, const struct event *e);
/* Takes the case out of the list and frees it; NULL is fine. */
void runnings_end(struct runnings *r, struct running *one);
/* Keeps the text of an EVENT_LOG or EVENT_LOST as a note. */
void running_log(struct running *one, const struct event *e);
/* Appends what was kept. */
void running_show_logs(const struct running *one, struct buf *out);
/* Appends an EVENT_LOG or EVENT_LOST as a note. */
void running_note(const struct event *e, const struct style *s, struct buf *out);

#endif
