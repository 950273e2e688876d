#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/folder.h"
#include "report/golden.h"
#include "report/judge.h"
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
    struct folder *f = *state;
    struct buf out = report_of(f, sample_events, SAMPLE_EVENTS);

    golden_check("tap.txt", buf_slice(&out));
    buf_done(&out);
    judge_tap(f->file, false);
}

static void files_that_run_at_once_do_not_mix(void **state)
{
    struct folder *f = *state;
    struct event events[] = {
        {.kind = EVENT_RUN, .number = 3},
        {.kind = EVENT_FILE, .file = "a", .number = 2},
        {.kind = EVENT_FILE, .file = "b", .number = 1},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "a", "x", 0, 1), .verdict = SR_PASS, .duration = 850000},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "b", "", 0, 1), .verdict = SR_PASS, .duration = SAMPLE_MS(2)},
        {.kind = EVENT_FILE_END, .file = "b"},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "a", "y", 1, 2), .verdict = SR_FAIL, .duration = 150000},
        {.kind = EVENT_FILE_END, .file = "a"},
        {.kind = EVENT_RUN_END},
    };
    struct buf out = report_of(f, events, sizeof(events) / sizeof(events[0]));

    assert_string_equal(out.p, "TAP version 14\n"
                               "# Subtest: b\n"
                               "    1..1\n"
                               "    ok 1 - b # time=2ms\n"
                               "ok 1 - b # time=2ms\n"
                               "# Subtest: a\n"
                               "    1..2\n"
                               "    ok 1 - x # time=0.850ms\n"
                               "    not ok 2 - y # time=0.150ms\n"
                               "      ---\n"
                               "      message: \"fail\"\n"
                               "      severity: fail\n"
                               "      at:\n"
                               "        file: \"a\"\n"
                               "        line: 2\n"
                               "      report: |\n"
                               "        FAIL a > y\n"
                               "      ...\n"
                               "not ok 2 - a # time=1ms\n"
                               "1..2\n");
    buf_done(&out);
    judge_tap(f->file, false);
}

static void what_passes_in_the_end_says_that_it_is_flaky(void **state)
{
    struct folder *f = *state;
    struct event events[] = {
        {.kind = EVENT_RUN, .number = 1},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "a", "x", 0, 1), .verdict = SR_PASS, .attempts = 2, .text = "flaky: \"so\""},
        {.kind = EVENT_RUN_END},
    };
    struct buf out = report_of(f, events, 3);

    assert_non_null(strstr(out.p, "    ok 1 - x # time=0ms\n"
                                  "      ---\n"
                                  "      message: \"flaky: \\\"so\\\"\"\n"
                                  "      severity: warning\n"
                                  "      attempts: 2\n"));
    buf_done(&out);
    judge_tap(f->file, false);
}

static void an_interrupted_run_bails_out(void **state)
{
    struct folder *f = *state;
    struct event events[] = {
        {.kind = EVENT_RUN, .number = 2},
        {.kind = EVENT_FILE, .file = "a", .number = 2},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "a", "x", 0, 1), .verdict = SR_PASS},
        {.kind = EVENT_RUN_END, .text = "interrupted"},
    };
    struct buf out = report_of(f, events, 4);

    assert_string_equal(out.p, "TAP version 14\n"
                               "# Subtest: a\n"
                               "    1..2\n"
                               "    ok 1 - x # time=0ms\n"
                               "not ok 1 - a # time=0ms\n"
                               "  ---\n"
                               "  message: \"1 of 2 cases have no verdict\"\n"
                               "  severity: error\n"
                               "  ...\n"
                               "Bail out! interrupted\n");
    assert_int_equal(folder_count(f, 0), 1);
    buf_done(&out);
    judge_tap(f->file, true);
}

static void an_empty_run_has_a_plan(void **state)
{
    struct folder *f = *state;
    struct event events[] = {{.kind = EVENT_RUN}, {.kind = EVENT_RUN_END}};
    struct buf out = report_of(f, events, 2);

    assert_string_equal(out.p, "TAP version 14\n1..0\n");
    buf_done(&out);
    judge_tap(f->file, false);
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
    struct folder *f = *state;
    struct buf out = report_of(f, events, 4);
    int tests = 0;

    for (const char *line = out.p; *line; line = strchr(line, '\n') + 1) {
        const char *illegal = strstr(line, "\xef\xbf\xbf");
        size_t indent = strspn(line, " ");
        bool test = strncmp(line + indent, "ok ", 3) == 0 || strncmp(line + indent, "not ok ", 7) == 0;
        tests += indent < 6 && test;
        if (indent >= 6) assert_true(!illegal || illegal > strchr(line, '\n'));
    }
    assert_int_equal(tests, 3);
    assert_non_null(strstr(out.p, "    not ok 1 - x \\# SKIP \\\\\\\\nnot ok 9"));
    assert_non_null(strstr(out.p, "# Subtest: x \\# SKIP "));
    buf_done(&out);
    judge_tap(f->file, false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_run_is_golden),
        TEST(files_that_run_at_once_do_not_mix),
        TEST(what_passes_in_the_end_says_that_it_is_flaky),
        TEST(an_interrupted_run_bails_out),
        TEST(an_empty_run_has_a_plan),
        TEST(hostile_text_makes_no_line_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
