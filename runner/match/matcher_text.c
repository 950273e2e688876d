#include "match/matcher_text.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>

#include "match/diff.h"
#include "util/text.h"

enum { SHOWN = 60, MESSAGE_MOST = 1024 };

void matcher_text_line(struct slice text, size_t most, struct buf *out)
{
    struct slice rest = text;
    if (rest.n > most) {
        rest.n = most;
        /* Not in the middle of a character. */
        while (rest.n > 0 && (rest.p[rest.n] & 0xc0) == 0x80)
            rest.n--;
    }
    size_t shown = rest.n;
    while (rest.n > 0) {
        const char *end = memchr(rest.p, '\n', rest.n);
        struct slice line = slice_part(rest, 0, end ? (size_t)(end - rest.p) : rest.n);
        text_safe(line, out);
        if (end) buf_adds(out, "\\n");
        rest = slice_part(rest, line.n + (end ? 1 : 0), rest.n);
    }
    if (shown < text.n) buf_adds(out, "...");
}

void matcher_text_pattern(const struct regex *r, size_t most, struct buf *out)
{
    buf_addc(out, '/');
    matcher_text_line(regex_pattern(r), most, out);
    buf_addc(out, '/');
}

static void show(const struct matcher *m, size_t end, struct buf *out);

static size_t left(const struct buf *out, size_t end)
{
    return end > out->n ? end - out->n : 0;
}

static void show_number(const char *before, const struct matcher *m, struct buf *out)
{
    buf_adds(out, before);
    bool whole = m->kind == MATCHER_INT || (m->kind != MATCHER_FLOAT && m->whole);
    struct view v = {.type = whole ? VIEW_INT : VIEW_FLOAT};
    if (whole) {
        v.integer = m->integer;
    } else {
        v.number = m->number;
    }
    view_show(&v, VIEW_TEXT, out);
}

static void show_quoted(const char *before, const struct matcher *m, size_t most, struct buf *out)
{
    buf_adds(out, before);
    text_quote(m->bytes, most, out);
}

static void show_each(const struct matcher *m, const char *between, size_t end, struct buf *out)
{
    for (size_t i = 0; i < m->n; i++) {
        if (i > 0) buf_adds(out, between);
        if (out->overflow || out->n >= end) {
            buf_adds(out, "...");
            return;
        }
        if (m->kind == MATCHER_MAP) {
            matcher_text_line(m->names[i], left(out, end), out);
            buf_adds(out, ": ");
        }
        show(m->of[i], end, out);
    }
}

static void show_below(const char *before, const struct matcher *m, size_t end, struct buf *out)
{
    assert(m->n == 1);
    buf_adds(out, before);
    show(m->of[0], end, out);
}

/* Shows no more of m once out holds `end` bytes; the words around an operand do not shorten it. */
static void show(const struct matcher *m, size_t end, struct buf *out)
{
    size_t most = left(out, end);
    switch (m->kind) {
    case MATCHER_ANY: buf_adds(out, "anything"); break;
    case MATCHER_BYTES: text_quote(m->bytes, most, out); break;
    case MATCHER_NULL: buf_adds(out, "null"); break;
    case MATCHER_BOOL: buf_adds(out, m->integer ? "true" : "false"); break;
    case MATCHER_INT:
    case MATCHER_FLOAT: show_number("", m, out); break;
    case MATCHER_REGEX:
        buf_adds(out, "a match of ");
        matcher_text_pattern(m->regex, most, out);
        break;
    case MATCHER_CONTAINS: show_quoted("something that contains ", m, most, out); break;
    case MATCHER_STARTS_WITH: show_quoted("something that starts with ", m, most, out); break;
    case MATCHER_ENDS_WITH: show_quoted("something that ends with ", m, most, out); break;
    case MATCHER_LT: show_number("less than ", m, out); break;
    case MATCHER_LE: show_number("at most ", m, out); break;
    case MATCHER_GT: show_number("more than ", m, out); break;
    case MATCHER_GE: show_number("at least ", m, out); break;
    case MATCHER_NOT: show_below("not ", m, end, out); break;
    case MATCHER_LENGTH: show_below("a length of ", m, end, out); break;
    case MATCHER_SHA256:
        buf_adds(out, "a sha256 of ");
        text_hex(m->bytes, "", out);
        break;
    case MATCHER_JSON: show_below("JSON: ", m, end, out); break;
    case MATCHER_PRESENT: buf_adds(out, "something"); break;
    case MATCHER_ABSENT: buf_adds(out, "nothing"); break;
    case MATCHER_ANY_OF: show_each(m, " or ", end, out); break;
    case MATCHER_ALL_OF: show_each(m, " and ", end, out); break;
    case MATCHER_MAP:
        buf_addc(out, '{');
        show_each(m, ", ", end, out);
        buf_addc(out, '}');
        break;
    case MATCHER_LIST:
        buf_addc(out, '[');
        show_each(m, ", ", end, out);
        buf_addc(out, ']');
        break;
    case MATCHER_WHERE:
        buf_adds(out, "where ");
        matcher_text_line(m->bytes, most, out);
        break;
    }
}

void matcher_show(const struct matcher *m, size_t most, struct buf *out)
{
    show(m, most < SIZE_MAX - out->n ? out->n + most : SIZE_MAX, out);
}

void matcher_explain(const struct match_report *r, struct buf *out)
{
    if (r->path[0]) buf_printf(out, "`%s`: ", r->path);
    buf_adds(out, r->message);
}

