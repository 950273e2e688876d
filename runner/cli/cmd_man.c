#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/reference.h"
#include "cli/roff.h"
#include "cli/terminal.h"
#include "sockrun/version.h"
#include "steps/list.h"

enum { TEXT_MOST = 4 << 20 };

/* A page being written. */
struct page {
    struct buf out;
    struct arena arena;
};

static const char about[] = "runs scripted conversations over sockets";

static void put_capitals(struct page *p, const char *text)
{
    for (; *text; text++)
        buf_addc(&p->out, (char)toupper((unsigned char)*text));
}

static void put_head(struct page *p, const char *name, int section, const char *what)
{
    buf_printf(&p->out, ".\\\" The output of `sockrun man %d`.\n.TH ", section);
    put_capitals(p, name);
    buf_printf(&p->out, " %d %s \"sockrun %s\"\n.SH NAME\n%s \\- %s\n", section, SOCKRUN_DATE, SOCKRUN_VERSION, name,
               what);
}

static void put_section(struct page *p, const char *title)
{
    buf_adds(&p->out, ".SH ");
    put_capitals(p, title);
    buf_addc(&p->out, '\n');
}

/* sockrun(1) */

static void put_synopsis(struct page *p)
{
    put_section(p, "synopsis");
    for (int i = 0; i < COMMANDS; i++) {
        const bool usual = i == COMMAND_RUN;
        if (i) buf_adds(&p->out, ".br\n");
        roff_bold(&p->out, "sockrun");
        if (usual) buf_adds(&p->out, " [");
        if (!usual) buf_addc(&p->out, ' ');
        roff_bold(&p->out, command_specs[i].name);
        if (usual) buf_addc(&p->out, ']');
        buf_printf(&p->out, " [\\fIOPTION\\fR...]%s", *command_specs[i].arguments ? " " : "");
        roff_line(&p->out, command_specs[i].arguments);
    }
}

static void put_commands(struct page *p)
{
    put_section(p, "commands");
    for (int i = 0; i < COMMANDS; i++) {
        buf_adds(&p->out, ".TP\n");
        roff_bold(&p->out, command_specs[i].name);
        if (*command_specs[i].arguments) buf_addc(&p->out, ' ');
        roff_line(&p->out, command_specs[i].arguments);
        roff_text(&p->out, command_specs[i].doc);
    }
}

/* Of which commands, unless all or most take it. */
static void put_option_commands(struct page *p, unsigned commands)
{
    unsigned n = 0;
    for (int i = 0; i < COMMANDS; i++)
        n += commands >> i & 1;
    if (n > COMMANDS / 2) return;
    buf_adds(&p->out, "(");
    for (int i = 0; i < COMMANDS; i++) {
        if (!(commands & 1U << i)) continue;
        roff_bold(&p->out, command_specs[i].name);
        buf_adds(&p->out, --n ? ", " : ")\n");
    }
}

static void put_options(struct page *p)
{
    put_section(p, "options");
    for (const struct option_spec *s = option_specs; s->name; s++) {
        buf_adds(&p->out, ".TP\n");
        if (s->letter) roff_bold(&p->out, arena_printf(&p->arena, "-%c", s->letter));
        if (s->letter) buf_adds(&p->out, ", ");
        roff_bold(&p->out, arena_printf(&p->arena, "--%s", s->name));
        if (s->argument != ARGUMENT_NONE)
            buf_printf(&p->out, s->argument == ARGUMENT_OPTIONAL ? "[=\\fI%s\\fR]" : " \\fI%s\\fR", s->argument_name);
        buf_addc(&p->out, '\n');
        roff_text(&p->out, s->doc);
        put_option_commands(p, s->commands);
    }
}

struct entry {
    const char *name, *doc;
};

static const struct entry environment[] = {
    {"SOCKRUN_VAR_NAME", "the value of the variable `NAME`; `--var` and `--vars-file` win over it"},
    {"SOCKRUN_SCRIPTS", "the folder of the Lua modules, instead of the one that is installed with the program"},
    {"NO_COLOR", "no colors, unless `--color` says otherwise"},
    {"CI", "`only` in a scenario is an error"},
    {"XDG_STATE_HOME", "where verdicts and durations of earlier runs are kept, in the folder `sockrun`"},
    {NULL, NULL},
};

static void put_entries(struct page *p, const struct entry *e)
{
    for (; e->name; e++) {
        buf_adds(&p->out, ".TP\n");
        roff_bold(&p->out, e->name);
        buf_addc(&p->out, '\n');
        roff_text(&p->out, e->doc);
    }
}

static void put_exit_codes(struct page *p)
{
    put_section(p, "exit status");
    for (const struct exit_spec *e = exit_specs; e->doc; e++) {
        buf_printf(&p->out, ".TP\n.B %d\n", (int)e->code);
        roff_text(&p->out, e->doc);
    }
}

