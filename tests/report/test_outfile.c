#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/wait.h>

#include "report/folder.h"
#include "report/golden.h"
#include "report/outfile.h"

static void assert_holds(const char *path, const char *text)
{
    struct buf b = BUF_INIT(1024 * 1024);

    golden_read(path, &b);
    assert_string_equal(buf_str(&b), text);
    buf_done(&b);
}

static void the_file_is_there_at_the_end_only(void **state)
{
    struct folder *f = *state;
    struct outfile o;
    struct stat st;
    mode_t mask = umask(022);

    outfile_open(&o, f->file);
    outfile_add(&o, SLICE("hello"));
    assert_int_equal(access(f->file, F_OK), -1);
    outfile_commit(&o);
    assert_null(outfile_error(&o));
    outfile_done(&o);
    assert_holds(f->file, "hello");
    assert_int_equal(folder_count(f, 0), 1);
    assert_int_equal(stat(f->file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    umask(mask);
}

static void without_a_commit_nothing_changes(void **state)
{
    struct folder *f = *state;
    struct outfile o;

    outfile_open(&o, f->file);
    outfile_add(&o, SLICE("old"));
    outfile_commit(&o);
    outfile_done(&o);
    outfile_open(&o, f->file);
    outfile_add(&o, SLICE("new"));
    outfile_done(&o);
    assert_holds(f->file, "old");
    assert_int_equal(folder_count(f, 0), 1);
}

static void a_link_keeps_pointing(void **state)
{
    struct folder *f = *state;
    char link[PATH_MAX];
    struct outfile o;
    struct stat st;
    int fd = open(f->file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    close(fd);
    snprintf(link, sizeof(link), "%s/link", f->path);
    assert_int_equal(symlink("report", link), 0);
    outfile_open(&o, link);
    outfile_add(&o, SLICE("x"));
    outfile_commit(&o);
    outfile_done(&o);
    assert_holds(f->file, "x");
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(stat(link, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void a_full_disk_is_remembered(void **state)
{
    static char many[1024 * 1024];
    struct outfile o;

    (void)state;
    if (access("/dev/full", W_OK) != 0) skip();
    outfile_open(&o, "/dev/full");
    outfile_add(&o, (struct slice){many, sizeof(many)});
    outfile_commit(&o);
    assert_string_equal(outfile_error(&o), "cannot write /dev/full: No space left on device");
    outfile_done(&o);
    assert_int_equal(access("/dev/full", W_OK), 0);
}

static void a_folder_that_is_not_there_is_said(void **state)
{
    struct folder *f = *state;
    char path[PATH_MAX + 8], expected[2 * PATH_MAX];
    struct outfile o;

    snprintf(path, sizeof(path), "%s/no/x", f->path);
    snprintf(expected, sizeof(expected), "cannot write %s: No such file or directory", path);
    outfile_open(&o, path);
    outfile_add(&o, SLICE("x"));
    outfile_commit(&o);
    assert_string_equal(outfile_error(&o), expected);
    outfile_done(&o);
    outfile_open(&o, f->path);
    outfile_commit(&o);
    assert_non_null(strstr(outfile_error(&o), "Is a directory"));
    outfile_done(&o);
}

static void a_forked_child_writes_nothing_twice(void **state)
{
    struct folder *f = *state;
    struct outfile o;
    int status;

    outfile_open(&o, f->file);
    outfile_add(&o, SLICE("once"));
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        fflush(NULL);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    outfile_commit(&o);
    outfile_done(&o);
    assert_holds(f->file, "once");
}

static void much_is_written_in_full(void **state)
{
    struct folder *f = *state;
    struct outfile o;
    struct stat st;
    char part[1000] = {0};

    outfile_open(&o, f->file);
    for (int i = 0; i < 1000; i++)
        outfile_add(&o, (struct slice){part, sizeof(part)});
    outfile_commit(&o);
    outfile_done(&o);
    assert_int_equal(stat(f->file, &st), 0);
    assert_int_equal(st.st_size, 1000000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_file_is_there_at_the_end_only),
        TEST(without_a_commit_nothing_changes),
        TEST(a_link_keeps_pointing),
        TEST(a_full_disk_is_remembered),
        TEST(a_folder_that_is_not_there_is_said),
        TEST(a_forked_child_writes_nothing_twice),
        TEST(much_is_written_in_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
