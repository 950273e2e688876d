#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/diag.h"
#include "util/suggest.h"

static struct diags d;
static struct buf out;

static int fresh(void **state)
{
    (void)state;
    diags_init(&d);
    buf_init(&out, 8 << 20);
    return 0;
}

static int done(void **state)
{
    (void)state;
    diags_done(&d);
    buf_done(&out);
    return 0;
}

static struct place at(uint32_t line, uint32_t col, uint32_t span, const char *text)
{
    return (struct place){"a.yaml", line, col, span, slice_of(text)};
}

static void assert_printed(const char *want)
{
    diags_print(&d, false, &out);
    assert_string_equal(buf_str(&out), want);
}

static void a_misspelling(void **state)
{
    (void)state;
    struct suggest s;
    suggest_init(&s, SLICE("exepct"));
    suggest_offer(&s, SLICE("expect"));
    struct diag *g = diags_add(&d, at(7, 9, 6, "      - exepct: \"hello\""), "unknown step `%s`", "exepct");
    diag_suggest(&d, g, &s);
    assert_printed("a.yaml:7:9: error: unknown step `exepct`\n"
                   "     7 |       - exepct: \"hello\"\n"
                   "       |         ^^^^^^ did you mean `expect`?\n");
}

static void no_suggestion_no_hint(void **state)
{
    (void)state;
    struct suggest s;
    suggest_init(&s, SLICE("zzz"));
    suggest_offer(&s, SLICE("expect"));
    struct diag *g = diags_add(&d, at(1, 1, 3, "zzz"), "unknown");
    diag_suggest(&d, g, &s);
    assert_printed("a.yaml:1:1: error: unknown\n     1 | zzz\n       | ^^^\n");
}

static void a_second_place(void **state)
{
    (void)state;
    struct diag *g = diags_add(&d, at(20, 1, 4, "name: b"), "the key `name` stands here twice");
    diag_also(&d, g, at(2, 1, 4, "name: a"), "first defined here");
    assert_printed("a.yaml:20:1: error: the key `name` stands here twice\n"
                   "    20 | name: b\n"
                   "       | ^^^^\n"
                   "a.yaml:2:1: note: first defined here\n"
                   "     2 | name: a\n"
                   "       | ^^^^\n");
}

static void a_file_as_a_whole(void **state)
{
    (void)state;
    struct diag *g = diags_add(&d, (struct place){.file = "a.yaml"}, "no cases");
    diag_hint(&d, g, "write `steps` or `%s`", "cases");
    diags_add(&d, (struct place){0}, "no file");
    assert_printed("a.yaml: error: no cases\n  write `steps` or `cases`\nerror: no file\n");
}

static void no_source_line(void **state)
{
    (void)state;
    struct diag *g = diags_add(&d, (struct place){.file = "a.yaml", .line = 3, .col = 4}, "wrong");
    diag_hint(&d, g, "right");
    assert_printed("a.yaml:3:4: error: wrong\n  right\n");
}

static void an_empty_line(void **state)
{
    (void)state;
    diags_add(&d, at(3, 1, 1, ""), "ends too early");
    assert_printed("a.yaml:3:1: error: ends too early\n     3 |\n       | ^\n");
}

static void tabs_are_mirrored(void **state)
{
    (void)state;
    diags_add(&d, at(3, 4, 2, "\tx\tab"), "tab");
    assert_printed("a.yaml:3:4: error: tab\n     3 | \tx\tab\n       | \t \t^^\n");
}

static void characters_count_not_bytes(void **state)
{
    (void)state;
    diags_add(&d, at(3, 4, 1, "\xc3\xbc\xe2\x82\xac xy"), "here");
    assert_printed("a.yaml:3:4: error: here\n     3 | \xc3\xbc\xe2\x82\xac xy\n       |    ^\n");
}

