#include "run/compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/buf.h"

static char path[4096];

/* A file below TMPDIR with that text, gone with the next one. */
static const char *file_with(const char *text)
{
    const char *base = getenv("TMPDIR");
    if (*path) unlink(path);
    snprintf(path, sizeof path, "%s/compare-XXXXXX", base ? base : "/tmp");
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

/* A report of one file, x.yaml, with these cases. */
static struct compare_report report(struct arena *a, const char *rest, const char *cases)
{
    struct compare_report r = {0};
    const char *text = arena_printf(
        a, "{\"report\":1,%s\"files\":[{\"file\":\"x.yaml\",\"duration\":1,\"cases\":[%s]}]}", rest, cases);
    assert_null(compare_read(file_with(text), a, &r));
    return r;
}

static struct comparison compare(struct arena *a, const char *was, const char *is)
{
    struct comparison c;
    const struct compare_report old = report(a, "", was), new = report(a, "", is);
    compare_reports(&old, &new, a, &c);
    return c;
}

static const char *one(struct arena *a, const char *verdict)
{
    return verdict ? arena_printf(a, "{\"case\":\"a\",\"line\":3,\"verdict\":\"%s\"}", verdict) : "";
}

/* What is told of one case with these verdicts; NULL: it is not there. */
static enum compare_change change(const char *was, const char *is)
{
    struct arena a;
    arena_init(&a);
    const struct comparison c = compare(&a, one(&a, was), one(&a, is));
    assert_int_equal(c.n, 1);
    assert_int_equal(c.of[c.pairs[0].change], 1);
    const enum compare_change result = c.pairs[0].change;
    arena_done(&a);
    return result;
}

static void test_verdicts(void **state)
{
    (void)state;
    assert_int_equal(change("pass", "pass"), COMPARE_SAME);
    assert_int_equal(change("skip", "skip"), COMPARE_SAME);
    assert_int_equal(change("fail", "fail"), COMPARE_SAME);
    assert_int_equal(change("pass", "fail"), COMPARE_FAILS);
    assert_int_equal(change("warn", "error"), COMPARE_FAILS);
    assert_int_equal(change("xfail", "xpass"), COMPARE_FAILS);
    assert_int_equal(change("skip", "fail"), COMPARE_FAILS);
    assert_int_equal(change(NULL, "fail"), COMPARE_NEW_FAILS);
    assert_int_equal(change("fail", "error"), COMPARE_WORSE);
    assert_int_equal(change("pass", "xfail"), COMPARE_WORSE);
    assert_int_equal(change("pass", "warn"), COMPARE_WORSE);
    assert_int_equal(change("pass", NULL), COMPARE_GONE);
    assert_int_equal(change("fail", NULL), COMPARE_GONE);
    assert_int_equal(change("pass", "skip"), COMPARE_SKIPPED);
    assert_int_equal(change("fail", "skip"), COMPARE_SKIPPED);
    assert_int_equal(change(NULL, "pass"), COMPARE_NEW);
    assert_int_equal(change(NULL, "skip"), COMPARE_NEW);
    assert_int_equal(change("fail", "pass"), COMPARE_BETTER);
    assert_int_equal(change("xfail", "pass"), COMPARE_BETTER);
    assert_int_equal(change("error", "fail"), COMPARE_BETTER);
    assert_int_equal(change("skip", "warn"), COMPARE_BETTER);
}

static void test_what_is_worse(void **state)
{
    (void)state;
    for (int i = 0; i < COMPARE_CHANGES; i++)
        assert_int_equal(compare_is_worse((enum compare_change)i), i < COMPARE_FLAKY);
}

static void test_a_run_that_was_ended(void **state)
{
    struct arena a;
    struct comparison c;
    (void)state;
    arena_init(&a);
    const struct compare_report old = report(&a, "", one(&a, "pass"));
    const struct compare_report new = report(&a, "\"ended\":\"interrupted\",", "");
    compare_reports(&old, &new, &a, &c);
    assert_int_equal(c.of[COMPARE_NOT_RUN], 1);
    arena_done(&a);
}

static void test_flaky(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a);
    const char *steady = "{\"case\":\"a\",\"verdict\":\"pass\"}";
    const char *flaky = "{\"case\":\"a\",\"verdict\":\"pass\",\"attempts\":2}";
    const char *failed = "{\"case\":\"a\",\"verdict\":\"fail\",\"attempts\":2}";
    assert_int_equal(compare(&a, steady, flaky).of[COMPARE_FLAKY], 1);
    assert_int_equal(compare(&a, flaky, flaky).of[COMPARE_SAME], 1);
    assert_int_equal(compare(&a, flaky, steady).of[COMPARE_BETTER], 1);
    assert_int_equal(compare(&a, flaky, failed).of[COMPARE_FAILS], 1);
    arena_done(&a);
}

