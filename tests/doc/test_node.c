#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "doc/parsed.h"

static void test_lookup(void **state)
{
    (void)state;
    struct parsed *p = parsed_good("a: 1\nab: [x]\n");
    assert_non_null(node_get(p->root, "ab"));
    assert_null(node_get(p->root, "b"));
    assert_null(node_get(node_get(p->root, "ab"), "x"));
    assert_null(node_get(NULL, "x"));
    assert_ptr_equal(node_pair(p->root, "a"), &p->root->pairs[0]);
    parsed_free(p);
}

static void test_words(void **state)
{
    (void)state;
    struct parsed *p = parsed_good("- close\n- 'close'\n-\n- ''\n- []\n- {}\n");
    struct node **items = p->root->items;
    assert_true(node_is(items[0], "close"));
    assert_false(node_is(items[1], "close"));
    assert_false(node_is(items[4], "close"));
    assert_false(node_is(NULL, "close"));
    assert_true(node_empty(items[2]) && node_empty(NULL));
    assert_false(node_empty(items[3]) || node_empty(items[4]) || node_empty(items[5]));
    assert_string_equal(node_what(items[0]), "a text");
    assert_string_equal(node_what(items[2]), "nothing");
    assert_string_equal(node_what(items[4]), "a list");
    assert_string_equal(node_what(items[5]), "a map");
    parsed_free(p);
}

/* `word` of the value of `a` stands in the source as `written`, at line:col. NULL: nobody can say. */
static void stands_at(const char *text, const char *word, const char *written, uint32_t line, uint32_t col)
{
    struct parsed *p = parsed_good(text);
    const struct node *n = node_get(p->root, "a");
    const char *found = strstr(n->text.p, word);
    assert_non_null(found);
    struct mark m = node_mark_at(n, (uint32_t)(found - n->text.p), (uint32_t)strlen(word));
    if (written) {
        assert_int_equal(m.len, strlen(written));
        assert_memory_equal(p->source.text.p + m.off, written, m.len);
        struct place place = source_place(m);
        assert_int_equal(place.line, line);
        assert_int_equal(place.col, col);
    } else {
        assert_int_equal(m.off, n->mark.off);
        assert_int_equal(m.len, n->mark.len);
    }
    parsed_free(p);
}

static void test_places_in_plain_texts(void **state)
{
    (void)state;
    stands_at("a: ${x} y", "x", "x", 1, 6);
    stands_at("ä: ö\na: é ${x}", "${x}", "${x}", 2, 6);
    stands_at("a: one\n   two  \n\n  three four", "two", "two", 2, 4);
    stands_at("a: one\n   two  \n\n  three four", "four", "four", 4, 9);
    stands_at("a: one\r\n   two\r\n\r\n  three four", "three", "three", 4, 3);
    stands_at("a: one  two", " two", " two", 1, 8);
}

static void test_places_in_quotes(void **state)
{
    (void)state;
    stands_at("a: \"${x}\"", "x", "x", 1, 7);
    stands_at("a: 'it''s ${x}'", "${x}", "${x}", 1, 11);
    stands_at("a: 'it''s ${x}'", "'", "''", 1, 7);
    stands_at("a: \"\\r\\n\\x41\\u20ac\\\\${x}\"", "${x}", "${x}", 1, 21);
    stands_at("a: \"\\r\\n\\x41\\u20ac\\\\${x}\"", "\xE2\x82\xAC", "\\u20ac", 1, 13);
    stands_at("a: \"one\n\n  two ${x}\"", "x", "x", 3, 9);
    stands_at("a: \"one \\\n  \\ two ${x}\"", "x", "x", 2, 11);
    stands_at("a: \"\\L\\L${x}\"", "x", "x", 1, 11);
    stands_at("a: \"\\L\\nx\"", "\n", "\\n", 1, 7);
    stands_at("a: 'it''s  two'", " two", " two", 1, 11);
}

static void test_places_in_block_texts(void **state)
{
    (void)state;
    stands_at("a: |\n  one\n\n    two ${x}\n", "${x}", "${x}", 4, 9);
    stands_at("a: |-\r\n  ö\r\n\r\n  ${x}\r\n", "${x}", "${x}", 4, 3);
    stands_at("a: |\n  one\n\n\n  two\n", "one", "one", 2, 3);
    stands_at("b:\n  - 1\na: >\n  one\n  two ${x}\n\n  three\n   four\n  five\n", "${x}", "${x}", 5, 7);
    stands_at("b:\n  - 1\na: >\n  one\n  two ${x}\n\n  three\n   four\n  five\n", "four", "four", 8, 4);
    stands_at("b:\n  - 1\na: >\n  one\n  two ${x}\n\n  three\n   four\n  five\n", "five", "five", 9, 3);
    stands_at("a: |2\n   one\n  two\n", "one", "one", 2, 4);
    stands_at("a: |2\n   one\n  two\n", "two", "two", 3, 3);
    stands_at("a: >1-\n\n   one\n", "one", "one", 3, 4);
}

static void test_places_that_nobody_can_say(void **state)
{
    (void)state;
    stands_at("b: &b x\na: *b\n", "x", "x", 1, 7);
    stands_at("a: 'x\xE2\x80\xA8y z'\n", "x", "x", 1, 5);
}

static void test_every_byte_of_hostile_scalars(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "a: \"\\\n\\\n\\\n  x\"",
        "a: |\n\n\n  x\n \n\n",
        "a: >+\n   x\n    y\n\n\n   z\n\n",
        "a: ''''",
        "a: \"\"",
        "a: x\n\n\n\n y",
        "a: |\n   \n  x\n",
        "a: \" \n \n \"",
        "a: '  '",
        "a: >\n\n  \tx\n\ty",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct parsed *p = parsed_new(texts[i]);
        const struct node *n = node_get(p->root, "a");
        for (uint32_t at = 0; n && at <= n->text.n; at++)
            for (uint32_t len = 0; len <= n->text.n; len++) {
                struct mark m = node_mark_at(n, at, len);
                assert_in_range(m.off, n->mark.off, n->mark.off + n->mark.len);
                assert_in_range(m.off + m.len, m.off, n->mark.off + n->mark.len);
            }
        parsed_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lookup),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_places_in_plain_texts),
        cmocka_unit_test(test_places_in_quotes),
        cmocka_unit_test(test_places_in_block_texts),
        cmocka_unit_test(test_places_that_nobody_can_say),
        cmocka_unit_test(test_every_byte_of_hostile_scalars),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
