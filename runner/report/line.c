#include "report/line.h"

#include "util/text.h"

enum {
    NAME_MOST = 1024,
    NOTE_MOST = 16 * 1024,
    NOTE_COLUMN = 18, /* 3 blanks, 14 of the label, 1 blank */
};

static const char *const codes[] = {
    [PAINT_GOOD] = "32",  [PAINT_BAD] = "1;31", [PAINT_NOTICE] = "33",
    [PAINT_PLACE] = "36", [PAINT_STRONG] = "1", [PAINT_FAINT] = "2",
};

void paint_on(const struct style *s, enum paint p, struct buf *out)
{
    if (s->color) buf_printf(out, "\033[%sm", codes[p]);
}

void paint_off(const struct style *s, struct buf *out)
{
    if (s->color) buf_adds(out, "\033[0m");
}

/* The first `most` bytes, without the part of a character at the end. */
static struct slice cut(struct slice text, size_t most)
{
    if (text.n <= most) return text;
    size_t n = most;
    for (int back = 0; back < 3 && n > 0 && ((unsigned char)text.p[n] & 0xc0) == 0x80; back++)
        n--;
    return slice_part(text, 0, n);
}

static void add_cut_mark(struct slice text, size_t shown, struct buf *out)
{
    if (shown < text.n) buf_printf(out, "... (%zu bytes)", text.n);
}

void line_text(struct slice text, size_t most, struct buf *out)
{
    struct slice shown = cut(text, most);
    size_t from = 0;

    for (size_t i = 0; i < shown.n; i++) {
        char c = shown.p[i];
        if (c != '\n' && c != '\t') continue;
        text_safe(slice_part(shown, from, i - from), out);
        buf_adds(out, c == '\n' ? "\\n" : "\\t");
        from = i + 1;
    }
    text_safe(slice_part(shown, from, shown.n - from), out);
    add_cut_mark(text, shown.n, out);
}

static struct slice next_word(struct slice s, size_t from)
{
    size_t end = from;

    while (end < s.n && s.p[end] != ' ')
        end++;
    return slice_part(s, from, end - from);
}

void line_wrap(struct slice safe, unsigned width, size_t at, const char *prefix, size_t indent, struct buf *out)
{
    size_t column = at;

    for (size_t i = 0; i <= safe.n;) {
        struct slice word = next_word(safe, i);
        size_t wide = text_width(word);
        if (i > 0 && column + 1 + wide > width) {
            size_t pad = indent - slice_of(prefix).n;
            buf_printf(out, "\n%s%*s", prefix, (int)pad, "");
            column = indent;
        } else if (i > 0) {
            buf_addc(out, ' ');
            column++;
        }
        buf_add(out, word);
        column += wide;
        i += word.n + 1;
    }
}

void line_note(const struct style *s, const char *label, struct slice text, struct buf *out)
{
    struct slice rest = cut(text, NOTE_MOST);
    struct buf name = BUF_INIT(4 * NAME_MOST);

    line_text(slice_of(label), NAME_MOST, &name);
    paint_on(s, PAINT_FAINT, out);
    buf_printf(out, "   %-*s", NOTE_COLUMN - 4, buf_str(&name));
    paint_off(s, out);
    buf_addc(out, ' ');
    buf_done(&name);
    /* A newline at the very end would make an empty line. */
    bool whole = rest.n == text.n;
    while (whole && rest.n > 0 && rest.p[rest.n - 1] == '\n')
        rest.n--;
    for (size_t i = 0, from = 0; i <= rest.n; i++) {
        if (i < rest.n && rest.p[i] != '\n') continue;
        if (from > 0) buf_printf(out, "\n%*s", NOTE_COLUMN, "");
        text_safe(slice_part(rest, from, i - from), out);
        from = i + 1;
    }
    if (!whole) add_cut_mark(text, rest.n, out);
    buf_addc(out, '\n');
}

void line_case(const char *file, const char *name, struct buf *out)
{
    line_text(slice_of(file), NAME_MOST, out);
    if (!name || !*name) return;
    if (file) buf_adds(out, " > ");
    line_text(slice_of(name), NAME_MOST, out);
}
