#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "scenario/includes.h"
#include "scenario/loading.h"

#define C "actors: {c: {steps: [close]}}\n"

static void test_paths(void **state)
{
    (void)state;
    static const struct {
        const char *from, *path, *result;
    } all[] = {
        {"a.yaml", "b.yaml", "b.yaml"},      {"x/a.yaml", "b.yaml", "x/b.yaml"}, {"x/a.yaml", "./b.yaml", "x/b.yaml"},
        {"x/a.yaml", "../b.yaml", "b.yaml"}, {"x/a.yaml", "../../b", "../b"},    {"../a.yaml", "../b", "../../b"},
        {"/x/a.yaml", "../b", "/b"},         {"/a.yaml", "../../b", "/b"},       {"/x/y/a.yaml", "../z//b", "/x/z/b"},
        {"x/a.yaml", "/etc/b", "/etc/b"},    {"x/a.yaml", "y/../../b/.", "b"},   {"a.yaml", "..", ".."},
    };
    struct arena a = {0};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        assert_string_equal(includes_path(&a, all[i].from, all[i].path), all[i].result);
    arena_done(&a);
}

static const char *var(const struct scenario *s, const char *name)
{
    for (uint32_t i = 0; i < s->vars.n; i++) {
        if (slice_is(s->vars.list[i]->key->text, name)) return s->vars.list[i]->value->text.p;
    }
    return NULL;
}

static void test_brings(void **state)
{
    (void)state;
    static const struct text_file files[] = {
        {"lib/common.yaml", "sockrun: 1\ninclude: base.yaml\nvars: {a: common, b: common}\n"
                            "macros: {m: {steps: [close]}, n: {steps: [close, close]}}\n"
                            "actors: {server: {listen: x}, c: {listen: y}}\n"},
        {"lib/base.yaml", "vars: {a: base, b: base, c: base}\nmacros: {n: {steps: []}}\n"},
        {0},
    };
    struct loaded x;
    load_with(&x, files,
              "sockrun: 1\ninclude: [lib/common.yaml, lib/base.yaml, lib/../lib/common.yaml]\n"
              "vars: {a: own}\nmacros: {m: {steps: []}}\n" C);
    assert_string_equal(buf_str(&x.text), "");
    assert_int_equal(x.reads, 2);
    assert_int_equal(x.s->nsources, 3);
    assert_string_equal(x.s->sources[0].name, "t.yaml");
    assert_string_equal(x.s->sources[1].name, "lib/common.yaml");
    assert_string_equal(x.s->sources[2].name, "lib/base.yaml");
    assert_int_equal(x.s->vars.n, 3);
    assert_string_equal(var(x.s, "a"), "own");
    assert_string_equal(var(x.s, "b"), "common");
    assert_string_equal(var(x.s, "c"), "base");
    assert_string_equal(x.s->vars.list[0]->key->text.p, "c");
    assert_int_equal(x.s->nmacros, 2);
    assert_int_equal(x.s->macros[0].block.n, 0);
    assert_int_equal(x.s->macros[1].block.n, 2);
    assert_int_equal(x.s->cases[0].nactors, 2);
    assert_int_equal(x.s->cases[0].actors[0].kind, ACTOR_PLAIN);
    assert_string_equal(x.s->cases[0].actors[1].name, "server");
    unload(&x);
}

static void test_clashes(void **state)
{
    (void)state;
    static const struct text_file files[] = {
        {"a.yaml", "vars: {v: a}\nmacros: {m: {steps: [close]}}\n"},
        {"b.yaml", "vars: {v: b}\nmacros: {m: {steps: [reset]}}\n"},
        {"c.yaml", "actors: {s: {listen: a}}\n"},
        {"d.yaml", "actors: {s: {listen: b}}\n"},
        {0},
    };
    load_bad(files, "sockrun: 1\ninclude: [a.yaml, b.yaml]\n" C, "macro `m` is defined in two included files");
    load_bad(files, "sockrun: 1\ninclude: [c.yaml, d.yaml]\n" C, "actor `s` is defined in two included files");
    struct loaded x;
    load_with(&x, files, "sockrun: 1\ninclude: [a.yaml, b.yaml]\nmacros: {m: {steps: []}}\n" C);
    assert_string_equal(buf_str(&x.text), "");
    assert_string_equal(var(x.s, "v"), "b");
    unload(&x);
    load_with(&x, files, "sockrun: 1\ninclude: [a.yaml, b.yaml]\n" C);
    assert_string_equal(x.diags.list[0].place.file, "b.yaml");
    assert_string_equal(x.diags.list[0].also.file, "a.yaml");
    unload(&x);
}

