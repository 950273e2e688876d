#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "doc/parsed.h"

static const struct node *at(const struct parsed *p, const char *key)
{
    const struct node *n = node_get(p->root, key);
    assert_non_null(n);
    return n;
}

static void text_is(const struct node *n, const char *text)
{
    assert_int_equal(n->kind, NODE_SCALAR);
    assert_int_equal(n->text.n, strlen(text));
    assert_string_equal(n->text.p, text);
}

static void mark_is(const struct parsed *p, const struct node *n, const char *written)
{
    assert_ptr_equal(n->mark.source, &p->source);
    struct slice s = slice_part(p->source.text, n->mark.off, n->mark.len);
    assert_int_equal(s.n, strlen(written));
    assert_memory_equal(s.p, written, s.n);
}

static void test_a_tree(void **state)
{
    (void)state;
    struct parsed *p = parsed_good("a: 1\nb: [x, \"y\", {c: 'd'}]\nc:\n  - e\n  - f: g\n    h: i\n");
    assert_int_equal(p->root->kind, NODE_MAP);
    assert_int_equal(p->root->n, 3);
    text_is(p->root->pairs[1].key, "b");
    text_is(at(p, "a"), "1");
    const struct node *list = at(p, "b");
    assert_int_equal(list->kind, NODE_LIST);
    assert_int_equal(list->n, 3);
    assert_false(list->items[0]->quoted);
    assert_true(list->items[1]->quoted);
    text_is(node_get(list->items[2], "c"), "d");
    text_is(node_get(at(p, "c")->items[1], "h"), "i");
    parsed_free(p);
}

static void test_kinds_of_scalars(void **state)
{
    (void)state;
    struct parsed *p = parsed_slice(
        SLICE("p: ${x} y\nq: \"a\\tb\\0c\"\ns: 'it''s'\nl: |\n  one\n\n   two\nf: >-\n  three\n  four\ne:\nn: null\n"));
    assert_int_equal(p->diags.n, 0);
    text_is(at(p, "p"), "${x} y");
    assert_true(slice_eq(at(p, "q")->text, SLICE("a\tb\0c")));
    text_is(at(p, "s"), "it's");
    text_is(at(p, "l"), "one\n\n two\n");
    assert_true(at(p, "l")->block && at(p, "l")->quoted);
    text_is(at(p, "f"), "three four");
    assert_false(at(p, "q")->block);
    assert_true(node_empty(at(p, "e")));
    assert_false(node_empty(at(p, "n")));
    parsed_free(p);
}

static void test_marks_are_bytes(void **state)
{
    (void)state;
    struct parsed *p = parsed_good("\xEF\xBB\xBF# ä€\r\nö: &x  \"ü\"\r\na: [é, {b: 'ß'}]\r\nl: |\r\n  𝄞\r\n\r\nm:\r\n"
                                   "  - k\r\nn: &y # ü\r\n  o: p\r\nz:\r\n");
    mark_is(p, p->root->pairs[0].key, "ö");
    mark_is(p, at(p, "ö"), "\"ü\"");
    mark_is(p, at(p, "a"), "[é, {b: 'ß'}]");
    mark_is(p, at(p, "a")->items[1], "{b: 'ß'}");
    mark_is(p, at(p, "l"), "|\r\n  𝄞");
    text_is(at(p, "l"), "𝄞\n");
    mark_is(p, at(p, "m"), "-");
    mark_is(p, at(p, "n"), "o");
    mark_is(p, at(p, "z"), "");
    struct place place = source_place(at(p, "z")->mark);
    assert_int_equal(place.line, 11);
    assert_int_equal(place.col, 3);
    parsed_free(p);
}

