#include "run/paths.h"

#include <fcntl.h>
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

static char folder[256];

static void make(const char *name)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static int set_up(void **state)
{
    const char *tmp = getenv("TMPDIR");
    struct paths *p = calloc(1, sizeof *p);
    snprintf(folder, sizeof folder, "%s/paths.XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(mkdir("d", 0700) | mkdir("d/sub", 0700) | mkdir("d/.hidden", 0700) | mkdir("empty", 0700), 0);
    make("d/b.yaml");
    make("d/a.yml");
    make("d/notes.txt");
    make("d/.c.yaml");
    make("d/sub/z.yaml");
    make("d/.hidden/h.yaml");
    make("d/z.yaml:7");
    assert_int_equal(symlink("../..", "d/sub/up") | symlink("../b.yaml", "d/sub/link.yaml"), 0);
    paths_init(p);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    static const char *const files[] = {"d/b.yaml",   "d/a.yml",      "d/notes.txt",
                                        "d/.c.yaml",  "d/sub/z.yaml", "d/.hidden/h.yaml",
                                        "d/z.yaml:7", "d/sub/up",     "d/sub/link.yaml"};
    static const char *const folders[] = {"d/.hidden", "d/sub", "d", "empty"};
    paths_done(*state);
    free(*state);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        unlink(files[i]);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        rmdir(folders[i]);
    return chdir("/") | rmdir(folder);
}

static void test_walks_sorted(void **state)
{
    struct paths *p = *state;
    assert_true(paths_add(p, "d"));
    assert_int_equal(p->n, 3);
    assert_string_equal(p->files[0].name, "d/a.yml");
    assert_string_equal(p->files[1].name, "d/b.yaml");
    assert_string_equal(p->files[2].name, "d/sub/z.yaml");
    assert_true(p->files[0].whole);
    assert_int_equal(p->wrong.n, 0);
}

static void test_here(void **state)
{
    struct paths *p = *state;
    assert_int_equal(chdir("d"), 0);
    assert_true(paths_add(p, "."));
    assert_string_equal(p->files[0].name, "a.yml");
    assert_true(paths_add(p, "sub/"));
    assert_string_equal(p->files[2].name, "sub/z.yaml");
    assert_int_equal(p->n, 3);
    assert_int_equal(chdir(".."), 0);
}

static void test_once(void **state)
{
    struct paths *p = *state;
    assert_true(paths_add(p, "d/b.yaml"));
    assert_true(paths_add(p, "./d/../d/b.yaml"));
    assert_true(paths_add(p, "d/sub/link.yaml"));
    assert_int_equal(p->n, 1);
    assert_true(paths_add(p, "d"));
    assert_int_equal(p->n, 3);
    assert_string_equal(p->files[0].name, "d/b.yaml");
}

static void test_lines(void **state)
{
    struct paths *p = *state;
    assert_true(paths_add(p, "d/b.yaml:42"));
    assert_true(paths_add(p, "d/b.yaml:7"));
    assert_int_equal(p->n, 1);
    assert_false(p->files[0].whole);
    assert_int_equal(p->files[0].nlines, 2);
    assert_int_equal(p->files[0].lines[0], 42);
    assert_int_equal(p->files[0].lines[1], 7);
    assert_true(paths_add(p, "d/b.yaml"));
    assert_true(p->files[0].whole);
    assert_true(paths_add(p, "d/z.yaml:7"));
    assert_string_equal(p->files[1].name, "d/z.yaml:7");
    assert_true(p->files[1].whole);
}

static void expect_wrong(struct paths *p, const char *path, const char *why)
{
    buf_clear(&p->wrong);
    assert_false(paths_add(p, path));
    if (!strstr(buf_str(&p->wrong), why)) fail_msg("%s", buf_str(&p->wrong));
}

static void test_wrong(void **state)
{
    struct paths *p = *state;
    expect_wrong(p, "none.yaml", "none.yaml: No such file");
    expect_wrong(p, "none.yaml:3", "none.yaml: No such file");
    expect_wrong(p, "d/b.yaml:0", "d/b.yaml:0: No such file");
    expect_wrong(p, "d/b.yaml:x", "d/b.yaml:x: No such file");
    expect_wrong(p, "d/b.yaml:99999999999999999999", "No such file");
    expect_wrong(p, "d:3", "is a folder");
    expect_wrong(p, "no\033[31msuch", "no\\x1b[31msuch");
    assert_int_equal(p->n, 0);
}

/* What lies beside scenarios may be modules: a script in a folder says by its name that it is one of tests. */
static void test_scripts(void **state)
{
    struct paths *p = *state;
    make("empty/b.lua");
    make("empty/b_test.lua");
    assert_true(paths_add(p, "empty"));
    assert_int_equal(p->n, 1);
    assert_string_equal(p->files[0].name, "empty/b_test.lua");
    assert_true(paths_add(p, "empty/b.lua"));
    assert_int_equal(p->n, 2);
    unlink("empty/b.lua");
    unlink("empty/b_test.lua");
}

static void test_empty(void **state)
{
    struct paths *p = *state;
    assert_true(paths_add(p, "empty"));
    assert_int_equal(p->n, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_walks_sorted), TEST(test_here),  TEST(test_once),   TEST(test_lines),
                                       TEST(test_wrong),        TEST(test_empty), TEST(test_scripts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
