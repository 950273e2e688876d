#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "doc/parsed.h"

struct wrong {
    const char *text, *said;
};

static void each_says(const struct wrong *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct parsed *p = parsed_new(list[i].text);
        assert_null(p->root);
        assert_int_equal(p->diags.n, 1);
        said_is(p, 0, list[i].said);
        parsed_free(p);
    }
}

#define EACH_SAYS(list) each_says(list, sizeof(list) / sizeof((list)[0]))

static void test_dollars_in_brackets(void **state)
{
    (void)state;
    static const struct wrong list[] = {
        {"{a: ${b}}", "1:5+4 `${` within [ ] or { } must stand in quotes | write \"${b}\""},
        {"[1, ${b}]", "1:5+4 `${` within [ ] or { } must stand in quotes | write \"${b}\""},
        {"{${a}: b}", "1:2+4 `${` within [ ] or { } must stand in quotes | write \"${a}\""},
        {"a: {b: x ${c} y, d: 1}", "1:8+8 `${` within [ ] or { } must stand in quotes | write \"x ${c} y\""},
        {"[tcp://${h}:80]", "1:2+13 `${` within [ ] or { } must stand in quotes | write \"tcp://${h}:80\""},
        {"[${t[\"x\"]}]", "1:2+9 `${` within [ ] or { } must stand in quotes | write '${t[\"x\"]}'"},
        {"[${t[\"x\"] .. 'y'}]", "1:2+16 `${` within [ ] or { } must stand in quotes | put the text in quotes"},
        {"[ä, ${b\n}]", "1:5+2 `${` within [ ] or { } must stand in quotes | put the text in quotes"},
    };
    EACH_SAYS(list);
}

static void test_dollars_elsewhere_are_fine(void **state)
{
    (void)state;
    struct parsed *p = parsed_good("a: ${b}\nc: [\"${d}\", '${e}']\nf: x ${g} y\n");
    assert_true(slice_is(node_get(p->root, "a")->text, "${b}"));
    parsed_free(p);
}

static void test_colons(void **state)
{
    (void)state;
    static const struct wrong list[] = {
        {"a: 1\nname:foo\nb: 2", "2:5+1 a space is missing behind this `:` | write `name: foo`"},
        {"a: 1\nfoo\n", "2:1+3 a `:` is missing behind this key"},
        {"a: 1\nhttp://x\n", "2:1+8 a `:` is missing behind this key"},
        {"key\nb: 1", "1:1+3 a `:` is missing behind this key"},
        {"a: b: c", "1:5+1 a second `: ` on one line | put a text that holds `: ` in quotes"},
        {"a: \"b\" : c", "1:8+1 a second `: ` on one line | put a text that holds `: ` in quotes"},
        {"- send: x\n  b: y\n   via: z", "3:4+3 this line goes on the text of the line before | indent it less | "
                                         "2:6 the text begins here"},
        {": x", "1:1+1 there is no key before this `:` | 1:1 the map begins here"},
        {"[a:, b]", "1:3+1 a space is missing behind this `:` | a text that ends in `:` stands in quotes here"},
        {"{a: 1, : 2}", "1:8+1 there is no key before this `:`"},
    };
    EACH_SAYS(list);
}

static void test_indentation(void **state)
{
    (void)state;
    static const struct wrong list[] = {
        {"a:\n  b: 1\n c: 2", "3:2+1 the indentation fits no line above | 1:1 the map begins here"},
        {"a: |\n  x\n y\n", "3:2+1 the indentation fits no line above | 1:1 the map begins here"},
        {"a:\n\tb: 1", "2:1+1 a tab in the indentation | indent with spaces"},
        {"a:\n  b: 1\n\tc: 2", "3:1+1 a tab in the indentation | indent with spaces"},
        {"a: |\n\tx", "2:1+1 a tab in the indentation | indent with spaces"},
        {"- a\nb: 1", "2:1+1 this is no item of the list that stands here | an item begins with `- ` | "
                      "1:1 the list begins here"},
        {"a: \"x\"\n- b", "2:1+1 this is no key of the map that stands here | 1:1 the map begins here"},
        {"a: - b", "1:4+1 a list cannot begin behind a key | put `- ` on the next line, or the text in quotes"},
        {"a: | x", "1:6+1 the text of a `|` begins on the line below"},
        {"a: |0\n x", "1:5+1 the indentation of a text is a digit from 1 to 9"},
    };
    EACH_SAYS(list);
}

