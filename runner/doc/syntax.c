#include "doc/syntax.h"

#include <stdio.h>

#include "util/text.h"

enum { SHOWN = 60 };

struct trouble {
    const struct source *source;
    struct diags *diags;
    struct slice text;
    uint32_t at;      /* where libyaml stopped */
    uint32_t context; /* where what it was reading begins */
    struct mark last;
};

static struct place place(const struct trouble *t, uint32_t off, uint32_t len)
{
    return source_place((struct mark){t->source, off, len});
}

static struct diag *say(const struct trouble *t, uint32_t off, uint32_t len, const char *message, const char *hint)
{
    struct diag *g = diags_add(t->diags, place(t, off, len), "%s", message);
    if (hint) diag_hint(t->diags, g, "%s", hint);
    return g;
}

static char at(const struct trouble *t, uint32_t off)
{
    return off < t->text.n ? t->text.p[off] : '\0';
}

/* The whole character, which a diagnostic names. */
static struct slice character(const struct trouble *t, uint32_t off)
{
    struct slice rest = slice_part(t->text, off, 4);
    size_t n = text_utf8(rest, NULL);
    return slice_part(rest, 0, n ? n : 1);
}

static bool line_end(char c)
{
    return c == '\n' || c == '\r' || c == '\0';
}

static bool white(char c)
{
    return c == ' ' || c == '\t' || line_end(c);
}

static uint32_t end_of_line(const struct trouble *t, uint32_t off)
{
    while (!line_end(at(t, off)))
        off++;
    return off;
}

/* The first character of the line that is no indentation. */
static uint32_t first_of_line(const struct trouble *t, uint32_t off)
{
    struct place p = place(t, off, 1);
    const char *c = p.text.p;
    while (c < p.text.p + p.text.n && (*c == ' ' || *c == '\t'))
        c++;
    return (uint32_t)(c - t->text.p);
}

static bool at_end(const struct trouble *t)
{
    for (uint32_t i = t->at; i < t->text.n; i++)
        if (!white(t->text.p[i])) return false;
    return true;
}

static bool same_line(const struct trouble *t, uint32_t a, uint32_t b)
{
    return source_line((struct mark){t->source, a, 0}) == source_line((struct mark){t->source, b, 0});
}

/* `key:value`, or a line without any colon, where a map goes on. */
static void no_colon(const struct trouble *t, uint32_t key)
{
    uint32_t end = end_of_line(t, key), colon = key;
    while (end > key && white(at(t, end - 1)))
        end--;
    while (colon < end && at(t, colon) != ':')
        colon++;
    if (colon + 1 < end && at(t, colon + 1) != '/') {
        struct diag *g = say(t, colon, 1, "a space is missing behind this `:`", NULL);
        if (end - key <= SHOWN)
            diag_hint(t->diags, g, "write `%.*s: %.*s`", (int)(colon - key), t->text.p + key, (int)(end - colon - 1),
                      t->text.p + colon + 1);
        return;
    }
    say(t, key, end - key, "a `:` is missing behind this key", NULL);
}

static void say_no_colon(const struct trouble *t)
{
    no_colon(t, t->context);
}

static void say_character(const struct trouble *t)
{
    if (at(t, t->at) == '\t') {
        say(t, t->at, 1, "a tab in the indentation", "indent with spaces");
        return;
    }
    struct slice c = character(t, t->at);
    struct diag *g = diags_add(t->diags, place(t, t->at, 1), "`%.*s` cannot begin a text", (int)c.n, c.p);
    diag_hint(t->diags, g, "put the text in quotes");
}

/* `a: b: c`, or a line that YAML takes for more of the text on the line before. */
static void say_colon(const struct trouble *t)
{
    const char *const quote = "put a text that holds `: ` in quotes";
    uint32_t line = first_of_line(t, t->at);
    if (!t->last.source || same_line(t, t->last.off, t->at)) {
        say(t, t->at, 1, "a second `: ` on one line", quote);
        return;
    }
    if (t->last.off + t->last.len < line || t->at < line) {
        say(t, t->at, 1, "no `: ` is allowed here", quote);
        return;
    }
    uint32_t before = first_of_line(t, t->last.off);
    if (before == t->last.off) {
        no_colon(t, t->last.off);
        return;
    }
    struct diag *g = say(t, line, t->at - line, "this line goes on the text of the line before", "indent it less");
    diag_also(t->diags, g, place(t, t->last.off, t->last.len), "the text begins here");
}

/* Where the text began on an earlier line, this quote was probably meant to begin one. */
static void say_behind_quote(const struct trouble *t, uint32_t len)
{
    bool doubles = at(t, t->last.off) == '"';
    struct diag *g = say(t, t->at, len, "text behind the closing quote",
                         doubles ? "within \"...\" a \" is written \\\"" : "within '...' a ' is written ''");
    if (!same_line(t, t->last.off, t->at)) diag_also(t->diags, g, place(t, t->last.off, 1), "the quote begins here");
}

