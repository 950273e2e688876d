#include "report/keep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/mem.h"
#include "util/path.h"

/* A folder with `from` in it. */
struct fixture {
    char path[512], from[600], to[600];
    struct buf notes;
};

static int setup(void **state)
{
    const char *tmp = getenv("TMPDIR");
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->path, sizeof f->path, "%s/keep-XXXXXX", tmp ? tmp : "/tmp");
    if (!f || !mkdtemp(f->path)) return -1;
    snprintf(f->from, sizeof f->from, "%s/from", f->path);
    snprintf(f->to, sizeof f->to, "%s/to", f->path);
    f->notes = BUF_INIT(1 << 20);
    *state = f;
    return mkdir(f->from, 0700);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    path_remove(f->path);
    buf_done(&f->notes);
    free(f);
    return 0;
}

static const char *below(const char *folder, const char *name)
{
    static char path[1200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put(const struct fixture *f, const char *name, const char *text, off_t size)
{
    const int fd = open(below(f->from, name), O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    if (size) assert_int_equal(ftruncate(fd, size), 0);
    close(fd);
}

static void is_kept(const struct fixture *f, const char *name, const char *text)
{
    char got[256] = "";
    const int fd = open(below(f->to, name), O_RDONLY);
    assert_true(fd >= 0);
    assert_true(read(fd, got, sizeof got - 1) >= 0);
    close(fd);
    assert_string_equal(got, text);
}

static off_t size_of(const struct fixture *f, const char *name)
{
    struct stat st;
    return stat(below(f->to, name), &st) == 0 ? st.st_size : -1;
}

static void test_tree(void **state)
{
    struct fixture *f = *state;
    put(f, "a", "one", 0);
    put(f, "empty", "", 0);
    assert_int_equal(mkdir(below(f->from, "sub"), 0700), 0);
    put(f, "sub/b", "two", 0);
    assert_int_equal(symlink("/etc/passwd", below(f->from, "link")), 0);
    assert_int_equal(mkfifo(below(f->from, "pipe"), 0600), 0);
    assert_null(keep_folder(f->from, f->to, NULL, &f->notes));
    is_kept(f, "a", "one");
    is_kept(f, "empty", "");
    is_kept(f, "sub/b", "two");
    assert_int_equal(size_of(f, "link"), -1);
    assert_int_equal(size_of(f, "pipe"), -1);
    assert_non_null(strstr(buf_str(&f->notes), "tmp/link: a symbolic link, not kept\n"));
    assert_non_null(strstr(buf_str(&f->notes), "tmp/pipe: a pipe, not kept\n"));
}

static void test_secrets(void **state)
{
    struct fixture *f = *state;
    const struct slice secret = SLICE("hunter22");
    struct mask *mask = mask_new(&secret, 1);
    put(f, "h.cfg", "user x\npassword hunter22\n", 0);
    assert_null(keep_folder(f->from, f->to, mask, &f->notes));
    is_kept(f, "h.cfg", "user x\npassword ********\n");
    mask_free(mask);
}

static void test_large(void **state)
{
    struct fixture *f = *state;
    put(f, "large", "begin", 100 << 20);
    assert_null(keep_folder(f->from, f->to, NULL, &f->notes));
    assert_int_equal(size_of(f, "large"), 16 << 20);
    assert_string_equal(buf_str(&f->notes), "tmp/large: only the first 16 MiB of 100 MiB are kept\n");
}

static void test_many(void **state)
{
    struct fixture *f = *state;
    char name[16];
    for (int i = 0; i < 1003; i++) {
        snprintf(name, sizeof name, "%d", i);
        put(f, name, "", 0);
    }
    assert_null(keep_folder(f->from, f->to, NULL, &f->notes));
    assert_string_equal(buf_str(&f->notes), "tmp: 3 more files and folders are not kept\n");
}

/* What is left of 64 MiB for the last one is less than a file may have. */
static void test_much(void **state)
{
    struct fixture *f = *state;
    char name[16];
    off_t all = 0;
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "%d", i);
        put(f, name, "", 15 << 20);
    }
    assert_null(keep_folder(f->from, f->to, NULL, &f->notes));
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "%d", i);
        if (size_of(f, name) > 0) all += size_of(f, name);
    }
    assert_int_equal(all, 64 << 20);
    assert_non_null(strstr(buf_str(&f->notes), "only the first 4 MiB of 15 MiB are kept\n"));
    assert_non_null(strstr(buf_str(&f->notes), "tmp: 1 more files and folders are not kept\n"));
}

static void test_cannot_write(void **state)
{
    struct fixture *f = *state;
    char *why = keep_folder(f->from, "/proc/nothing", NULL, &f->notes);
    assert_non_null(why);
    assert_non_null(strstr(why, "cannot write /proc/nothing: "));
    mem_free(why);
}

/* It was removed meanwhile: nothing that the report could help. */
static void test_gone(void **state)
{
    struct fixture *f = *state;
    assert_null(keep_folder(below(f->path, "none"), f->to, NULL, &f->notes));
    assert_string_equal(buf_str(&f->notes), "tmp: No such file or directory\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tree, setup, teardown),
        cmocka_unit_test_setup_teardown(test_secrets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_much, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cannot_write, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
