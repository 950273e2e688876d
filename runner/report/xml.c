#include "report/xml.h"

#include "util/text.h"

static const char *reference(char c, bool attr)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '\r': return "&#13;";
    case '"': return attr ? "&quot;" : NULL;
    case '\n': return attr ? "&#10;" : NULL;
    case '\t': return attr ? "&#9;" : NULL;
    default: return NULL;
    }
}

static bool is_legal(uint32_t c)
{
    if (c < 0x20) return c == '\t' || c == '\n' || c == '\r';
    /* C1 controls are legal, and terminals obey some. */
    if (c >= 0x7f && c <= 0x9f) return false;
    return c != 0xfffe && c != 0xffff;
}

static void add_escaped(struct slice s, bool attr, struct buf *out)
{
    size_t from = 0;

    for (size_t i = 0; i < s.n;) {
        uint32_t c = 0;
        size_t n = text_utf8((struct slice){s.p + i, s.n - i}, &c);
        bool legal = n > 0 && is_legal(c);
        const char *instead = !legal ? "\xef\xbf\xbd" : n == 1 ? reference(s.p[i], attr) : NULL;
        size_t next = i + (n > 0 ? n : 1);
        if (instead) {
            buf_add(out, slice_part(s, from, i - from));
            buf_adds(out, instead);
            from = next;
        }
        i = next;
    }
    buf_add(out, slice_part(s, from, s.n - from));
}

void xml_text(struct slice s, struct buf *out)
{
    add_escaped(s, false, out);
}

void xml_attr(const char *name, struct slice value, struct buf *out)
{
    if (!value.p) return;
    buf_printf(out, " %s=\"", name);
    add_escaped(value, true, out);
    buf_addc(out, '"');
}
