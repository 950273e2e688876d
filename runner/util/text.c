#include "util/text.h"

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Nothing of a text that turns out wrong is left in the buffer. */
static const char *give_up(struct buf *out, size_t n, const char *phrase, size_t at, size_t *ret_at)
{
    out->n = n;
    buf_str(out);
    *ret_at = at;
    return phrase;
}

static size_t skip_blanks(struct slice s, size_t i)
{
    while (i < s.n && blank(s.p[i]))
        i++;
    return i;
}

const char *text_unhex(struct slice hex, struct buf *out, size_t *ret_at)
{
    size_t before = out->n;
    size_t i = skip_blanks(hex, 0);
    if (i + 1 < hex.n && hex.p[i] == '0' && (hex.p[i + 1] == 'x' || hex.p[i + 1] == 'X')) i += 2;
    for (i = skip_blanks(hex, i); i < hex.n; i = skip_blanks(hex, i)) {
        int high = hex_value(hex.p[i]);
        if (high < 0) return give_up(out, before, "not a hexadecimal digit", i, ret_at);
        if (i + 1 == hex.n || blank(hex.p[i + 1]))
            return give_up(out, before, "a byte has two hexadecimal digits, this one has one", i, ret_at);
        int low = hex_value(hex.p[i + 1]);
        if (low < 0) return give_up(out, before, "not a hexadecimal digit", i + 1, ret_at);
        if (!buf_addc(out, (char)(high * 16 + low))) return give_up(out, before, "too many bytes", i, ret_at);
        i += 2;
    }
    return NULL;
}

void text_hex(struct slice bytes, const char *sep, struct buf *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.n; i++) {
        unsigned char c = (unsigned char)bytes.p[i];
        char pair[2] = {digits[c >> 4], digits[c & 15]};
        if (i > 0) buf_adds(out, sep);
        buf_add(out, (struct slice){pair, 2});
    }
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    if (c == '/') return 63;
    return -1;
}

/* Four characters on their way to three bytes. */
struct quad {
    uint32_t bits;
    unsigned n;       /* characters seen, padding included */
    unsigned padding; /* of them */
};

/* A phrase if the character cannot stand here. */
static const char *quad_take(struct quad *q, char c)
{
    int value = base64_value(c);
    if (c == '=') {
        if (q->n < 2) return "padding where a base64 character is due";
        q->padding++;
        value = 0;
    } else if (value < 0) {
        return "not a base64 character";
    } else if (q->padding) {
        return "base64 goes on behind its padding";
    }
    q->bits = q->bits << 6 | (uint32_t)value;
    q->n++;
    return NULL;
}

static const char *quad_give(const struct quad *q, struct buf *out)
{
    char bytes[3] = {(char)(q->bits >> 16), (char)(q->bits >> 8), (char)q->bits};
    size_t n = 3 - q->padding;
    /* RFC 4648 3.5: such bits are a sign that something is lost. */
    for (size_t i = n; i < 3; i++)
        if (bytes[i]) return "the last base64 character has bits that belong to no byte";
    return buf_add(out, (struct slice){bytes, n}) ? NULL : "too many bytes";
}

const char *text_unbase64(struct slice text, struct buf *out, size_t *ret_at)
{
    size_t before = out->n;
    struct quad q = {0};
    for (size_t i = 0; i < text.n; i++) {
        if (blank(text.p[i])) continue;
        const char *wrong = NULL;
        if (q.n == 4 && q.padding)
            wrong = "base64 goes on behind its padding";
        else if (q.n == 4)
            q = (struct quad){0};
        if (!wrong) wrong = quad_take(&q, text.p[i]);
        if (!wrong && q.n == 4) wrong = quad_give(&q, out);
        if (wrong) return give_up(out, before, wrong, i, ret_at);
    }
    if (q.n % 4)
        return give_up(out, before, "base64 is cut off: characters or the padding `=` are missing", text.n, ret_at);
    return NULL;
}

