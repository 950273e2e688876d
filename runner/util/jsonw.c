#include "util/jsonw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/text.h"

void jsonw_init(struct jsonw *w, struct buf *out)
{
    *w = (struct jsonw){.out = out};
}

/* How many bytes from the start of s stand in a JSON string as they are. */
static size_t plain(struct slice s)
{
    size_t i = 0;
    while (i < s.n) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 || c == '"' || c == '\\') break;
        size_t n = c < 0x80 ? 1 : text_utf8(slice_part(s, i, 4), NULL);
        if (n == 0) break;
        i += n;
    }
    return i;
}

/* RFC 8259 7 */
static void put_escaped(struct buf *out, unsigned char c)
{
    switch (c) {
    case '"': buf_adds(out, "\\\""); return;
    case '\\': buf_adds(out, "\\\\"); return;
    case '\n': buf_adds(out, "\\n"); return;
    case '\r': buf_adds(out, "\\r"); return;
    case '\t': buf_adds(out, "\\t"); return;
    default: break;
    }
    if (c < 0x20)
        buf_printf(out, "\\u%04x", c);
    else
        text_put_utf8(0xfffd, out);
}

static void put_string(struct buf *out, struct slice s)
{
    buf_addc(out, '"');
    for (size_t i = 0; i < s.n;) {
        struct slice rest = slice_part(s, i, s.n);
        size_t n = plain(rest);
        buf_add(out, slice_part(rest, 0, n));
        i += n;
        if (i < s.n) put_escaped(out, (unsigned char)s.p[i++]);
    }
    buf_addc(out, '"');
}

static void begin(struct jsonw *w, const char *key)
{
    if (w->comma) buf_addc(w->out, ',');
    w->comma = true;
    if (!key) return;
    put_string(w->out, slice_of(key));
    buf_addc(w->out, ':');
}

void jsonw_open(struct jsonw *w, const char *key, char bracket)
{
    begin(w, key);
    buf_addc(w->out, bracket);
    w->comma = false;
}

void jsonw_close(struct jsonw *w, char bracket)
{
    buf_addc(w->out, bracket);
    w->comma = true;
}

void jsonw_text(struct jsonw *w, const char *key, struct slice value)
{
    begin(w, key);
    put_string(w->out, value);
}

void jsonw_str(struct jsonw *w, const char *key, const char *value)
{
    if (value) jsonw_text(w, key, slice_of(value));
}

void jsonw_int(struct jsonw *w, const char *key, int64_t value)
{
    char text[20]; /* -9223372036854775808 */
    char *at = text + sizeof text;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do
        *--at = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0) *--at = '-';
    begin(w, key);
    buf_add(w->out, (struct slice){at, (size_t)(text + sizeof text - at)});
}

void jsonw_number(struct jsonw *w, const char *key, double value)
{
    if (!isfinite(value)) {
        jsonw_null(w, key);
        return;
    }
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    begin(w, key);
    buf_adds(w->out, text);
}

void jsonw_bool(struct jsonw *w, const char *key, bool value)
{
    begin(w, key);
    buf_adds(w->out, value ? "true" : "false");
}

void jsonw_null(struct jsonw *w, const char *key)
{
    begin(w, key);
    buf_adds(w->out, "null");
}

void jsonw_bytes(struct jsonw *w, const char *key, struct slice value)
{
    begin(w, key);
    buf_addc(w->out, '"');
    text_base64(value, w->out);
    buf_addc(w->out, '"');
}