static void test_aliases(void **state)
{
    (void)state;
    struct parsed *p = parsed_good("a: &x [1, &y 2]\nb: *x\nc: *y\nd: &x 3\ne: *x\n*y : f\n");
    assert_ptr_equal(at(p, "b"), at(p, "a"));
    assert_ptr_equal(at(p, "c"), at(p, "a")->items[1]);
    text_is(at(p, "e"), "3");
    text_is(at(p, "2"), "f");
    mark_is(p, node_pair(p->root, "2")->key, "*y");
    parsed_free(p);
}

static void test_unknown_and_circular_aliases(void **state)
{
    (void)state;
    struct parsed *p = parsed_new("a: &host 1\nb: *hots\nc: *zzzzzz\nd: &d {e: [*d]}\n");
    assert_null(p->root);
    assert_int_equal(p->diags.n, 3);
    said_is(p, 0, "2:4+5 nothing is anchored as `&hots` before this | did you mean `*host`?");
    said_is(p, 1, "3:4+7 nothing is anchored as `&zzzzzz` before this | put a text that begins with `*` in quotes");
    said_is(p, 2, "4:12+2 `*d` stands within what it names | 4:7 which begins here");
    parsed_free(p);
}

/* An inner anchor of the same name is the later one, also once the outer has ended. */
static void test_an_anchor_within_its_namesake(void **state)
{
    (void)state;
    struct parsed *p = parsed_good("a: &x [&x 1, *x]\nb: *x\n");
    text_is(at(p, "b"), "1");
    parsed_free(p);
}

static void test_duplicate_keys(void **state)
{
    (void)state;
    struct parsed *p = parsed_new("a: 1\nb: {c: 1, \"c\": 2}\na: 3\na: 4\n");
    assert_int_equal(p->diags.n, 3);
    said_is(p, 0, "2:11+3 duplicate key `c` | 2:5 first written here");
    said_is(p, 1, "3:1+1 duplicate key `a` | 1:1 first written here");
    said_is(p, 2, "4:1+1 duplicate key `a` | 1:1 first written here");
    assert_non_null(p->root);
    assert_int_equal(p->root->n, 2);
    text_is(at(p, "a"), "1");
    parsed_free(p);
}

static void test_duplicates_among_many(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(1 << 20);
    for (unsigned i = 0; i < 5000; i++)
        buf_printf(&text, "k%u: %u\n", i * 7919 % 4999, i);
    struct parsed *p = parsed_slice(buf_slice(&text));
    assert_int_equal(p->diags.n, 1);
    said_is(p, 0, "5000:1+2 duplicate key `k0` | 1:1 first written here");
    assert_int_equal(p->root->n, 4999);
    text_is(p->root->pairs[1].key, "k2920");
    parsed_free(p);
    buf_done(&text);
}

static void test_keys_that_are_none(void **state)
{
    (void)state;
    struct parsed *p = parsed_new("? [a, b]\n: 1\n? {c: d}\n: 2\n?\n: 3\n");
    assert_null(p->root);
    assert_int_equal(p->diags.n, 3);
    said_is(p, 0, "1:3+6 a list cannot be a key | put a text that begins with `[` or `{` in quotes");
    said_is(p, 1, "3:3+6 a map cannot be a key | put a text that begins with `[` or `{` in quotes");
    assert_string_equal(p->diags.list[2].message, "there is no key before this `:`");
    parsed_free(p);
}

static void test_merges(void **state)
{
    (void)state;
    struct parsed *p = parsed_new("a: &a {b: 1}\nc:\n  <<: *a\n  d: 1\n");
    assert_int_equal(p->diags.n, 1);
    said_is(p, 0, "3:3+2 `<<` merges are not supported | write the keys out, or use `include` or a macro");
    assert_int_equal(at(p, "c")->n, 1);
    parsed_free(p);
    p = parsed_good("\"<<\": 1\n");
    parsed_free(p);
}

