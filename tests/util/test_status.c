#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "sockrun/status.h"
#include "sockrun/verdict.h"
#include "util/clock.h"
#include "util/permit.h"
#include "util/units.h"

static void errors_have_a_meaning(void **state)
{
    (void)state;
    static const struct {
        int error;
        enum sr_status status;
    } rows[] = {{EPIPE, SR_RESET},
                {ECONNRESET, SR_RESET},
                {ECONNREFUSED, SR_REFUSED},
                {ENOENT, SR_REFUSED},
                {ETIMEDOUT, SR_TIMEOUT},
                {EHOSTUNREACH, SR_UNREACHABLE},
                {ENETUNREACH, SR_UNREACHABLE},
                {PERMIT_DENIED, SR_DENIED},
                {EMFILE, SR_SYSTEM},
                {EADDRINUSE, SR_SYSTEM},
                {EACCES, SR_SYSTEM},
                {0, SR_SYSTEM}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(sr_status_of_errno(rows[i].error), rows[i].status);
    for (int error = 0; error < 300; error++)
        assert_int_not_equal(sr_status_of_errno(error), SR_OK);
}

static void statuses_have_names(void **state)
{
    (void)state;
    static const char *const names[] = {"ok",          "closed", "reset",  "refused", "timeout",
                                        "unreachable", "tls",    "denied", "system"};
    for (int s = SR_OK; s <= SR_SYSTEM; s++)
        assert_string_equal(sr_status_name((enum sr_status)s), names[s]);
}

static void verdicts(void **state)
{
    (void)state;
    for (int v = 0; v < SR_VERDICTS; v++)
        assert_int_equal(sr_verdict_of_name(sr_verdict_name((enum sr_verdict)v)), v);
    assert_int_equal(sr_verdict_of_name(""), -1);
    assert_int_equal(sr_verdict_of_name("PASS"), -1);
    assert_int_equal(sr_verdict_of_name("passed"), -1);
    assert_int_equal(sr_verdict_worst(SR_PASS, SR_ERROR), SR_ERROR);
    assert_int_equal(sr_verdict_worst(SR_FAIL, SR_XPASS), SR_FAIL);
    assert_int_equal(sr_verdict_worst(SR_SKIP, SR_PASS), SR_PASS);
}

static void clocks(void **state)
{
    (void)state;
    int64_t before = clock_now(), after = clock_now();
    assert_true(before > 0 && after >= before);
    /* 2020 */
    assert_true(clock_wall() / NS_PER_S > 1577836800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_have_a_meaning),
        cmocka_unit_test(statuses_have_names),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
