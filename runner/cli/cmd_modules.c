#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/module_list.h"
#include "cli/terminal.h"

enum { TEXT_MOST = 4 << 20, INDENT = 14, NAME_WIDTH = 14, TYPE_WIDTH = 10 };

struct reference {
    struct modules modules;
    struct buf out;
    bool markdown;
};

static bool next_line(struct slice *rest, struct slice *ret)
{
    if (!rest->n) return false;
    const char *end = memchr(rest->p, '\n', rest->n);
    const size_t n = end ? (size_t)(end - rest->p) : rest->n;
    *ret = slice_part(*rest, 0, n);
    *rest = slice_part(*rest, end ? n + 1 : n, rest->n);
    return true;
}

static struct slice trim(struct slice s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = slice_part(s, 1, s.n);
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t' || s.p[s.n - 1] == '\r'))
        s.n--;
    return s;
}

/* The text of a line that is a comment; p NULL if it is none. */
static struct slice comment_of(struct slice line)
{
    line = trim(line);
    if (!slice_starts(line, SLICE("--"))) return (struct slice){NULL, 0};
    line = slice_part(line, 2, line.n);
    return line.n && line.p[0] == ' ' ? slice_part(line, 1, line.n) : line;
}

/* `name = ` begins the line, perhaps in brackets. */
static bool defines(struct slice line, struct slice name)
{
    line = trim(line);
    if (!slice_starts(line, name)) return false;
    line = trim(slice_part(line, name.n, line.n));
    return line.n && line.p[0] == '=' && (line.n == 1 || line.p[1] != '=');
}

/* From where `name =` stands on; *ret_before is the text before that line. */
static bool find_definition(struct slice text, struct slice name, struct slice *ret_from, struct slice *ret_before)
{
    struct slice rest = text, line;
    while (next_line(&rest, &line)) {
        if (!defines(line, name)) continue;
        const size_t at = (size_t)(line.p - text.p);
        *ret_from = slice_part(text, at, text.n);
        *ret_before = slice_part(text, 0, at);
        return true;
    }
    return false;
}

/* The comment lines at the end of a text. */
static struct slice last_comment(struct slice text)
{
    size_t from = text.n;
    while (from) {
        size_t begin = from - 1;
        while (begin && text.p[begin - 1] != '\n')
            begin--;
        if (!comment_of(slice_part(text, begin, from - 1 - begin)).p) break;
        from = begin;
    }
    return slice_part(text, from, text.n);
}

static void put_comment(struct reference *r, struct slice comment, const char *indent)
{
    struct slice line;
    while (next_line(&comment, &line)) {
        const struct slice text = comment_of(line);
        if (!text.p) break;
        if (text.n) buf_printf(&r->out, "%s%.*s", indent, (int)text.n, text.p);
        buf_addc(&r->out, '\n');
    }
}

/* What a comment behind the definition on its line says. */
static struct slice remark(struct slice from)
{
    struct slice line;
    if (!next_line(&from, &line)) return (struct slice){0};
    const char *at = memmem(line.p, line.n, "-- ", 3);
    if (!at) return (struct slice){0};
    return trim(slice_part(line, (size_t)(at - line.p) + 3, line.n));
}

static void put_type(const struct module_field *f, struct buf *out)
{
    buf_adds(out, f->words);
    for (uint32_t i = 0; i < f->nnames; i++)
        buf_printf(out, "%s%.*s=%lld", i ? " " : ": ", (int)f->names[i].name.n, f->names[i].name.p,
                   (long long)f->names[i].value);
}

/* Fields come as the text has them: the next is the one that is defined nearest behind the last. */
static const struct module_field *next_field(const struct module_message *k, struct slice text, size_t *at,
                                             struct slice *ret_from)
{
    const struct module_field *best = NULL;
    size_t nearest = SIZE_MAX;
    for (uint32_t i = 0; i < k->n; i++) {
        struct slice from, before;
        if (!find_definition(slice_part(text, *at, text.n), k->fields[i].name, &from, &before) || before.n >= nearest)
            continue;
        nearest = before.n;
        best = &k->fields[i];
        *ret_from = from;
    }
    if (best) *at += nearest + best->name.n;
    return best;
}

static void put_field(struct reference *r, const struct module_field *f, struct slice from)
{
    struct buf type = BUF_INIT(TEXT_MOST);
    const struct slice doc = remark(from);
    put_type(f, &type);
    if (r->markdown)
        buf_printf(&r->out, "| `%.*s` | %s | %.*s |\n", (int)f->name.n, f->name.p, buf_str(&type), (int)doc.n,
                   doc.p ? doc.p : "");
    else
        buf_printf(&r->out, "    %-*.*s %-*s %.*s\n", NAME_WIDTH, (int)f->name.n, f->name.p, TYPE_WIDTH, buf_str(&type),
                   (int)doc.n, doc.p ? doc.p : "");
    while (r->out.n && r->out.p[r->out.n - 1] == '\n' && r->out.n > 1 && r->out.p[r->out.n - 2] == ' ') {
        r->out.n -= 2;
        buf_addc(&r->out, '\n');
    }
    buf_done(&type);
}