struct slice matcher_prefix(const struct matcher *m)
{
    if (m->kind == MATCHER_BYTES || m->kind == MATCHER_STARTS_WITH)
        return m->bytes.p ? m->bytes : (struct slice){"", 0};
    struct slice prefix = {NULL, 0};
    if (m->kind == MATCHER_ALL_OF) {
        for (size_t i = 0; i < m->n && !prefix.p; i++)
            prefix = matcher_prefix(m->of[i]);
    }
    return prefix;
}

bool matcher_streams(const struct matcher *m)
{
    if (m->kind == MATCHER_ANY || m->kind == MATCHER_LENGTH || m->kind == MATCHER_PRESENT) return true;
    if (m->kind != MATCHER_ALL_OF) return false;
    for (size_t i = 0; i < m->n; i++) {
        if (!matcher_streams(m->of[i])) return false;
    }
    return true;
}

/* The largest whole number below x, or not above it. */
static int64_t below(double x, bool strictly)
{
    double most = ceil(x) - 1;
    if (!strictly) most = floor(x);
    if (isnan(x) || most < 0) return -1;
    return most < 0x1p63 ? (int64_t)most : INT64_MAX;
}

/* The longest length that the matcher of a length allows; negative if none does. */
static int64_t longest(const struct matcher *m)
{
    int64_t most = INT64_MAX;
    if (m->kind == MATCHER_INT || (m->kind == MATCHER_LE && m->whole)) return m->integer;
    if (m->kind == MATCHER_LT && m->whole) return m->integer > 0 ? m->integer - 1 : -1;
    if (m->kind == MATCHER_LT || m->kind == MATCHER_LE) return below(m->number, m->kind == MATCHER_LT);
    if (m->kind == MATCHER_ALL_OF) {
        for (size_t i = 0; i < m->n; i++) {
            int64_t of = longest(m->of[i]);
            if (of < most) most = of;
        }
    }
    if (m->kind == MATCHER_ANY_OF) {
        most = -1;
        for (size_t i = 0; i < m->n; i++) {
            int64_t of = longest(m->of[i]);
            if (of > most) most = of;
        }
    }
    return most;
}

/* Could value and its continuations be `want`, or begin with it? */
static bool fits(struct slice want, struct slice so_far, bool begins, size_t *ret_at)
{
    struct slice known = begins ? slice_part(so_far, 0, want.n) : so_far;
    if (slice_starts(want, known)) return true;
    *ret_at = diff_first(want, known);
    return false;
}

static bool fits_each(const struct matcher *m, struct slice so_far, size_t *ret_at)
{
    bool all = m->kind == MATCHER_ALL_OF;
    size_t first = all ? SIZE_MAX : 0;
    size_t wrong = 0;
    for (size_t i = 0; i < m->n; i++) {
        size_t at = 0;
        if (matcher_possible(m->of[i], so_far, &at)) continue;
        wrong++;
        if (all ? at < first : at > first) first = at;
    }
    if (all ? wrong == 0 : wrong < m->n) return true;
    *ret_at = first;
    return false;
}

bool matcher_possible(const struct matcher *m, struct slice so_far, size_t *ret_at)
{
    if (m->kind == MATCHER_BYTES || m->kind == MATCHER_STARTS_WITH)
        return fits(m->bytes, so_far, m->kind == MATCHER_STARTS_WITH, ret_at);
    if (m->kind == MATCHER_ALL_OF || m->kind == MATCHER_ANY_OF) return fits_each(m, so_far, ret_at);
    if (m->kind != MATCHER_LENGTH) return true;
    assert(m->n == 1);
    int64_t most = longest(m->of[0]);
    if (most >= 0 && so_far.n <= (size_t)most) return true;
    *ret_at = most < 0 ? 0 : (size_t)most;
    return false;
}

/* The one of `all_of` that was the first to be wrong. */
static const struct matcher *refusing(const struct matcher *m, struct slice so_far, size_t at)
{
    for (size_t i = 0; m->kind == MATCHER_ALL_OF && i < m->n; i++) {
        size_t wrong = 0;
        if (!matcher_possible(m->of[i], so_far, &wrong) && wrong == at) return refusing(m->of[i], so_far, at);
    }
    return m;
}

void matcher_refuse(const struct matcher *m, struct slice so_far, size_t at, struct arena *a, struct match_report *ret)
{
    m = refusing(m, so_far, at);
    *ret = (struct match_report){
        .id = m->id, .path = "", .message = "", .got = so_far.p ? so_far : (struct slice){NULL, 0}};
    if (m->kind == MATCHER_BYTES || m->kind == MATCHER_STARTS_WITH) {
        ret->bytes = true;
        ret->at = at;
        ret->expected = m->bytes.p ? m->bytes : (struct slice){"", 0};
        return;
    }
    struct buf text = BUF_INIT(MESSAGE_MOST);
    buf_adds(&text, "expected ");
    matcher_show(m, SHOWN, &text);
    if (m->kind == MATCHER_LENGTH) {
        buf_printf(&text, ", got %zu byte%s or more", at + 1, at ? "s" : "");
    } else {
        buf_adds(&text, ", got ");
        text_quote(slice_part(so_far, 0, at + 1), SHOWN, &text);
        buf_adds(&text, "...");
    }
    ret->message = arena_dup(a, buf_slice(&text));
    buf_done(&text);
}
