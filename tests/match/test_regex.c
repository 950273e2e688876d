#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "match/regex.h"
#include "util/buf.h"
#include "util/mem.h"

static struct regex *regex(const char *pattern)
{
    char why[200] = "";
    size_t at = 0;
    struct regex *r = regex_new(slice_of(pattern), why, sizeof why, &at);
    assert_string_equal(why, "");
    assert_non_null(r);
    return r;
}

static enum regex_found find(const char *pattern, struct slice subject, struct regex_match *ret)
{
    struct regex *r = regex(pattern);
    enum regex_found found = regex_find(r, subject, ret);
    regex_free(r);
    return found;
}

static void bytes_not_characters(void **state)
{
    (void)state;
    struct regex_match m;
    assert_int_equal(find("^.{3}$", SLICE("\xff\0\xfe"), &m), REGEX_YES);
    assert_int_equal(find("^\\x00\\xff$", SLICE("\0\xff"), &m), REGEX_YES);
    assert_int_equal(find("^..$", SLICE("é"), &m), REGEX_YES);
    assert_int_equal(find("(*UTF)^.$", SLICE("é"), &m), REGEX_YES);
    assert_int_equal(find("(*UTF)b", SLICE("a\xff\xfe b"), &m), REGEX_YES);
    assert_int_equal(m.from, 4);
    assert_int_equal(find("", (struct slice){NULL, 0}, &m), REGEX_YES);
    assert_int_equal(find("^$", (struct slice){NULL, 0}, &m), REGEX_YES);
}

static void dollar_is_the_very_end(void **state)
{
    (void)state;
    struct regex_match m;
    assert_int_equal(find("ok$", SLICE("ok\n"), &m), REGEX_NO);
    assert_int_equal(find("ok$", SLICE("ok"), &m), REGEX_YES);
    assert_int_equal(find("(?m)ok$", SLICE("ok\nmore"), &m), REGEX_YES);
    assert_int_equal(find("^a.b$", SLICE("a\rb"), &m), REGEX_YES);
    assert_int_equal(find("^a.b$", SLICE("a\nb"), &m), REGEX_NO);
}

static void bad(const char *pattern, const char *phrase, size_t offset)
{
    char why[200] = "";
    size_t at = 999;
    assert_null(regex_new(slice_of(pattern), why, sizeof why, &at));
    assert_string_equal(why, phrase);
    assert_int_equal(at, offset);
}

static void bad_patterns(void **state)
{
    (void)state;
    bad("a(b", "missing closing parenthesis", 3);
    bad("x*+*", "quantifier does not follow a repeatable item", 3);
    bad("[z-a]", "range out of order in character class", 3);
    bad("ab\\Gc", "\\G is not supported: where a search begins depends on how the bytes came", 2);
    bad("(?:(?:(?:a{999}){999}){999})", "regular expression is too large", 28);
    regex_free(regex("a\\\\Gb"));
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    enum { N = 100000 };
    char *pattern = mem_alloc(N);
    memset(pattern, '(', N);
    char why[100];
    size_t at;
    assert_null(regex_new((struct slice){pattern, N}, why, sizeof why, &at));
    mem_free(pattern);
}

static void a_pattern_with_nul(void **state)
{
    (void)state;
    char why[100];
    size_t at;
    char text[] = "a\0b";
    struct regex *r = regex_new((struct slice){text, 3}, why, sizeof why, &at);
    assert_non_null(r);
    text[0] = 'x';
    assert_true(slice_eq(regex_pattern(r), SLICE("a\0b")));
    struct regex_match m;
    assert_int_equal(regex_find(r, SLICE("__a\0b"), &m), REGEX_YES);
    assert_int_equal(m.from, 2);
    assert_int_equal(m.to, 5);
    regex_free(r);
    regex_free(NULL);
}

static void named_groups(void **state)
{
    (void)state;
    struct regex *r = regex("(?<code>\\d+)(-(?<ext>\\w*))?(?<none>x)?");
    assert_int_equal(regex_names(r), 3);
    const char *names[] = {"code", "ext", "none"};
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(regex_name(r, i), names[i]);
    struct slice subject = SLICE("> 220-");
    struct regex_match m;
    assert_int_equal(regex_find(r, subject, &m), REGEX_YES);
    assert_true(slice_is(regex_group(r, 0, &m, subject), "220"));
    struct slice empty = regex_group(r, 1, &m, subject);
    assert_non_null(empty.p);
    assert_int_equal(empty.n, 0);
    assert_null(regex_group(r, 2, &m, subject).p);
    regex_free(r);

    r = regex("(?<e>)");
    assert_int_equal(regex_find(r, (struct slice){NULL, 0}, &m), REGEX_YES);
    assert_non_null(regex_group(r, 0, &m, (struct slice){NULL, 0}).p);
    regex_free(r);
}

