#include "run/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lua/state.h"
#include "util/mem.h"
#include "util/units.h"

/* Cases at lines 4, 7 and 10 (twice), the last line is 12. */
static const char three[] = "sockrun: 1\n"
                            "tags: [all]\n"
                            "cases:\n"
                            "  - name: first\n"
                            "    timeout: 2s\n"
                            "    actors: {x: {steps: [{log: hi}]}}\n"
                            "  - name: second\n"
                            "    tags: [slow]\n"
                            "    actors: {x: {steps: [{log: hi}]}}\n"
                            "  - name: third\n"
                            "    each: [1, 2]\n"
                            "    actors: {x: {steps: [{log: hi}]}}\n";
static const char nameless[] = "sockrun: 1\n\nactors: {x: {steps: [{log: hi}]}}\n";
static const char wrong[] = "sockrun: 1\nactors: {x: {steps: [{lgo: hi}, {log: hi, lgo: 1}]}}\n";
static const char including[] = "sockrun: 1\ninclude: [part.yaml]\nactors: {x: {steps: [{call: greet}]}}\n";
static const char including_outside[] = "sockrun: 1\ninclude: [../out.yaml]\nactors: {x: {steps: [{log: hi}]}}\n";
static const char part[] = "macros: {greet: {steps: [{log: hi}]}}\n";

struct world {
    char folder[256];
    struct paths paths;
    struct suite suite;
    struct selection selection;
    struct settings settings;
};