static void test_quotes(void **state)
{
    (void)state;
    static const struct wrong list[] = {
        {"a: 1\nb: \"x\nc: 1\n", "2:4+1 this quote is never closed"},
        {"a: 'x\n---\n", "1:4+1 this quote is never closed"},
        {"a: \"x\" y", "1:8+1 text behind the closing quote | within \"...\" a \" is written \\\""},
        {"a: 'it's'", "1:8+2 text behind the closing quote | within '...' a ' is written ''"},
        {"a: \"x\nb: \"y\"", "2:5+2 text behind the closing quote | within \"...\" a \" is written \\\" | "
                             "1:4 the quote begins here"},
        {"a: \"ö\\d+\"", "1:6+2 `\\d` means nothing in double quotes | in single quotes a backslash is just that"},
        {"a: \"\\ö\"", "1:5+2 `\\ö` means nothing in double quotes | in single quotes a backslash is just that"},
        {"a: \"\\x1g\"", "1:5+2 `\\x` takes 2 hex digits"},
        {"a: \"\\u12\"", "1:5+2 `\\u` takes 4 hex digits"},
        {"a: \"\\ud800\"", "1:5+6 there is no such character"},
    };
    EACH_SAYS(list);
}

static void test_brackets(void **state)
{
    (void)state;
    static const struct wrong list[] = {
        {"a: [1, 2\n", "1:4+1 this `[` is never closed"},
        {"a: {b: 1", "1:4+1 this `{` is never closed"},
        {"a: [1, 2\nb: 3\n", "2:2+1 a `,` or the closing `]` is missing before this | 1:4 the list begins here"},
        {"a: [\"x\" \"y\"]", "1:9+1 a `,` or the closing `]` is missing before this"},
        {"a: {b: 'x' c: 1}", "1:12+1 a `,` or the closing `}` is missing before this"},
        {"a: [1,,2]", "1:7+1 a value is missing before this `,`"},
        {"a: ]", "1:4+1 this `]` closes no `[`"},
        {"a: [1]\n}", "2:1+1 this `}` closes no `{`"},
        {"a: [x] y", "1:8+1 this stands behind the value"},
    };
    EACH_SAYS(list);
}

static void test_characters_with_a_meaning(void **state)
{
    (void)state;
    static const struct wrong list[] = {
        {"a: @x", "1:4+1 `@` cannot begin a text | put the text in quotes"},
        {"a: %x", "1:4+1 `%` cannot begin a text | put the text in quotes"},
        {"a: *.yaml", "1:4+2 `*` begins an alias, which has a name of letters and digits | "
                      "put a text that begins with `*` in quotes"},
        {"a: & b", "1:4+2 `&` begins an anchor, which has a name of letters and digits | "
                   "put a text that begins with `&` in quotes"},
        {"a: !x!y z", "1:4+1 YAML tags are not used here | put a text that begins with `!` in quotes"},
        {"a: ? b", "1:4+1 no `? ` is allowed here | put a text that begins with `? ` in quotes"},
    };
    EACH_SAYS(list);
}

static void test_outside_of_the_document(void **state)
{
    (void)state;
    static const struct wrong list[] = {
        {"a: 1\n...\nfoo", "3:1+1 this stands outside of the document"},
        {"%YAML 1.3\n---\na: 1", "1:1+1 only YAML 1.1 and 1.2 can be read"},
        {"%FOO x\n---\na: 1", "1:1+6 no such directive | put a text that begins with `%` in quotes"},
    };
    EACH_SAYS(list);
}

static void test_places_count_bytes_rightly(void **state)
{
    (void)state;
    static const struct wrong list[] = {
        {"\xEF\xBB\xBF# ä€\r\nö: [\"ü\" x]\r\n", "2:9+1 a `,` or the closing `]` is missing before this"},
        {"# ä€𝄞\r\nkey: 'ö\r\n  ö' é\r\n", "3:6+1 text behind the closing quote | within '...' a ' is written '' | "
                                           "2:6 the quote begins here"},
    };
    EACH_SAYS(list);
}

static void test_the_whole_report(void **state)
{
    (void)state;
    struct parsed *p = parsed_new("a: 1\nb: {to: ${c}}\n");
    assert_string_equal(parsed_said(p), "f.yaml:2:9: error: `${` within [ ] or { } must stand in quotes\n"
                                        "     2 | b: {to: ${c}}\n"
                                        "       |         ^^^^ write \"${c}\"\n");
    parsed_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dollars_in_brackets),
        cmocka_unit_test(test_dollars_elsewhere_are_fine),
        cmocka_unit_test(test_colons),
        cmocka_unit_test(test_indentation),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_brackets),
        cmocka_unit_test(test_characters_with_a_meaning),
        cmocka_unit_test(test_outside_of_the_document),
        cmocka_unit_test(test_places_count_bytes_rightly),
        cmocka_unit_test(test_the_whole_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