static void say_behind_value(const struct trouble *t)
{
    char first = t->last.source ? at(t, t->last.off) : '\0';
    uint32_t len = end_of_line(t, t->at) - t->at;
    if ((first == '"' || first == '\'') && same_line(t, t->last.off + t->last.len, t->at))
        say_behind_quote(t, len);
    else
        say(t, t->at, len, "this stands behind the value", NULL);
}

static bool stray_bracket(const struct trouble *t)
{
    char c = at(t, t->at);
    if (c != ']' && c != '}' && c != ',') return false;
    if (c == ',')
        say(t, t->at, 1, "a value is missing before this `,`", NULL);
    else
        say(t, t->at, 1, c == ']' ? "this `]` closes no `[`" : "this `}` closes no `{`", NULL);
    return true;
}

/* A block map or list goes on with what is no part of it. */
static void say_block(const struct trouble *t, bool map)
{
    if (stray_bracket(t)) return;
    if (first_of_line(t, t->at) != t->at) {
        say_behind_value(t);
        return;
    }
    struct place here = place(t, t->at, 1), start = place(t, t->context, 1);
    char c = at(t, t->at);
    struct diag *g;
    if (here.col != start.col)
        g = say(t, t->at, 1, "the indentation fits no line above", NULL);
    else if (c == ':' && map)
        g = say(t, t->at, 1, "there is no key before this `:`", NULL);
    else
        g = say(t, t->at, 1,
                map ? "this is no key of the map that stands here" : "this is no item of the list that stands here",
                map ? NULL : "an item begins with `- `");
    diag_also(t->diags, g, start, map ? "the map begins here" : "the list begins here");
}

static void say_block_map(const struct trouble *t)
{
    say_block(t, true);
}

static void say_block_list(const struct trouble *t)
{
    say_block(t, false);
}

/* Where the text that holds the `${` whose brace stands at `open` ends, if it ends on its line. */
static uint32_t end_of_dollar(const struct trouble *t, uint32_t open)
{
    unsigned depth = 0;
    uint32_t i = open;
    for (; !line_end(at(t, i)); i++) {
        char c = at(t, i);
        if (c == '{') depth++;
        if (c == '}' && depth == 0) break;
        if (c == '}') depth--;
        if (depth == 0 && (c == ',' || c == ']' || (c == ':' && white(at(t, i + 1))))) break;
    }
    if (depth != 0 && line_end(at(t, i))) return 0;
    while (i > open && white(at(t, i - 1)))
        i--;
    return i;
}

/* `{a: ${b}}`: in brackets a `{` ends a text that is not in quotes. */
static void say_dollar(const struct trouble *t)
{
    uint32_t from = t->at - 1;
    if (t->last.source && t->last.off < t->at && t->last.off + t->last.len == t->at) from = t->last.off;
    uint32_t end = end_of_dollar(t, t->at);
    struct slice text = slice_part(t->text, from, end > from ? end - from : 2);
    struct diag *g = say(t, from, (uint32_t)text.n, "`${` within [ ] or { } must stand in quotes", NULL);
    bool doubles = memchr(text.p, '"', text.n) || memchr(text.p, '\\', text.n);
    if (!end || text.n > SHOWN || (doubles && memchr(text.p, '\'', text.n)))
        diag_hint(t->diags, g, "put the text in quotes");
    else
        diag_hint(t->diags, g, doubles ? "write '%.*s'" : "write \"%.*s\"", (int)text.n, text.p);
}

static void say_flow(const struct trouble *t, bool map)
{
    if (at(t, t->at) == '{' && t->at > 0 && at(t, t->at - 1) == '$') {
        say_dollar(t);
        return;
    }
    if (at_end(t)) {
        say(t, t->context, 1, map ? "this `{` is never closed" : "this `[` is never closed", NULL);
        return;
    }
    struct diag *g =
        say(t, t->at, 1,
            map ? "a `,` or the closing `}` is missing before this" : "a `,` or the closing `]` is missing before this",
            NULL);
    if (!same_line(t, t->context, t->at))
        diag_also(t->diags, g, place(t, t->context, 1), map ? "the map begins here" : "the list begins here");
}

static void say_flow_map(const struct trouble *t)
{
    say_flow(t, true);
}

static void say_flow_list(const struct trouble *t)
{
    say_flow(t, false);
}

static void say_no_value(const struct trouble *t)
{
    bool colon = at(t, t->at) == ':';
    if (!stray_bracket(t))
        say(t, t->at, 1, colon ? "there is no key before this `:`" : "a value is missing here", NULL);
}

static void say_open_quote(const struct trouble *t)
{
    say(t, t->context, 1, "this quote is never closed", NULL);
}

static void say_escape(const struct trouble *t)
{
    struct slice c = character(t, t->at + 1);
    struct diag *g = diags_add(t->diags, place(t, t->at, 1 + (uint32_t)c.n), "`\\%.*s` means nothing in double quotes",
                               (int)c.n, c.p);
    diag_hint(t->diags, g, "in single quotes a backslash is just that");
}

