#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/path.h"

static void assert_normal(const char *folder, const char *path, const char *want)
{
    char got[PATH_MAX];
    assert_int_equal(path_normal(folder, path, got), 0);
    assert_string_equal(got, want);
}

static void normal_paths(void **state)
{
    (void)state;
    assert_normal("/a/b", "c", "/a/b/c");
    assert_normal("/a/b", "./c//d/.", "/a/b/c/d");
    assert_normal("/a/b", "../c", "/a/c");
    assert_normal("/a/b", "../../../../etc", "/etc");
    assert_normal("/a/b", "/x/../..", "/");
    assert_normal("/a/b", ".", "/a/b");
    assert_normal("/a/b/", "c/", "/a/b/c");
    assert_normal("/", "c", "/c");
    assert_normal("/a", "...", "/a/...");
    assert_normal("/a", "..c/.d", "/a/..c/.d");
}

static void no_paths(void **state)
{
    (void)state;
    char got[PATH_MAX] = "kept", name[2 * PATH_MAX];
    assert_int_equal(path_normal("/a", "", got), -ENOENT);
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(path_normal("/a", name, got), -ENAMETOOLONG);
    name[PATH_MAX - 2] = '\0';
    assert_int_equal(path_normal("/a", name, got), -ENAMETOOLONG);
    assert_int_equal(path_normal("/a", name + 1, got), -ENAMETOOLONG);
    assert_string_equal(got, "kept");
    assert_int_equal(path_normal("/", name, got), 0);
    assert_int_equal(strlen(got), PATH_MAX - 1);
}

static void below_and_beside(void **state)
{
    (void)state;
    assert_string_equal(path_below("/a", "/a/b/c"), "b/c");
    assert_string_equal(path_below("/a", "/a"), ".");
    assert_string_equal(path_below("/", "/a"), "a");
    assert_string_equal(path_below("/", "/"), ".");
    assert_null(path_below("/a", "/ab"));
    assert_null(path_below("/a/b", "/a"));
    assert_null(path_below("/a", "/"));
    assert_null(path_below("/a", "/b"));
}

static void parents(void **state)
{
    (void)state;
    char got[PATH_MAX] = "/a/b";
    path_parent(got, got);
    assert_string_equal(got, "/a");
    path_parent(got, got);
    assert_string_equal(got, "/");
    path_parent(got, got);
    assert_string_equal(got, "/");
}

static void links(void **state)
{
    (void)state;
    char folder[PATH_MAX], real[PATH_MAX], path[PATH_MAX + 16], got[PATH_MAX], want[PATH_MAX + 16];
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/sockrun-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(folder));
    assert_non_null(realpath(folder, real));
    snprintf(path, sizeof path, "%s/etc", folder);
    assert_int_equal(symlink("/etc", path), 0);
    assert_int_equal(path_real(path, got), 0);
    assert_string_equal(got, "/etc");
    snprintf(want, sizeof want, "%s/etc", real);
    assert_int_equal(path_real_parent(path, got), 0);
    assert_string_equal(got, want);
    snprintf(path, sizeof path, "%s/etc/none", folder);
    assert_int_equal(path_real(path, got), 0);
    assert_string_equal(got, "/etc/none");
    snprintf(path, sizeof path, "%s/none/none", folder);
    assert_int_equal(path_real(path, got), -ENOENT);
    snprintf(path, sizeof path, "%s/etc/..", folder);
    assert_int_equal(path_real_parent(path, got), 0);
    assert_string_equal(got, "/");
    snprintf(path, sizeof path, "%s/etc", folder);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normal_paths), cmocka_unit_test(no_paths), cmocka_unit_test(below_and_beside),
        cmocka_unit_test(parents),      cmocka_unit_test(links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