static void one_name_for_several_groups(void **state)
{
    (void)state;
    struct regex *r = regex("(?J)a(?<x>\\d)|b(?<x>\\d)|(?<y>c)");
    assert_int_equal(regex_names(r), 2);
    struct regex_match m;
    assert_int_equal(regex_find(r, SLICE("b7"), &m), REGEX_YES);
    assert_true(slice_is(regex_group(r, 0, &m, SLICE("b7")), "7"));
    assert_null(regex_group(r, 1, &m, SLICE("b7")).p);
    regex_free(r);
}

/* With machine code and without: the first uses are interpreted. */
static void exploding_patterns_end(void **state)
{
    (void)state;
    const char *patterns[] = {"(a+)+$", "^(a|aa)+$", "^(a|a)*$", "^(([a-z])+.)+[A-Z]([a-z])+$",
                              "(?s)(.*)(.*)(.*)(.*)(.*)b!"};
    char text[400];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '!';
    struct slice subject = {text, sizeof text};
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        struct regex *r = regex(patterns[i]);
        for (int use = 0; use < 6; use++) {
            struct regex_match m;
            enum regex_found found = regex_find(r, subject, &m);
            if (found != REGEX_LIMIT) fail_msg("/%s/, use %d: %d", patterns[i], use, (int)found);
        }
        struct regex_match m;
        assert_int_equal(regex_find(r, SLICE("aa?"), &m), REGEX_NO);
        regex_free(r);
    }
}

static void deep_matches_outgrow_the_machine_stack(void **state)
{
    (void)state;
    size_t n = 100 * 1000;
    char *subject = mem_alloc(n);
    memset(subject, 'a', n);
    struct regex_match m;
    assert_int_equal(find("^(?:a|b)*$", (struct slice){subject, n}, &m), REGEX_YES);
    assert_int_equal(m.to, n);
    mem_free(subject);
}

static void recursion_without_end(void **state)
{
    (void)state;
    size_t n = 1000 * 1000;
    char *subject = mem_alloc(n);
    memset(subject, '(', n);
    struct regex_match m;
    enum regex_found found = find("^(\\((?1)*\\))", (struct slice){subject, n}, &m);
    assert_true(found == REGEX_LIMIT || found == REGEX_NO);
    mem_free(subject);
}

static void more(void **state)
{
    (void)state;
    struct regex *r = regex("\\w+[$#] ");
    struct regex_match m;
    assert_int_equal(regex_scan(r, SLICE(""), 0, false, &m), REGEX_MORE);
    assert_int_equal(m.from, 0);
    assert_int_equal(regex_scan(r, SLICE("motd\n"), 0, false, &m), REGEX_MORE);
    assert_int_equal(m.from, 5);
    assert_int_equal(regex_scan(r, SLICE("motd\nroot"), 5, false, &m), REGEX_MORE);
    assert_int_equal(m.from, 5);
    assert_int_equal(regex_scan(r, SLICE("motd\nroot# "), 5, false, &m), REGEX_YES);
    assert_int_equal(m.from, 5);
    assert_int_equal(m.to, 11);
    assert_int_equal(regex_scan(r, SLICE("motd\nroot#"), 5, true, &m), REGEX_NO);
    regex_free(r);

    r = regex("\\d+");
    assert_int_equal(regex_scan(r, SLICE("a 12"), 0, false, &m), REGEX_MORE);
    assert_int_equal(m.from, 2);
    assert_int_equal(regex_scan(r, SLICE("a 12"), 2, true, &m), REGEX_YES);
    assert_int_equal(regex_scan(r, SLICE("a 123 "), 2, false, &m), REGEX_YES);
    assert_int_equal(m.to, 5);
    regex_free(r);
}

static void anchored_patterns_are_given_up(void **state)
{
    (void)state;
    struct regex *r = regex("^220 ");
    struct regex_match m;
    assert_int_equal(regex_scan(r, SLICE(""), 0, false, &m), REGEX_MORE);
    assert_int_equal(regex_scan(r, SLICE("22"), 0, false, &m), REGEX_MORE);
    assert_int_equal(regex_scan(r, SLICE("5"), 0, false, &m), REGEX_NO);
    regex_free(r);
    r = regex("(?m)^220 ");
    assert_int_equal(regex_scan(r, SLICE("5"), 0, false, &m), REGEX_MORE);
    regex_free(r);
}

