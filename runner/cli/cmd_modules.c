#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/module_list.h"
#include "cli/terminal.h"

enum { TEXT_MOST = 4 << 20, NAME_WIDTH = 16, TYPE_WIDTH = 10, FOUND_MOST = 1000 };

/* The reference in one of its two forms. What a module has is what it says when it is loaded; what that means, and in
 * which order it stands, is looked up in its text: the comment before a message, and the one behind a field. */
struct reference {
    struct modules modules;
    struct buf out;
    bool markdown;
};

/* Something that is defined in a text: `name = `. */
struct found {
    const void *what;
    struct slice name;
    const char *at; /* NULL: nowhere */
};

static struct slice trim(struct slice s)
{
    while (s.n && isspace((unsigned char)s.p[0]))
        s = slice_part(s, 1, s.n);
    while (s.n && isspace((unsigned char)s.p[s.n - 1]))
        s.n--;
    return s;
}

static bool next_line(struct slice *rest, struct slice *ret)
{
    if (!rest->n) return false;
    const char *end = memchr(rest->p, '\n', rest->n);
    const size_t n = end ? (size_t)(end - rest->p) : rest->n;
    *ret = slice_part(*rest, 0, n);
    *rest = slice_part(*rest, end ? n + 1 : n, rest->n);
    return true;
}

/* The text of a line that is a comment; p NULL if it is none. */
static struct slice comment_of(struct slice line)
{
    line = trim(line);
    if (!slice_starts(line, SLICE("--"))) return (struct slice){NULL, 0};
    return slice_part(line, line.n > 2 && line.p[2] == ' ' ? 3 : 2, line.n);
}

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Does `name =` or `["name"] =` stand at the beginning of s? */
static bool defines(struct slice s, struct slice name)
{
    if (!slice_starts(s, name)) return false;
    s = slice_part(s, name.n, s.n);
    if (slice_starts(s, SLICE("\"]"))) s = slice_part(s, 2, s.n);
    while (s.n && *s.p == ' ')
        s = slice_part(s, 1, s.n);
    return s.n && *s.p == '=' && (s.n == 1 || s.p[1] != '=');
}

/* Where a field is defined in its message's text. */
static const char *find_field(struct slice text, struct slice name)
{
    for (size_t i = 0; i < text.n; i++)
        if ((i == 0 || (!is_name(text.p[i - 1]) && text.p[i - 1] != '.')) && defines(slice_part(text, i, text.n), name))
            return text.p + i;
    return NULL;
}

static size_t indent_of(struct slice line)
{
    size_t n = 0;
    while (n < line.n && line.p[n] == ' ')
        n++;
    return n;
}

/* What stands behind `messages = {`, in the lines below. */
static struct slice messages_of(struct slice text)
{
    struct slice rest = text, line;
    while (next_line(&rest, &line))
        if (slice_eq(slice_part(trim(line), 0, 8), SLICE("messages")) && memchr(line.p, '{', line.n)) return rest;
    return (struct slice){NULL, 0};
}

/* Where a message is defined: as deep as the first of them. */
static const char *find_message(struct slice messages, struct slice name)
{
    struct slice line;
    size_t depth = SIZE_MAX;
    while (next_line(&messages, &line)) {
        const struct slice code = trim(line);
        if (!code.n || comment_of(line).p) continue;
        if (depth == SIZE_MAX) depth = indent_of(line);
        const struct slice at = slice_part(code, slice_starts(code, SLICE("[\"")) ? 2 : 0, code.n);
        if (indent_of(line) == depth && defines(at, name)) return line.p;
    }
    return NULL;
}

/* As the text has them; those that are not in it come last. */
static int by_place(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->at && y->at) return x->at < y->at ? -1 : x->at > y->at;
    if (x->at || y->at) return x->at ? -1 : 1;
    const size_t n = x->name.n < y->name.n ? x->name.n : y->name.n;
    const int order = memcmp(x->name.p, y->name.p, n);
    return order ? order : (int)x->name.n - (int)y->name.n;
}

