#ifndef TESTS_SCENARIO_LOADING_H
#define TESTS_SCENARIO_LOADING_H

/* Loading from texts, for the tests of this layer. Include after cmocka.h. */

#include "scenario/load.h"
#include "scenario/verbs.h"
#include "util/buf.h"

/* A file that may be included. The list of them ends with a zeroed one. */
struct text_file {
    const char *path; /* below /here */
    const char *text;
};

struct loaded {
    struct arena arena;
    struct diags diags;
    struct buf text; /* of the diagnostics */
    struct scenario *s;
    const struct text_file *files;
    unsigned reads;
};

static bool read_text_file(void *ctx, const char *path, struct slice *ret_text, const char **ret_why)
{
    struct loaded *x = ctx;
    x->reads++;
    for (const struct text_file *f = x->files; f && f->path; f++) {
        if (strncmp(path, "/here/", 6) != 0 || strcmp(path + 6, f->path) != 0) continue;
        *ret_text = slice_of(f->text);
        return true;
    }
    *ret_why = "No such file or directory";
    return false;
}

/* Loads text as the file t.yaml in /here. */
__attribute__((unused)) static void load_with(struct loaded *x, const struct text_file *files, const char *text)
{
    *x = (struct loaded){.text = BUF_INIT(1024 * 1024), .files = files};
    diags_init(&x->diags);
    struct load_options o = {.steps = verbs, .folder = "/here", .read = read_text_file, .ctx = x};
    x->s = scenario_load(&o, "t.yaml", slice_of(text), &x->arena, &x->diags);
    diags_print(&x->diags, false, &x->text);
}

__attribute__((unused)) static void unload(struct loaded *x)
{
    scenario_done(x->s);
    diags_done(&x->diags);
    buf_done(&x->text);
    arena_done(&x->arena);
}

/* Loads what must have nothing wrong with it. */
__attribute__((unused)) static struct scenario *load_good(struct loaded *x, const char *text)
{
    load_with(x, NULL, text);
    assert_string_equal(buf_str(&x->text), "");
    assert_non_null(x->s);
    return x->s;
}

/* Loads what must be refused with exactly the one message (hint and source line aside). */
__attribute__((unused)) static void load_bad(const struct text_file *files, const char *text, const char *message)
{
    struct loaded x;
    load_with(&x, files, text);
    if (x.diags.n == 0) fail_msg("nothing is said, but should: %s", message);
    if (strcmp(x.diags.list[0].message, message) != 0 || x.diags.n != 1)
        fail_msg("wanted: %s\ngot:\n%s", message, buf_str(&x.text));
    unload(&x);
}

/* The same for one step of a client. */
__attribute__((unused)) static void step_bad(const char *step, const char *message)
{
    struct buf text = BUF_INIT(64 * 1024);
    buf_printf(&text, "sockrun: 1\nactors:\n  c:\n    steps:\n      - %s\n", step);
    load_bad(NULL, buf_str(&text), message);
    buf_done(&text);
}

#endif
