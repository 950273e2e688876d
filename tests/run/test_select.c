#include "run/select.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/mem.h"

static void expect_match(const char *expression, const char *tags, bool expected)
{
    size_t at = 0;
    assert_null(tags_check(expression, &at));
    if (tags_match(expression, tags) != expected)
        fail_msg("`%s` over `%s` is not %d", expression, tags ? tags : "", expected);
}

static void test_tags(void **state)
{
    (void)state;
    expect_match("smtp", "smtp slow", true);
    expect_match("smtp", "smtps", false);
    expect_match("smtp", "", false);
    expect_match("smtp", NULL, false);
    expect_match("not smtp", "", true);
    expect_match("not not smtp", "", false);
    expect_match("smtp and not slow", "smtp slow", false);
    expect_match("smtp and not slow", "a smtp", true);
    expect_match("  smtp\tand(not(slow))", "smtp", true);
    expect_match("http-2", "http-2", true);
    expect_match("nothing", "nothing", true);
}

static void test_precedence(void **state)
{
    (void)state;
    expect_match("a or b and c", "a", true);
    expect_match("(a or b) and c", "a", false);
    expect_match("b and c or a", "a", true);
    expect_match("not a or b", "b a", true);
    expect_match("not (a or b)", "b", false);
    expect_match("not a and not b", "c", true);
}

static void expect_wrong(const char *expression, size_t where)
{
    size_t at = 999;
    if (!tags_check(expression, &at)) fail_msg("`%s` is accepted", expression);
    assert_int_equal(at, where);
}

static void test_wrong_tags(void **state)
{
    (void)state;
    expect_wrong("", 0);
    expect_wrong("  ", 2);
    expect_wrong("and", 0);
    expect_wrong("a and", 5);
    expect_wrong("a or or b", 5);
    expect_wrong("not", 3);
    expect_wrong("a b", 2);
    expect_wrong("(a", 2);
    expect_wrong("a)", 1);
    expect_wrong("()", 1);
}

static void test_deep_tags(void **state)
{
    enum { DEEP = 100000 };
    size_t at = 0;
    (void)state;
    char *text = mem_zalloc(DEEP + 1);
    memset(text, '(', DEEP);
    assert_non_null(tags_check(text, &at));
    mem_free(text);
    text = mem_zalloc(4 * DEEP + 2);
    for (size_t i = 0; i < DEEP; i++)
        memcpy(text + 4 * i, "not ", 4);
    text[4 * DEEP] = 'a';
    assert_null(tags_check(text, &at));
    assert_false(tags_match(text, ""));
    mem_free(text);
}

static void test_names(void **state)
{
    struct selection s;
    struct buf wrong = BUF_INIT(1000);
    (void)state;
    assert_true(selection_init(&s, "^mail/.* > greets", NULL, &wrong));
    assert_true(selection_wants(&s, "mail/a.yaml", "greets first", ""));
    assert_false(selection_wants(&s, "web/a.yaml", "greets first", ""));
    assert_false(selection_wants(&s, "mail/a.yaml", "", ""));
    selection_done(&s);
    assert_true(selection_init(&s, "yaml$", "x", &wrong));
    assert_true(selection_wants(&s, "a.yaml", "", "x"));
    assert_false(selection_wants(&s, "a.yaml", "", "y"));
    assert_false(selection_wants(&s, "a.yaml", "b", "x"));
    selection_done(&s);
    buf_done(&wrong);
}

static void test_wrong_selection(void **state)
{
    struct selection s;
    struct buf wrong = BUF_INIT(1000);
    (void)state;
    assert_false(selection_init(&s, "a(b", NULL, &wrong));
    assert_non_null(strstr(buf_str(&wrong), "-k: "));
    selection_done(&s);
    buf_clear(&wrong);
    assert_false(selection_init(&s, "a", "a or", &wrong));
    assert_string_equal(buf_str(&wrong), "--tags: a tag is missing at character 5 of 'a or'");
    selection_done(&s);
    buf_done(&wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tags),      cmocka_unit_test(test_precedence), cmocka_unit_test(test_wrong_tags),
        cmocka_unit_test(test_deep_tags), cmocka_unit_test(test_names),      cmocka_unit_test(test_wrong_selection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
