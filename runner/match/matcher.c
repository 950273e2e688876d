#include "match/matcher.h"

#include <assert.h>
#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdarg.h>

#include "match/diff.h"
#include "match/matcher_text.h"
#include "util/text.h"
#include "util/units.h"

enum { SHOWN = 60, MESSAGE_MOST = 4096, PATH_MOST = 1024 };

/* BROKEN: could not be judged, which must not become a success below NOT. */
enum verdict { NO, YES, BROKEN };

/* Where in the value a matcher looks: one step below `up`. */
struct step {
    const struct step *up;
    struct slice name;
    size_t index; /* if name.p is NULL */
};

struct check {
    struct arena *arena;
    struct match_report *ret; /* may be NULL */
    unsigned mute;            /* a failure is no answer yet */
    size_t room;              /* in ret->captures */
};

static enum verdict judge(struct check *c, const struct matcher *m, const struct view *v, const struct step *at);

static bool is_plain(struct slice name)
{
    for (size_t i = 0; i < name.n; i++) {
        if (!isalnum((unsigned char)name.p[i]) && name.p[i] != '-' && name.p[i] != '_') return false;
    }
    return name.n > 0;
}

static void show_path(const struct step *at, struct buf *out)
{
    if (!at) return;
    show_path(at->up, out);
    if (!at->name.p) {
        buf_printf(out, "[%zu]", at->index);
    } else if (is_plain(at->name)) {
        if (at->up) buf_addc(out, '.');
        buf_add(out, at->name);
    } else {
        buf_addc(out, '[');
        text_quote(at->name, SHOWN, out);
        buf_addc(out, ']');
    }
}

static void report(struct check *c, const struct matcher *m, const struct view *v, const struct step *at,
                   struct buf *message)
{
    struct match_report *r = c->ret;
    struct buf path = BUF_INIT(PATH_MOST);
    show_path(at, &path);
    r->id = m->id;
    r->path = arena_dup(c->arena, buf_slice(&path));
    r->message = arena_dup(c->arena, buf_slice(message));
    r->bytes = false;
    /* Of a streamed value only the length is known. */
    bool known = v->type == VIEW_BYTES && v->bytes.p;
    r->got = known ? v->bytes : (struct slice){NULL, 0};
    buf_done(&path);
}

static bool is_silent(const struct check *c)
{
    return c->mute > 0 || !c->ret;
}

static enum verdict broken(struct check *c, const struct matcher *m, const struct view *v, const struct step *at,
                           const char *why)
{
    if (!c->ret) return BROKEN;
    struct buf message = BUF_INIT(MESSAGE_MOST);
    matcher_show(m, SHOWN, &message);
    buf_adds(&message, ": ");
    matcher_text_line(slice_of(why), MESSAGE_MOST / 8, &message);
    report(c, m, v, at, &message);
    buf_done(&message);
    return BROKEN;
}

static void say_unexpected(const struct matcher *m, const struct view *v, struct buf *out)
{
    buf_adds(out, v->type == VIEW_ABSENT ? "is absent, expected " : "expected ");
    matcher_show(m, SHOWN, out);
    if (v->type == VIEW_ABSENT) return;
    buf_adds(out, ", got ");
    if (v->type == VIEW_BOOL) buf_adds(out, "the boolean ");
    view_show(v, SHOWN, out);
}

/* "expected 200, got 404" */
static enum verdict unexpected(struct check *c, const struct matcher *m, const struct view *v, const struct step *at)
{
    if (is_silent(c)) return NO;
    struct buf message = BUF_INIT(MESSAGE_MOST);
    say_unexpected(m, v, &message);
    report(c, m, v, at, &message);
    buf_done(&message);
    return NO;
}

static enum verdict fails(struct check *c, const struct matcher *m, const struct view *v, const struct step *at,
                          const char *format, ...) __attribute__((format(printf, 5, 6)));

static enum verdict fails(struct check *c, const struct matcher *m, const struct view *v, const struct step *at,
                          const char *format, ...)
{
    if (is_silent(c)) return NO;
    struct buf message = BUF_INIT(MESSAGE_MOST);
    va_list ap;
    va_start(ap, format);
    buf_vprintf(&message, format, ap);
    va_end(ap);
    report(c, m, v, at, &message);
    buf_done(&message);
    return NO;
}

