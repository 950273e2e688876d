#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/failure.h"
#include "report/golden.h"
#include "report/sample.h"
#include "util/text.h"

static const struct style plain = {.width = 105};

static struct event verdict_of(struct event_failure *f)
{
    return (struct event){.kind = EVENT_VERDICT,
                          .file = "wrong/mismatch.yaml",
                          .case_name = "",
                          .case_index = 0,
                          .verdict = SR_FAIL,
                          .failures = f,
                          .nfailures = 1};
}

static struct buf render(struct event_failure *f, const struct style *s)
{
    struct event e = verdict_of(f);
    struct buf out = BUF_INIT(64 * 1024 * 1024);

    failure_render(&e, s, &out);
    return out;
}

/* No control but newline and tab, and nothing that is no UTF-8. */
static void assert_safe(struct slice s)
{
    uint32_t c = 0;

    for (size_t i = 0, n; i < s.n; i += n) {
        n = text_utf8(slice_part(s, i, 4), &c);
        assert_true(n > 0);
        assert_true(c == '\n' || c == '\t' || (c >= ' ' && c < 0x7f) || c > 0x9f);
    }
}

static void assert_has(const struct buf *out, const char *part)
{
    if (!strstr(buf_str(out), part)) fail_msg("no \"%s\" in\n%s", part, buf_str(out));
}

static void the_block_is_golden(void **state)
{
    struct buf out = render(&sample_mismatch, &plain);

    (void)state;
    golden_check("failure.txt", buf_slice(&out));
    buf_done(&out);
}

static void colour_changes_nothing_but_colour(void **state)
{
    const struct style color = {.color = true, .width = 105};
    struct buf with = render(&sample_mismatch, &color);
    struct buf without = render(&sample_mismatch, &plain);
    struct buf bare = BUF_INIT(1024 * 1024);

    (void)state;
    assert_has(&with, "\033[1;31mFAIL\033[0m ");
    for (size_t i = 0; i < with.n; i++) {
        if (with.p[i] != '\033') {
            buf_addc(&bare, with.p[i]);
            continue;
        }
        while (with.p[i] != 'm')
            i++;
    }
    assert_string_equal(buf_str(&bare), buf_str(&without));
    buf_done(&with);
    buf_done(&without);
    buf_done(&bare);
}

static void after_is_right_aligned_or_two_blanks_away(void **state)
{
    const struct style narrow = {.width = 60};
    struct buf out = render(&sample_mismatch, &narrow);

    (void)state;
    assert_has(&out, "step 2 expect  after 1 ms of 5 s\n");
    buf_done(&out);
    const struct style wide = {.width = 120};
    out = render(&sample_mismatch, &wide);
    assert_int_equal(strchr(out.p, '\n') - out.p, 120);
    buf_done(&out);
}

static void a_long_message_wraps_beside_or_below_its_caret(void **state)
{
    const struct style narrow = {.width = 70};
    struct event_failure f = sample_timeout;
    struct buf out = render(&f, &narrow);

    (void)state;
    assert_has(&out, "\n    |         ^ nothing came for 5 s;");
    buf_done(&out);
    f.place.col = 39;
    out = render(&f, &narrow);
    assert_has(&out, "^\n    |   nothing came");
    for (const char *line = strchr(out.p, '\n') + 1; *line; line = strchr(line, '\n') + 1)
        assert_true(strcspn(line, "\n") <= 70);
    buf_done(&out);
}

static void unknown_parts_are_left_out(void **state)
{
    struct event_failure f = {.message = "no place at all", .after = -1, .limit = -1};
    struct buf out = render(&f, &plain);

    (void)state;
    assert_string_equal(buf_str(&out), "FAIL wrong/mismatch.yaml\n   no place at all\n");
    buf_done(&out);
    f.place = (struct place){.file = "x.yaml"};
    f.after = 0;
    f.message = NULL;
    out = render(&f, &plain);
    assert_has(&out, "after 0 s\n  --> x.yaml\n");
    buf_done(&out);
}