static void test_tags(void **state)
{
    (void)state;
    struct parsed *p = parsed_new("a: &x !!str  5\nb: !foo [1]\n");
    assert_int_equal(p->diags.n, 2);
    said_is(p, 0, "1:7+5 YAML tags are not used here | put a text that begins with `!` in quotes");
    said_is(p, 1, "2:4+4 YAML tags are not used here | put a text that begins with `!` in quotes");
    mark_is(p, at(p, "a"), "5");
    parsed_free(p);
    p = parsed_new("%TAG !e! tag:example.com,2000:\n---\na: 1\n");
    assert_null(p->root);
    said_is(p, 0, "1:1+4 YAML tags are not used here");
    parsed_free(p);
}

static void test_escapes_that_would_be_utf8(void **state)
{
    (void)state;
    struct parsed *p =
        parsed_new("a: \"ö\\x7f\\x80\"\nb: \"\\\\xff\"\nc: '\\xff'\nd: \"\\xFF\\xFE\"\ne: \"\\u00ff\"\n");
    assert_int_equal(p->diags.n, 2);
    said_is(p, 0, "1:10+4 YAML makes `\\x80` a character of two bytes | for the byte write {hex: \"80\"}");
    said_is(p, 1, "4:5+4 YAML makes `\\xFF` a character of two bytes | for the byte write {hex: \"FF\"}");
    assert_non_null(p->root);
    parsed_free(p);
}

static struct parsed *parsed_nested(unsigned levels, const char *open, const char *close)
{
    struct buf text = BUF_INIT(1 << 20);
    for (unsigned i = 0; i < levels; i++)
        buf_adds(&text, open);
    for (unsigned i = 0; i < levels; i++)
        buf_adds(&text, close);
    char *copy = strdup(buf_str(&text));
    assert_non_null(copy);
    buf_done(&text);
    return parsed_new(copy);
}

static void nested_free(struct parsed *p)
{
    char *text = (char *)(uintptr_t)p->source.text.p;
    parsed_free(p);
    free(text);
}

static void test_nesting(void **state)
{
    (void)state;
    struct parsed *p = parsed_nested(64, "[", "]");
    assert_non_null(p->root);
    nested_free(p);
    static const char *const opens[] = {"[", "{a: ", "- "};
    for (size_t i = 0; i < 3; i++) {
        p = parsed_nested(100000, opens[i], "");
        assert_null(p->root);
        assert_int_equal(p->diags.n, 1);
        assert_string_equal(p->diags.list[0].message, "nested deeper than 64 levels");
        assert_int_equal(p->diags.list[0].place.col, 64 * strlen(opens[i]) + 1);
        nested_free(p);
    }
}

/* `a0: &x0 []`, `a1: &x1 [*x0]` ...: levels of nesting that no line shows. */
static struct parsed *parsed_chain(unsigned links, struct buf *text)
{
    buf_adds(text, "- &x0 []\n");
    for (unsigned i = 1; i < links; i++)
        buf_printf(text, "- &x%u [*x%u]\n", i, i - 1);
    return parsed_slice(buf_slice(text));
}

static void test_nesting_through_aliases(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(1 << 20);
    struct parsed *p = parsed_chain(63, &text);
    assert_non_null(p->root);
    parsed_free(p);
    buf_clear(&text);
    p = parsed_chain(64, &text);
    assert_null(p->root);
    said_is(p, 0, "64:9+4 nested deeper than 64 levels");
    parsed_free(p);
    buf_done(&text);
}

