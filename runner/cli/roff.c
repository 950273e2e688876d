#include "cli/roff.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "util/slice.h"

enum { LINE = 68 }; /* what is escaped makes it longer */

/* Characters that roff would take for something else, or print as another one (groff_char(7)). */
static void put_character(struct buf *out, char c, bool first)
{
    switch (c) {
    case '\\': buf_adds(out, "\\e"); break;
    case '-': buf_adds(out, "\\-"); break;
    case '\'': buf_adds(out, first ? "\\&\\(aq" : "\\(aq"); break;
    case '"': buf_adds(out, "\\(dq"); break;
    case '`': buf_adds(out, "\\(ga"); break;
    case '^': buf_adds(out, "\\(ha"); break;
    case '~': buf_adds(out, "\\(ti"); break;
    case '.': buf_adds(out, first ? "\\&." : "."); break;
    default: buf_addc(out, c); break;
    }
}

/* An empty line ends a paragraph; other ends of lines are blanks. Where the word that follows would not fit, a line
 * ends. */
static size_t put_blank(struct buf *out, const char *text, size_t line, size_t most)
{
    const size_t n = strspn(text, " \n"), word = strcspn(text + n, " \n");
    const char *end = memchr(text, '\n', n);
    const bool paragraph = end && memchr(end + 1, '\n', n - (size_t)(end + 1 - text));
    if (word && paragraph)
        buf_adds(out, "\n.PP\n");
    else if (word)
        buf_addc(out, out->n - line + word < most ? ' ' : '\n');
    return n;
}

static void put_words(struct buf *out, const char *markdown, size_t most)
{
    bool bold = false, first = true;
    size_t line = out->n;
    while (*markdown) {
        if (*markdown == ' ' || *markdown == '\n') {
            markdown += put_blank(out, markdown, line, most);
            first = out->p[out->n - 1] == '\n';
            if (first) line = out->n;
            continue;
        }
        if (*markdown == '`') {
            bold = !bold;
            buf_adds(out, bold ? "\\fB" : "\\fR");
        } else {
            put_character(out, *markdown, first);
        }
        first = false;
        markdown++;
    }
    buf_adds(out, bold ? "\\fR\n" : "\n");
}

void roff_text(struct buf *out, const char *markdown)
{
    put_words(out, markdown, LINE);
}

void roff_line(struct buf *out, const char *markdown)
{
    put_words(out, markdown, SIZE_MAX);
}

void roff_bold(struct buf *out, const char *text)
{
    buf_adds(out, "\\fB");
    for (; *text; text++)
        put_character(out, *text, false);
    buf_adds(out, "\\fR");
}

void roff_example(struct buf *out, const char *text)
{
    bool first = true;
    buf_adds(out, ".PP\n.in +4n\n.nf\n");
    for (; *text; text++) {
        put_character(out, *text, first);
        first = *text == '\n';
    }
    buf_adds(out, ".fi\n.in\n");
}
