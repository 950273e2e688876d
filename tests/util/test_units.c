#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "util/units.h"

static int64_t duration(const char *text)
{
    int64_t ns = -1;
    assert_null(units_duration(slice_of(text), &ns));
    return ns;
}

static void durations(void **state)
{
    (void)state;
    assert_int_equal(duration("200us"), 200000);
    assert_int_equal(duration("50ms"), 50 * NS_PER_MS);
    assert_int_equal(duration("5s"), 5 * NS_PER_S);
    assert_int_equal(duration("2m"), 120 * NS_PER_S);
    assert_int_equal(duration("1h"), 3600 * NS_PER_S);
    assert_int_equal(duration("7ns"), 7);
    assert_int_equal(duration("0s"), 0);
    assert_int_equal(duration("1.5s"), 1500 * NS_PER_MS);
    assert_int_equal(duration("0.000000001s"), 1);
    assert_int_equal(duration("0.0000000009s"), 0);
    assert_int_equal(duration("1.999999999s"), INT64_C(1999999999));
    assert_int_equal(duration("0.1h"), 360 * NS_PER_S);
    assert_int_equal(duration("4611686018427387903ns"), INT64_C(4611686018427387903));
    assert_int_equal(duration("00000000000000000000000000000001s"), NS_PER_S);
}

static void wrong_durations(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "5",
                                        "s",
                                        "-5s",
                                        "5 s",
                                        " 5s",
                                        "5s ",
                                        "5sec",
                                        "5S",
                                        "1.s",
                                        ".5s",
                                        "1..5s",
                                        "1e3s",
                                        "0x5s",
                                        "5µs",
                                        "+5s",
                                        "nan",
                                        "infs",
                                        "1,5s",
                                        "1.5",
                                        "4611686018427387904ns",
                                        "4611686018427387903us",
                                        "18446744073709551616ns",
                                        "99999999999999999999999h",
                                        "4611686018.427387904s"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int64_t ns = 77;
        assert_non_null(units_duration(slice_of(wrong[i]), &ns));
        assert_int_equal(ns, 77);
    }
    int64_t ns;
    assert_non_null(units_duration(SLICE("5s\0"), &ns));
    assert_string_equal(units_duration(SLICE("5"), &ns), "a duration needs a unit: us, ms, s or m");
}

static void sizes(void **state)
{
    (void)state;
    uint64_t n;
    assert_null(units_size(SLICE("512"), &n));
    assert_int_equal(n, 512);
    assert_null(units_size(SLICE("64KiB"), &n));
    assert_int_equal(n, 65536);
    assert_null(units_size(SLICE("1GiB"), &n));
    assert_int_equal(n, 1 << 30);
    assert_null(units_size(SLICE("18446744073709551615"), &n));
    assert_true(n == UINT64_MAX);
    static const char *const wrong[] = {"",
                                        "KiB",
                                        "-1",
                                        "1.5MiB",
                                        "1KB",
                                        "1kib",
                                        "1 KiB",
                                        "1K",
                                        "0x10",
                                        "18446744073709551616",
                                        "18014398509481984KiB",
                                        "17179869184GiB",
                                        "1TiB"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_non_null(units_size(slice_of(wrong[i]), &n));
    assert_true(n == UINT64_MAX);
}

static void whole_numbers(void **state)
{
    (void)state;
    int64_t n;
    assert_null(units_int(SLICE("-9223372036854775808"), &n));
    assert_true(n == INT64_MIN);
    assert_null(units_int(SLICE("9223372036854775807"), &n));
    assert_true(n == INT64_MAX);
    assert_null(units_int(SLICE("0x7fffffffffffffff"), &n));
    assert_true(n == INT64_MAX);
    assert_null(units_int(SLICE("0xFf"), &n));
    assert_int_equal(n, 255);
    assert_null(units_int(SLICE("-0"), &n));
    assert_int_equal(n, 0);
    static const char *const wrong[] = {"",
                                        "-",
                                        "0x",
                                        "0xg",
                                        "-0x1",
                                        "--1",
                                        "+1",
                                        "1 ",
                                        " 1",
                                        "1.0",
                                        "1e3",
                                        "0x8000000000000000",
                                        "9223372036854775808",
                                        "-9223372036854775809",
                                        "99999999999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_non_null(units_int(slice_of(wrong[i]), &n));
    assert_int_equal(n, 0);
}

static void numbers(void **state)
{
    (void)state;
    double x;
    assert_null(units_number(SLICE("-1.5e3"), &x));
    assert_true(x == -1500);
    assert_null(units_number(SLICE("0x10"), &x));
    assert_true(x == 16);
    assert_null(units_number(SLICE("1E+2"), &x));
    assert_true(x == 100);
    static const char *const wrong[] = {"",   "-",  "nan",   "inf",   "-inf", "1e", "1e+",
                                        ".5", "5.", "1e999", "0x1p3", "1 ",   "1_0"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_non_null(units_number(slice_of(wrong[i]), &x));
    char long_one[2000];
    memset(long_one, '1', sizeof long_one);
    assert_non_null(units_number((struct slice){long_one, sizeof long_one}, &x));
    assert_true(x == 100);
}

static void shown_durations(void **state)
{
    (void)state;
    static const struct {
        int64_t ns;
        const char *text;
    } rows[] = {{0, "0 s"},
                {1, "1 ns"},
                {999, "999 ns"},
                {1000, "1 us"},
                {850000, "850 us"},
                {999499, "999 us"},
                {999500, "1 ms"},
                {NS_PER_MS, "1 ms"},
                {1234567, "1.23 ms"},
                {12345678, "12.3 ms"},
                {123456789, "123 ms"},
                {1500 * NS_PER_MS, "1.5 s"},
                {9996 * NS_PER_MS, "10 s"},
                {59996 * NS_PER_MS, "1 m"},
                {90 * NS_PER_S, "1.5 m"},
                {120 * NS_PER_S, "2 m"},
                {3600 * NS_PER_S, "1 h"},
                {-5 * NS_PER_MS, "-5 ms"},
                {INT64_MIN, "-2562048 h"}};
    char text[UNITS_TEXT];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(units_show_duration(rows[i].ns, text), rows[i].text);
}

static void shown_sizes(void **state)
{
    (void)state;
    static const struct {
        uint64_t n;
        const char *text;
    } rows[] = {{0, "0 bytes"},           {1, "1 byte"},      {17, "17 bytes"},
                {1023, "1023 bytes"},     {1024, "1 KiB"},    {65536, "64 KiB"},
                {1536 * 1024, "1.5 MiB"}, {1048575, "1 MiB"}, {UINT64_MAX, "17179869184 GiB"}};
    char text[UNITS_TEXT];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(units_show_size(rows[i].n, text), rows[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations),     cmocka_unit_test(wrong_durations), cmocka_unit_test(sizes),
        cmocka_unit_test(whole_numbers), cmocka_unit_test(numbers),         cmocka_unit_test(shown_durations),
        cmocka_unit_test(shown_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
