#ifndef REPORT_HTML_PAGE_H
#define REPORT_HTML_PAGE_H

/* The page of the HTML report as a file: what stands before the data, elements that hold data, what stands behind.
 * Style and script are runner/report/html/page.*, which the build has put into the program. */

#include <stdbool.h>
#include <stdint.h>

#include "report/outfile.h"
#include "util/buf.h"

enum { HTML_PAGE_MOST = 192 << 20 }; /* bytes of messages and failures: what browsers still open */

struct html_page {
    struct outfile out;
    uint64_t detail; /* bytes of elements that a page can do without */
};

void html_page_open(struct html_page *p, const char *path);
/* Adds JSON as `<script type="application/json" ATTRIBUTE="NUMBER">`. Nothing in it can end the element
 * (HTML 4.12.1.3): every `<` is written as an escape, which JSON has only inside of strings. */
void html_page_add(struct html_page *p, const char *attribute, uint32_t number, struct slice json);
/* There is no more room for what the page can do without. */
static inline bool html_page_full(const struct html_page *p)
{
    return p->detail >= HTML_PAGE_MOST;
}
/* The end of the page; commits the file. */
void html_page_close(struct html_page *p);
void html_page_done(struct html_page *p);

#endif
