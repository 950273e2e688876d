#include "doc/encoding.h"

#include "util/text.h"

/* A binary file is not worth a message for each of its bytes. */
enum { MOST_SAID = 5 };

static bool utf16(const struct source *s, struct diags *d)
{
    if (!slice_starts(s->text, SLICE("\xFF\xFE")) && !slice_starts(s->text, SLICE("\xFE\xFF"))) return false;
    struct diag *g = diags_add(d, (struct place){.file = s->name}, "the file is UTF-16");
    diag_hint(d, g, "save it as UTF-8");
    return true;
}

static bool allowed(uint32_t c)
{
    return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c <= 0x7E) || c == 0x85 || (c >= 0xA0 && c <= 0xFFFD) ||
           c >= 0x10000;
}

static void say(const struct source *s, size_t off, size_t len, uint32_t c, struct diags *d)
{
    struct place place = source_place((struct mark){s, (uint32_t)off, len ? (uint32_t)len : 1});
    if (!len) {
        unsigned byte = (unsigned char)s->text.p[off];
        struct diag *g = diags_add(d, place, "byte 0x%02x is not UTF-8", byte);
        diag_hint(d, g, "files are UTF-8; for this byte write {hex: \"%02x\"}", byte);
        return;
    }
    struct diag *g = diags_add(d, place, "control character U+%04X", c);
    if (c >= 0xFFFE) return;
    if (c < 0x80)
        diag_hint(d, g, "write it as \"\\x%02x\", in double quotes", c);
    else
        diag_hint(d, g, "write it as \"\\u%04x\", in double quotes", c);
}

bool encoding_check(const struct source *s, struct diags *d, struct encoding *ret)
{
    if (utf16(s, d)) return false;
    struct encoding e = {.ascii = true, .base = s->lines[0]};
    e.text = slice_part(s->text, e.base, s->text.n);
    unsigned said = 0;
    for (size_t i = 0; i < e.text.n && said < MOST_SAID;) {
        uint32_t c = (unsigned char)e.text.p[i];
        size_t n = 1;
        if (c >= 0x80) {
            e.ascii = false;
            n = text_utf8(slice_part(e.text, i, 4), &c);
        }
        if (n == 0 || !allowed(c)) {
            say(s, e.base + i, n, c, d);
            said++;
        }
        i += n ? n : 1;
    }
    if (said) return false;
    *ret = e;
    return true;
}

static bool inside(const struct encoding *e, size_t byte)
{
    return byte < e->text.n && ((unsigned char)e->text.p[byte] & 0xC0) == 0x80;
}

uint32_t encoding_offset(struct encoding *e, size_t index)
{
    if (e->ascii) return e->base + (uint32_t)(index < e->text.n ? index : e->text.n);
    while (e->index < index && e->byte < e->text.n) {
        e->index++;
        e->byte++;
        while (inside(e, e->byte))
            e->byte++;
    }
    while (e->index > index && e->byte > 0) {
        e->index--;
        e->byte--;
        while (inside(e, e->byte))
            e->byte--;
    }
    return e->base + (uint32_t)e->byte;
}
