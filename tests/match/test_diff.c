#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "match/diff.h"
#include "util/buf.h"
#include "util/mem.h"

static void first_difference(void **state)
{
    (void)state;
    assert_int_equal(diff_first(SLICE("abc"), SLICE("abd")), 2);
    assert_int_equal(diff_first(SLICE("abc"), SLICE("ab")), 2);
    assert_int_equal(diff_first(SLICE("ab"), SLICE("abc")), 2);
    assert_int_equal(diff_first(SLICE("a\0c"), SLICE("a\0d")), 2);
    assert_int_equal(diff_first((struct slice){NULL, 0}, SLICE("x")), 0);
    assert_int_equal(diff_first((struct slice){NULL, 0}, (struct slice){NULL, 0}), 0);
}

static void first_difference_at_every_place(void **state)
{
    (void)state;
    enum { N = 1100 };
    char *a = mem_zalloc(N), *b = mem_zalloc(N);
    for (size_t i = 0; i < N; i++) {
        b[i] = 1;
        assert_int_equal(diff_first((struct slice){a, N}, (struct slice){b, N}), i);
        assert_int_equal(diff_first((struct slice){a, i}, (struct slice){b, N}), i);
        b[i] = 0;
    }
    mem_free(a);
    mem_free(b);
}

static void difference_at_the_end_of_much(void **state)
{
    (void)state;
    size_t n = 10 * 1024 * 1024;
    char *a = mem_zalloc(n), *b = mem_zalloc(n);
    b[n - 1] = 1;
    for (int i = 0; i < 10; i++)
        assert_int_equal(diff_first((struct slice){a, n}, (struct slice){b, n}), n - 1);
    mem_free(a);
    mem_free(b);
}

static void windows(void **state)
{
    (void)state;
    char text[100];
    memset(text, 'x', sizeof text);
    struct slice expected = {text, 100}, got = {text, 70};

    struct diff_window w = diff_window(expected, got, 50, 1, 1);
    assert_int_equal(w.from, 32);
    assert_ptr_equal(w.expected.p, text + 32);
    assert_int_equal(w.expected.n, 48);
    assert_int_equal(w.got.n, 38);

    w = diff_window(expected, got, 5, 3, 0);
    assert_int_equal(w.from, 0);
    assert_int_equal(w.expected.n, 16);

    w = diff_window(expected, got, 99, 0, SIZE_MAX);
    assert_int_equal(w.from, 96);
    assert_int_equal(w.expected.n, 4);
    assert_int_equal(w.got.n, 0);

    w = diff_window(expected, got, 20, SIZE_MAX, SIZE_MAX / 16);
    assert_int_equal(w.from, 0);
    assert_int_equal(w.expected.n, 100);

    w = diff_window((struct slice){NULL, 0}, got, 0, 1, 1);
    assert_int_equal(w.expected.n, 0);
    assert_int_equal(w.got.n, 32);
}

static void message_is(struct slice expected, struct slice got, size_t at, const char *text)
{
    struct buf out = BUF_INIT(1000);
    diff_message(expected, got, at, &out);
    assert_string_equal(buf_str(&out), text);
    buf_done(&out);
}

static void messages(void **state)
{
    (void)state;
    message_is(SLICE("a\r\n"), SLICE("a\n"), 1, "expected 0d \"\\r\", got 0a \"\\n\"");
    message_is(SLICE("ab"), SLICE("a"), 1, "expected 62 \"b\", got the end");
    message_is(SLICE("a"), SLICE("a\xff"), 1, "expected the end, got ff \"\\xff\"");
    message_is((struct slice){NULL, 0}, SLICE("\0"), 0, "expected the end, got 00 \"\\0\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_difference),
        cmocka_unit_test(first_difference_at_every_place),
        cmocka_unit_test(difference_at_the_end_of_much),
        cmocka_unit_test(windows),
        cmocka_unit_test(messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