/* The comment lines at the beginning of a text. */
static void put_comment(struct reference *r, struct slice text, const char *indent)
{
    struct slice line;
    while (next_line(&text, &line)) {
        const struct slice comment = comment_of(line);
        if (!comment.p) return;
        if (comment.n) buf_printf(&r->out, "%s%.*s", indent, (int)comment.n, comment.p);
        buf_addc(&r->out, '\n');
    }
}

/* The comment lines that end before `at`. */
static struct slice comment_before(struct slice text, const char *at)
{
    const char *from = at, *begin = at;
    for (;;) {
        while (begin > text.p && begin[-1] != '\n')
            begin--;
        if (begin == text.p) break;
        const char *end = begin - 1;
        begin = end;
        while (begin > text.p && begin[-1] != '\n')
            begin--;
        if (!comment_of((struct slice){begin, (size_t)(end - begin)}).p) break;
        from = begin;
    }
    while (at > text.p && at[-1] != '\n')
        at--;
    return (struct slice){from, from < at ? (size_t)(at - from) : 0};
}

/* What a comment at the end of the line says. */
static struct slice remark_at(struct slice text, const char *at)
{
    struct slice rest = slice_part(text, (size_t)(at - text.p), text.n), line;
    if (!next_line(&rest, &line)) return (struct slice){NULL, 0};
    const char *comment = memmem(line.p, line.n, "-- ", 3);
    return comment ? trim(slice_part(line, (size_t)(comment - line.p) + 3, line.n)) : (struct slice){NULL, 0};
}

static void put_names(struct reference *r, const struct module_field *f)
{
    for (uint32_t i = 0; i < f->nnames; i++)
        buf_printf(&r->out, "%s%.*s=%lld", i ? " " : "", (int)f->names[i].name.n, f->names[i].name.p,
                   (long long)f->names[i].value);
}

static void put_field(struct reference *r, const struct found *found, struct slice text)
{
    const struct module_field *f = found->what;
    const struct slice remark = found->at ? remark_at(text, found->at) : (struct slice){NULL, 0};
    const bool more = remark.n || f->nnames;
    if (r->markdown)
        buf_printf(&r->out, "| `%.*s` | %s |%s", (int)f->name.n, f->name.p, f->words, more ? " " : "");
    else
        buf_printf(&r->out, "    %-*.*s %-*s%s", NAME_WIDTH, (int)f->name.n, f->name.p, more ? TYPE_WIDTH : 0, f->words,
                   more ? " " : "");
    buf_add(&r->out, remark);
    if (remark.n && f->nnames) buf_adds(&r->out, ": ");
    if (f->nnames) put_names(r, f);
    buf_adds(&r->out, r->markdown ? " |\n" : "\n");
}

static void put_fields(struct reference *r, const struct module_message *m, struct slice text)
{
    struct found list[FOUND_MOST];
    uint32_t n = 0;
    for (; n < m->n && n < FOUND_MOST; n++)
        list[n] = (struct found){&m->fields[n], m->fields[n].name, find_field(text, m->fields[n].name)};
    qsort(list, n, sizeof *list, by_place);
    if (r->markdown && n) buf_adds(&r->out, "\n| field | type | |\n|---|---|---|\n");
    for (uint32_t i = 0; i < n; i++)
        put_field(r, &list[i], text);
}

/* end: where the next message is. */
static void put_message(struct reference *r, const struct module_spec *module, const struct found *found,
                        const char *end)
{
    const struct module_message *m = found->what;
    struct slice text = {NULL, 0};
    buf_printf(&r->out, r->markdown ? "### %s.%.*s\n" : "  %s.%.*s\n", module->name, (int)m->name.n, m->name.p);
    if (found->at) {
        text = (struct slice){found->at, (size_t)(end - found->at)};
        const struct slice comment = comment_before(module->text, found->at);
        if (r->markdown && comment.n) buf_addc(&r->out, '\n');
        put_comment(r, comment, r->markdown ? "" : "    ");
    }
    if (m->is_value)
        buf_printf(&r->out, r->markdown ? "\nIts value: %s.\n" : "    its value: %s\n", m->fields[0].words);
    if (!m->has_encode)
        buf_adds(&r->out, r->markdown ? "\nIt can only be expected.\n" : "    it can only be expected\n");
    if (!m->is_value) put_fields(r, m, text);
    buf_addc(&r->out, '\n');
}

