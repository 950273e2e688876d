#ifndef TESTS_REPORT_JUDGE_H
#define TESTS_REPORT_JUDGE_H

/* Programs that know a form judge reports. Include behind cmocka.h. */

#include <sys/wait.h>
#include <unistd.h>

enum { JUDGE_NOT_THERE = 127, JUDGE_LACKS = 77 }; /* the program; what it needs */

/* Its exit code. What it says is worth reading only if it is not content. */
__attribute__((unused)) static int judge_run(const char *const argv[])
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        /* It takes pointers that are not const, and changes nothing. */
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(JUDGE_NOT_THERE);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Skips the test if the program, which is in `package`, is not there. */
__attribute__((unused)) static void judge(const char *package, const char *const argv[])
{
    int code = judge_run(argv);

    if (code == JUDGE_NOT_THERE || code == JUDGE_LACKS) {
        print_message("%s is not there: not judged by it\n", package);
        skip();
    }
    assert_int_equal(code, 0);
}

__attribute__((unused)) static void judge_junit(const char *path)
{
    judge("libxml2-utils", (const char *[]){"xmllint", "--nonet", "--noout", "--huge", "--schema",
                                            TEST_FOLDER "/report/junit.xsd", path, NULL});
}

/* stopped: the run was interrupted. */
__attribute__((unused)) static void judge_tap(const char *path, bool stopped)
{
    judge("node-tap-parser or python3-yaml",
          (const char *[]){"python3", TEST_FOLDER "/report/check_tap.py", path, stopped ? "stopped" : NULL, NULL});
}

#endif