/* "contains "ok"" or "does not contain "ok""; false for kinds that have no such words. */
static bool say_relation(const struct matcher *m, bool holds, struct buf *out)
{
    const char *verb = NULL;
    if (m->kind == MATCHER_CONTAINS) verb = holds ? "contains " : "does not contain ";
    if (m->kind == MATCHER_STARTS_WITH) verb = holds ? "starts with " : "does not start with ";
    if (m->kind == MATCHER_ENDS_WITH) verb = holds ? "ends with " : "does not end with ";
    if (m->kind == MATCHER_REGEX) verb = holds ? "matches " : "does not match ";
    if (!verb) return false;
    buf_adds(out, verb);
    if (m->kind == MATCHER_REGEX) {
        matcher_text_pattern(m->regex, SHOWN, out);
    } else {
        text_quote(m->bytes, SHOWN, out);
    }
    return true;
}

/* m is the one that failed: `of` itself, or NOT of it. */
static enum verdict unrelated(struct check *c, const struct matcher *m, const struct matcher *of, const struct view *v,
                              const struct step *at)
{
    if (is_silent(c)) return NO;
    struct buf message = BUF_INIT(MESSAGE_MOST);
    if (!say_relation(of, m != of, &message)) say_unexpected(m, v, &message);
    report(c, m, v, at, &message);
    buf_done(&message);
    return NO;
}

static void compare_bytes(struct check *c, struct slice expected, struct slice got)
{
    if (is_silent(c)) return;
    c->ret->bytes = true;
    c->ret->expected = expected;
    c->ret->got = got;
    c->ret->at = diff_first(expected, got);
}

static enum verdict judge_bytes(struct check *c, const struct matcher *m, const struct view *v, const struct step *at)
{
    char space[VIEW_TEXT];
    struct slice text = view_text(v, space);
    if (text.p && slice_eq(m->bytes, text)) return YES;
    if (v->type != VIEW_BYTES || is_silent(c)) return unexpected(c, m, v, at);
    size_t first = diff_first(m->bytes, text);
    if (first < SHOWN) {
        unexpected(c, m, v, at);
    } else {
        struct buf message = BUF_INIT(MESSAGE_MOST);
        diff_message(m->bytes, text, first, &message);
        fails(c, m, v, at, "differs at byte %zu: %s", first, buf_str(&message));
        buf_done(&message);
    }
    compare_bytes(c, m->bytes, text);
    return NO;
}

struct number {
    bool whole;
    int64_t integer;
    double real;
};

static bool read_number(const struct view *v, struct number *ret)
{
    if (v->type == VIEW_INT) {
        *ret = (struct number){.whole = true, .integer = v->integer};
        return true;
    }
    if (v->type == VIEW_FLOAT) {
        *ret = (struct number){.real = v->number};
        return true;
    }
    if (v->type != VIEW_BYTES) return false;
    struct number n = {.whole = true};
    if (units_int(v->bytes, &n.integer) != NULL) {
        n.whole = false;
        if (units_number(v->bytes, &n.real) != NULL) return false;
    }
    *ret = n;
    return true;
}

/* Neither is below, equal to or above a NaN. */
enum order { BELOW, EQUAL, ABOVE, UNORDERED };

static enum order compare_reals(double a, double b)
{
    if (isnan(a) || isnan(b)) return UNORDERED;
    return a < b ? BELOW : a > b ? ABOVE : EQUAL;
}

/* Without the rounding of (double)a. */
static enum order compare_mixed(int64_t a, double b)
{
    if (isnan(b)) return UNORDERED;
    if (b >= 0x1p63) return BELOW;
    if (b < -0x1p63) return ABOVE;
    int64_t whole = (int64_t)b;
    if (a != whole) return a < whole ? BELOW : ABOVE;
    return compare_reals((double)whole, b);
}

