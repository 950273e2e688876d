#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/terminal.h"
#include "doc/field.h"
#include "net/sockopt.h"
#include "scenario/load.h"
#include "steps/list.h"
#include "util/suggest.h"

enum { TEXT_MOST = 4 << 20, DEPTH_MOST = 3, LINE_MOST = 100 };

/* The reference in one of its two forms. */
struct reference {
    struct buf out;
    struct arena arena;
    bool markdown;
};

struct table {
    const char *title;
    const struct field *fields;
};

static const struct table tables[] = {
    {"Modifiers of every step", step_common_fields},  {"Keys of a file", scenario_file_fields},
    {"Keys of a case", scenario_case_fields},         {"Keys of an actor", scenario_actor_fields},
    {"Keys of an address", scenario_address_fields},  {"Keys of a proxy", scenario_proxy_fields},
    {"Keys of a proxy's rule", scenario_rule_fields},
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

/* Of a value that may be anything its words say more than its type. */
static const char *type_words(struct reference *r, const struct field *f)
{
    return f->type == FIELD_VALUE ? "" : field_type_words(f, &r->arena);
}

static void put_markdown_field(struct reference *r, const char *name, const struct field *f)
{
    buf_printf(&r->out, "| `%s` | ", name);
    put_cell(r, type_words(r, f));
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
    const char *type = type_words(r, f);
    buf_printf(&r->out, "      %s%s%s", name, *type ? ": " : "", type);
    if (f->flags & FIELD_REQUIRED) buf_adds(&r->out, " (required)");
    if (f->fallback) buf_printf(&r->out, " (default %s)", f->fallback);
    buf_addc(&r->out, '\n');
    if (f->doc) put_prose(r, "          ", f->doc);
}

/* It has a table of its own. */
static bool has_table(const struct field *fields)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        if (tables[i].fields == fields) return true;
    return false;
}

/* How what stands within is reached. */
static const char *within(enum field_form form)
{
    return form == FORM_LIST ? "[]" : form == FORM_NAMED ? ".NAME" : "";
}

/* Keys of a map within are shown as `tls.cert`. */
static void put_fields(struct reference *r, const char *prefix, const struct field *table, unsigned depth)
{
    for (const struct field *f = table; has_fields(f); f++) {
        if (f->flags & FIELD_LATER) continue;
        const char *name = arena_printf(&r->arena, "%s%s", prefix, f->name);
        if (r->markdown)
            put_markdown_field(r, name, f);
        else
            put_plain_field(r, name, f);
        if (has_fields(f->fields) && !has_table(f->fields) && depth < DEPTH_MOST)
            put_fields(r, arena_printf(&r->arena, "%s%s.", name, within(f->form)), f->fields, depth + 1);
    }
}

static void put_table(struct reference *r, const char *what, const struct field *table)
{
    if (!has_fields(table)) return;
    if (r->markdown)
        buf_printf(&r->out, "| %s | takes | default | |\n|---|---|---|---|\n", what);
    else
        buf_printf(&r->out, "    %ss:\n", what);
    put_fields(r, "", table, 1);
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

static const char *value_words(struct reference *r, const struct step_schema *s)
{
    const char *words;
    if (s->value.type == FIELD_NOTHING) return "no value";
    if (s->value.doc) return s->value.doc;
    words = field_type_words(&s->value, &r->arena);
    return s->value.flags & FIELD_OPTIONAL_VALUE ? arena_printf(&r->arena, "%s, or no value", words) : words;
}

static void put_markdown_step(struct reference *r, const struct step_schema *s)
{
    buf_printf(&r->out, "### `%s`\n\n", s->name);
    put_prose(r, "", s->doc);
    buf_printf(&r->out, "\nTakes %s", value_words(r, s));
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
    buf_printf(&r->out, "%s: %s", s->name, value_words(r, s));
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

/* A group comes where its first step stands in the list. */
static bool is_first_of_group(const struct step_schema *const *at)
{
    for (const struct step_schema *const *s = step_list; s < at; s++) {
        if (strcmp((*s)->group, (*at)->group) == 0) return false;
    }
    return true;
}

static const char *const option_words[] = {
    [SOCKOPT_BOOL] = "true or false",
    [SOCKOPT_INT] = "a whole number",
    [SOCKOPT_SIZE] = "a size such as 64KiB",
    [SOCKOPT_SECONDS] = "a duration such as 5s",
    [SOCKOPT_MS] = "a duration such as 50ms",
    [SOCKOPT_LINGER] = "whole seconds, or false",
    [SOCKOPT_TEXT] = "a text",
    [SOCKOPT_GROUP] = "a group: 239.1.2.3, ff02::1%lo",
    [SOCKOPT_INTERFACE] = "a network interface",
};

static void put_options(struct reference *r)
{
    buf_adds(&r->out, r->markdown ? "## Socket options\n\n| option | takes | |\n|---|---|---|\n"
                                  : "Socket options\n    options:\n");
    for (const struct sockopt *o = sockopt_table; o->name; o++) {
        buf_printf(&r->out, r->markdown ? "| `%s` | %s | " : "      %s: %s\n", o->name, option_words[o->type]);
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
        if (!is_first_of_group(group)) continue;
        put_group(r, (*group)->group);
        for (const struct step_schema *const *s = group; *s; s++) {
            if (strcmp((*s)->group, (*group)->group) == 0) put_step(r, *s);
        }
    }
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        buf_printf(&r->out, "%s%s\n%s", r->markdown ? "## " : "", tables[i].title, r->markdown ? "\n" : "");
        put_table(r, "key", tables[i].fields);
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