static void a_verdict_without_failures_shows_its_reason(void **state)
{
    struct event e = {.kind = EVENT_VERDICT, .file = "a.yaml", .case_name = "x", .verdict = SR_ERROR, .text = "died"};
    struct buf out = BUF_INIT(4096);

    (void)state;
    failure_render(&e, &plain, &out);
    assert_string_equal(buf_str(&out), "ERROR a.yaml > x\n   died\n");
    buf_clear(&out);
    failure_summary(&e, &out);
    assert_string_equal(buf_str(&out), "died");
    buf_done(&out);
}

static void a_caret_stands_right_below_tabs_and_escapes(void **state)
{
    struct event_failure f = {.message = "here", .after = -1, .limit = -1};
    struct buf out;

    (void)state;
    f.place = (struct place){"t", 1234, 5, 1, SLICE("\ta\033\xc3\xa9x")};
    out = render(&f, &plain);
    assert_has(&out, "\n 1234 |     a\\x1b\xc3\xa9x\n      |           ^ here\n");
    buf_done(&out);
}

static void a_long_source_line_is_cut_around_its_column(void **state)
{
    static char text[1000000];
    struct event_failure f = {.message = "here", .after = -1, .limit = -1};

    (void)state;
    memset(text, '.', sizeof(text));
    text[499999] = 'X';
    f.place = (struct place){"t", 1, 500000, 1, {text, sizeof(text)}};
    struct buf out = render(&f, &plain);
    assert_true(out.n < 1000);
    const char *x = strchr(out.p, 'X'), *line = x;
    while (line[-1] != '\n')
        line--;
    const char *next = strchr(x, '\n') + 1;
    assert_int_equal(next[x - line], '^');
    buf_done(&out);
}

static void hostile_text_is_safe_and_bounded(void **state)
{
    static char huge[10 * 1024 * 1024 + 1];
    struct event_note notes[200];
    struct event_failure f = sample_mismatch;

    (void)state;
    memset(huge, '\xff', sizeof(huge) - 1);
    for (size_t i = 0; i < 200; i++)
        notes[i] = (struct event_note){huge, huge};
    f.actor = f.step = f.message = f.place.file = huge;
    f.place.text = (struct slice){huge, sizeof(huge) - 1};
    f.dump.expected = f.dump.got = f.place.text;
    f.notes = notes;
    f.nnotes = 200;
    struct buf out = render(&f, &plain);
    assert_true(out.n < 2 * 1024 * 1024);
    assert_has(&out, "... (too long)\n");
    assert_safe(buf_slice(&out));
    buf_done(&out);
    f.nnotes = 1;
    f.message = notes[0].text = "\033[31m\n\r]]>\xc2\x9b\xe2\x80\xae";
    out = render(&f, &plain);
    assert_safe(buf_slice(&out));
    assert_has(&out, "\\x1b[31m\\n\\x0d]]>");
    buf_done(&out);
}

static void a_summary_is_one_line(void **state)
{
    struct event e = verdict_of(&sample_mismatch);
    struct buf out = BUF_INIT(4096);

    (void)state;
    failure_summary(&e, &out);
    assert_string_equal(buf_str(&out),
                        "client > step 2 expect: first difference at byte 13: expected 0d \"\\r\", got 0a \"\\n\"");
    buf_clear(&out);
    e.failures = sample_two;
    e.nfailures = 2;
    failure_summary(&e, &out);
    assert_string_equal(buf_str(&out), "the child was killed by signal 11 (SIGSEGV) (and 1 more)");
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_block_is_golden),
        cmocka_unit_test(colour_changes_nothing_but_colour),
        cmocka_unit_test(after_is_right_aligned_or_two_blanks_away),
        cmocka_unit_test(a_long_message_wraps_beside_or_below_its_caret),
        cmocka_unit_test(unknown_parts_are_left_out),
        cmocka_unit_test(a_verdict_without_failures_shows_its_reason),
        cmocka_unit_test(a_caret_stands_right_below_tabs_and_escapes),
        cmocka_unit_test(a_long_source_line_is_cut_around_its_column),
        cmocka_unit_test(hostile_text_is_safe_and_bounded),
        cmocka_unit_test(a_summary_is_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
