#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "match/make.h"
#include "match/matcher.h"
#include "match/matcher_text.h"

static struct arena arena;

static int begin(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static struct matcher *text(enum matcher_kind kind, const char *bytes)
{
    return make_text(&arena, kind, bytes);
}

static struct matcher *length(struct matcher *of)
{
    return make_of(&arena, MATCHER_LENGTH, 1, of);
}

static void shows(const struct matcher *m, size_t most, const char *words)
{
    struct buf out = BUF_INIT(10000);
    matcher_show(m, most, &out);
    assert_string_equal(buf_str(&out), words);
    buf_done(&out);
}

static void in_words(void **state)
{
    (void)state;
    shows(make(&arena, MATCHER_ANY), 60, "anything");
    shows(text(MATCHER_BYTES, "220 ready"), 60, "\"220 ready\"");
    shows(text(MATCHER_BYTES, "220 ready"), 5, "\"220 r\"... (9 bytes)");
    shows(make_int(&arena, MATCHER_BOOL, 1), 60, "true");
    shows(make_int(&arena, MATCHER_INT, -5), 60, "-5");
    shows(make_float(&arena, MATCHER_FLOAT, 0.5), 60, "0.5");
    shows(make_float(&arena, MATCHER_LE, 0.5), 60, "at most 0.5");
    shows(make_of(&arena, MATCHER_NOT, 1, text(MATCHER_CONTAINS, "x")), 60, "not something that contains \"x\"");
    shows(length(make_int(&arena, MATCHER_GE, 6)), 60, "a length of at least 6");
    shows(make_of(&arena, MATCHER_ALL_OF, 2, text(MATCHER_STARTS_WITH, "a"), text(MATCHER_ENDS_WITH, "b")), 60,
          "something that starts with \"a\" and something that ends with \"b\"");
    shows(text(MATCHER_WHERE, "id == 7\nand x"), 60, "where id == 7\\nand x");
    struct matcher *one = make_int(&arena, MATCHER_INT, 1);
    shows(make_of(&arena, MATCHER_JSON, 1, make_map(&arena, 2, "a", one, "b\x1b", make(&arena, MATCHER_ABSENT))), 60,
          "JSON: {a: 1, b\\x1b: nothing}");
    shows(make_of(&arena, MATCHER_LIST, 4, one, one, one, one), 5, "[1, 1, ...]");
}

static void a_pattern(void **state)
{
    (void)state;
    char why[100];
    size_t at;
    struct regex *r = regex_new(SLICE("^220[ -]\\w\n\xc3\xa9"), why, sizeof why, &at);
    struct matcher *m = make_regex(&arena, r);
    shows(m, 60, "a match of /^220[ -]\\w\\n\xc3\xa9/");
    shows(m, 3, "a match of /^22.../");
    regex_free(r);
}

static void line_is(struct slice s, size_t most, const char *line)
{
    struct buf out = BUF_INIT(1000);
    matcher_text_line(s, most, &out);
    assert_string_equal(buf_str(&out), line);
    buf_done(&out);
}

static void one_line(void **state)
{
    (void)state;
    line_is(SLICE("a\n\nb\n"), 60, "a\\n\\nb\\n");
    line_is(SLICE("\n"), 60, "\\n");
    line_is(SLICE(""), 60, "");
    line_is((struct slice){NULL, 0}, 60, "");
    line_is(SLICE("aé"), 2, "a...");
    line_is(SLICE("aé"), 3, "aé");
    line_is(SLICE("abc"), 0, "...");
    line_is(SLICE("\0\x1b["), 60, "\\x00\\x1b[");
}

static void possible(const struct matcher *m, struct slice so_far)
{
    size_t at = 999;
    assert_true(matcher_possible(m, so_far, &at));
    assert_int_equal(at, 999);
}

static void impossible(const struct matcher *m, struct slice so_far, size_t expected)
{
    size_t at = 999;
    assert_false(matcher_possible(m, so_far, &at));
    assert_int_equal(at, expected);
}

static void possible_bytes(void **state)
{
    (void)state;
    struct matcher *m = text(MATCHER_BYTES, "220");
    possible(m, (struct slice){NULL, 0});
    possible(m, SLICE("22"));
    possible(m, SLICE("220"));
    impossible(m, SLICE("2201"), 3);
    impossible(m, SLICE("25"), 1);
    impossible(text(MATCHER_BYTES, ""), SLICE("x"), 0);
    m = text(MATCHER_STARTS_WITH, "220");
    possible(m, SLICE("22"));
    possible(m, SLICE("2201"));
    impossible(m, SLICE("2211"), 2);
    impossible(m, SLICE("3"), 0);
    possible(text(MATCHER_CONTAINS, "x"), SLICE("y"));
    possible(make_of(&arena, MATCHER_NOT, 1, m), SLICE("220"));
    possible(make_int(&arena, MATCHER_INT, 1), SLICE("x"));
}

static void possible_lengths(void **state)
{
    (void)state;
    possible(length(make_int(&arena, MATCHER_INT, 2)), SLICE("ab"));
    impossible(length(make_int(&arena, MATCHER_INT, 2)), SLICE("abc"), 2);
    impossible(length(make_int(&arena, MATCHER_INT, -1)), SLICE(""), 0);
    possible(length(make_int(&arena, MATCHER_GE, 2)), SLICE("abcdef"));
    impossible(length(make_int(&arena, MATCHER_LE, 2)), SLICE("abcd"), 2);
    impossible(length(make_int(&arena, MATCHER_LT, 2)), SLICE("ab"), 1);
    impossible(length(make_int(&arena, MATCHER_LT, INT64_MIN)), SLICE(""), 0);
    possible(length(make_float(&arena, MATCHER_LT, 2.5)), SLICE("ab"));
    impossible(length(make_float(&arena, MATCHER_LT, 2)), SLICE("ab"), 1);
    impossible(length(make_float(&arena, MATCHER_LE, 2.5)), SLICE("abc"), 2);
    impossible(length(make_float(&arena, MATCHER_LE, NAN)), SLICE(""), 0);
    possible(length(make_float(&arena, MATCHER_LT, INFINITY)), SLICE("abc"));
    possible(length(make_float(&arena, MATCHER_FLOAT, 1)), SLICE("a"));
    struct matcher *two = make_int(&arena, MATCHER_LE, 2), *four = make_int(&arena, MATCHER_INT, 4);
    impossible(length(make_of(&arena, MATCHER_ALL_OF, 2, four, two)), SLICE("abc"), 2);
    possible(length(make_of(&arena, MATCHER_ANY_OF, 2, four, two)), SLICE("abc"));
    impossible(length(make_of(&arena, MATCHER_ANY_OF, 2, four, two)), SLICE("abcde"), 4);
}

static void possible_combinations(void **state)
{
    (void)state;
    struct matcher *ab = text(MATCHER_STARTS_WITH, "ab"), *acx = text(MATCHER_BYTES, "acx");
    struct matcher *any = make_of(&arena, MATCHER_ANY_OF, 2, ab, acx);
    possible(any, SLICE("a"));
    possible(any, SLICE("ac"));
    impossible(any, SLICE("acy"), 2);
    impossible(any, SLICE("b"), 0);
    struct matcher *all = make_of(&arena, MATCHER_ALL_OF, 3, text(MATCHER_CONTAINS, "q"), acx, ab);
    possible(all, SLICE("a"));
    impossible(all, SLICE("ac"), 1);
    impossible(all, SLICE("bc"), 0);
}

/* What is said to be impossible must never match, whatever comes. */
static void possible_is_true_to_the_check(void **state)
{
    (void)state;
    struct matcher *ms[] = {
        text(MATCHER_BYTES, "aba"),
        text(MATCHER_STARTS_WITH, "ab"),
        length(make_int(&arena, MATCHER_LE, 2)),
        make_of(&arena, MATCHER_ANY_OF, 2, text(MATCHER_BYTES, "a"), text(MATCHER_STARTS_WITH, "bb")),
        make_of(&arena, MATCHER_ALL_OF, 2, text(MATCHER_STARTS_WITH, "b"), length(make_int(&arena, MATCHER_LT, 3))),
        make_of(&arena, MATCHER_NOT, 1, text(MATCHER_BYTES, "ab")),
        text(MATCHER_ENDS_WITH, "b"),
    };
    for (size_t k = 0; k < sizeof ms / sizeof ms[0]; k++) {
        for (unsigned word = 0; word < 32; word++) {
            char s[5];
            for (size_t i = 0; i < 5; i++)
                s[i] = word >> i & 1 ? 'b' : 'a';
            for (size_t n = 0; n <= 5; n++) {
                size_t at;
                bool could = matcher_possible(ms[k], (struct slice){s, n}, &at);
                if (!could) assert_true(at <= n);
                for (size_t longer = n; longer <= 5; longer++) {
                    struct view v = view_bytes((struct slice){s, longer});
                    if (matcher_check(ms[k], &v, &arena, NULL)) assert_true(could);
                }
            }
        }
    }
}

static void prefixes(void **state)
{
    (void)state;
    assert_true(slice_is(matcher_prefix(text(MATCHER_BYTES, "220")), "220"));
    assert_true(slice_is(matcher_prefix(text(MATCHER_STARTS_WITH, "22")), "22"));
    assert_non_null(matcher_prefix(make_bytes(&arena, MATCHER_BYTES, (struct slice){NULL, 0})).p);
    assert_null(matcher_prefix(text(MATCHER_CONTAINS, "22")).p);
    struct matcher *a = text(MATCHER_STARTS_WITH, "a"), *c = text(MATCHER_CONTAINS, "c");
    assert_true(slice_is(matcher_prefix(make_of(&arena, MATCHER_ALL_OF, 2, c, a)), "a"));
    assert_null(matcher_prefix(make_of(&arena, MATCHER_ANY_OF, 2, a, a)).p);
}

static void streams(void **state)
{
    (void)state;
    struct matcher *any = make(&arena, MATCHER_ANY), *six = length(make_int(&arena, MATCHER_INT, 6));
    assert_true(matcher_streams(any));
    assert_true(matcher_streams(make_of(&arena, MATCHER_ALL_OF, 2, six, make(&arena, MATCHER_PRESENT))));
    assert_false(matcher_streams(make_of(&arena, MATCHER_ALL_OF, 2, six, text(MATCHER_BYTES, "x"))));
    assert_false(matcher_streams(make_of(&arena, MATCHER_ANY_OF, 2, six, six)));
    assert_false(matcher_streams(text(MATCHER_STARTS_WITH, "")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(in_words),
        TEST(a_pattern),
        TEST(one_line),
        TEST(possible_bytes),
        TEST(possible_lengths),
        TEST(possible_combinations),
        TEST(possible_is_true_to_the_check),
        TEST(prefixes),
        TEST(streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
