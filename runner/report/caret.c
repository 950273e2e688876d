#include "report/caret.h"

#include <stdio.h>

#include "util/text.h"

enum {
    FILE_MOST = 1024,
    MESSAGE_MOST = 4096,
    MESSAGE_ROOM = 40,  /* columns that a message needs beside its caret */
    SOURCE_SHOWN = 160, /* characters of a line */
    SOURCE_BEFORE = 60, /* of which before the column, if the line's begin is cut */
    BLOCK_MOST = 64 * 1024,
};

/* The part of the line that is shown, made safe, and what leads to the caret below it. */
struct source {
    struct buf line;
    struct buf lead;
};

static void add_place(const struct place *p, const struct style *s, struct buf *out)
{
    buf_adds(out, "  ");
    paint_on(s, PAINT_PLACE, out);
    buf_adds(out, "-->");
    paint_off(s, out);
    buf_addc(out, ' ');
    line_text(slice_of(p->file), FILE_MOST, out);
    if (p->line > 0) buf_printf(out, ":%u", p->line);
    if (p->line > 0 && p->col > 0) buf_printf(out, ":%u", p->col);
    buf_addc(out, '\n');
}

static size_t char_size(struct slice s, size_t at)
{
    size_t n = text_utf8(slice_part(s, at, s.n), NULL);

    return n > 0 ? n : 1;
}

static void add_char(struct slice c, bool before, struct source *ret)
{
    size_t from = ret->line.n;

    /* What a terminal makes of a tab depends on the column; these blanks are as wide below. */
    if (c.p[0] == '\t')
        buf_adds(&ret->line, "    ");
    else
        line_text(c, c.n, &ret->line);
    size_t wide = text_width(slice_part(buf_slice(&ret->line), from, ret->line.n));
    if (before) buf_printf(&ret->lead, "%*s", (int)wide, "");
}

static void cut_source(const struct place *p, struct source *ret)
{
    struct slice text = p->text;
    size_t col = p->col > 0 ? p->col : 1;
    size_t first = col > SOURCE_SHOWN - SOURCE_BEFORE ? col - SOURCE_BEFORE : 1;
    size_t at = 0, i = 1;

    for (; at < text.n && i < first; i++)
        at += char_size(text, at);
    if (at > 0) {
        buf_adds(&ret->line, "...");
        buf_adds(&ret->lead, "   ");
    }
    for (; at < text.n && i < first + SOURCE_SHOWN; i++) {
        size_t n = char_size(text, at);
        add_char((struct slice){text.p + at, n}, i < col, ret);
        at += n;
    }
    if (at < text.n) buf_adds(&ret->line, "...");
}

static void add_paragraph(struct slice message, const struct style *s, struct buf *out)
{
    if (message.n == 0) return;
    buf_adds(out, "   ");
    line_wrap(message, s->width, 3, "", 3, out);
    buf_addc(out, '\n');
}

static void add_caret(const struct source *source, const char *gutter, struct slice message, const struct style *s,
                      struct buf *out)
{
    size_t gutter_wide = slice_of(gutter).n;
    size_t column = gutter_wide + 1 + source->lead.n + 2; /* where the message begins */
    bool beside = column + text_width(message) <= s->width || column + MESSAGE_ROOM <= s->width;

    buf_adds(out, gutter);
    buf_addc(out, ' ');
    buf_add(out, buf_slice(&source->lead));
    paint_on(s, PAINT_BAD, out);
    buf_addc(out, '^');
    if (message.n > 0 && beside) {
        buf_addc(out, ' ');
        line_wrap(message, s->width, column, gutter, column, out);
    } else if (message.n > 0) {
        buf_printf(out, "\n%s   ", gutter);
        line_wrap(message, s->width, gutter_wide + 3, gutter, gutter_wide + 3, out);
    }
    paint_off(s, out);
    buf_addc(out, '\n');
}

static void add_source(const struct place *p, struct slice message, const struct style *s, struct buf *out)
{
    struct source source = {BUF_INIT(BLOCK_MOST), BUF_INIT(BLOCK_MOST)};
    char number[16], gutter[32];

    int digits = snprintf(number, sizeof(number), "%u", p->line);
    int wide = digits < 2 ? 3 : digits + 1;
    snprintf(gutter, sizeof(gutter), "%*s |", wide, "");
    cut_source(p, &source);
    paint_on(s, PAINT_PLACE, out);
    buf_printf(out, "%*s |", wide, number);
    paint_off(s, out);
    buf_addc(out, ' ');
    buf_add(out, buf_slice(&source.line));
    buf_addc(out, '\n');
    add_caret(&source, gutter, message, s, out);
    buf_done(&source.line);
    buf_done(&source.lead);
}

void caret_render(const struct place *p, const char *message, const struct style *s, struct buf *out)
{
    struct buf safe = BUF_INIT(BLOCK_MOST);

    line_text(slice_of(message), MESSAGE_MOST, &safe);
    if (p->file && *p->file) add_place(p, s, out);
    if (p->line > 0 && p->text.n > 0)
        add_source(p, buf_slice(&safe), s, out);
    else
        add_paragraph(buf_slice(&safe), s, out);
    buf_done(&safe);
}