/* Feeds the subject in two parts, or byte by byte for `split` beyond its end, as a reader would. */
static enum regex_found feed(struct regex *r, struct slice subject, size_t split, struct regex_match *ret)
{
    size_t start = 0;
    for (size_t n = 0; n <= subject.n; n++) {
        if (split <= subject.n && n != split && n != subject.n) continue;
        bool complete = n == subject.n;
        struct regex_match m = {0};
        /* A copy that ends where the bytes end, so that reading on is seen. */
        char *copy = mem_alloc(n);
        if (n > 0) memcpy(copy, subject.p, n);
        enum regex_found found = regex_scan(r, (struct slice){copy, n}, start, complete, &m);
        mem_free(copy);
        if (found != REGEX_MORE) {
            *ret = m;
            return found;
        }
        assert_false(complete);
        assert_true(m.from >= start && m.from <= n);
        start = m.from;
    }
    return REGEX_MORE;
}

static void every_split_finds_the_same(void **state)
{
    (void)state;
    const char *patterns[] = {
        "\\w+[$#] ",
        "\r\n\r\n",
        "a|ab|abc",
        "abc|ab|a",
        "(?:ab)+",
        "(?:ab)+?",
        "a.*c",
        "(?s)a.*?c",
        "\\d+",
        "^\\d+",
        "x$",
        "\\bfoo\\b",
        "(?<=a)b",
        "(?<!a)b",
        "foo(?=bar)",
        "foo(?!bar)",
        "^$",
        "(?m)^b",
        "(?m)a$",
        "\\z",
        "a*",
        "(a)(b)?\\1",
        "(?i)FOO",
        "[^\\n]*\\n",
        "(?s).*b",
        "(?s).*\\n",
        "\\R",
        "a\\Kb",
        "(*UTF)é",
        "(*UTF)o.b",
        "(*UTF)(?<=é).",
        "(?>a+)b",
        "a{2,3}",
        "(?|x|f)oo",
        "(?(?=a)ab|foo)",
        "\\s+$",
    };
    const char *subjects[] = {
        "",
        "a",
        "ab",
        "abab",
        "abcabc",
        "foobar",
        "foo bar foo",
        "xx root# ls\nroot$ ",
        "a\r\n\r\nb",
        "12345 6",
        "aab\nb\naa",
        "foo\nbar\r\nx",
        "naïve é foéb",
        "oé\xc3",
        "\xc3\xa9\xa9o€b",
        "   ",
    };
    size_t np = sizeof patterns / sizeof patterns[0], ns = sizeof subjects / sizeof subjects[0];
    for (size_t i = 0; i < np; i++) {
        for (size_t k = 0; k < ns; k++) {
            struct slice subject = slice_of(subjects[k]);
            for (size_t split = 0; split <= subject.n + 1; split++) {
                /* A new one each time: its first uses are interpreted, its later ones are not. */
                struct regex *r = regex(patterns[i]);
                struct regex_match whole = {0}, fed = {0};
                enum regex_found expected = regex_find(r, subject, &whole);
                enum regex_found found = feed(r, subject, split, &fed);
                if (found != expected || whole.from != fed.from || whole.to != fed.to)
                    fail_msg("/%s/ in \"%s\" split at %zu: %d %zu-%zu, all at once %d %zu-%zu", patterns[i],
                             subjects[k], split, (int)found, fed.from, fed.to, (int)expected, whole.from, whole.to);
                regex_free(r);
            }
        }
    }
}

static void machine_code_and_interpreter_agree(void **state)
{
    (void)state;
    struct regex *r = regex("\\b(?<user>\\w+)@(?<host>[\\w.]+)\\b[$#] ");
    struct slice subject = SLICE("Last login\r\nroot@example.org# ");
    for (int use = 0; use < 10; use++) {
        for (size_t n = 0; n <= subject.n; n++) {
            struct regex_match m = {0};
            enum regex_found found = regex_scan(r, slice_part(subject, 0, n), 0, false, &m);
            assert_int_equal(found, n == subject.n ? REGEX_YES : REGEX_MORE);
            if (n >= 13) assert_int_equal(m.from, 12);
        }
    }
    regex_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_not_characters),
        cmocka_unit_test(dollar_is_the_very_end),
        cmocka_unit_test(bad_patterns),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(a_pattern_with_nul),
        cmocka_unit_test(named_groups),
        cmocka_unit_test(one_name_for_several_groups),
        cmocka_unit_test(exploding_patterns_end),
        cmocka_unit_test(deep_matches_outgrow_the_machine_stack),
        cmocka_unit_test(recursion_without_end),
        cmocka_unit_test(more),
        cmocka_unit_test(anchored_patterns_are_given_up),
        cmocka_unit_test(every_split_finds_the_same),
        cmocka_unit_test(machine_code_and_interpreter_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
