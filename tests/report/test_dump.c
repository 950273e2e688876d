#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/dump.h"

static const struct style plain = {.width = 100};

static void check(struct event_dump d, const char *expected)
{
    struct buf out = BUF_INIT(64 * 1024);

    d.present = true;
    dump_render(&d, &plain, &out);
    assert_string_equal(buf_str(&out), expected);
    buf_done(&out);
}

static void no_dump_is_nothing(void **state)
{
    struct event_dump d = {.expected = SLICE("x")};
    struct buf out = BUF_INIT(1024);

    (void)state;
    dump_render(&d, &plain, &out);
    assert_int_equal(out.n, 0);
}

static void what_has_ended_shows_an_empty_place(void **state)
{
    (void)state;
    check((struct event_dump){.expected_size = 3, .got_size = 2, .at = 2, .expected = SLICE("abc"), .got = SLICE("ab")},
          "   expected 0000  61 62[63]                                        abc\n"
          "   got      0000  61 62[  ]                                        ab\n");
    check((struct event_dump){.expected_size = 2, .at = 0, .expected = SLICE("ab")},
          "   expected 0000 [61]62                                            ab\n"
          "   got      nothing\n");
}

static void a_mark_may_stand_at_the_ends_of_a_row(void **state)
{
    struct slice a = SLICE("0123456789abcdefX"), b = SLICE("0123456789abcdeFX");

    (void)state;
    check((struct event_dump){.expected_size = 17, .got_size = 17, .at = 15, .expected = a, .got = b},
          "   expected 0000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65[66] 0123456789abcdef\n"
          "            0010  58                                               X\n"
          "   got      0000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65[46] 0123456789abcdeF\n"
          "            0010  58                                               X\n");
    check(
        (struct event_dump){.expected_size = 17, .got_size = 16, .at = 16, .expected = a, .got = slice_part(a, 0, 16)},
        "   expected 0000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef\n"
        "            0010 [58]                                              X\n"
        "   got      0000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef\n"
        "            0010 [  ]\n");
}

static void offsets_of_a_window_are_those_of_the_whole(void **state)
{
    (void)state;
    check((struct event_dump){.got_size = 70001, .from = 70000, .got = SLICE("\x7f"), .expected_unknown = true},
          "   got      00011170  7f                                               .\n");
}

static void a_hostile_dump_is_bounded(void **state)
{
    static const char many[1 << 20];
    struct event_dump d = {.present = true,
                           .at = UINT64_MAX,
                           .from = UINT64_MAX - 3,
                           .got_size = 1,
                           .expected = {many, sizeof(many)},
                           .got = {many, sizeof(many)}};
    struct buf out = BUF_INIT(64 * 1024);

    (void)state;
    dump_render(&d, &plain, &out);
    assert_false(out.overflow);
    d.from = 0;
    d.at = 1 << 19;
    buf_clear(&out);
    dump_render(&d, &plain, &out);
    assert_false(out.overflow);
    assert_non_null(strstr(out.p, "00080000 [00]"));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_dump_is_nothing),
        cmocka_unit_test(what_has_ended_shows_an_empty_place),
        cmocka_unit_test(a_mark_may_stand_at_the_ends_of_a_row),
        cmocka_unit_test(offsets_of_a_window_are_those_of_the_whole),
        cmocka_unit_test(a_hostile_dump_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