void text_base64(struct slice bytes, struct buf *out)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.n; i += 3) {
        size_t n = bytes.n - i < 3 ? bytes.n - i : 3;
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < n ? (unsigned char)bytes.p[i + k] : 0);
        char quad[4];
        for (size_t k = 0; k < 4; k++)
            quad[k] = k <= n ? alphabet[bits >> (18 - 6 * k) & 63] : '=';
        if (!buf_add(out, (struct slice){quad, 4})) return;
    }
}

size_t text_utf8(struct slice s, uint32_t *ret_c)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (s.n == 0) return 0;
    unsigned char first = (unsigned char)s.p[0];
    size_t n = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : 0;
    if (n == 0 || n > s.n) return 0;
    uint32_t c = n == 1 ? first : first & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        unsigned char next = (unsigned char)s.p[i];
        if ((next & 0xc0) != 0x80) return 0;
        c = c << 6 | (next & 0x3f);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return 0;
    if (ret_c) *ret_c = c;
    return n;
}

size_t text_width(struct slice s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.n; count++) {
        const bool ascii = (unsigned char)s.p[i] < 0x80;
        size_t n = ascii ? 1 : text_utf8(slice_part(s, i, 4), NULL);
        i += n ? n : 1;
    }
    return count;
}

void text_put_utf8(uint32_t c, struct buf *out)
{
    char p[4];
    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) c = 0xfffd;
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    if (n == 1) {
        p[0] = (char)c;
    } else {
        for (size_t i = n; i-- > 1; c >>= 6)
            p[i] = (char)(0x80 | (c & 0x3f));
        p[0] = (char)((0xf00u >> n & 0xf0) | c);
    }
    buf_add(out, (struct slice){p, n});
}

/* Controls, and what reorders text, breaks lines or is not seen: all that could make a terminal show something else
 * than what is there (Unicode 15, general categories Cc, Cf, Zl, Zp). */
static bool deceives(uint32_t c)
{
    static const struct {
        uint32_t from, to;
    } ranges[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},   {0x200b, 0x200f},
        {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (c >= ranges[i].from && c <= ranges[i].to) return true;
    return false;
}

static void put_escaped(struct slice bytes, struct buf *out)
{
    for (size_t i = 0; i < bytes.n; i++) {
        buf_adds(out, "\\x");
        text_hex(slice_part(bytes, i, 1), "", out);
    }
}

/* The C escape of a character, "" if it has none. A \0 before a digit would be read as another octal number. */
static const char *short_escape(char c, char next)
{
    switch (c) {
    case '\r': return "\\r";
    case '\n': return "\\n";
    case '\t': return "\\t";
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\0': return next >= '0' && next <= '9' ? "" : "\\0";
    default: return "";
    }
}

void text_quote(struct slice bytes, size_t most, struct buf *out)
{
    size_t i = 0;
    buf_addc(out, '"');
    while (i < bytes.n) {
        uint32_t c;
        size_t n = text_utf8(slice_part(bytes, i, 4), &c);
        bool plain = n > 0 && !deceives(c) && c != '"' && c != '\\';
        if (n == 0) n = 1;
        if (i + n > most) break;
        const char *escape = n == 1 ? short_escape(bytes.p[i], i + 1 < bytes.n ? bytes.p[i + 1] : '\0') : "";
        if (plain)
            buf_add(out, slice_part(bytes, i, n));
        else if (*escape)
            buf_adds(out, escape);
        else
            put_escaped(slice_part(bytes, i, n), out);
        i += n;
    }
    buf_addc(out, '"');
    if (i < bytes.n) buf_printf(out, "... (%zu bytes)", bytes.n);
}

void text_safe(struct slice bytes, struct buf *out)
{
    for (size_t i = 0; i < bytes.n;) {
        uint32_t c;
        size_t n = text_utf8(slice_part(bytes, i, 4), &c);
        bool plain = n > 0 && (c == '\t' || c == '\n' || !deceives(c));
        if (n == 0) n = 1;
        if (plain)
            buf_add(out, slice_part(bytes, i, n));
        else
            put_escaped(slice_part(bytes, i, n), out);
        i += n;
    }
}
