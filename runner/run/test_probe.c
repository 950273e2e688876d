#include "run/test_probe.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "engine/eval.h"
#include "engine/script_failure.h"
#include "lua/testscript.h"
#include "run/ask_child.h"
#include "util/mem.h"
#include "util/units.h"

enum { SAID_MOST = 64 << 20, WHERE_MOST = 512 };
#define PROBE_NS (5 * NS_PER_S)
#define KILL_NS (PROBE_NS + NS_PER_S / 2)

/* The one thing that the alarm's handler must reach. */
static struct luastate *alarmed;

static void ring(int signal)
{
    (void)signal;
    if (alarmed) luastate_interrupt(alarmed);
}

static void note_where(void *ctx, const char *where)
{
    snprintf(ctx, WHERE_MOST, "%s", where);
}

static void set_alarm(struct luastate *s)
{
    const struct sigaction act = {.sa_handler = ring, .sa_flags = SA_RESTART};
    const struct itimerval after = {.it_value = {.tv_sec = PROBE_NS / NS_PER_S}};
    alarmed = s;
    sigaction(SIGALRM, &act, NULL);
    setitimer(ITIMER_REAL, &after, NULL);
}

/* "T line timeout\ttags\tname\n" for each test, or "E line\tmessage". */
static void answer(const struct testscript *s, bool good, struct buf *out)
{
    if (!good) {
        buf_printf(out, "E %" PRIu32 "\t%s\n", s->wrong_line, s->wrong);
        return;
    }
    buf_adds(out, "OK\n");
    for (uint32_t i = 0; i < s->n; i++) {
        const struct luatest *t = &s->tests[i];
        buf_printf(out, "T %" PRIu32 " %" PRId64 "\t%s\t%s\n", t->line, t->timeout, t->tags, t->name);
    }
}

/* A chunk that did not end is told by its line. */
static bool took_too_long(const char *name, const char *where, struct buf *out)
{
    const char *rest;
    char text[WHERE_MOST + 4];
    if (!*where) return false;
    snprintf(text, sizeof text, "%s: ", where);
    buf_printf(out, "E %" PRIu32 "\tloading the file took longer than 5 s, and was here\n",
               testscript_place(name, text, &rest));
    return true;
}

struct question {
    const struct suite_file *file;
    const struct settings *settings;
};

static void describe(void *ctx, struct buf *out)
{
    const struct question *q = ctx;
    const struct suite_file *f = q->file;
    const struct settings *settings = q->settings;
    char where[WHERE_MOST] = "";
    struct lazy_lua lua = {.cap = settings->lua_memory,
                           .modules = settings->modules,
                           .folder = f->folder,
                           .note = note_where,
                           .note_ctx = where};
    struct testscript s;
    struct luastate *state = lazy_lua_get(&lua);
    if (!state) {
        buf_adds(out, "E 0\tLua cannot start within its memory cap\n");
        return;
    }
    struct testscript_var *vars = mem_alloc((settings->nvars + 1) * sizeof *vars);
    for (uint32_t i = 0; i < settings->nvars; i++)
        vars[i] = (struct testscript_var){settings->vars[i].name, settings->vars[i].value};
    set_alarm(state);
    const bool good = testscript_load(&s, state, f->name, f->texts[0].text, vars, settings->nvars);
    alarmed = NULL;
    if (!took_too_long(f->name, where, out)) answer(&s, good, out);
    mem_free(vars);
    testscript_done(&s);
    lazy_lua_done(&lua);
}

static void complain(struct suite *s, const struct suite_file *f, uint32_t line, const char *message)
{
    const struct script_text text = {f->name, f->texts[0].text};
    const struct place whole = {.file = f->name};
    diags_add(&s->diags, line ? script_place(&text, line) : whole, "%s", message);
}

/* The next word up to `end`, which is overwritten. */
static char *cut(char **rest, char end)
{
    char *word = *rest, *at = strchr(word, end);
    if (!at) return NULL;
    *at = '\0';
    *rest = at + 1;
    return word;
}

static bool read_case(struct suite *s, char *line, struct suite_case *ret)
{
    char *end;
    if (strncmp(line, "T ", 2) != 0) return false;
    ret->line = (uint32_t)strtoul(line + 2, &end, 10);
    ret->timeout = strtoll(end, &end, 10);
    if (*end != '\t') return false;
    char *rest = end + 1;
    const char *tags = cut(&rest, '\t');
    if (!tags || ret->timeout <= 0) return false;
    ret->tags = arena_dup(&s->arena, slice_of(tags));
    ret->name = arena_dup(&s->arena, slice_of(rest));
    return true;
}

/* Of the process that ran the script, which may have written anything. False if it is none of the forms. */
static bool read_cases(struct suite *s, struct suite_file *f, char *text)
{
    uint32_t n = 0;
    for (const char *p = text; (p = strchr(p, '\n')); p++)
        n++;
    f->cases = arena_array(&s->arena, n + 1, sizeof *f->cases);
    for (char *rest = text, *line; (line = cut(&rest, '\n'));)
        if (!read_case(s, line, &f->cases[f->ncases++])) return false;
    return true;
}

void test_probe(struct suite *s, struct suite_file *f, const struct settings *settings)
{
    struct buf out = BUF_INIT(SAID_MOST);
    struct question q = {f, settings};
    const bool in_time = ask_child(describe, &q, KILL_NS, &out);
    char *text = mem_dup(buf_slice(&out)), *rest = text;
    const char *first = cut(&rest, '\n');
    char *message = NULL;
    if (!in_time) {
        complain(s, f, 0, "loading the file took longer than 5 s");
    } else if (first && strncmp(first, "E ", 2) == 0) {
        const unsigned long line = strtoul(first + 2, &message, 10);
        complain(s, f, (uint32_t)line, *message ? message + 1 : "it cannot be loaded");
    } else if (!first || strcmp(first, "OK") != 0 || !read_cases(s, f, rest)) {
        f->ncases = 0;
        complain(s, f, 0, "loading the file ended the process that tried");
    } else if (f->ncases == 0) {
        complain(s, f, 0, "the script names no test");
    }
    mem_free(text);
    buf_done(&out);
}
