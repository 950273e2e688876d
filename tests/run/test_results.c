#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/results.h"

static char folder[256], path[300];

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "%s/results.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/results", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static struct results *open_results(void)
{
    const char *why;
    struct results *r = results_new(path, &why);
    assert_null(why);
    return r;
}

static void take(struct results *r, bool keep, const char *name, enum sr_verdict v, int64_t duration)
{
    struct event_sink *sink = results_sink(r, keep, true);
    const struct event e = {
        .kind = EVENT_VERDICT, .file = "a\tb.yaml", .case_name = name, .verdict = v, .duration = duration};
    sink->take(sink, &e);
}

static void write_file(const char *text)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_comes_back(void **state)
{
    (void)state;
    struct results *r = open_results();
    take(r, false, "x\\ny\n (run 1)", SR_FAIL, 7);
    take(r, false, "x\\ny\n (run 2)", SR_PASS, 8);
    take(r, false, "z (run 1)", SR_PASS, 9);
    assert_null(results_save(r));
    results_free(r);
    r = open_results();
    const struct result *one = results_find(r, "./a\tb.yaml", "x\\ny\n");
    assert_non_null(one);
    /* The worst of several, and how long the last one took. */
    assert_int_equal(one->verdict, SR_FAIL);
    assert_int_equal(one->duration, 8);
    assert_null(results_find(r, "a", "b.yaml\tz"));
    /* A part of a run leaves what the other parts reckon with. */
    take(r, true, "x\\ny\n (run 1)", SR_PASS, 100);
    take(r, true, "new (run 1)", SR_PASS, 100);
    one = results_find(r, "a\tb.yaml", "x\\ny\n");
    assert_int_equal(one->verdict, SR_PASS);
    assert_int_equal(one->duration, 8);
    assert_int_equal(results_find(r, "a\tb.yaml", "new")->duration, 0);
    results_free(r);
}

static void test_refuses(void **state)
{
    (void)state;
    static const char *const texts[] = {"x", "sockrun results 1\npass\t1\ta\tb", "sockrun results 1\npass\t1\ta\n",
                                        "sockrun results 1\nwell\t1\ta\tb\n", "sockrun results 1\npass\t-1\ta\tb\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *why;
        write_file(texts[i]);
        struct results *r = results_new(path, &why);
        if (!why) fail_msg("taken: %s", texts[i]);
        results_free(r);
    }
}

static void test_keeps_the_old_one(void **state)
{
    (void)state;
    struct results *r = open_results();
    take(r, false, "x", SR_PASS, 1);
    assert_null(results_save(r));
    results_free(r);
    const char *why;
    char elsewhere[400];
    snprintf(elsewhere, sizeof elsewhere, "%s/none/results", folder);
    r = results_new(elsewhere, &why);
    assert_null(why);
    assert_non_null(strstr(results_save(r), "No such file"));
    results_free(r);
    assert_int_equal(access(path, R_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keeps_the_old_one, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
