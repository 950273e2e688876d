#include "report/filename.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const char *of_case(const char *name)
{
    static struct buf out = {.max = 4096};
    buf_clear(&out);
    filename_of_case(name, &out);
    return buf_str(&out);
}

static const char *of_file(const char *name)
{
    static struct buf out = {.max = 4096};
    buf_clear(&out);
    filename_of_file(name, &out);
    return buf_str(&out);
}

static void test_plain(void **state)
{
    (void)state;
    assert_string_equal(of_case("it greets"), "it_greets");
    assert_string_equal(of_case("rows [n=1, m=2]"), "rows_[n=1,_m=2]");
    assert_string_equal(of_case(NULL), "case");
    assert_string_equal(of_case(""), "case");
    assert_string_equal(of_case("\xd0\xbf\xd1\x80\xd0\xb8 \xe4\xb8\x96\xe7\x95\x8c"),
                        "\xd0\xbf\xd1\x80\xd0\xb8_\xe4\xb8\x96\xe7\x95\x8c");
    assert_string_equal(of_file("scenarios/tcp/my_file.yaml"), "scenarios+tcp+my_file.yaml");
    assert_string_equal(of_file("././a.yaml"), "a.yaml");
    assert_string_equal(of_file("/tmp/a.yaml"), "+tmp+a.yaml");
}

/* What could lead elsewhere, end a command line or be taken for an option, or is not shown. */
static void test_hostile(void **state)
{
    static const char *const names[] = {
        "..",
        ".",
        "-rf",
        ".hidden",
        "a\nb",
        "a\"b",
        "a:b",
        "a*b?",
        "a\\b",
        "a|b<c>d",
        "a\x1b[0m",
        "~",
        "$HOME",
        "`x`",
        "a'b",
        "\xff\xfe",
        "a\xe2\x80\xae"
        "b",
        "\x7f",
        ";",
        "&",
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *got = of_case(names[i]);
        const size_t n = strlen(got);
        assert_true(n > 9);
        assert_int_equal(got[n - 9], '~');
        assert_int_equal(strspn(got + n - 8, "0123456789abcdef"), 8);
        assert_int_equal(strcspn(got, "/\\:*?\"<>|\n\r\x1b;&$`'"), n);
        assert_true(got[0] != '.' && got[0] != '-' && got[0] != '~');
    }
}

/* What is different stays different. */
static void test_collisions(void **state)
{
    static const char *const names[] = {"a b", "a_b", "a/b", "a+b", "a\tb", "a~b", "a:b", "a", "a ", " a", "case", "A"};
    enum { N = sizeof names / sizeof *names };
    char got[N][64];
    (void)state;
    for (size_t i = 0; i < N; i++)
        snprintf(got[i], sizeof got[i], "%s", of_case(names[i]));
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(got[i], got[k]);
    char slash[64];
    snprintf(slash, sizeof slash, "%s", of_file("a/b"));
    assert_string_not_equal(slash, of_file("a+b"));
    assert_string_not_equal(of_file("a b"), "a_b");
}

static void test_long(void **state)
{
    char name[1000], first[256];
    (void)state;
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    snprintf(first, sizeof first, "%s", of_case(name));
    assert_true(strlen(first) < 200);
    name[990] = 'y';
    assert_string_not_equal(first, of_case(name));
    /* It is cut between characters. */
    for (size_t i = 0; i + 3 < sizeof name; i += 3)
        memcpy(name + i, "\xe4\xb8\x96", 3);
    name[999] = '\0';
    const char *got = of_case(name);
    assert_int_equal(strlen(got) % 3, 0);
    assert_int_equal(strcspn(got, "~") % 3, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_collisions),
        cmocka_unit_test(test_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