static void nothing_reaches_the_terminal(void **state)
{
    (void)state;
    struct place p = at(3, 3, 2, "\x1b[31\x9b");
    p.file = "a\x1b\n.yaml";
    struct diag *g = diags_add(&d, p, "unknown key `\x1b]0;\x07\nb.yaml:1:1: error: no`");
    diag_hint(&d, g, "\x1b");
    assert_printed("a\\x1b\\n.yaml:3:3: error: unknown key `\\x1b]0;\\x07\\nb.yaml:1:1: error: no`\n"
                   "     3 | \\x1b[31\\x9b\n"
                   "       |      ^^ \\x1b\n");
}

static void columns_beyond_the_line(void **state)
{
    (void)state;
    diags_add(&d, at(1, 100, UINT32_MAX, "abc"), "far");
    diags_add(&d, at(2, UINT32_MAX, UINT32_MAX, "abc"), "farther");
    diags_add(&d, at(3, 2, UINT32_MAX, "abc"), "wide");
    diags_add(&d, at(4, 0, 0, "abc"), "zero");
    assert_printed("a.yaml:1:100: error: far\n     1 | abc\n       |    ^\n"
                   "a.yaml:2:4294967295: error: farther\n     2 | abc\n       |    ^\n"
                   "a.yaml:3:2: error: wide\n     3 | abc\n       |  ^^\n"
                   "a.yaml:4:0: error: zero\n     4 | abc\n       | ^\n");
}

/* The line of the output that starts at p. */
static struct slice line_at(const char *p)
{
    return (struct slice){p, strcspn(p, "\n")};
}

static void long_lines_are_windowed(void **state)
{
    (void)state;
    static char text[100001];
    memset(text, 'a', sizeof text - 1);
    text[49999] = 'X';
    diags_add(&d, at(1, 50000, 1, text), "long");
    diags_print(&d, false, &out);
    const char *shown = strchr(buf_str(&out), '\n') + 1;
    struct slice source = line_at(shown), below = line_at(shown + source.n + 1);
    assert_in_range(source.n, 100, 180);
    assert_memory_equal(source.p, "     1 | ...a", 13);
    assert_memory_equal(source.p + source.n - 4, "a...", 4);
    const char *x = memchr(source.p, 'X', source.n), *caret = memchr(below.p, '^', below.n);
    assert_non_null(x);
    assert_int_equal(x - source.p, caret - below.p);
    assert_int_equal(caret - below.p, below.n - 1);
}

static void long_junk_is_windowed(void **state)
{
    (void)state;
    static char text[100001];
    memset(text, '\x01', sizeof text - 1);
    diags_add(&d, at(1, 1, UINT32_MAX, text), "junk");
    diags_add(&d, at(1, 99990, UINT32_MAX, text), "junk");
    diags_add(&d, at(1, UINT32_MAX, 1, text), "junk");
    diags_print(&d, false, &out);
    for (const char *p = buf_str(&out); *p; p += line_at(p).n + 1)
        assert_in_range(line_at(p).n, 1, 450);
}

static void wide_line_numbers(void **state)
{
    (void)state;
    diags_add(&d, at(UINT32_MAX, 2, 1, "abc"), "deep");
    assert_printed("a.yaml:4294967295:2: error: deep\n4294967295 | abc\n           |  ^\n");
}