static unsigned escape_digits(const struct trouble *t)
{
    char c = at(t, t->at - 1);
    return c == 'x' ? 2 : c == 'u' ? 4 : 8;
}

static void say_hex(const struct trouble *t)
{
    diags_add(t->diags, place(t, t->at - 2, 2), "`\\%c` takes %u hex digits", at(t, t->at - 1), escape_digits(t));
}

static void say_no_character(const struct trouble *t)
{
    say(t, t->at - 2, 2 + escape_digits(t), "there is no such character", NULL);
}

static void say_block_text(const struct trouble *t)
{
    diags_add(t->diags, place(t, t->at, 1), "the text of a `%c` begins on the line below", at(t, t->context));
}

/* `*.txt`, `& more`. */
static void say_anchor(const struct trouble *t)
{
    char c = at(t, t->context);
    struct diag *g = diags_add(t->diags, place(t, t->context, t->at - t->context + 1),
                               c == '*' ? "`*` begins an alias, which has a name of letters and digits"
                                        : "`&` begins an anchor, which has a name of letters and digits");
    diag_hint(t->diags, g, "put a text that begins with `%c` in quotes", c);
}

static void say_tag(const struct trouble *t)
{
    say(t, t->context, 1, "YAML tags are not used here", "put a text that begins with `!` in quotes");
}

static void say_directive(const struct trouble *t)
{
    say(t, t->context, end_of_line(t, t->context) - t->context, "no such directive",
        "put a text that begins with `%` in quotes");
}

struct rule {
    const char *problem;
    const char *context; /* the beginning of libyaml's text; NULL for any */
    void (*say)(const struct trouble *t);
    const char *message; /* where there is no function */
    const char *hint;
};

static const struct rule rules[] = {
    {"could not find expected ':'", NULL, say_no_colon, NULL, NULL},
    {"found character that cannot start any token", NULL, say_character, NULL, NULL},
    {"found a tab character", NULL, say_character, NULL, NULL},
    {"mapping values are not allowed", NULL, say_colon, NULL, NULL},
    {"mapping keys are not allowed", NULL, NULL, "no `? ` is allowed here",
     "put a text that begins with `? ` in quotes"},
    {"block sequence entries are not allowed", NULL, NULL, "a list cannot begin behind a key",
     "put `- ` on the next line, or the text in quotes"},
    {"found unexpected ':'", NULL, NULL, "a space is missing behind this `:`",
     "a text that ends in `:` stands in quotes here"},
    {"did not find expected key", NULL, say_block_map, NULL, NULL},
    {"did not find expected '-' indicator", NULL, say_block_list, NULL, NULL},
    {"did not find expected ',' or '}'", NULL, say_flow_map, NULL, NULL},
    {"did not find expected ',' or ']'", NULL, say_flow_list, NULL, NULL},
    {"did not find expected node content", NULL, say_no_value, NULL, NULL},
    {"found unexpected end of stream", "while scanning a quoted", say_open_quote, NULL, NULL},
    {"found unexpected document indicator", "while scanning a quoted", say_open_quote, NULL, NULL},
    {"found unknown escape character", NULL, say_escape, NULL, NULL},
    {"did not find expected hexdecimal number", "while parsing a quoted", say_hex, NULL, NULL},
    {"found invalid Unicode character", NULL, say_no_character, NULL, NULL},
    {"did not find expected comment or line break", "while scanning a block scalar", say_block_text, NULL, NULL},
    {"found an indentation indicator", NULL, NULL, "the indentation of a text is a digit from 1 to 9", NULL},
    {"did not find expected alphabetic", "while scanning an a", say_anchor, NULL, NULL},
    {"", "while parsing a tag", say_tag, NULL, NULL},
    {"", "while scanning a tag", say_tag, NULL, NULL},
    {"", "while scanning a directive", say_directive, NULL, NULL},
    {"", "while scanning a %", say_directive, NULL, NULL},
    {"found undefined tag handle", NULL, say_tag, NULL, NULL},
    {"did not find expected <document start>", NULL, NULL, "this stands outside of the document", NULL},
    {"found incompatible YAML document", NULL, NULL, "only YAML 1.1 and 1.2 can be read", NULL},
};

static bool begins(const char *text, const char *with)
{
    return !with || slice_starts(slice_of(text), slice_of(with));
}

void syntax_say(const yaml_parser_t *yaml, const struct source *s, struct encoding *e, struct mark last,
                struct diags *d)
{
    struct trouble t = {.source = s, .diags = d, .text = s->text, .last = last};
    t.context = encoding_offset(e, yaml->context_mark.index);
    t.at = encoding_offset(e, yaml->problem_mark.index);
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const struct rule *r = &rules[i];
        if (!begins(yaml->problem, r->problem) || !begins(yaml->context, r->context)) continue;
        if (r->say)
            r->say(&t);
        else
            say(&t, t.at, 1, r->message, r->hint);
        return;
    }
    diags_add(d, place(&t, t.at, 1), "this is not YAML: %s", yaml->problem ? yaml->problem : "it cannot be read");
}