static void put_message(struct reference *r, const struct module_spec *m, const struct module_message *k,
                        struct slice messages)
{
    struct slice from = messages, before = {NULL, 0}, field;
    find_definition(messages, k->name, &from, &before);
    buf_printf(&r->out, r->markdown ? "### %s.%.*s\n\n" : "  %s.%.*s\n", m->name, (int)k->name.n, k->name.p);
    put_comment(r, last_comment(before), r->markdown ? "" : "    ");
    if (k->is_value)
        buf_printf(&r->out, r->markdown ? "\nIts value: %s.\n" : "    its value: %s\n", k->fields[0].words);
    if (!k->has_encode) buf_printf(&r->out, "%sIt can only be expected.\n", r->markdown ? "\n" : "    ");
    if (r->markdown && !k->is_value && k->n) buf_adds(&r->out, "\n| field | type | |\n|---|---|---|\n");
    size_t at = 0;
    for (uint32_t i = 0; !k->is_value && i < k->n; i++) {
        const struct module_field *f = next_field(k, from, &at, &field);
        if (f) put_field(r, f, field);
    }
    buf_addc(&r->out, '\n');
}

/* Messages in the order of the text. */
static void put_messages(struct reference *r, const struct module_spec *m)
{
    struct slice messages = m->text, before, rest, line;
    find_definition(m->text, SLICE("messages"), &messages, &before);
    rest = messages;
    while (next_line(&rest, &line)) {
        const struct slice from = slice_part(messages, (size_t)(line.p - messages.p), messages.n);
        for (uint32_t i = 0; i < m->n; i++) {
            struct slice first, none;
            if (!defines(line, m->messages[i].name)) continue;
            if (find_definition(messages, m->messages[i].name, &first, &none) && first.p == from.p)
                put_message(r, m, &m->messages[i], messages);
        }
    }
}

static bool put_module(struct reference *r, const char *name)
{
    const struct module_spec *m = modules_find(&r->modules, slice_of(name));
    if (m && m->wrong) {
        terminal_say("module `%s` cannot be used: %s", name, m->wrong);
        return false;
    }
    if (m) {
        buf_printf(&r->out, r->markdown ? "## %s\n\n" : "%s\n", name);
        put_comment(r, m->text, r->markdown ? "" : "  ");
        buf_addc(&r->out, '\n');
        put_messages(r, m);
        return true;
    }
    struct suggest near;
    suggest_init(&near, slice_of(name));
    r->modules.offer(&r->modules, &near);
    const struct slice best = suggest_best(&near);
    if (best.p)
        terminal_say("there is no module `%s`: did you mean `%.*s`?", name, (int)best.n, best.p);
    else
        terminal_say("there is no module `%s`", name);
    return false;
}

static bool is_module(const struct module_spec *m)
{
    return m && !m->wrong && m->n > 0;
}

/* Each with the first line of what it says of itself. */
static void put_list(struct reference *r)
{
    uint32_t n;
    const char **list = module_list(&r->modules, &n);
    if (r->markdown)
        buf_adds(&r->out, "# Message modules\n\nEvery module of `scripts/` with its messages and their fields. "
                          "This text is the output of `sockrun modules --markdown`.\n\n");
    for (uint32_t i = 0; i < n; i++) {
        const struct module_spec *m = modules_find(&r->modules, slice_of(list[i]));
        struct slice text = m ? m->text : (struct slice){0}, line = {0};
        if (!is_module(m)) continue;
        if (r->markdown) {
            put_module(r, list[i]);
            continue;
        }
        const struct slice doc = next_line(&text, &line) ? comment_of(line) : (struct slice){0};
        buf_printf(&r->out, "%-*s %.*s\n", INDENT, list[i], (int)doc.n, doc.p ? doc.p : "");
    }
}

enum sr_exit cmd_modules(const struct options *o)
{
    struct reference r = {.out = BUF_INIT(TEXT_MOST), .markdown = o->markdown};
    bool ok = true;
    modules_begin(&r.modules, o);
    if (o->narguments == 0) put_list(&r);
    for (uint32_t i = 0; i < o->narguments; i++)
        ok = put_module(&r, o->arguments[i]) && ok;
    while (r.out.n > 1 && r.out.p[r.out.n - 1] == '\n' && r.out.p[r.out.n - 2] == '\n')
        r.out.n--;
    if (r.out.n) fwrite(r.out.p, 1, r.out.n, stdout);
    buf_done(&r.out);
    modules_done(&r.modules);
    return ok ? SR_EXIT_OK : SR_EXIT_USAGE;
}
