#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "doc/source.h"

static void place_is(const struct source *s, uint32_t off, uint32_t len, uint32_t line, uint32_t col, uint32_t span)
{
    struct place p = source_place((struct mark){s, off, len});
    assert_string_equal(p.file, s->name);
    assert_int_equal(p.line, line);
    assert_int_equal(p.col, col);
    assert_int_equal(p.span, span);
    assert_int_equal(source_line((struct mark){s, off, len}), line);
}

static void line_is(const struct source *s, uint32_t off, const char *text)
{
    assert_true(slice_is(source_place((struct mark){s, off, 1}).text, text));
}

static void test_lines_end_with_lf_crlf_or_cr(void **state)
{
    (void)state;
    struct source s;
    source_init(&s, "f", SLICE("ab\ncd\r\nef\rgh\n"));
    assert_int_equal(s.nlines, 4);
    place_is(&s, 0, 2, 1, 1, 2);
    place_is(&s, 4, 1, 2, 2, 1);
    place_is(&s, 7, 2, 3, 1, 2);
    place_is(&s, 11, 9, 4, 2, 1);
    line_is(&s, 4, "cd");
    line_is(&s, 8, "ef");
    source_done(&s);
}

static void test_the_end_is_behind_the_last_line(void **state)
{
    (void)state;
    struct source s;
    source_init(&s, "f", SLICE("ab\ncd\n"));
    place_is(&s, 6, 0, 2, 3, 1);
    line_is(&s, 6, "cd");
    source_done(&s);
    source_init(&s, "f", SLICE(""));
    place_is(&s, 0, 0, 1, 1, 1);
    line_is(&s, 0, "");
    source_done(&s);
}

static void test_columns_count_characters(void **state)
{
    (void)state;
    struct source s;
    source_init(&s, "f", SLICE("x\nä€𝄞 = ö"));
    place_is(&s, 2 + 2 + 3 + 4, 1, 2, 4, 1);
    place_is(&s, 2, 9, 2, 1, 3);
    source_done(&s);
}

static void test_a_byte_order_mark_is_no_column(void **state)
{
    (void)state;
    struct source s;
    source_init(&s, "f",
                SLICE("\xEF\xBB\xBF"
                      "ab\nc"));
    place_is(&s, 3, 2, 1, 1, 2);
    place_is(&s, 0, 0, 1, 1, 1);
    place_is(&s, 6, 1, 2, 1, 1);
    line_is(&s, 3, "ab");
    source_done(&s);
}

static void test_a_span_ends_with_its_line(void **state)
{
    (void)state;
    struct source s;
    source_init(&s, "f", SLICE("abc\r\ndef\n"));
    place_is(&s, 1, 7, 1, 2, 2);
    place_is(&s, 3, 5, 1, 4, 1);
    source_done(&s);
}

static void test_columns_in_long_lines(void **state)
{
    (void)state;
    enum { LINE = 3 * 4096 };
    char *text = malloc(2 * LINE);
    assert_non_null(text);
    for (size_t i = 0; i < LINE; i += 3)
        memcpy(text + i, "€", 3);
    memset(text + LINE, 'x', LINE);
    text[LINE] = '\n';
    struct source s;
    source_init(&s, "f", (struct slice){text, 2 * LINE});
    for (uint32_t off = 0; off < LINE; off += 3)
        assert_int_equal(source_place((struct mark){&s, off, 1}).col, off / 3 + 1);
    place_is(&s, 2 * LINE, 0, 2, LINE, 1);
    /* Within a character: its bytes so far count as one each. */
    place_is(&s, 512, 1, 1, 510 / 3 + 2 + 1, 1);
    place_is(&s, LINE + 4097, 1, 2, 4097, 1);
    source_done(&s);
    free(text);
}

static void test_parts_are_clipped(void **state)
{
    (void)state;
    struct mark m = {NULL, 10, 5};
    assert_int_equal(mark_part(m, 2, 2).off, 12);
    assert_int_equal(mark_part(m, 2, 2).len, 2);
    assert_int_equal(mark_part(m, 4, 9).len, 1);
    assert_int_equal(mark_part(m, 9, 9).off, 15);
    assert_int_equal(mark_part(m, 9, 9).len, 0);
    assert_int_equal(mark_part(m, 2, UINT32_MAX).len, 3);
}

static void test_no_mark_is_no_place(void **state)
{
    (void)state;
    struct place p = source_place((struct mark){0});
    assert_null(p.file);
    assert_int_equal(p.line, 0);
    assert_int_equal(source_line((struct mark){0}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_end_with_lf_crlf_or_cr),
        cmocka_unit_test(test_the_end_is_behind_the_last_line),
        cmocka_unit_test(test_columns_count_characters),
        cmocka_unit_test(test_a_byte_order_mark_is_no_column),
        cmocka_unit_test(test_a_span_ends_with_its_line),
        cmocka_unit_test(test_columns_in_long_lines),
        cmocka_unit_test(test_parts_are_clipped),
        cmocka_unit_test(test_no_mark_is_no_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