static void test_wrong(void **state)
{
    (void)state;
    static const struct text_file files[] = {
        {"cases.yaml", "cases: []\n"},
        {"steps.yaml", "steps: []\n"},
        {"typo.yaml", "macro: {}\n"},
        {"list.yaml", "[a]\n"},
        {"old.yaml", "sockrun: 0\nvars: {}\n"},
        {"target.yaml", "target: {too: a}\n"},
        {"use.yaml", "use: [a-b.lua]\n"},
        {"actors.yaml", "actors: [a]\n"},
        {"broken.yaml", "macros: {m: {steps: [clos]}}\n"},
        {"empty.yaml", "vars: {}\n"},
        {0},
    };
    static const struct {
        const char *path, *message;
    } all[] = {
        {"none.yaml", "cannot read `none.yaml`: No such file or directory"},
        {"\"\"", "cannot read ``: No such file or directory"},
        {"\"${x}.yaml\"", "`include` is read before anything runs, and takes no `${}`"},
        {"cases.yaml", "`cases` cannot stand in an included file"},
        {"steps.yaml", "`steps` cannot stand in an included file"},
        {"typo.yaml", "unknown key `macro` in an included file"},
        {"list.yaml", "an included file is a map, not a list"},
        {"old.yaml", "version `0` of the format is not known"},
        {"target.yaml", "unknown key `too` in `target`"},
        {"use.yaml", "a message module is a file `NAME.lua`, and its messages are called `NAME.message`"},
        {"actors.yaml", "`actors` is a map, not a list"},
        {"broken.yaml", "unknown step `clos`"},
        {"t.yaml", "`t.yaml` includes itself: t.yaml -> t.yaml"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char text[200];
        snprintf(text, sizeof text, "sockrun: 1\ninclude: [%s]\n" C, all[i].path);
        load_bad(files, text, all[i].message);
    }
    /* Without cases of its own there is nothing to add the actors to. */
    load_bad(files, "sockrun: 1\ninclude: [empty.yaml]\n", "nobody takes part");
}

static void test_circle(void **state)
{
    (void)state;
    static const struct text_file files[] = {
        {"x/a.yaml", "include: [../y/b.yaml]\n"},
        {"y/b.yaml", "include: [../x/../x/a.yaml]\n"},
        {0},
    };
    load_bad(files, "sockrun: 1\ninclude: x/a.yaml\n" C,
             "`x/a.yaml` includes itself: x/a.yaml -> y/b.yaml -> x/a.yaml");
}

static bool read_numbered(void *ctx, const char *path, struct slice *ret_text, const char **ret_why)
{
    struct arena *a = ctx;
    (void)ret_why;
    int n = 0;
    if (sscanf(path, "/here/%d", &n) != 1) return false;
    *ret_text = slice_of(arena_printf(a, "include: [%d]\n", n + 1));
    return true;
}

static void test_too_many(void **state)
{
    (void)state;
    struct loaded x = {.text = BUF_INIT(64 * 1024)};
    struct load_options o = {.steps = verbs, .folder = "/here", .read = read_numbered, .ctx = &x.arena};
    x.s = scenario_load(&o, "t.yaml", SLICE("sockrun: 1\ninclude: 1\n" C), &x.arena, &x.diags);
    assert_int_equal(x.diags.n, 1);
    assert_string_equal(x.diags.list[0].message, "more than 64 files");
    assert_int_equal(x.s->nsources, 64);
    unload(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths), cmocka_unit_test(test_brings), cmocka_unit_test(test_clashes),
        cmocka_unit_test(test_wrong), cmocka_unit_test(test_circle), cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