static enum order compare_numbers(struct number a, struct number b)
{
    if (a.whole && b.whole) return a.integer < b.integer ? BELOW : a.integer > b.integer ? ABOVE : EQUAL;
    if (a.whole) return compare_mixed(a.integer, b.real);
    if (!b.whole) return compare_reals(a.real, b.real);
    enum order reverse = compare_mixed(b.integer, a.real);
    if (reverse == BELOW) return ABOVE;
    return reverse == ABOVE ? BELOW : reverse;
}

static enum verdict judge_number(struct check *c, const struct matcher *m, const struct view *v, const struct step *at)
{
    bool whole = m->kind == MATCHER_INT || (m->kind != MATCHER_FLOAT && m->whole);
    struct number operand = {whole, m->integer, m->number};
    struct number value;
    if (!read_number(v, &value)) return unexpected(c, m, v, at);
    enum order order = compare_numbers(value, operand);
    bool holds = order == EQUAL;
    if (m->kind == MATCHER_LT) holds = order == BELOW;
    if (m->kind == MATCHER_LE) holds = order == BELOW || order == EQUAL;
    if (m->kind == MATCHER_GT) holds = order == ABOVE;
    if (m->kind == MATCHER_GE) holds = order == ABOVE || order == EQUAL;
    return holds ? YES : unexpected(c, m, v, at);
}

static void capture(struct check *c, const char *name, struct slice bytes)
{
    struct match_report *r = c->ret;
    if (r->ncaptures == c->room) {
        c->room = c->room ? 2 * c->room : 4;
        struct match_capture *list = arena_array(c->arena, c->room, sizeof *list);
        if (r->ncaptures > 0) memcpy(list, r->captures, r->ncaptures * sizeof *list);
        r->captures = list;
    }
    r->captures[r->ncaptures++] = (struct match_capture){name, bytes};
}

static struct slice keep(struct check *c, struct slice bytes)
{
    return (struct slice){arena_dup(c->arena, bytes), bytes.n};
}

static enum verdict judge_regex(struct check *c, const struct matcher *m, const struct view *v, const struct step *at)
{
    char space[VIEW_TEXT];
    struct slice text = view_text(v, space);
    if (!text.p) return unexpected(c, m, v, at);
    struct regex_match match;
    enum regex_found found = regex_find(m->regex, text, &match);
    if (found == REGEX_LIMIT) return broken(c, m, v, at, "given up, it takes too much work");
    if (found != REGEX_YES) return unrelated(c, m, m, v, at);
    for (size_t i = 0; c->ret && i < regex_names(m->regex); i++) {
        struct slice group = regex_group(m->regex, i, &match, text);
        if (!group.p) continue;
        if (v->type != VIEW_BYTES) group = keep(c, group);
        capture(c, regex_name(m->regex, i), group);
    }
    return YES;
}

static bool holds_element(const struct matcher *m, const struct view *list)
{
    char space[VIEW_TEXT];
    for (size_t i = 0; i < list->n; i++) {
        struct view element = list->ops->at(list, i);
        struct slice text = view_text(&element, space);
        if (text.p && slice_eq(text, m->bytes)) return true;
    }
    return false;
}

static enum verdict judge_part(struct check *c, const struct matcher *m, const struct view *v, const struct step *at)
{
    struct slice part = m->bytes;
    if (m->kind == MATCHER_CONTAINS && v->type == VIEW_LIST)
        return holds_element(m, v) ? YES : unrelated(c, m, m, v, at);
    char space[VIEW_TEXT];
    struct slice text = view_text(v, space);
    if (!text.p) return unexpected(c, m, v, at);
    bool holds = false;
    if (m->kind == MATCHER_CONTAINS) holds = part.n == 0 || memmem(text.p, text.n, part.p, part.n) != NULL;
    if (m->kind == MATCHER_STARTS_WITH) holds = slice_starts(text, part);
    if (m->kind == MATCHER_ENDS_WITH)
        holds = text.n >= part.n && slice_eq(slice_part(text, text.n - part.n, part.n), part);
    if (holds) return YES;
    unrelated(c, m, m, v, at);
    if (m->kind == MATCHER_STARTS_WITH && v->type == VIEW_BYTES) compare_bytes(c, part, text);
    return NO;
}

