#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/reference.h"
#include "cli/terminal.h"
#include "steps/list.h"
#include "util/suggest.h"

enum { TEXT_MOST = 4 << 20, LINE_MOST = 100 };

/* The reference in one of its two forms. */
struct reference {
    struct buf out;
    struct arena arena;
    bool markdown;
};

static bool has_fields(const struct field *table)
{
    return table && table->name;
}

/* What stands in a cell of a table: one line, and no bar that would end it. */
static void put_cell(struct reference *r, const char *text)
{
    for (; *text; text++) {
        if (r->markdown && *text == '|') buf_addc(&r->out, '\\');
        buf_addc(&r->out, *text == '\n' ? ' ' : *text);
    }
}

static void put_markdown_field(struct reference *r, const char *name, const struct field *f)
{
    buf_printf(&r->out, "| `%s` | ", name);
    put_cell(r, reference_type(f, &r->arena));
    buf_adds(&r->out, " | ");
    if (f->flags & FIELD_REQUIRED)
        buf_adds(&r->out, "required");
    else if (f->fallback)
        buf_printf(&r->out, "`%s`", f->fallback);
    buf_adds(&r->out, " | ");
    put_cell(r, f->doc ? f->doc : "");
    buf_adds(&r->out, " |\n");
}

/* Paragraphs of words, each line of them behind some blanks. Markdown leaves the lines to its readers. */
static void put_prose(struct reference *r, const char *indent, const char *text)
{
    const size_t most = r->markdown ? SIZE_MAX : LINE_MOST;
    size_t column = 0, n;
    for (; *text; text += n) {
        const bool paragraph = text[0] == '\n' && text[1] == '\n';
        text += strspn(text, " \n");
        n = strcspn(text, " \n");
        if (!n) break;
        if (paragraph || column + 1 + n > most) {
            buf_adds(&r->out, paragraph ? "\n\n" : "\n");
            column = 0;
        }
        buf_adds(&r->out, column ? " " : indent);
        buf_add(&r->out, (struct slice){text, n});
        column += n + (column ? 1 : strlen(indent));
    }
    buf_addc(&r->out, '\n');
}

static void put_plain_field(struct reference *r, const char *name, const struct field *f)
{
    const char *type = reference_type(f, &r->arena);
    buf_printf(&r->out, "      %s%s%s", name, *type ? ": " : "", type);
    if (f->flags & FIELD_REQUIRED) buf_adds(&r->out, " (required)");
    if (f->fallback) buf_printf(&r->out, " (default %s)", f->fallback);
    buf_addc(&r->out, '\n');
    if (f->doc) put_prose(r, "          ", f->doc);
}

static void put_field(void *ctx, const char *name, const struct field *f)
{
    struct reference *r = ctx;
    if (r->markdown)
        put_markdown_field(r, name, f);
    else
        put_plain_field(r, name, f);
}

static void put_table(struct reference *r, const char *what, const struct field *table)
{
    if (!has_fields(table)) return;
    if (r->markdown)
        buf_printf(&r->out, "| %s | takes | default | |\n|---|---|---|---|\n", what);
    else
        buf_printf(&r->out, "    %ss:\n", what);
    reference_fields(table, &r->arena, put_field, r);
    if (r->markdown) buf_addc(&r->out, '\n');
}

/* Each line of a text behind some blanks, without an empty one at the end. */
static void put_lines(struct reference *r, const char *indent, const char *text)
{
    struct slice rest = slice_of(text);
    while (rest.n) {
        const char *end = memchr(rest.p, '\n', rest.n);
        size_t n = end ? (size_t)(end - rest.p) : rest.n;
        if (n) buf_adds(&r->out, indent);
        buf_add(&r->out, slice_part(rest, 0, n));
        buf_addc(&r->out, '\n');
        rest = slice_part(rest, end ? n + 1 : n, rest.n);
    }
}

static void put_markdown_step(struct reference *r, const struct step_schema *s)
{
    buf_printf(&r->out, "### `%s`\n\n", s->name);
    put_prose(r, "", s->doc);
    buf_printf(&r->out, "\nTakes %s", reference_value(s, &r->arena));
    if (s->value.fallback) buf_printf(&r->out, " (default `%s`)", s->value.fallback);
    buf_adds(&r->out, ".\n\n");
    if (s->value.fields) put_table(r, "key", s->value.fields);
    put_table(r, "modifier", s->fields);
    if (!s->example) return;
    buf_printf(&r->out, "```yaml %s\n", s->example[0] == '-' ? "steps" : "actors");
    put_lines(r, "", s->example);
    buf_adds(&r->out, "```\n\n");
}

