#include "event/jsonr.h"

#include <string.h>

#include "util/buf.h"
#include "util/text.h"

struct reader {
    struct arena *arena;
    const char *p, *end, *start;
    const char *wrong;
    unsigned depth;
};

static bool fail(struct reader *r, const char *why)
{
    if (!r->wrong) r->wrong = arena_printf(r->arena, "%s at byte %zu", why, (size_t)(r->p - r->start));
    return false;
}

static void skip_space(struct reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
        r->p++;
}

static bool take(struct reader *r, char c)
{
    if (r->p == r->end || *r->p != c) return false;
    r->p++;
    return true;
}

static bool take_word(struct reader *r, const char *word)
{
    const size_t n = strlen(word);
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0) return fail(r, "no value");
    r->p += n;
    return true;
}

/* Strings */

static bool read_hex(struct reader *r, uint32_t *ret)
{
    uint32_t c = 0;
    for (int i = 0; i < 4; i++, r->p++) {
        if (r->p == r->end) return fail(r, "a string without end");
        const char digit = *r->p;
        const unsigned value = digit >= '0' && digit <= '9'   ? (unsigned)(digit - '0')
                               : digit >= 'a' && digit <= 'f' ? (unsigned)(digit - 'a') + 10
                               : digit >= 'A' && digit <= 'F' ? (unsigned)(digit - 'A') + 10
                                                              : 16;
        if (value == 16) return fail(r, "no hexadecimal digit");
        c = c << 4 | value;
    }
    *ret = c;
    return true;
}

/* Behind \u: one character, of two halves where it is beyond U+FFFF (RFC 8259 7). */
static bool read_unicode(struct reader *r, struct buf *out)
{
    uint32_t c, low;
    if (!read_hex(r, &c)) return false;
    if (c >= 0xdc00 && c <= 0xdfff) return fail(r, "half a character");
    if (c >= 0xd800 && c <= 0xdbff) {
        if (!take(r, '\\') || !take(r, 'u')) return fail(r, "half a character");
        if (!read_hex(r, &low)) return false;
        if (low < 0xdc00 || low > 0xdfff) return fail(r, "half a character");
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    text_put_utf8(c, out);
    return true;
}

static bool read_escape(struct reader *r, struct buf *out)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    if (r->p == r->end) return fail(r, "a string without end");
    const char c = *r->p++;
    if (c == 'u') return read_unicode(r, out);
    const char *found = c ? strchr(names, c) : NULL;
    if (!found) return fail(r, "an unknown escape");
    return buf_addc(out, values[found - names]);
}

/* Up to the next quote or backslash. */
static bool skip_plain(struct reader *r)
{
    while (r->p < r->end && *r->p != '"' && *r->p != '\\') {
        const unsigned char c = (unsigned char)*r->p;
        if (c < 0x20) return fail(r, "a control character");
        const size_t n = c < 0x80 ? 1 : text_utf8((struct slice){r->p, (size_t)(r->end - r->p)}, NULL);
        if (n == 0) return fail(r, "no UTF-8");
        r->p += n;
    }
    return r->p < r->end || fail(r, "a string without end");
}

/* Behind its first quote. Without escapes it is a part of the text itself. */
static bool read_string(struct reader *r, struct slice *ret)
{
    const char *from = r->p;
    if (!skip_plain(r)) return false;
    if (*r->p == '"') {
        *ret = (struct slice){from, (size_t)(r->p++ - from)};
        return true;
    }
    struct buf out = BUF_INIT((size_t)(r->end - from));
    buf_add(&out, (struct slice){from, (size_t)(r->p - from)});
    while (!r->wrong && !take(r, '"')) {
        from = r->p;
        if (take(r, '\\'))
            read_escape(r, &out);
        else if (skip_plain(r))
            buf_add(&out, (struct slice){from, (size_t)(r->p - from)});
    }
    if (!r->wrong) *ret = (struct slice){arena_dup(r->arena, buf_slice(&out)), out.n};
    buf_done(&out);
    return !r->wrong;
}

/* Numbers */

static size_t skip_digits(struct reader *r)
{
    const char *from = r->p;
    while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
        r->p++;
    return (size_t)(r->p - from);
}