static void put_messages(struct reference *r, const struct module_spec *m)
{
    struct found list[FOUND_MOST];
    const struct slice messages = messages_of(m->text);
    uint32_t n = 0;
    for (; n < m->n && n < FOUND_MOST; n++)
        list[n] = (struct found){&m->messages[n], m->messages[n].name, find_message(messages, m->messages[n].name)};
    qsort(list, n, sizeof *list, by_place);
    for (uint32_t i = 0; i < n; i++)
        put_message(r, m, &list[i], i + 1 < n && list[i + 1].at ? list[i + 1].at : m->text.p + m->text.n);
}

static void put_module(struct reference *r, const struct module_spec *m)
{
    buf_printf(&r->out, r->markdown ? "## %s\n\n" : "%s\n", m->name);
    put_comment(r, m->text, r->markdown ? "" : "  ");
    buf_addc(&r->out, '\n');
    put_messages(r, m);
}

static bool put_named(struct reference *r, const char *name)
{
    const struct module_spec *m = modules_find(&r->modules, slice_of(name));
    struct suggest near;
    if (m && !m->wrong) {
        put_module(r, m);
        return true;
    }
    if (m) {
        terminal_say("module `%s` cannot be used: %s", name, m->wrong);
        return false;
    }
    suggest_init(&near, slice_of(name));
    r->modules.offer(&r->modules, &near);
    const struct slice best = suggest_best(&near);
    if (best.p)
        terminal_say("there is no module `%s`: did you mean `%.*s`?", name, (int)best.n, best.p);
    else
        terminal_say("there is no module `%s`", name);
    return false;
}

/* All that have messages: as Markdown in full, else each with the first line of what it says of itself. Others are
 * there to be required. */
static void put_all(struct reference *r)
{
    uint32_t n;
    const char **list = module_list(&r->modules, &n);
    if (r->markdown)
        buf_adds(&r->out, "# Message modules\n\nEvery module of `scripts/` with its messages and their fields, as "
                          "`sockrun modules --markdown`\nprints them. A `?` is behind the type of a field that may be "
                          "left out.\n\n");
    for (uint32_t i = 0; i < n; i++) {
        const struct module_spec *m = modules_find(&r->modules, slice_of(list[i]));
        struct slice text, line;
        if (!m || m->wrong || !m->n) continue;
        if (r->markdown) {
            put_module(r, m);
            continue;
        }
        text = m->text;
        const struct slice doc = next_line(&text, &line) ? comment_of(line) : (struct slice){NULL, 0};
        buf_printf(&r->out, "%-*s %.*s\n", NAME_WIDTH, list[i], (int)doc.n, doc.n ? doc.p : "");
    }
}

enum sr_exit cmd_modules(const struct options *o)
{
    struct reference r = {.out = BUF_INIT(TEXT_MOST), .markdown = o->markdown};
    bool ok = true;
    modules_begin(&r.modules, o);
    if (o->narguments == 0) put_all(&r);
    for (uint32_t i = 0; i < o->narguments; i++)
        ok = put_named(&r, o->arguments[i]) && ok;
    while (r.out.n > 1 && r.out.p[r.out.n - 1] == '\n' && r.out.p[r.out.n - 2] == '\n')
        r.out.n--;
    if (r.out.n) fwrite(r.out.p, 1, r.out.n, stdout);
    buf_done(&r.out);
    modules_done(&r.modules);
    return ok ? SR_EXIT_OK : SR_EXIT_USAGE;
}