static enum verdict judge_not(struct check *c, const struct matcher *m, const struct view *v, const struct step *at)
{
    assert(m->n == 1);
    size_t before = c->ret ? c->ret->ncaptures : 0;
    c->mute++;
    enum verdict of = judge(c, m->of[0], v, at);
    c->mute--;
    if (of == BROKEN) return BROKEN;
    if (c->ret) c->ret->ncaptures = before;
    return of == NO ? YES : unrelated(c, m, m->of[0], v, at);
}

static enum verdict judge_length(struct check *c, const struct matcher *m, const struct view *v, const struct step *at)
{
    assert(m->n == 1);
    bool counted = v->type == VIEW_LIST || v->type == VIEW_MAP;
    if (!counted && v->type != VIEW_BYTES) return unexpected(c, m, v, at);
    size_t n = counted ? v->n : v->bytes.n;
    struct view length = {.type = VIEW_INT, .integer = (int64_t)n};
    c->mute++;
    enum verdict of = judge(c, m->of[0], &length, at);
    c->mute--;
    if (of != NO || is_silent(c)) return of;
    struct buf want = BUF_INIT(MESSAGE_MOST);
    matcher_show(m->of[0], SHOWN, &want);
    fails(c, m, v, at, "length is %zu, expected %s", n, buf_str(&want));
    buf_done(&want);
    return NO;
}

static enum verdict judge_sha256(struct check *c, const struct matcher *m, const struct view *v, const struct step *at)
{
    char space[VIEW_TEXT];
    unsigned char digest[MATCHER_DIGEST];
    const struct slice text = view_text(v, space), got = {(const char *)digest, sizeof digest};
    if (!text.p) return unexpected(c, m, v, at);
    if (EVP_Digest(text.p, text.n, digest, NULL, EVP_sha256(), NULL) != 1)
        return broken(c, m, v, at, "this system's OpenSSL refuses SHA-256");
    if (slice_eq(m->bytes, got)) return YES;
    if (is_silent(c)) return NO;
    struct buf shown = BUF_INIT(MESSAGE_MOST);
    buf_adds(&shown, "sha256 is ");
    text_hex(got, "", &shown);
    buf_adds(&shown, ", expected ");
    text_hex(m->bytes, "", &shown);
    fails(c, m, v, at, "%s", buf_str(&shown));
    buf_done(&shown);
    return NO;
}

static enum verdict judge_json(struct check *c, const struct matcher *m, const struct view *v, const struct step *at)
{
    assert(m->n == 1);
    if (v->type != VIEW_BYTES) return unexpected(c, m, v, at);
    char why[JSON_ERROR_TEXT_LENGTH];
    json_t *document = view_parse_json(v->bytes, why, sizeof why);
    if (!document) return fails(c, m, v, at, "is no JSON: %s", why);
    struct view root = view_json(document);
    size_t before = c->ret ? c->ret->ncaptures : 0;
    enum verdict of = judge(c, m->of[0], &root, at);
    if (c->ret) {
        /* These may lie in the document, which goes now. */
        for (size_t i = before; i < c->ret->ncaptures; i++)
            c->ret->captures[i].bytes = keep(c, c->ret->captures[i].bytes);
        if (c->ret->got.p) c->ret->got = keep(c, c->ret->got);
    }
    json_decref(document);
    return of;
}

static enum verdict judge_any_of(struct check *c, const struct matcher *m, const struct view *v, const struct step *at)
{
    size_t before = c->ret ? c->ret->ncaptures : 0;
    bool unclear = false;
    for (size_t i = 0; i < m->n; i++) {
        c->mute++;
        enum verdict of = judge(c, m->of[i], v, at);
        c->mute--;
        if (of == YES) return YES;
        if (of == BROKEN) unclear = true;
        if (c->ret) c->ret->ncaptures = before;
    }
    return unclear ? BROKEN : unexpected(c, m, v, at);
}

static enum verdict judge_all_of(struct check *c, const struct matcher *m, const struct view *v, const struct step *at)
{
    for (size_t i = 0; i < m->n; i++) {
        enum verdict of = judge(c, m->of[i], v, at);
        if (of != YES) return of;
    }
    return YES;
}