static void sorted_without_repetitions(void **state)
{
    (void)state;
    struct place b = at(1, 1, 1, "x");
    b.file = "b.yaml";
    diags_add(&d, b, "b first");
    diags_add(&d, at(9, 1, 1, "x"), "nine");
    diags_add(&d, at(2, 5, 1, "xxxxx"), "two five");
    diags_add(&d, at(2, 3, 1, "xxxxx"), "same");
    diags_add(&d, at(2, 3, 1, "xxxxx"), "between");
    diags_add(&d, at(2, 3, 1, "xxxxx"), "same");
    diag_hint(&d, diags_add(&d, at(2, 3, 1, "xxxxx"), "same"), "said before");
    diags_add(&d, (struct place){.file = "a.yaml"}, "file");
    b.line = 0;
    diags_add(&d, b, "b file");
    diags_print(&d, false, &out);
    static const char *const order[] = {"b file",   "b first", "a.yaml: error: file", "same", "between",
                                        "two five", "nine"};
    const char *p = buf_str(&out);
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        p = strstr(p, order[i]);
        assert_non_null(p);
    }
    int same = 0;
    for (p = buf_str(&out); (p = strstr(p, "error: same")); p++)
        same++;
    assert_int_equal(same, 1);
    assert_null(strstr(buf_str(&out), "said before"));
    assert_int_equal(d.n, 7);
    assert_int_equal(d.dropped, 0);
}

static void colors(void **state)
{
    (void)state;
    struct diag *g = diags_add(&d, at(7, 2, 1, "ab"), "m");
    diag_hint(&d, g, "h");
    diags_print(&d, true, &out);
    assert_string_equal(buf_str(&out), "\033[1ma.yaml:7:2:\033[0m \033[1;31merror:\033[0m m\n"
                                       "     7 | ab\n"
                                       "       |  \033[32m^\033[0m h\n");
}

static void too_many(void **state)
{
    (void)state;
    struct diag *first = diags_add(&d, at(1, 1, 1, "x"), "first");
    for (uint32_t i = 2; i <= DIAGS_MOST + 5; i++) {
        struct diag *g = diags_add(&d, at(i, 1, 1, "x"), "m");
        assert_non_null(g);
        diag_hint(&d, g, "h");
        diag_also(&d, g, at(1, 1, 1, "x"), "also");
    }
    diag_hint(&d, first, "still there");
    assert_int_equal(d.n, DIAGS_MOST);
    assert_int_equal(d.dropped, 5);
    diags_print(&d, false, &out);
    assert_non_null(strstr(buf_str(&out), "^ still there\n"));
    assert_non_null(strstr(buf_str(&out), "a.yaml:1000:1: "));
    assert_null(strstr(buf_str(&out), "a.yaml:1001:1: "));
    assert_string_equal(buf_str(&out) + out.n - strlen("\n5 more errors are not shown\n"),
                        "\n5 more errors are not shown\n");
}

static void strings_are_copied(void **state)
{
    (void)state;
    char text[] = "name: b", file[] = "x.yaml", message[] = "first";
    struct place p = {file, 2, 1, 4, slice_of(text)};
    struct diag *g = diags_add(&d, p, "twice");
    diag_also(&d, g, p, message);
    memset(text, '!', sizeof text - 1);
    memset(file, '!', sizeof file - 1);
    memset(message, '!', sizeof message - 1);
    diags_print(&d, false, &out);
    assert_null(strchr(buf_str(&out), '!'));
}

static void nothing(void **state)
{
    (void)state;
    assert_printed("");
}

static void over_the_cap(void **state)
{
    (void)state;
    struct buf small = BUF_INIT(20);
    diags_add(&d, at(1, 1, 1, "abc"), "a message that has no room");
    diags_print(&d, false, &small);
    assert_true(small.overflow);
    buf_done(&small);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_misspelling),
        TEST(no_suggestion_no_hint),
        TEST(a_second_place),
        TEST(a_file_as_a_whole),
        TEST(no_source_line),
        TEST(an_empty_line),
        TEST(tabs_are_mirrored),
        TEST(characters_count_not_bytes),
        TEST(nothing_reaches_the_terminal),
        TEST(columns_beyond_the_line),
        TEST(long_lines_are_windowed),
        TEST(long_junk_is_windowed),
        TEST(wide_line_numbers),
        TEST(sorted_without_repetitions),
        TEST(colors),
        TEST(too_many),
        TEST(strings_are_copied),
        TEST(nothing),
        TEST(over_the_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