static void put(const char *name, const char *text)
{
    FILE *f = fopen(name, "we");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int set_up(void **state)
{
    const char *tmp = getenv("TMPDIR");
    struct world *w = mem_zalloc(sizeof *w);
    snprintf(w->folder, sizeof w->folder, "%s/suite.XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(w->folder));
    assert_int_equal(chdir(w->folder), 0);
    assert_int_equal(mkdir("d", 0700), 0);
    put("d/three.yaml", three);
    put("d/nameless.yaml", nameless);
    paths_init(&w->paths);
    w->settings.permit = permit_new();
    w->settings.timeout_scale = 1;
    w->settings.lua_memory = LUASTATE_CAP;
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    static const char *const files[] = {"d/three.yaml", "d/nameless.yaml", "d/wrong.yaml", "d/wrong2.yaml",
                                        "d/in.yaml",    "d/in2.yaml",      "d/part.yaml",  "out.yaml"};
    struct world *w = *state;
    suite_done(&w->suite);
    paths_done(&w->paths);
    permit_free((struct permit *)(uintptr_t)w->settings.permit);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        unlink(files[i]);
    int result = rmdir("d") | chdir("/") | rmdir(w->folder);
    mem_free(w);
    return result;
}

static bool load(struct world *w, const char *path)
{
    assert_true(paths_add(&w->paths, path));
    return suite_load(&w->suite, &w->paths, &w->settings, &w->selection);
}

static void test_cases(void **state)
{
    struct world *w = *state;
    assert_true(load(w, "d"));
    assert_int_equal(w->suite.diags.n, 0);
    assert_int_equal(w->suite.n, 2);
    assert_int_equal(w->suite.ncases, 5);
    assert_int_equal(w->suite.nselected, 5);
    const struct suite_file *f = &w->suite.files[0];
    assert_string_equal(f->name, "d/nameless.yaml");
    assert_string_equal(f->cases[0].name, "");
    assert_string_equal(strrchr(f->folder, '/'), "/d");
    assert_true(f->folder[0] == '/');
    f = &w->suite.files[1];
    assert_string_equal(f->cases[0].name, "first");
    assert_string_equal(f->cases[0].tags, "all");
    assert_int_equal(f->cases[0].timeout, 2 * NS_PER_S);
    assert_int_equal(f->cases[0].line, 4);
    assert_string_equal(f->cases[1].tags, "all slow");
    assert_int_equal(f->cases[1].timeout, 30 * NS_PER_S);
    assert_int_equal(f->cases[1].line, 7);
    assert_int_equal(f->cases[2].line, f->cases[3].line);
    assert_true(slice_is(f->texts[0].text, three));
    assert_true(slice_is(suite_line(f, 5), "    timeout: 2s"));
    assert_null(suite_line(f, 13).p);
    assert_null(suite_line(f, 0).p);
}

static void expect_selected(void **state, const char *path, const char *indices)
{
    struct world *w = *state;
    char text[32] = "";
    if (!load(w, path)) fail_msg("%s", buf_str(&w->paths.wrong));
    const struct suite_file *f = &w->suite.files[0];
    for (uint32_t i = 0; i < f->nselected; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%u ", f->selected[i]);
    assert_string_equal(text, indices);
}

static void test_line_of_the_first(void **state)
{
    expect_selected(state, "d/three.yaml:4", "0 ");
}

static void test_line_within(void **state)
{
    expect_selected(state, "d/three.yaml:9", "1 ");
}

static void test_line_of_rows(void **state)
{
    expect_selected(state, "d/three.yaml:12", "2 3 ");
}

static void test_any_line_of_the_only(void **state)
{
    expect_selected(state, "d/nameless.yaml:1", "0 ");
}

static void test_two_lines(void **state)
{
    struct world *w = *state;
    assert_true(paths_add(&w->paths, "d/three.yaml:4"));
    expect_selected(state, "d/three.yaml:8", "0 1 ");
}

static void test_line_before_all(void **state)
{
    struct world *w = *state;
    assert_false(load(w, "d/three.yaml:2"));
    assert_string_equal(buf_str(&w->paths.wrong), "d/three.yaml:2: there is no case at this line");
}

static void test_line_behind_the_end(void **state)
{
    assert_false(load(*state, "d/three.yaml:13"));
}

static void test_selection(void **state)
{
    struct world *w = *state;
    struct buf why = BUF_INIT(100);
    assert_true(selection_init(&w->selection, "three.yaml > [st]", "not slow", &why));
    assert_true(load(w, "d"));
    assert_int_equal(w->suite.ncases, 5);
    assert_int_equal(w->suite.nselected, 2);
    assert_int_equal(w->suite.files[0].nselected, 0);
    selection_done(&w->selection);
    buf_done(&why);
}

static void test_errors_of_all_files(void **state)
{
    struct world *w = *state;
    uint32_t errors, files;
    put("d/wrong.yaml", wrong);
    put("d/wrong2.yaml", wrong);
    assert_true(load(w, "d"));
    suite_errors(&w->suite, &errors, &files);
    assert_int_equal(errors, 4);
    assert_int_equal(files, 2);
}

static void test_an_error_in_what_two_include_counts_once(void **state)
{
    struct world *w = *state;
    uint32_t errors, files;
    put("d/in.yaml", including);
    put("d/in2.yaml", including);
    put("d/part.yaml", "macros: {greet: {steps: [{lgo: hi}]}}\n");
    assert_true(paths_add(&w->paths, "d/in.yaml"));
    assert_true(load(w, "d/in2.yaml"));
    suite_errors(&w->suite, &errors, &files);
    assert_int_equal(errors, 1);
    assert_int_equal(files, 1);
}

static void test_includes(void **state)
{
    struct world *w = *state;
    put("d/in.yaml", including);
    put("d/part.yaml", part);
    assert_true(load(w, "d/in.yaml"));
    assert_int_equal(w->suite.diags.n, 0);
    assert_int_equal(w->suite.files[0].ntexts, 2);
    assert_string_equal(strrchr(w->suite.files[0].texts[1].name, '/'), "/part.yaml");
    assert_true(slice_is(w->suite.files[0].texts[1].text, part));
}

static void test_includes_nothing_from_outside(void **state)
{
    struct world *w = *state;
    put("d/in.yaml", including_outside);
    put("out.yaml", part);
    assert_true(load(w, "d/in.yaml"));
    assert_int_equal(w->suite.diags.n, 1);
    assert_non_null(strstr(w->suite.diags.list[0].message, "not permitted without --allow-read="));
}

static void test_large_file(void **state)
{
    struct world *w = *state;
    put("d/wrong.yaml", "#");
    assert_int_equal(truncate("d/wrong.yaml", SUITE_FILE_MOST + 1), 0);
    assert_false(load(w, "d/wrong.yaml"));
    assert_string_equal(buf_str(&w->paths.wrong), "d/wrong.yaml: it has more than 16 MiB");
}

static void test_file_that_is_gone(void **state)
{
    struct world *w = *state;
    put("d/wrong.yaml", wrong);
    assert_true(paths_add(&w->paths, "d/wrong.yaml"));
    unlink("d/wrong.yaml");
    assert_false(load(w, "d/three.yaml"));
    assert_string_equal(buf_str(&w->paths.wrong), "d/wrong.yaml: No such file or directory");
    assert_int_equal(w->suite.n, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cases),
        TEST(test_line_of_the_first),
        TEST(test_line_within),
        TEST(test_line_of_rows),
        TEST(test_any_line_of_the_only),
        TEST(test_two_lines),
        TEST(test_line_before_all),
        TEST(test_line_behind_the_end),
        TEST(test_selection),
        TEST(test_errors_of_all_files),
        TEST(test_an_error_in_what_two_include_counts_once),
        TEST(test_includes),
        TEST(test_includes_nothing_from_outside),
        TEST(test_large_file),
        TEST(test_file_that_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