static enum verdict judge_map(struct check *c, const struct matcher *m, const struct view *v, const struct step *at)
{
    if (v->type != VIEW_MAP) return unexpected(c, m, v, at);
    for (size_t i = 0; i < m->n; i++) {
        struct step below = {.up = at, .name = m->names[i]};
        struct view entry = v->ops->get(v, m->names[i]);
        enum verdict of = judge(c, m->of[i], &entry, &below);
        if (of != YES) return of;
    }
    return YES;
}

static enum verdict judge_list(struct check *c, const struct matcher *m, const struct view *v, const struct step *at)
{
    if (v->type != VIEW_LIST) return unexpected(c, m, v, at);
    if (v->n != m->n) return fails(c, m, v, at, "has %zu element%s, expected %zu", v->n, v->n == 1 ? "" : "s", m->n);
    for (size_t i = 0; i < m->n; i++) {
        struct step below = {.up = at, .index = i};
        struct view element = v->ops->at(v, i);
        enum verdict of = judge(c, m->of[i], &element, &below);
        if (of != YES) return of;
    }
    return YES;
}

static enum verdict judge_where(struct check *c, const struct matcher *m, const struct view *v, const struct step *at)
{
    const char *why = NULL;
    if (m->where(m->ctx, m, v, c->arena, &why)) return YES;
    if (why) return broken(c, m, v, at, why);
    if (is_silent(c)) return NO;
    struct buf text = BUF_INIT(MESSAGE_MOST);
    matcher_text_line(m->bytes, 4 * SHOWN, &text);
    struct buf values = BUF_INIT(MESSAGE_MOST / 2);
    if (m->show_values) m->show_values(m->ctx, v, &values);
    fails(c, m, v, at, "`%s` does not hold%s%s", buf_str(&text), values.n ? ": " : "", buf_str(&values));
    buf_done(&values);
    buf_done(&text);
    return NO;
}

static enum verdict judge(struct check *c, const struct matcher *m, const struct view *v, const struct step *at)
{
    bool holds = true;
    switch (m->kind) {
    case MATCHER_ANY: break;
    case MATCHER_BYTES: return judge_bytes(c, m, v, at);
    case MATCHER_NULL: holds = v->type == VIEW_NULL; break;
    case MATCHER_BOOL: holds = v->type == VIEW_BOOL && v->boolean == (m->integer != 0); break;
    case MATCHER_INT:
    case MATCHER_FLOAT:
    case MATCHER_LT:
    case MATCHER_LE:
    case MATCHER_GT:
    case MATCHER_GE: return judge_number(c, m, v, at);
    case MATCHER_REGEX: return judge_regex(c, m, v, at);
    case MATCHER_CONTAINS:
    case MATCHER_STARTS_WITH:
    case MATCHER_ENDS_WITH: return judge_part(c, m, v, at);
    case MATCHER_NOT: return judge_not(c, m, v, at);
    case MATCHER_LENGTH: return judge_length(c, m, v, at);
    case MATCHER_SHA256: return judge_sha256(c, m, v, at);
    case MATCHER_JSON: return judge_json(c, m, v, at);
    case MATCHER_PRESENT: holds = v->type != VIEW_ABSENT; break;
    case MATCHER_ABSENT: holds = v->type == VIEW_ABSENT; break;
    case MATCHER_ANY_OF: return judge_any_of(c, m, v, at);
    case MATCHER_ALL_OF: return judge_all_of(c, m, v, at);
    case MATCHER_MAP: return judge_map(c, m, v, at);
    case MATCHER_LIST: return judge_list(c, m, v, at);
    case MATCHER_WHERE: return judge_where(c, m, v, at);
    }
    return holds ? YES : unexpected(c, m, v, at);
}

bool matcher_check(const struct matcher *m, const struct view *v, struct arena *a, struct match_report *ret)
{
    struct check c = {.arena = a, .ret = ret};
    if (ret) *ret = (struct match_report){.path = "", .message = ""};
    bool matched = judge(&c, m, v, NULL) == YES;
    if (!ret) return matched;
    if (matched) {
        struct match_report success = {
            .path = "", .message = "", .captures = ret->captures, .ncaptures = ret->ncaptures};
        *ret = success;
    } else {
        ret->captures = NULL;
        ret->ncaptures = 0;
    }
    return matched;
}
