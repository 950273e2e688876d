#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/mem.h"

/* What a child that does `work` says on stderr, and its wait status. */
static int in_child(void (*work)(void), char *said, size_t size)
{
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        work();
        _exit(0);
    }
    close(ends[1]);
    ssize_t n, all = 0;
    while ((n = read(ends[0], said + all, size - 1 - (size_t)all)) > 0)
        all += n;
    said[all] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void overflow(void)
{
    void *p = mem_resize(NULL, SIZE_MAX / 2, 3);
    mem_free(p);
}

static void exhaustion_is_one_line_and_3(void **state)
{
    (void)state;
    char said[200];
    int status = in_child(overflow, said, sizeof said);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 3);
    assert_string_equal(said, "sockrun: out of memory\n");
}

static void nothing_is_something(void **state)
{
    (void)state;
    void *a = mem_alloc(0), *b = mem_zalloc(0), *c = mem_resize(NULL, 0, 8);
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    c = mem_resize(c, 4, 8);
    c = mem_resize(c, 0, 8);
    assert_non_null(c);
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(NULL);
}

static void copies_keep_nuls(void **state)
{
    (void)state;
    char *p = mem_dup(SLICE("a\0b"));
    assert_memory_equal(p, "a\0b", 4);
    mem_free(p);
    p = mem_dup((struct slice){0});
    assert_string_equal(p, "");
    mem_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exhaustion_is_one_line_and_3),
        cmocka_unit_test(nothing_is_something),
        cmocka_unit_test(copies_keep_nuls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
