#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "op/reader.h"

#include "op/harness.h"

static void come(struct harness *h, struct conn *c, const struct far_end *far, const char *text)
{
    far_write(far, text, strlen(text));
    harness_arrived(c, (int)strlen(text));
    harness_settle(h);
}

static void test_need_and_roll_back(void **state)
{
    struct harness *h = *state;
    struct conn c;
    struct far_end far;
    struct slice got;
    harness_conn(h, CONN_TCP, &c, &far);
    const struct reader first = reader_at_base(&c);
    assert_int_equal(reader_need(&first, 1, &got), READER_WAIT);
    assert_int_equal(got.n, 0);
    assert_int_equal(reader_need(&first, 0, &got), READER_THERE);
    come(h, &c, &far, "hello");
    assert_int_equal(reader_need(&first, 6, &got), READER_WAIT);
    assert_true(slice_is(got, "hello"));
    assert_int_equal(reader_need(&first, 2, &got), READER_THERE);
    assert_true(slice_is(got, "hello"));

    struct reader second = first;
    second.pos += 2;
    assert_true(slice_is(reader_rest(&second), "llo"));
    come(h, &c, &far, " world");
    assert_int_equal(reader_need(&second, 9, &got), READER_THERE);
    assert_true(slice_is(got, "llo world"));
    /* Nothing was taken by any of this. */
    assert_true(slice_is(reader_rest(&first), "hello world"));
    assert_int_equal(c.base, 0);
    second.pos += 100;
    assert_int_equal(reader_rest(&second).n, 0);
    conn_done(&c);
    far_close(&far);
}

static void test_end(void **state)
{
    struct harness *h = *state;
    struct conn c;
    struct far_end far;
    struct slice got;
    harness_conn(h, CONN_UNIX, &c, &far);
    const struct reader r = reader_at_base(&c);
    come(h, &c, &far, "bye");
    far_close(&far);
    harness_settle(h);
    assert_int_equal(reader_need(&r, 4, &got), READER_END);
    assert_true(slice_is(got, "bye"));
    assert_int_equal(reader_need(&r, 3, &got), READER_THERE);
    assert_int_equal(reader_more(&r, &got), READER_END);
    assert_true(slice_is(got, "bye"));
    conn_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HARNESS_TEST(test_need_and_roll_back),
        HARNESS_TEST(test_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
