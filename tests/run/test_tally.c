#include "run/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static enum sr_exit code_of(unsigned verdicts, bool strict, bool interrupted, bool broken)
{
    struct tally t;
    struct bus b;
    tally_init(&t);
    t.strict = strict;
    bus_init(&b);
    bus_add(&b, &t.sink);
    for (int v = 0; v < SR_VERDICTS; v++) {
        struct event e = {.kind = EVENT_VERDICT, .verdict = (enum sr_verdict)v};
        if (verdicts & 1U << v) bus_send(&b, &e);
    }
    struct event other = {.kind = EVENT_CASE, .verdict = SR_ERROR};
    bus_send(&b, &other);
    return tally_exit(&t, interrupted, broken);
}

/* The exit code of a run with these verdicts, a bit for each. */
static enum sr_exit code(unsigned verdicts, bool interrupted, bool broken)
{
    return code_of(verdicts, false, interrupted, broken);
}

static void test_strict(void **state)
{
    (void)state;
    assert_int_equal(code_of(1 << SR_PASS | 1 << SR_WARN, true, false, false), SR_EXIT_FAIL);
    assert_int_equal(code_of(1 << SR_ERROR | 1 << SR_WARN, true, false, false), SR_EXIT_ERROR);
    assert_int_equal(code_of(1 << SR_PASS | 1 << SR_XFAIL | 1 << SR_SKIP, true, false, false), SR_EXIT_OK);
}

static void test_exit_codes(void **state)
{
    (void)state;
    assert_int_equal(code(0, false, false), SR_EXIT_NONE);
    assert_int_equal(code(1 << SR_PASS, false, false), SR_EXIT_OK);
    assert_int_equal(code(1 << SR_SKIP, false, false), SR_EXIT_OK);
    assert_int_equal(code(1 << SR_SKIP | 1 << SR_PASS | 1 << SR_XFAIL | 1 << SR_WARN, false, false), SR_EXIT_OK);
    assert_int_equal(code(1 << SR_PASS | 1 << SR_XPASS, false, false), SR_EXIT_FAIL);
    assert_int_equal(code(1 << SR_PASS | 1 << SR_FAIL, false, false), SR_EXIT_FAIL);
    assert_int_equal(code(1 << SR_FAIL | 1 << SR_ERROR, false, false), SR_EXIT_ERROR);
    assert_int_equal(code(1 << SR_PASS, false, true), SR_EXIT_ERROR);
    assert_int_equal(code(1 << SR_FAIL, false, true), SR_EXIT_ERROR);
    assert_int_equal(code(1 << SR_ERROR, true, true), SR_EXIT_INTERRUPTED);
    assert_int_equal(code(0, true, false), SR_EXIT_INTERRUPTED);
}

static void test_what_fails(void **state)
{
    (void)state;
    assert_true(sr_verdict_failed(SR_FAIL) && sr_verdict_failed(SR_XPASS) && sr_verdict_failed(SR_ERROR));
    assert_false(sr_verdict_failed(SR_PASS) || sr_verdict_failed(SR_WARN) || sr_verdict_failed(SR_XFAIL) ||
                 sr_verdict_failed(SR_SKIP));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exit_codes), cmocka_unit_test(test_strict),
                                       cmocka_unit_test(test_what_fails)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