/* What is deep in an anchored list counts, though a shallow anchor comes behind it. */
static void test_nesting_of_anchors_in_anchors(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(1 << 20);
    buf_printf(&text, "- &o [%.*s%.*s, &s 1]\n- %.*s*o%.*s\n", 40, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 40,
               "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", 30, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 30,
               "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
    struct parsed *p = parsed_slice(buf_slice(&text));
    assert_null(p->root);
    said_is(p, 0, "2:33+2 nested deeper than 64 levels");
    parsed_free(p);
    buf_done(&text);
}

static void test_alias_bombs(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(1 << 20);
    buf_adds(&text, "a: &a [x, x, x, x, x, x, x, x, x, x]\n");
    for (char c = 'b'; c <= 'j'; c++)
        buf_printf(&text, "%c: &%c [*%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c]\n", c, c, c - 1, c - 1, c - 1,
                   c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1);
    struct parsed *p = parsed_slice(buf_slice(&text));
    assert_null(p->root);
    assert_int_equal(p->diags.n, 1);
    assert_string_equal(p->diags.list[0].message,
                        "with what its aliases stand for, the file has more than 100000 values");
    assert_int_equal(p->diags.list[0].place.line, 5);
    parsed_free(p);
    buf_done(&text);
}

static struct parsed *parsed_flat(unsigned items, struct buf *text)
{
    buf_adds(text, "[");
    for (unsigned i = 0; i < items; i++)
        buf_adds(text, "1,");
    buf_adds(text, "]");
    return parsed_slice(buf_slice(text));
}

static void test_many_nodes(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(1 << 20);
    struct parsed *p = parsed_flat(NODE_MOST - 1, &text);
    assert_non_null(p->root);
    assert_int_equal(p->root->n, NODE_MOST - 1);
    parsed_free(p);
    buf_clear(&text);
    p = parsed_flat(NODE_MOST, &text);
    assert_null(p->root);
    said_is(p, 0, "1:200000+1 the file has more than 100000 values");
    parsed_free(p);
    buf_done(&text);
}

static void test_documents(void **state)
{
    (void)state;
    static const char *const empty[] = {"", "\n\n", "# c\n", "---\n", "---\n...\n", "\xEF\xBB\xBF", "\xEF\xBB\xBF\r\n"};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        struct parsed *p = parsed_new(empty[i]);
        assert_null(p->root);
        assert_string_equal(parsed_said(p), "f.yaml: error: the file is empty\n");
        parsed_free(p);
    }
    struct parsed *p = parsed_new("---\na: 1\n--- # two\nb: 1\n");
    assert_int_equal(p->diags.n, 1);
    said_is(p, 0, "3:1+3 a second document begins here | a file holds one document");
    parsed_free(p);
    p = parsed_good("%YAML 1.2\n---\na: 1\n...\n");
    parsed_free(p);
    p = parsed_good("just a text");
    text_is(p->root, "just a text");
    parsed_free(p);
}

static void test_several_errors_at_once(void **state)
{
    (void)state;
    struct parsed *p = parsed_new("a: \"\\xff\"\na: !t 1\n<<: 2\nb: *c\nd: x: y\n");
    assert_null(p->root);
    assert_int_equal(p->diags.n, 5);
    parsed_free(p);
}

static void test_a_hostile_line_is_read_at_once(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(1 << 20);
    buf_adds(&text, "{");
    for (unsigned i = 0; i < 10000; i++)
        buf_adds(&text, "k: é,");
    buf_adds(&text, "}");
    struct parsed *p = parsed_slice(buf_slice(&text));
    assert_non_null(p->root);
    assert_int_equal(p->diags.n, DIAGS_MOST);
    assert_int_equal(p->diags.n + p->diags.dropped, 9999);
    parsed_free(p);
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_tree),
        cmocka_unit_test(test_kinds_of_scalars),
        cmocka_unit_test(test_marks_are_bytes),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_unknown_and_circular_aliases),
        cmocka_unit_test(test_an_anchor_within_its_namesake),
        cmocka_unit_test(test_duplicate_keys),
        cmocka_unit_test(test_duplicates_among_many),
        cmocka_unit_test(test_keys_that_are_none),
        cmocka_unit_test(test_merges),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_escapes_that_would_be_utf8),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_nesting_through_aliases),
        cmocka_unit_test(test_nesting_of_anchors_in_anchors),
        cmocka_unit_test(test_alias_bombs),
        cmocka_unit_test(test_many_nodes),
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_several_errors_at_once),
        cmocka_unit_test(test_a_hostile_line_is_read_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
