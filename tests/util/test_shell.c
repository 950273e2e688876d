#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/shell.h"
#include "util/text.h"

enum { MOST = 16 * 1024 };

static struct slice quote(struct slice word, struct buf *out)
{
    *out = BUF_INIT(MOST);
    shell_quote(word, out);
    return buf_slice(out);
}

static void assert_quoted(const char *word, const char *want)
{
    struct buf out;
    struct slice got = quote(slice_of(word), &out);
    if (!slice_is(got, want)) fail_msg("%s, not %s", buf_str(&out), want);
    buf_done(&out);
}

static void test_words(void **state)
{
    (void)state;
    assert_quoted("scenarios/tcp/a-b_c.yaml:42", "scenarios/tcp/a-b_c.yaml:42");
    assert_quoted("", "''");
    assert_quoted("a b", "'a b'");
    assert_quoted("=ls", "'=ls'");
    assert_quoted("~root", "'~root'");
    assert_quoted("it's", "'it'\\''s'");
    assert_quoted("$(x) `y` \\ \"z\" !1 *?[a]", "'$(x) `y` \\ \"z\" !1 *?[a]'");
    assert_quoted("\xe6\x97\xa5 \xf0\x9f\x98\x80", "'\xe6\x97\xa5 \xf0\x9f\x98\x80'");
    assert_quoted("\033[2J'\n", "$'\\033[2J\\047\\012'");
    assert_quoted("\xff 1", "$'\\377 1'");
    assert_quoted("\xe2\x80\xae"
                  "a",
                  "$'\\342\\200\\256a'");
}

/* What bash makes of the words. */
static size_t read_by_bash(struct slice words, char *to, size_t size)
{
    int ends[2], status;
    size_t n = 0;
    ssize_t k;
    struct buf line = BUF_INIT(4 * MOST);
    buf_adds(&line, "printf %s ");
    buf_add(&line, words);
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        execlp("bash", "bash", "-c", buf_str(&line), (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    while ((k = read(ends[0], to + n, size - n)) > 0)
        n += (size_t)k;
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    buf_done(&line);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) skip();
    assert_int_equal(status, 0);
    return n;
}

/* Every byte, with what could be read as part of its escape behind it. */
static void test_a_shell_reads_it_back(void **state)
{
    char all[3 * 255], got[4 * sizeof all];
    size_t n = 0;
    struct buf out;
    (void)state;
    for (int c = 1; c < 256; c++) {
        all[n++] = (char)c;
        all[n++] = '0';
        all[n++] = 'f';
    }
    struct slice quoted = quote((struct slice){all, n}, &out);
    struct buf safe = BUF_INIT(MOST);
    text_safe(quoted, &safe);
    assert_true(slice_eq(buf_slice(&safe), quoted));
    assert_int_equal(read_by_bash(quoted, got, sizeof got), n);
    assert_memory_equal(got, all, n);
    buf_done(&out);
    buf_done(&safe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_a_shell_reads_it_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
