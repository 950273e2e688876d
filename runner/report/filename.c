#include "report/filename.h"

#include <stdint.h>
#include <string.h>

#include "util/text.h"

enum { NAME_MOST = 120 /* bytes, of the 255 that systems allow */ };

/* FNV-1a */
static uint32_t hash(struct slice s)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 16777619u;
    return h;
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-.,=@()[]", c));
}

/* Does a character beyond ASCII show as what it is? */
static bool is_shown(struct slice c)
{
    struct buf safe = BUF_INIT(64);
    text_safe(c, &safe);
    const bool same = slice_eq(buf_slice(&safe), c);
    buf_done(&safe);
    return same;
}

/* blank: what becomes `_` or stays it, and so cannot be mistaken. */
static void put(struct slice name, char blank, struct buf *out)
{
    const size_t from = out->n;
    bool lost = false;
    for (size_t i = 0, n; i < name.n; i += n) {
        const char c = name.p[i];
        n = text_utf8(slice_part(name, i, 4), NULL);
        if (n == 0) n = 1;
        if (out->n - from + n > NAME_MOST) {
            lost = true;
            break;
        }
        const bool first = i == 0 && (c == '.' || c == '-');
        if ((n > 1 && is_shown(slice_part(name, i, n))) || (is_plain(c) && !first)) {
            buf_add(out, slice_part(name, i, n));
        } else {
            lost = lost || (c != '/' && c != blank);
            buf_addc(out, c == '/' ? '+' : '_');
        }
    }
    if (lost) buf_printf(out, "~%08x", hash(name));
}

void filename_of_file(const char *file, struct buf *out)
{
    while (file[0] == '.' && file[1] == '/')
        file += 2;
    put(slice_of(file), '_', out);
}

void filename_of_case(const char *name, struct buf *out)
{
    put(name && *name ? slice_of(name) : SLICE("case"), ' ', out);
}

void filename_of_text(struct slice text, struct buf *out)
{
    put(text, ' ', out);
}
