#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/folder.h"
#include "report/golden.h"
#include "report/report.h"
#include "report/sample.h"

static struct buf report_of(struct folder *f, const struct event *events, size_t n)
{
    struct buf out = BUF_INIT(64 * 1024 * 1024);
    struct event_sink *s = tap_new(f->file);

    for (size_t i = 0; i < n; i++)
        s->take(s, &events[i]);
    assert_null(reporter_error(s));
    reporter_free(s);
    golden_read(f->file, &out);
    return out;
}

static void the_run_is_golden(void **state)
{
    struct buf out = report_of(*state, sample_events, SAMPLE_EVENTS);

    golden_check("tap.txt", buf_slice(&out));
    buf_done(&out);
}

static void the_plan_comes_last_if_the_number_is_unknown(void **state)
{
    struct event events[] = {
        {.kind = EVENT_RUN},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "a", "x", 0, 1), .verdict = SR_PASS, .duration = 850000},
        {.kind = EVENT_RUN_END},
    };
    struct buf out = report_of(*state, events, 3);

    assert_string_equal(out.p, "TAP version 14\nok 1 - a > x # time=0.850ms\n1..1\n");
    buf_done(&out);
}

static void an_interrupted_run_bails_out(void **state)
{
    struct folder *f = *state;
    struct event events[] = {{.kind = EVENT_RUN, .number = 2}, {.kind = EVENT_RUN_END, .text = "interrupted"}};
    struct buf out = report_of(f, events, 2);

    assert_string_equal(out.p, "TAP version 14\n1..2\nBail out! interrupted\n");
    assert_int_equal(folder_count(f, 0), 1);
    buf_done(&out);
}

static void hostile_text_makes_no_line_of_its_own(void **state)
{
    static const char evil[] = "x # SKIP \\\nnot ok 9\r\033[2J\xff\xe2\x80\xa8\xef\xbf\xbf\n...\n";
    struct event_note note = {evil, evil};
    struct event_failure failure = {.kind = evil,
                                    .actor = evil,
                                    .place = {evil, 1, 1, 1, {evil, sizeof(evil)}},
                                    .message = evil,
                                    .notes = &note,
                                    .nnotes = 1};
    struct event events[] = {
        {.kind = EVENT_RUN, .number = 2},
        {SAMPLE_CASE(EVENT_VERDICT, 1, evil, evil, 0, 1), .verdict = SR_FAIL, .failures = &failure, .nfailures = 1},
        {SAMPLE_CASE(EVENT_VERDICT, 1, evil, evil, 0, 1), .verdict = SR_SKIP, .text = evil},
        {.kind = EVENT_RUN_END},
    };
    struct buf out = report_of(*state, events, 4);
    int tests = 0;

    for (const char *line = out.p; *line; line = strchr(line, '\n') + 1) {
        if (strncmp(line, "ok ", 3) == 0 || strncmp(line, "not ok ", 7) == 0)
            tests++;
        else if (line != out.p && *line != '\n' && strncmp(line, "1..2", 4) != 0)
            assert_memory_equal(line, "  ", 2);
        if (*line == ' ') {
            const char *illegal = strstr(line, "\xef\xbf\xbf");
            assert_true(!illegal || illegal > strchr(line, '\n'));
        }
    }
    assert_int_equal(tests, 2);
    assert_non_null(strstr(out.p, "ok 1 - x \\# SKIP "));
    buf_done(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_run_is_golden),
        TEST(the_plan_comes_last_if_the_number_is_unknown),
        TEST(an_interrupted_run_bails_out),
        TEST(hostile_text_makes_no_line_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
