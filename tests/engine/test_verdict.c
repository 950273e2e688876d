#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/verdict.h"

static void test_misses(void **state)
{
    (void)state;
    static const enum sr_verdict wanted[] = {[LEVEL_INHERIT] = SR_FAIL,
                                             [LEVEL_MUST] = SR_FAIL,
                                             [LEVEL_SHOULD] = SR_WARN,
                                             [LEVEL_MAY] = SR_PASS,
                                             [LEVEL_SETUP] = SR_ERROR};
    for (int level = LEVEL_INHERIT; level <= LEVEL_SETUP; level++) {
        assert_int_equal(verdict_of_miss("mismatch", (enum level)level), wanted[level]);
        assert_int_equal(verdict_of_miss("permission", (enum level)level), SR_ERROR);
    }
}

static struct event_failure failure(const char *kind, const char *message, bool warning)
{
    return (struct event_failure){.kind = kind, .message = message, .warning = warning};
}

static void test_expected_failures(void **state)
{
    (void)state;
    struct event_failure list[] = {failure("mismatch", "no close, but a byte", true),
                                   failure("timeout", "nothing had come", false)};
    struct verdict_facts f = {.worst = SR_FAIL, .failures = list, .nfailures = 2};
    assert_int_equal(verdict_of_case(&f), SR_FAIL);
    f.xfail = true;
    assert_int_equal(verdict_of_case(&f), SR_XFAIL);
    f.message = "nothing";
    assert_int_equal(verdict_of_case(&f), SR_XFAIL);
    f.message = "timeout";
    assert_int_equal(verdict_of_case(&f), SR_XFAIL);
    /* A warning is not what it failed of. */
    f.message = "no close";
    assert_int_equal(verdict_of_case(&f), SR_FAIL);
    f.worst = SR_WARN;
    assert_int_equal(verdict_of_case(&f), SR_XFAIL);
    /* An error is never expected. */
    f.worst = SR_ERROR;
    f.message = NULL;
    assert_int_equal(verdict_of_case(&f), SR_ERROR);
    f = (struct verdict_facts){.worst = SR_PASS, .xfail = true, .message = "x"};
    assert_int_equal(verdict_of_case(&f), SR_XPASS);
}

static void test_skips(void **state)
{
    (void)state;
    struct event_failure one = failure("warn", "slow", true);
    struct verdict_facts f = {.worst = SR_PASS, .skip = "not today", .xfail = true};
    assert_int_equal(verdict_of_case(&f), SR_SKIP);
    f = (struct verdict_facts){.worst = SR_WARN, .skip = "not today", .failures = &one, .nfailures = 1};
    assert_int_equal(verdict_of_case(&f), SR_WARN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_misses),
        cmocka_unit_test(test_expected_failures),
        cmocka_unit_test(test_skips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
