#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/folder.h"
#include "report/golden.h"
#include "report/hostile.h"
#include "report/judge.h"
#include "report/report.h"

static void write_report(const char *path, const struct event *events, size_t n)
{
    struct event_sink *s = junit_new(path);

    for (size_t i = 0; i < n; i++)
        s->take(s, &events[i]);
    assert_null(reporter_error(s));
    reporter_free(s);
}

static struct buf report_of(struct folder *f, const struct event *events, size_t n)
{
    struct buf out = BUF_INIT(64 * 1024 * 1024);

    write_report(f->file, events, n);
    golden_read(f->file, &out);
    return out;
}

static void assert_has(const struct buf *out, const char *part)
{
    if (!strstr(buf_str(out), part)) fail_msg("no \"%s\" in\n%s", part, buf_str(out));
}

static void the_run_is_golden(void **state)
{
    struct folder *f = *state;
    struct buf out = report_of(f, sample_events, SAMPLE_EVENTS);

    golden_check("junit.txt", buf_slice(&out));
    buf_done(&out);
    judge_junit(f->file);
}

static void an_empty_and_an_interrupted_run_are_complete(void **state)
{
    struct folder *f = *state;
    struct event events[] = {
        {.kind = EVENT_RUN, .number = 3},
        {SAMPLE_CASE(EVENT_CASE, 1, "a.yaml", "x", 0, 7)},
        {.kind = EVENT_RUN_END, .at = SAMPLE_MS(3), .text = "interrupted"},
    };
    struct buf out = report_of(f, events, 3);

    assert_has(&out, "<testsuites name=\"sockrun\" tests=\"1\" failures=\"0\" errors=\"1\" ");
    assert_has(&out, "<testcase classname=\"a\" name=\"x\" file=\"a.yaml\" line=\"7\" time=\"0.002000\">\n"
                     "      <error type=\"unfinished\" message=\"interrupted\">ERROR a.yaml &gt; x\n");
    assert_has(&out, "</testsuites>\n");
    assert_int_equal(folder_count(f, 0), 1);
    buf_done(&out);
    judge_junit(f->file);
}

static void names_are_unique_even_when_they_look_taken(void **state)
{
    struct folder *f = *state;
    struct event events[] = {
        {SAMPLE_CASE(EVENT_VERDICT, 1, "d/a.yaml", "x #2", 0, 1)},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "d/a.yaml", "x", 1, 1)},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "d/a.yaml", "x", 1, 1)},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "d/a.lua", "x", 1, 1)},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "e/a.yaml", "x", 0, 1)},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "../d/b.yaml", "", 0, 1)},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "c.yaml", "\xef\xbf\xbd", 0, 1)},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "c.yaml", "\xef\xbf\xbe", 1, 1)},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "c.yaml", "\xef\xbf\xbf", 2, 1)},
        {.kind = EVENT_RUN_END},
    };
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        events[i].verdict = SR_PASS;
    struct buf out = report_of(f, events, sizeof(events) / sizeof(events[0]));

    assert_has(&out, "classname=\"d.a\" name=\"x #2\" file=\"d/a.yaml\"");
    assert_has(&out, "classname=\"d.a\" name=\"x #3\" file=\"d/a.yaml\"");
    assert_has(&out, "classname=\"d.a\" name=\"x #4\" file=\"d/a.lua\"");
    assert_has(&out, "classname=\"e.a\" name=\"x\" file=\"e/a.yaml\"");
    assert_has(&out, "classname=\"d.b\" name=\"b\" file=\"../d/b.yaml\"");
    assert_has(&out, "classname=\"c\" name=\"\xef\xbf\xbd #3\" file=\"c.yaml\"");
    buf_done(&out);
    judge_junit(f->file);
}

static void what_passes_in_the_end_is_told_as_maven_does(void **state)
{
    struct folder *f = *state;
    struct event events[] = {
        {SAMPLE_CASE(EVENT_VERDICT, 1, "a.yaml", "x", 0, 1), .verdict = SR_PASS, .attempts = 2, .text = "flaky: <so>"},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "a.yaml", "y", 0, 1), .verdict = SR_FAIL, .attempts = 3},
        {.kind = EVENT_RUN_END},
    };
    struct buf out = report_of(f, events, 3);

    assert_has(&out, "<testsuite name=\"a.yaml\" tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\"");
    assert_has(&out, "<property name=\"attempts\" value=\"2\"/>");
    assert_has(&out, "<flakyFailure type=\"flaky\" message=\"flaky: &lt;so&gt;\"><stackTrace>flaky: &lt;so&gt;"
                     "</stackTrace></flakyFailure>");
    assert_has(&out, "<property name=\"attempts\" value=\"3\"/>");
    buf_done(&out);
    judge_junit(f->file);
}

static void what_stands_on_a_case_are_properties(void **state)
{
    struct folder *f = *state;
    struct event events[] = {
        {SAMPLE_CASE(EVENT_VERDICT, 1, "a.yaml", "x", 0, 1), .verdict = SR_PASS, .id = "a.x", .ref = "RFC 1 2.3",
         .level = "must", .covers = "p q", .tags = "t u"},
        {.kind = EVENT_RUN_END},
    };
    struct buf out = report_of(f, events, 2);

    assert_has(&out, "      <properties>\n"
                     "        <property name=\"tags\" value=\"t u\"/>\n"
                     "        <property name=\"id\" value=\"a.x\"/>\n"
                     "        <property name=\"ref\" value=\"RFC 1 2.3\"/>\n"
                     "        <property name=\"level\" value=\"must\"/>\n"
                     "        <property name=\"covers\" value=\"p q\"/>\n"
                     "      </properties>\n"
                     "    </testcase>\n");
    buf_done(&out);
    judge_junit(f->file);
}

static void hostile_text_stays_well_formed(void **state)
{
    struct folder *f = *state;
    struct buf out = report_of(f, hostile_events, HOSTILE_EVENTS);

    assert_null(strchr(out.p, '\033'));
    assert_null(strstr(out.p, "]]>"));
    buf_done(&out);
    judge_junit(f->file);
}

static void a_full_disk_is_remembered(void **state)
{
    (void)state;
    meet_a_full_disk(junit_new);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_run_is_golden),
        TEST(an_empty_and_an_interrupted_run_are_complete),
        TEST(names_are_unique_even_when_they_look_taken),
        TEST(what_passes_in_the_end_is_told_as_maven_does),
        TEST(what_stands_on_a_case_are_properties),
        TEST(hostile_text_stays_well_formed),
        TEST(a_full_disk_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
