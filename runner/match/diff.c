#include "match/diff.h"

#include "util/buf.h"
#include "util/text.h"

enum { BLOCK = 256, ROW = 16 };

size_t diff_first(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    size_t i = 0;
    while (n - i >= BLOCK && memcmp(a.p + i, b.p + i, BLOCK) == 0)
        i += BLOCK;
    while (i < n && a.p[i] == b.p[i])
        i++;
    return i;
}

struct diff_window diff_window(struct slice expected, struct slice got, size_t at, size_t before, size_t after)
{
    size_t row = at / ROW;
    size_t from = (before < row ? row - before : 0) * ROW;
    size_t rows = row - from / ROW + 1;
    size_t most = after < SIZE_MAX / ROW - rows ? (rows + after) * ROW : SIZE_MAX;
    return (struct diff_window){from, slice_part(expected, from, most), slice_part(got, from, most)};
}

static void show_byte(struct slice s, size_t at, struct buf *out)
{
    if (at >= s.n) {
        buf_adds(out, "the end");
        return;
    }
    struct slice byte = slice_part(s, at, 1);
    text_hex(byte, "", out);
    buf_addc(out, ' ');
    text_quote(byte, 1, out);
}

void diff_message(struct slice expected, struct slice got, size_t at, struct buf *out)
{
    buf_adds(out, "expected ");
    show_byte(expected, at, out);
    buf_adds(out, ", got ");
    show_byte(got, at, out);
}
