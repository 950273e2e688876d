#include "doc/node.h"

#include "util/text.h"

/* While the text as written and the value that was made of it are gone through together. */
struct walk {
    struct slice raw, value;
    size_t i, v; /* how far either has been gone through */
};

struct pair *node_pair_named(const struct node *map, struct slice key)
{
    if (!map || map->kind != NODE_MAP) return NULL;
    for (uint32_t i = 0; i < map->n; i++)
        if (slice_eq(map->pairs[i].key->text, key)) return &map->pairs[i];
    return NULL;
}

struct pair *node_pair(const struct node *map, const char *key)
{
    return node_pair_named(map, slice_of(key));
}

struct node *node_get(const struct node *map, const char *key)
{
    struct pair *p = node_pair(map, key);
    return p ? p->value : NULL;
}

bool node_empty(const struct node *n)
{
    return !n || (n->kind == NODE_SCALAR && !n->quoted && n->text.n == 0);
}

bool node_is(const struct node *n, const char *word)
{
    return n && n->kind == NODE_SCALAR && !n->quoted && slice_is(n->text, word);
}

const char *node_what(const struct node *n)
{
    if (node_empty(n)) return "nothing";
    return n->kind == NODE_SCALAR ? "a text" : n->kind == NODE_LIST ? "a list" : "a map";
}

static bool line_end(char c)
{
    return c == '\n' || c == '\r';
}

static bool white(char c)
{
    return c == ' ' || c == '\t' || line_end(c);
}

/* Goes over n bytes that stand in both. */
static bool same(struct walk *w, size_t n)
{
    if (!slice_eq(slice_part(w->raw, w->i, n), slice_part(w->value, w->v, n))) return false;
    w->i += n;
    w->v += n;
    return true;
}

/* White space: as it stands within a line; one line end becomes a space, of several all but one stay. */
static bool walk_white(struct walk *w)
{
    size_t end = w->i, breaks = 0;
    for (; end < w->raw.n && white(w->raw.p[end]); end++)
        breaks +=
            w->raw.p[end] == '\n' || (w->raw.p[end] == '\r' && (end + 1 == w->raw.n || w->raw.p[end + 1] != '\n'));
    if (breaks == 0) return same(w, end - w->i);
    w->i = end;
    if (breaks == 1) return w->v < w->value.n && w->value.p[w->v++] == ' ';
    while (--breaks > 0)
        if (w->v >= w->value.n || w->value.p[w->v++] != '\n') return false;
    return true;
}

/* A backslash: any escape is one character of the value, but at the end of a line it joins lines. */
static bool walk_escape(struct walk *w)
{
    char c = w->i + 1 < w->raw.n ? w->raw.p[w->i + 1] : '\0';
    w->i += c == 'x' ? 4 : c == 'u' ? 6 : c == 'U' ? 10 : 2;
    if (line_end(c)) {
        while (w->i < w->raw.n && white(w->raw.p[w->i]))
            w->i++;
        return true;
    }
    size_t n = text_utf8(slice_part(w->value, w->v, 4), NULL);
    w->v += n;
    return n > 0;
}

/* A plain text, or one in quotes, which are no part of raw. */
static bool walk_flow(struct walk *w, char quote, size_t at)
{
    while (w->v < at) {
        size_t i = w->i, v = w->v;
        if (i >= w->raw.n) return false;
        char c = w->raw.p[i];
        if (c == '\\' && quote == '"') {
            if (!walk_escape(w)) return false;
        } else if (c == '\'' && quote == '\'') {
            w->i++;
            if (!same(w, 1)) return false;
        } else if (white(c)) {
            if (!walk_white(w)) return false;
            if (w->v > at && w->i - i == w->v - v) w->i -= w->v - at;
        } else if (!same(w, 1)) {
            return false;
        }
    }
    return true;
}

/* The line at i without its end; i goes to the next one. Of a CRLF an empty line is left, which does no harm. */
static struct slice take_line(struct walk *w)
{
    size_t from = w->i, end = from;
    while (end < w->raw.n && !line_end(w->raw.p[end]))
        end++;
    w->i = end + 1;
    return slice_part(w->raw, from, end - from);
}

static size_t indentation(struct slice line)
{
    size_t n = 0;
    while (n < line.n && line.p[n] == ' ')
        n++;
    return n;
}

/* The line ends before a line of a block text, or the space that `>` has made of one. */
static void walk_breaks(struct walk *w, bool folded)
{
    while (w->v < w->value.n && (w->value.p[w->v] == '\n' || (folded && w->value.p[w->v] == ' ')))
        w->v++;
}

/* The head of a block text says by how much the lines are indented. */
static bool fixed_indentation(struct slice head)
{
    for (size_t i = 1; i < head.n && !white(head.p[i]); i++)
        if (head.p[i] >= '0' && head.p[i] <= '9') return true;
    return false;
}

/* The blanks that the value's first line begins with: what a head with a number leaves of the indentation. */
static size_t kept_blanks(struct slice value)
{
    size_t at = 0;
    while (at < value.n && line_end(value.p[at]))
        at++;
    return indentation(slice_part(value, at, value.n));
}

/* A block text: the lines below its head, less the indentation of the first that is not blank. */
static bool walk_block(struct walk *w, size_t at)
{
    const bool folded = w->raw.p[0] == '>';
    const size_t kept = fixed_indentation(take_line(w)) ? kept_blanks(w->value) : 0;
    size_t indent = 0, end = 0;
    while (w->i < w->raw.n) {
        struct slice line = take_line(w);
        size_t blanks = indentation(line);
        if (blanks == line.n && (!end || blanks <= indent)) continue;
        if (!end) indent = blanks > kept ? blanks - kept : 0;
        struct slice content = slice_part(line, indent, line.n);
        walk_breaks(w, folded && end && content.n && content.p[0] != ' ');
        if (at < w->v) break;
        if (!slice_eq(content, slice_part(w->value, w->v, content.n))) return false;
        size_t from = (size_t)(content.p - w->raw.p);
        w->i = from + (at - w->v);
        if (at <= w->v + content.n) return true;
        w->i = from + content.n + 1;
        w->v += content.n;
        end = from + content.n;
    }
    w->i = end;
    return end > 0;
}

/* Where byte `at` of the value stands in raw, the scalar as it was written. */
static bool written_at(const struct node *n, struct slice raw, size_t at, size_t *ret)
{
    char quote = raw.n && n->quoted && !n->block ? raw.p[0] : '\0';
    size_t quotes = quote ? 1 : 0;
    struct walk w = {slice_part(raw, quotes, raw.n > 2 * quotes ? raw.n - 2 * quotes : 0), n->text, 0, 0};
    bool verbatim = !n->block && w.raw.n == n->text.n && (quote != '"' || !memchr(raw.p, '\\', raw.n));
    if (verbatim)
        w.i = at;
    else if (!(n->block ? walk_block(&w, at) : walk_flow(&w, quote, at)))
        return false;
    *ret = w.i + quotes;
    return true;
}

struct mark node_mark_at(const struct node *n, uint32_t at, uint32_t len)
{
    if (n->kind != NODE_SCALAR || !n->mark.source || n->mark.len == 0) return n->mark;
    if (at > n->text.n) at = (uint32_t)n->text.n;
    if (len > n->text.n - at) len = (uint32_t)n->text.n - at;
    struct slice raw = slice_part(n->mark.source->text, n->mark.off, n->mark.len);
    size_t from, to;
    if (!written_at(n, raw, at, &from) || !written_at(n, raw, at + len, &to) || to < from) return n->mark;
    return mark_part(n->mark, (uint32_t)from, (uint32_t)(to - from));
}