static void put_plain_step(struct reference *r, const struct step_schema *s)
{
    buf_printf(&r->out, "%s: %s", s->name, reference_value(s, &r->arena));
    if (s->value.fallback) buf_printf(&r->out, " (default %s)", s->value.fallback);
    buf_addc(&r->out, '\n');
    put_prose(r, "    ", s->doc);
    if (s->value.fields) put_table(r, "key", s->value.fields);
    put_table(r, "modifier", s->fields);
    if (s->example) {
        buf_adds(&r->out, "    example:\n");
        put_lines(r, "      ", s->example);
    }
    buf_addc(&r->out, '\n');
}

static void put_step(struct reference *r, const struct step_schema *s)
{
    if (r->markdown)
        put_markdown_step(r, s);
    else
        put_plain_step(r, s);
}

/* "Flow steps" */
static void put_group(struct reference *r, const char *group)
{
    buf_printf(&r->out, "%s%c%s steps\n\n", r->markdown ? "## " : "", toupper((unsigned char)group[0]), group + 1);
}

static void put_options(struct reference *r)
{
    buf_adds(&r->out, r->markdown ? "## Socket options\n\n| option | takes | |\n|---|---|---|\n"
                                  : "Socket options\n    options:\n");
    for (const struct sockopt *o = sockopt_table; o->name; o++) {
        buf_printf(&r->out, r->markdown ? "| `%s` | %s | " : "      %s: %s\n", o->name, reference_option_type(o->type));
        const char *doc = arena_printf(&r->arena, "%c%s", toupper((unsigned char)o->doc[0]), o->doc + 1);
        if (r->markdown)
            buf_printf(&r->out, "%s |\n", doc);
        else
            put_prose(r, "          ", doc);
    }
}

static void put_all(struct reference *r)
{
    if (r->markdown)
        buf_adds(&r->out, "# Steps\n\nEvery step and every key of a scenario file. "
                          "This text is the output of `sockrun steps --markdown`.\n\n");
    for (const struct step_schema *const *group = step_list; *group; group++) {
        if (!reference_first_of_group(group)) continue;
        put_group(r, (*group)->group);
        for (const struct step_schema *const *s = group; *s; s++) {
            if (strcmp((*s)->group, (*group)->group) == 0) put_step(r, *s);
        }
    }
    for (const struct reference_table *t = reference_tables; t->fields; t++) {
        buf_printf(&r->out, "%s%s\n%s", r->markdown ? "## " : "", t->title, r->markdown ? "\n" : "");
        put_table(r, "key", t->fields);
        if (!r->markdown) buf_addc(&r->out, '\n');
    }
    put_options(r);
}

static bool put_named(struct reference *r, const char *name)
{
    struct suggest near;
    suggest_init(&near, slice_of(name));
    for (const struct step_schema *const *s = step_list; *s; s++) {
        if (strcmp((*s)->name, name) == 0) {
            put_step(r, *s);
            return true;
        }
        suggest_offer(&near, slice_of((*s)->name));
    }
    struct slice best = suggest_best(&near);
    if (best.p)
        terminal_say("there is no step `%s`: did you mean `%.*s`?", name, (int)best.n, best.p);
    else
        terminal_say("there is no step `%s`", name);
    return false;
}

/* An empty line between two parts is enough at the end of the text too. */
static void print_reference(const struct reference *r)
{
    size_t n = r->out.n;
    while (n > 1 && r->out.p[n - 1] == '\n' && r->out.p[n - 2] == '\n')
        n--;
    if (n) fwrite(r->out.p, 1, n, stdout);
}

enum sr_exit cmd_steps(const struct options *o)
{
    struct reference r = {.out = BUF_INIT(TEXT_MOST), .markdown = o->markdown};
    bool ok = true;
    if (o->narguments == 0) put_all(&r);
    for (uint32_t i = 0; i < o->narguments; i++)
        ok = put_named(&r, o->arguments[i]) && ok;
    print_reference(&r);
    buf_done(&r.out);
    arena_done(&r.arena);
    return ok ? SR_EXIT_OK : SR_EXIT_USAGE;
}