/* By its name first, and by its id where the name is another one. */
static void test_same_case(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a);
    const char *was = "{\"case\":\"a\",\"id\":\"x\",\"verdict\":\"pass\"},{\"case\":\"b\",\"verdict\":\"fail\"}";
    const char *is = "{\"case\":\"b\",\"id\":\"y\",\"verdict\":\"fail\"},{\"case\":\"c\",\"id\":\"x\","
                     "\"verdict\":\"fail\"},{\"case\":\"d\",\"id\":\"z\",\"verdict\":\"pass\"}";
    const struct comparison c = compare(&a, was, is);
    assert_int_equal(c.n, 3);
    assert_int_equal(c.pairs[0].change, COMPARE_FAILS);
    assert_string_equal(c.pairs[0].was->name, "a");
    assert_string_equal(c.pairs[0].is->name, "c");
    assert_int_equal(c.pairs[1].change, COMPARE_NEW);
    assert_int_equal(c.pairs[2].change, COMPARE_SAME);
    arena_done(&a);
}

static void test_twice_in_one_report(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a);
    const char *twice = "{\"case\":\"a\",\"verdict\":\"fail\"},{\"case\":\"a\",\"verdict\":\"pass\"}";
    const struct comparison c = compare(&a, one(&a, "pass"), twice);
    assert_int_equal(c.n, 1);
    assert_int_equal(c.pairs[0].change, COMPARE_FAILS);
    arena_done(&a);
}

/* Worst first, then by place: not as they happened to end. */
static void test_order(void **state)
{
    struct arena a;
    struct buf got = BUF_INIT(1024);
    (void)state;
    arena_init(&a);
    const char *is = "{\"case\":\"p\",\"line\":9,\"verdict\":\"pass\"},{\"case\":\"f2\",\"line\":8,"
                     "\"verdict\":\"fail\"},{\"case\":\"f1\",\"line\":7,\"verdict\":\"fail\"},"
                     "{\"case\":\"f0\",\"line\":7,\"verdict\":\"fail\"}";
    const struct comparison c = compare(&a, "", is);
    for (uint32_t i = 0; i < c.n; i++)
        buf_printf(&got, "%s ", c.pairs[i].is->name);
    assert_string_equal(buf_str(&got), "f0 f1 f2 p ");
    buf_done(&got);
    arena_done(&a);
}

static void test_reason(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a);
    const struct compare_report r =
        report(&a, "",
               "{\"case\":\"a\",\"verdict\":\"fail\",\"failures\":[{\"kind\":\"warn\",\"message\":\"w\","
               "\"warning\":true},{\"kind\":\"mismatch\",\"message\":\"m\"}]},"
               "{\"case\":\"b\",\"verdict\":\"skip\",\"reason\":\"needs root\"},{\"case\":\"c\",\"verdict\":\"pass\"}");
    assert_string_equal(r.cases[0].reason, "mismatch: m");
    assert_string_equal(r.cases[1].reason, "needs root");
    assert_null(r.cases[2].reason);
    arena_done(&a);
}

static void test_no_report(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"report\":1}",
        "{\"report\":2,\"files\":[]}",
        "{\"report\":\"1\",\"files\":[]}",
        "{\"report\":1,\"files\":[7]}",
        "{\"report\":1,\"files\":[{\"file\":\"x\"}]}",
        "{\"report\":1,\"files\":[{\"file\":\"x\",\"cases\":[{}]}]}",
        "{\"report\":1,\"files\":[{\"file\":\"x\",\"cases\":[{\"case\":\"a\",\"verdict\":\"great\"}]}]}",
        "{\"stream\":1,\"event\":\"run\"}\n{\"event\":\"run_end\"}\n",
    };
    struct arena a;
    struct compare_report r;
    (void)state;
    arena_init(&a);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_non_null(compare_read(file_with(texts[i]), &a, &r));
    assert_string_equal(compare_read("/nonexistent/x.json", &a, &r), "No such file or directory");
    arena_done(&a);
}

static int remove_last(void **state)
{
    (void)state;
    return *path ? unlink(path) : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),  cmocka_unit_test(test_what_is_worse),
        cmocka_unit_test(test_flaky),     cmocka_unit_test(test_a_run_that_was_ended),
        cmocka_unit_test(test_same_case), cmocka_unit_test(test_twice_in_one_report),
        cmocka_unit_test(test_order),     cmocka_unit_test(test_reason),
        cmocka_unit_test(test_no_report),
    };
    return cmocka_run_group_tests(tests, NULL, remove_last);
}
