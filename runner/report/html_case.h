#ifndef REPORT_HTML_CASE_H
#define REPORT_HTML_CASE_H

/* One case of the HTML report: its messages go to the page while it runs, a part at a time, and what the list says of
 * it once it has ended. docs/html.md says how long byte strings and texts may be. */

#include "event/event.h"
#include "report/html_page.h"
#include "util/jsonw.h"

enum {
    HTML_MESSAGE_BYTES = 4096,    /* of a message that are kept */
    HTML_CASE_BYTES = 256 * 1024, /* of all messages of a case; from then on: */
    HTML_MESSAGE_FEW = 32,
    HTML_LINES = 64,
};

struct html_case {
    uint32_t number; /* on the page, from 1 */
    uint32_t line;
    int64_t began;
    char *file;
    uint64_t messages, left_out, bytes;
    struct buf data;
    struct jsonw writer;       /* of data */
    uint64_t told[HTML_LINES]; /* source lines whose text stands in the data already, by their hash */
};

/* e: of EVENT_CASE, or of the verdict of a case that never began. */
struct html_case *html_case_new(uint32_t number, const struct event *e);
void html_case_free(struct html_case *c);
/* Any event between. */
void html_case_add(struct html_case *c, const struct event *e, struct html_page *page);
/* The verdict; or, of a case that never got one, an event that holds only its name. */
void html_case_end(struct html_case *c, const struct event *e, struct html_page *page);

#endif
