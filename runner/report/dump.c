#include "report/dump.h"

#include <inttypes.h>

enum { ROW = 16, ROWS_MOST = 16, ROWS_BEFORE = 4 };

/* One of the two sides. */
struct side {
    const char *label;
    struct slice bytes;
    uint64_t size; /* in full */
    uint64_t from; /* offset of the first of bytes */
    bool marked;
    uint64_t mark;
    enum paint paint;
    int digits; /* of an offset */
};

static void add_separator(const struct side *d, uint64_t at, uint64_t row, const struct style *s, struct buf *out)
{
    bool opens = d->marked && at == d->mark && at < row + ROW;
    bool closes = d->marked && at == d->mark + 1 && at > row;

    if (opens) paint_on(s, d->paint, out);
    buf_addc(out, opens ? '[' : closes ? ']' : ' ');
    if (closes) paint_off(s, out);
}

static void add_hex(const struct side *d, uint64_t row, const struct style *s, struct buf *out)
{
    for (unsigned i = 0; i < ROW; i++) {
        uint64_t k = row + i - d->from;
        add_separator(d, row + i, row, s, out);
        if (k < d->bytes.n)
            buf_printf(out, "%02x", (unsigned char)d->bytes.p[k]);
        else
            buf_adds(out, "  ");
    }
    add_separator(d, row + ROW, row, s, out);
}

static void add_ascii(const struct side *d, uint64_t row, const struct style *s, struct buf *out)
{
    for (unsigned i = 0; i < ROW && row + i - d->from < d->bytes.n; i++) {
        char c = d->bytes.p[row + i - d->from];
        bool here = d->marked && row + i == d->mark;
        if (here) paint_on(s, d->paint, out);
        buf_addc(out, c >= ' ' && c <= '~' ? c : '.');
        if (here) paint_off(s, out);
    }
}

static void add_row(const struct side *d, bool first, uint64_t row, const struct style *s, struct buf *out)
{
    paint_on(s, PAINT_FAINT, out);
    buf_printf(out, "   %-8s %0*" PRIx64, first ? d->label : "", d->digits, row);
    paint_off(s, out);
    buf_addc(out, ' ');
    add_hex(d, row, s, out);
    buf_addc(out, ' ');
    add_ascii(d, row, s, out);
    /* Blanks at the end of a line would be noise in a golden file. */
    while (out->n > 0 && out->p[out->n - 1] == ' ')
        out->p[--out->n] = '\0';
    buf_addc(out, '\n');
}

static void add_rows(const struct side *d, const struct style *s, struct buf *out)
{
    uint64_t rows = (d->bytes.n + ROW - 1) / ROW;
    uint64_t first = 0;

    if (d->marked) {
        uint64_t marked = (d->mark - d->from) / ROW;
        if (rows <= marked) rows = marked + 1;
        if (marked > ROWS_BEFORE && rows > ROWS_MOST) first = marked - ROWS_BEFORE;
    }
    for (uint64_t i = first; i < rows && i < first + ROWS_MOST; i++)
        add_row(d, i == first, d->from + i * ROW, s, out);
}

static void add_side(struct side *d, const struct style *s, struct buf *out)
{
    if (d->size == 0 && d->bytes.n == 0) {
        paint_on(s, PAINT_FAINT, out);
        buf_printf(out, "   %-8s", d->label);
        paint_off(s, out);
        buf_adds(out, " nothing\n");
        return;
    }
    /* A mark far away from the window would make rows out of nothing. */
    d->marked = d->marked && d->mark >= d->from && d->mark - d->from <= d->bytes.n;
    add_rows(d, s, out);
}

void dump_render(const struct event_dump *d, const struct style *s, struct buf *out)
{
    uint64_t longest = d->got.n > d->expected.n ? d->got.n : d->expected.n;
    /* A hostile stream may claim any offset; rows must not wrap around. */
    uint64_t from = d->from <= INT64_MAX ? d->from : 0;
    int digits = from + longest <= 0xffff ? 4 : from + longest <= 0xffffffff ? 8 : 16;
    struct side got = {"got", d->got, d->got_size, from, !d->expected_unknown, d->at, PAINT_BAD, digits};
    struct side expected = {"expected", d->expected, d->expected_size, from, true, d->at, PAINT_GOOD, digits};

    if (!d->present) return;
    if (!d->expected_unknown) add_side(&expected, s, out);
    add_side(&got, s, out);
}
