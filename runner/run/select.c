#include "run/select.h"

#include <fnmatch.h>
#include <string.h>

#include "match/regex.h"
#include "util/text.h"

enum { DEPTH_MOST = 64, NAME_MOST = 64 * 1024 };

/* One pass over an expression, which judges it and finds what is wrong with it at once: expressions are short, so that
 * nothing has to be kept of them. */
struct pass {
    const char *text;
    size_t at;
    const char *tags;
    unsigned depth;
    const char *wrong;
    size_t wrong_at;
};

static bool parse_or(struct pass *p);

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The next word or parenthesis, not taken; empty at the end. */
static struct slice look(struct pass *p)
{
    while (is_blank(p->text[p->at]))
        p->at++;
    const char *word = p->text + p->at;
    if (*word == '(' || *word == ')') return (struct slice){word, 1};
    return (struct slice){word, strcspn(word, " \t()")};
}

static bool take(struct pass *p, const char *word)
{
    struct slice next = look(p);
    if (!slice_is(next, word)) return false;
    p->at += next.n;
    return true;
}

static bool fail(struct pass *p, const char *why)
{
    if (!p->wrong) {
        p->wrong = why;
        p->wrong_at = p->at;
    }
    return false;
}

static bool has_tag(const char *tags, struct slice tag)
{
    while (*tags) {
        size_t n = strcspn(tags, " ");
        if (slice_eq((struct slice){tags, n}, tag)) return true;
        tags += n;
        tags += strspn(tags, " ");
    }
    return false;
}

static bool parse_group(struct pass *p)
{
    if (++p->depth > DEPTH_MOST) return fail(p, "parentheses are nested too deep");
    bool value = parse_or(p);
    p->depth--;
    if (!take(p, ")")) return fail(p, "`)` is missing");
    return value;
}

static bool parse_operand(struct pass *p)
{
    bool negated = false;
    while (take(p, "not"))
        negated = !negated;
    if (take(p, "(")) return parse_group(p) != negated;
    struct slice tag = look(p);
    if (tag.n == 0 || slice_is(tag, ")") || slice_is(tag, "and") || slice_is(tag, "or"))
        return fail(p, "a tag is missing");
    p->at += tag.n;
    return has_tag(p->tags, tag) != negated;
}

/* Both sides are always parsed: what is wrong in the second must be found. */
static bool parse_and(struct pass *p)
{
    bool value = parse_operand(p);
    while (!p->wrong && take(p, "and")) {
        bool right = parse_operand(p);
        value = value && right;
    }
    return value;
}

static bool parse_or(struct pass *p)
{
    bool value = parse_and(p);
    while (!p->wrong && take(p, "or")) {
        bool right = parse_and(p);
        value = value || right;
    }
    return value;
}

static bool parse_all(struct pass *p)
{
    bool value = parse_or(p);
    if (!p->wrong && look(p).n > 0) fail(p, look(p).p[0] == ')' ? "`)` without `(`" : "`and` or `or` is missing");
    return value;
}

const char *tags_check(const char *expression, size_t *ret_at)
{
    struct pass p = {.text = expression, .tags = ""};
    parse_all(&p);
    if (p.wrong) *ret_at = p.wrong_at;
    return p.wrong;
}

bool tags_match(const char *expression, const char *tags)
{
    struct pass p = {.text = expression, .tags = tags ? tags : ""};
    return parse_all(&p);
}

bool selection_init(struct selection *s, const char *regex, const char *tags, struct buf *out)
{
    char why[256] = "";
    size_t at = 0;
    *s = (struct selection){.tags = tags};
    const char *wrong = tags ? tags_check(tags, &at) : NULL;
    if (wrong) {
        buf_printf(out, "--tags: %s at character %zu of '%s'", wrong, at + 1, tags);
        return false;
    }
    if (!regex) return true;
    s->regex = regex_new(slice_of(regex), why, sizeof why, &at);
    if (!s->regex) buf_printf(out, "-k: %s at character %zu of '%s'", why, at + 1, regex);
    return s->regex != NULL;
}

void selection_done(struct selection *s)
{
    regex_free(s->regex);
    *s = (struct selection){0};
}

bool selection_wants(struct selection *s, const char *file, const char *case_name, const char *tags)
{
    if (s->tags && !tags_match(s->tags, tags)) return false;
    if (!s->regex) return true;
    struct buf name = BUF_INIT(NAME_MOST);
    struct regex_match match;
    buf_adds(&name, file);
    if (*case_name) buf_printf(&name, " > %s", case_name);
    /* A pattern that is too much work for this name: to run a case too many is better than one too few. */
    bool wanted = regex_find(s->regex, buf_slice(&name), &match) != REGEX_NO;
    buf_done(&name);
    return wanted;
}

/* Brackets are those of rows, not of patterns. */
static bool fits(const char *glob, struct slice id)
{
    struct buf pattern = BUF_INIT(NAME_MOST), name = BUF_INIT(NAME_MOST);
    for (; *glob; glob++) {
        if (*glob == '[' || *glob == ']' || *glob == '\\') buf_addc(&pattern, '\\');
        buf_addc(&pattern, *glob);
    }
    buf_add(&name, id);
    const bool ok = fnmatch(buf_str(&pattern), buf_str(&name), 0) == 0;
    buf_done(&pattern);
    buf_done(&name);
    return ok;
}

bool selection_names(const struct selection *s, const char *id)
{
    const struct slice whole = slice_of(id), head = {id, strcspn(id, "[")};
    for (uint32_t i = 0; i < s->nglobs; i++)
        if (fits(s->globs[i], whole) || (head.n < whole.n && fits(s->globs[i], head))) return true;
    return s->nglobs == 0;
}