static bool read_integer(struct reader *r, const char *from, int64_t *ret)
{
    const bool negative = *from == '-';
    int64_t n = 0;
    for (const char *p = from + negative; p < r->p; p++)
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_sub_overflow(n, *p - '0', &n)) return fail(r, "too large");
    if (!negative && n == INT64_MIN) return fail(r, "too large");
    *ret = negative ? n : -n;
    return true;
}

static bool read_number(struct reader *r, struct jsonr *v)
{
    const char *from = r->p;
    take(r, '-');
    const bool zero = r->p < r->end && *r->p == '0';
    const size_t n = skip_digits(r);
    if (n == 0 || (zero && n > 1)) return fail(r, "no value");
    v->kind = JSONR_INTEGER;
    if (r->p == r->end || !memchr(".eE", *r->p, 3)) return read_integer(r, from, &v->integer);
    v->kind = JSONR_REAL;
    if (take(r, '.') && skip_digits(r) == 0) return fail(r, "no digit");
    if (!take(r, 'e') && !take(r, 'E')) return true;
    if (!take(r, '+')) take(r, '-');
    return skip_digits(r) > 0 || fail(r, "no digit");
}

/* Values */

static bool read_value(struct reader *r, struct jsonr *v);

static bool read_member(struct reader *r, struct jsonr *object)
{
    struct jsonr *member = ARENA_NEW(r->arena, struct jsonr);
    skip_space(r);
    if (!take(r, '"')) return fail(r, "no name");
    if (!read_string(r, &member->key)) return false;
    skip_space(r);
    if (!take(r, ':')) return fail(r, "no colon");
    member->next = object->inside;
    object->inside = member;
    object->n++;
    return read_value(r, member);
}

static bool read_object(struct reader *r, struct jsonr *v)
{
    v->kind = JSONR_OBJECT;
    skip_space(r);
    if (take(r, '}')) return true;
    do {
        if (!read_member(r, v)) return false;
        skip_space(r);
    } while (take(r, ','));
    return take(r, '}') || fail(r, "an object without end");
}

static bool read_array(struct reader *r, struct jsonr *v)
{
    struct jsonr **at = &v->inside;
    v->kind = JSONR_ARRAY;
    skip_space(r);
    if (take(r, ']')) return true;
    do {
        *at = ARENA_NEW(r->arena, struct jsonr);
        if (!read_value(r, *at)) return false;
        at = &(*at)->next;
        v->n++;
        skip_space(r);
    } while (take(r, ','));
    return take(r, ']') || fail(r, "a list without end");
}

static bool read_inside(struct reader *r, struct jsonr *v, bool object)
{
    if (r->depth == JSONR_DEPTH) return fail(r, "too deep");
    r->depth++;
    const bool ok = object ? read_object(r, v) : read_array(r, v);
    r->depth--;
    return ok;
}

static bool read_value(struct reader *r, struct jsonr *v)
{
    skip_space(r);
    const char c = r->p < r->end ? *r->p : '\0';
    switch (c) {
    case '"':
        r->p++;
        v->kind = JSONR_STRING;
        return read_string(r, &v->text);
    case '{':
    case '[': r->p++; return read_inside(r, v, c == '{');
    case 't': v->kind = JSONR_TRUE; return take_word(r, "true");
    case 'f': v->kind = JSONR_FALSE; return take_word(r, "false");
    case 'n': return take_word(r, "null");
    default: return read_number(r, v);
    }
}

const struct jsonr *jsonr_read(struct slice text, struct arena *a, const char **ret_wrong)
{
    if (!text.p) text = (struct slice){"", 0};
    struct reader r = {.arena = a, .p = text.p, .end = text.p + text.n, .start = text.p};
    struct jsonr *v = ARENA_NEW(a, struct jsonr);
    bool ok = read_value(&r, v);
    if (ok) skip_space(&r);
    if (ok && r.p < r.end) ok = fail(&r, "more than one value");
    if (ok) return v;
    *ret_wrong = r.wrong;
    return NULL;
}

const struct jsonr *jsonr_get(const struct jsonr *object, const char *key)
{
    const size_t n = strlen(key);
    for (const struct jsonr *m = object->inside; m; m = m->next)
        if (m->key.n == n && memcmp(m->key.p, key, n) == 0) return m;
    return NULL;
}
