#include "report/html_page.h"

#include <stdio.h>
#include <string.h>

/* Made of html/page.* by html/embed.cmake. */
extern const unsigned char html_before[], html_behind[];
extern const size_t html_before_size, html_behind_size;

static void add(struct html_page *p, const char *text)
{
    outfile_add(&p->out, slice_of(text));
}

static void add_escaped(struct html_page *p, struct slice s)
{
    while (s.n) {
        const char *found = memchr(s.p, '<', s.n);
        const size_t n = found ? (size_t)(found - s.p) : s.n;
        outfile_add(&p->out, slice_part(s, 0, n));
        if (found) add(p, "\\u003c");
        s = slice_part(s, n + (found != NULL), s.n);
    }
}

void html_page_open(struct html_page *p, const char *path)
{
    *p = (struct html_page){0};
    outfile_open(&p->out, path);
    outfile_add(&p->out, (struct slice){(const char *)html_before, html_before_size});
}

void html_page_add(struct html_page *p, const char *attribute, uint32_t number, struct slice json)
{
    char head[100];
    snprintf(head, sizeof head, "<script type=\"application/json\" %s=\"%u\">", attribute, number);
    add(p, head);
    add_escaped(p, json);
    add(p, "</script>\n");
}

void html_page_close(struct html_page *p)
{
    outfile_add(&p->out, (struct slice){(const char *)html_behind, html_behind_size});
    outfile_commit(&p->out);
}

void html_page_done(struct html_page *p)
{
    outfile_done(&p->out);
}