static void put_program(struct page *p)
{
    put_head(p, "sockrun", 1, about);
    put_synopsis(p);
    put_section(p, "description");
    roff_text(&p->out,
              "A scenario is a YAML file that says who listens, who connects, what is sent and what must come back, as "
              "sockrun-scenario(5) tells. When something else comes, the step is shown, the first byte that differs, "
              "and what everybody else was doing.\n\nWithout a permission that the command line gives, a scenario may "
              "use loopback addresses, and Unix sockets and files below its own folder and the case's temporary one.");
    put_commands(p);
    put_options(p);
    put_exit_codes(p);
    put_section(p, "environment");
    put_entries(p, environment);
    put_section(p, "see also");
    buf_adds(&p->out, ".BR sockrun\\-scenario (5)\n");
}

/* sockrun-scenario(5) */

static void put_field(void *ctx, const char *name, const struct field *f)
{
    struct page *p = ctx;
    const char *type = reference_type(f, &p->arena);
    buf_adds(&p->out, ".TP\n");
    roff_bold(&p->out, name);
    if (*type || f->flags & FIELD_REQUIRED || f->fallback) buf_addc(&p->out, ' ');
    if (f->flags & FIELD_REQUIRED) type = arena_printf(&p->arena, "%s%srequired", type, *type ? ", " : "");
    if (f->fallback) type = arena_printf(&p->arena, "%s%sdefault `%s`", type, *type ? ", " : "", f->fallback);
    if (*type) type = arena_printf(&p->arena, "(%s)", type);
    roff_line(&p->out, type);
    if (f->doc) roff_text(&p->out, f->doc);
}

static void put_step(struct page *p, const struct step_schema *s)
{
    buf_adds(&p->out, ".SS ");
    roff_line(&p->out, s->name);
    roff_text(&p->out, s->doc);
    buf_adds(&p->out, ".PP\n");
    roff_text(&p->out, arena_printf(&p->arena, "Takes %s.", reference_value(s, &p->arena)));
    if (s->value.fields) reference_fields(s->value.fields, &p->arena, put_field, p);
    if (s->fields) reference_fields(s->fields, &p->arena, put_field, p);
    if (s->example) roff_example(&p->out, s->example);
}

static void put_steps(struct page *p)
{
    for (const struct step_schema *const *group = step_list; *group; group++) {
        if (!reference_first_of_group(group)) continue;
        put_section(p, arena_printf(&p->arena, "%s steps", (*group)->group));
        for (const struct step_schema *const *s = group; *s; s++)
            if (strcmp((*s)->group, (*group)->group) == 0) put_step(p, *s);
    }
}

static void put_socket_options(struct page *p)
{
    put_section(p, "socket options");
    for (const struct sockopt *o = sockopt_table; o->name; o++) {
        buf_adds(&p->out, ".TP\n");
        roff_bold(&p->out, o->name);
        buf_addc(&p->out, ' ');
        roff_line(&p->out, arena_printf(&p->arena, "(%s)", reference_option_type(o->type)));
        roff_text(&p->out, o->doc);
    }
}

static const char example[] = "sockrun: 1\n"
                              "name: an echo server answers with what it was sent\n"
                              "actors:\n"
                              "  server:\n"
                              "    listen: tcp://127.0.0.1:0\n"
                              "    steps:\n"
                              "      - expect: \"hello\\r\\n\"\n"
                              "      - send: \"HELLO\\r\\n\"\n"
                              "      - expect_close\n"
                              "  client:\n"
                              "    connect: ${server}\n"
                              "    steps:\n"
                              "      - send: \"hello\\r\\n\"\n"
                              "      - expect: \"HELLO\\r\\n\"\n"
                              "      - close\n";

static void put_language(struct page *p)
{
    put_head(p, "sockrun-scenario", 5, "what a scenario of sockrun may say");
    put_section(p, "description");
    roff_text(
        &p->out,
        "A file holds one case, or several under `cases`. A case has actors, which run at the same time. An actor "
        "has a connection (`listen`, `connect`, or `run` for a program) and steps, done in order. Every "
        "expectation says how far it reads, and what those bytes must be. `${..}` holds a Lua expression. Every "
        "wait has a deadline.");
    roff_example(&p->out, example);
    for (const struct reference_table *t = reference_tables; t->fields; t++) {
        put_section(p, t->title);
        reference_fields(t->fields, &p->arena, put_field, p);
    }
    put_steps(p);
    put_socket_options(p);
    put_section(p, "see also");
    buf_adds(&p->out, ".BR sockrun (1)\n");
}

enum sr_exit cmd_man(const struct options *o)
{
    struct page p = {.out = BUF_INIT(TEXT_MOST)};
    const char *section = o->narguments == 1 ? o->arguments[0] : "";
    if (strcmp(section, "1") == 0)
        put_program(&p);
    else if (strcmp(section, "5") == 0)
        put_language(&p);
    else
        terminal_say("which page? `sockrun man 1` is about the program, `sockrun man 5` about scenarios");
    const bool ok = p.out.n > 0;
    fputs(buf_str(&p.out), stdout);
    buf_done(&p.out);
    arena_done(&p.arena);
    return ok ? SR_EXIT_OK : SR_EXIT_USAGE;
}
