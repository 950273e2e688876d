#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "util/buf.h"

static void grows_from_64_by_doubling(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(1 << 20);
    assert_null(b.p);
    assert_string_equal(buf_str(&b), "");
    assert_true(buf_addc(&b, 'x'));
    assert_int_equal(b.size, 64);
    for (int i = 0; i < 63; i++)
        assert_true(buf_addc(&b, 'x'));
    assert_int_equal(b.size, 128);
    assert_int_equal(strlen(b.p), 64);
    buf_done(&b);
    assert_null(b.p);
    assert_int_equal(b.max, 1 << 20);
}

static void nothing_goes_over_the_cap_in_part(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(5);
    assert_true(buf_adds(&b, "abc"));
    assert_false(buf_adds(&b, "def"));
    assert_true(b.overflow);
    assert_string_equal(b.p, "abc");
    assert_false(buf_printf(&b, "%d", 123));
    assert_string_equal(b.p, "abc");
    assert_true(buf_adds(&b, "de"));
    assert_true(b.overflow);
    assert_false(buf_addc(&b, 'f'));
    assert_string_equal(buf_str(&b), "abcde");
    assert_int_equal(b.size, 6);
    buf_clear(&b);
    assert_false(b.overflow);
    assert_string_equal(b.p, "");
    buf_done(&b);
}

static void huge_requests_do_not_wrap(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(100);
    buf_adds(&b, "abc");
    assert_null(buf_room(&b, SIZE_MAX));
    assert_null(buf_room(&b, SIZE_MAX - 3));
    assert_string_equal(b.p, "abc");
    buf_done(&b);
}

static void no_cap_no_bytes(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_false(buf_addc(&b, 'x'));
    assert_true(b.overflow);
    assert_true(buf_adds(&b, ""));
    assert_string_equal(buf_str(&b), "");
    buf_done(&b);
}

static void printing(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(1000);
    for (int n = 0; n < 200; n++) {
        buf_clear(&b);
        assert_true(buf_printf(&b, "%*s", n, ""));
        assert_true(buf_printf(&b, "%s-%d", "end", n));
        assert_int_equal(strlen(b.p), b.n);
        assert_int_equal(strncmp(b.p + n, "end-", 4), 0);
    }
    buf_done(&b);
}

static void room_and_drop(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(1000);
    char *p = buf_room(&b, 10);
    memcpy(p, "0123456789", 10);
    b.n += 4;
    assert_string_equal(buf_str(&b), "0123");
    buf_drop(&b, 1);
    assert_string_equal(b.p, "123");
    buf_drop(&b, 3);
    assert_string_equal(b.p, "");
    buf_drop(&b, 0);
    assert_true(buf_add(&b, SLICE("a\0b")));
    assert_true(slice_eq(buf_slice(&b), SLICE("a\0b")));
    buf_done(&b);
    buf_drop(&b, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_from_64_by_doubling),
        cmocka_unit_test(nothing_goes_over_the_cap_in_part),
        cmocka_unit_test(huge_requests_do_not_wrap),
        cmocka_unit_test(no_cap_no_bytes),
        cmocka_unit_test(printing),
        cmocka_unit_test(room_and_drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
