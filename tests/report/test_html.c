#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/jsonr.h"
#include "report/folder.h"
#include "report/golden.h"
#include "report/hostile.h"
#include "report/html_case.h"
#include "report/report.h"
#include "util/text.h"

static const char element[] = "<script type=\"application/json\" ";

static struct buf page_of(struct folder *f, const struct event *events, size_t n)
{
    struct buf out = BUF_INIT(64 * 1024 * 1024);
    struct event_sink *s = html_new(f->file);

    for (size_t i = 0; i < n; i++)
        s->take(s, &events[i]);
    assert_null(reporter_error(s));
    reporter_free(s);
    golden_read(f->file, &out);
    return out;
}

/* The elements with data, a line each. */
static struct buf data_of(const struct buf *page)
{
    struct buf data = BUF_INIT(64 * 1024 * 1024);
    const char *at = buf_str(page);

    while ((at = strstr(at, element))) {
        const char *end = strchr(at, '\n');
        assert_non_null(end);
        buf_add(&data, (struct slice){at, (size_t)(end + 1 - at)});
        at = end + 1;
    }
    return data;
}

static void assert_has(const struct buf *out, const char *part)
{
    if (!strstr(buf_str(out), part)) fail_msg("no %s in\n%.20000s", part, buf_str(out));
}

/* Every line of the data is one element, and what it holds is JSON that cannot end it. */
static size_t assert_sound(const struct buf *page)
{
    struct buf data = data_of(page);
    struct arena a = {0};
    size_t lines = 0;

    for (const char *at = buf_str(&data); *at; lines++) {
        const char *text = strchr(at, '>') + 1, *end = strchr(text, '<'), *wrong;
        assert_non_null(end);
        assert_int_equal(strncmp(end, "</script>\n", 10), 0);
        if (!jsonr_read((struct slice){text, (size_t)(end - text)}, &a, &wrong)) fail_msg("%s: %.200s", wrong, at);
        for (const char *c = text; c < end; c++)
            assert_true((unsigned char)*c >= ' ');
        at = end + 10;
    }
    arena_done(&a);
    buf_done(&data);
    return lines;
}

static void the_data_is_golden(void **state)
{
    struct buf page = page_of(*state, sample_events, SAMPLE_EVENTS);
    struct buf data = data_of(&page);

    assert_true(assert_sound(&page) > 8);
    golden_check("html.data", buf_slice(&data));
    buf_done(&data);
    buf_done(&page);
}

static void the_page_needs_nothing_else(void **state)
{
    struct buf page = page_of(*state, sample_events, SAMPLE_EVENTS);

    assert_int_equal(strncmp(page.p, "<!doctype html>", 15), 0);
    assert_int_equal(strcmp(page.p + page.n - 8, "</html>\n"), 0);
    assert_has(&page, "default-src 'none'");
    assert_null(strstr(page.p, "@STYLE"));
    assert_null(strstr(page.p, "@SCRIPT"));
    assert_null(strstr(page.p, "src=\""));
    assert_null(strstr(page.p, "url("));
    buf_done(&page);
}

static void hostile_text_stays_inside(void **state)
{
    static const char script[] = "</script><script>alert(1)</script><!-- <![CDATA[";
    struct event_failure failure = hostile_failure;
    failure.message = script;
    failure.dump.got = (struct slice){script, sizeof script};
    const struct event events[] = {
        hostile_events[0],
        {SAMPLE_CASE(EVENT_CASE, 1, script, script, 0, 1)},
        {SAMPLE_CASE(EVENT_STEP, 1, script, script, 0, 1), .actor = script, .step = script, .place = failure.place},
        {SAMPLE_CASE(EVENT_TRAFFIC, 1, script, script, 0, 1), .action = EVENT_SEND, .actor = script,
         .bytes = {script, 48}},
        {SAMPLE_CASE(EVENT_LOG, 1, script, script, 0, 1), .actor = hostile_text, .text = script},
        {SAMPLE_CASE(EVENT_VERDICT, 1, script, script, 0, 1), .verdict = SR_FAIL, .tags = script, .id = script,
         .ref = script, .quote = script, .level = script, .covers = script, .failures = &failure, .nfailures = 1},
        {.kind = EVENT_RUN_END, .text = script, .case_index = -1},
    };
    struct buf page = page_of(*state, events, sizeof events / sizeof *events);

    assert_int_equal(assert_sound(&page), 4);
    assert_null(strstr(page.p, "alert(1)</script"));
    assert_null(strchr(page.p, '\033'));
    assert_has(&page, "\\u003c/script>\\u003cscript>alert(1)");
    buf_done(&page);
    page = page_of(*state, hostile_events, HOSTILE_EVENTS);
    assert_sound(&page);
    assert_null(strchr(page.p, '\xff'));
    buf_done(&page);
}

static void a_long_message_is_cut_and_its_size_said(void **state)
{
    enum { LONG = 10 << 20 };
    char *bytes = test_malloc(LONG), *text = test_malloc(LONG);
    memset(bytes, '<', LONG);
    memset(text, '<', LONG);
    text[LONG - 1] = '\0';
    const struct event events[] = {
        {SAMPLE_CASE(EVENT_CASE, 1, "a.yaml", "x", 0, 1)},
        {SAMPLE_CASE(EVENT_TRAFFIC, 1, "a.yaml", "x", 0, 1), .action = EVENT_SEND, .bytes = {bytes, LONG}},
        {SAMPLE_CASE(EVENT_LOG, 1, "a.yaml", "x", 0, 1), .text = text},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "a.yaml", "x", 0, 1), .verdict = SR_SKIP, .text = text},
        {.kind = EVENT_RUN_END, .case_index = -1},
    };
    struct buf page = page_of(*state, events, sizeof events / sizeof *events);

    assert_has(&page, "\"z\":10485760,\"b\":\"PDw8");
    assert_has(&page, "... (10485759 bytes)");
    assert_true(page.n < 256 * 1024);
    assert_sound(&page);
    buf_done(&page);
    test_free(bytes);
    test_free(text);
}

static void a_text_is_cut_between_characters(void **state)
{
    char text[3 * 2000 + 1];
    for (size_t i = 0; i < sizeof text - 1; i += 3)
        memcpy(text + i, "\xe2\x82\xac", 3);
    text[sizeof text - 1] = '\0';
    const struct event events[] = {
        {SAMPLE_CASE(EVENT_VERDICT, 1, "a.yaml", "x", 0, 1), .verdict = SR_SKIP, .text = text},
        {.kind = EVENT_RUN_END, .case_index = -1},
    };
    struct buf page = page_of(*state, events, 2);
    struct buf data = data_of(&page);

    assert_has(&data, "\xe2\x82\xac... (6000 bytes)");
    assert_null(strstr(data.p, "\xef\xbf\xbd"));
    buf_done(&data);
    buf_done(&page);
}

static void messages_are_written_while_the_case_runs(void **state)
{
    enum { MESSAGES = 20000 };
    struct folder *f = *state;
    struct event_sink *s = html_new(f->file);
    struct event e = {SAMPLE_CASE(EVENT_CASE, 1, "a.yaml", "x", 0, 1), .actor = "client", .bytes = {"0123456789", 10}};
    struct buf page = BUF_INIT(64 * 1024 * 1024);

    s->take(s, &e);
    e.kind = EVENT_TRAFFIC;
    e.action = EVENT_SEND;
    for (int i = 0; i < MESSAGES; i++)
        s->take(s, &e);
    e = (struct event){SAMPLE_CASE(EVENT_VERDICT, 9, "a.yaml", "x", 0, 1), .verdict = SR_PASS};
    s->take(s, &e);
    e = (struct event){.kind = EVENT_RUN_END, .case_index = -1};
    s->take(s, &e);
    assert_null(reporter_error(s));
    reporter_free(s);
    golden_read(f->file, &page);
    assert_has(&page, "\"messages\":20000");
    /* Several elements of some 64 KiB, an entry and the run's. */
    assert_true(assert_sound(&page) > 10);
    buf_done(&page);
}

static void what_the_page_has_no_room_for_is_counted(void **state)
{
    struct folder *f = *state;
    struct html_page page;
    struct buf out = BUF_INIT(1 << 20);
    const struct event e = {SAMPLE_CASE(EVENT_STEP, 1, "a.yaml", "x", 0, 1)};
    const struct event verdict = {SAMPLE_CASE(EVENT_VERDICT, 1, "a.yaml", "x", 0, 1), .verdict = SR_FAIL,
                                  .failures = &sample_mismatch, .nfailures = 1};

    html_page_open(&page, f->file);
    page.detail = HTML_PAGE_MOST;
    struct html_case *c = html_case_new(1, &e);
    html_case_add(c, &e, &page);
    html_case_add(c, &e, &page);
    html_case_end(c, &verdict, &page);
    html_case_free(c);
    html_page_close(&page);
    html_page_done(&page);
    golden_read(f->file, &out);
    assert_has(&out, "\"why\":\"client > step 2 expect: first difference");
    assert_has(&out, "\"left\":2,\"bare\":true}");
    assert_int_equal(assert_sound(&out), 1);
    buf_done(&out);
}

static void many_failures_are_counted(void **state)
{
    enum { FAILURES = 100000 };
    struct event_failure *failures = test_malloc(FAILURES * sizeof *failures);
    for (int i = 0; i < FAILURES; i++)
        failures[i] = sample_mismatch;
    const struct event events[] = {
        {SAMPLE_CASE(EVENT_VERDICT, 1, "a.yaml", "x", 0, 1), .verdict = SR_FAIL, .failures = failures,
         .nfailures = FAILURES},
        {.kind = EVENT_RUN_END, .case_index = -1},
    };
    struct buf page = page_of(*state, events, 2);

    assert_has(&page, "],\"more\":99980}");
    assert_true(page.n < 512 * 1024);
    assert_sound(&page);
    buf_done(&page);
    test_free(failures);
}

static void an_interrupted_run_is_complete(void **state)
{
    struct folder *f = *state;
    const struct event events[] = {
        {.kind = EVENT_RUN, .number = 3, .case_index = -1},
        {SAMPLE_CASE(EVENT_CASE, 1, "a.yaml", "x", 0, 7)},
        {SAMPLE_CASE(EVENT_STEP, 2, "a.yaml", "x", 0, 7), .actor = "client", .step = "step 1 sleep"},
        {.kind = EVENT_RUN_END, .text = "interrupted", .case_index = -1},
    };
    struct buf page = page_of(f, events, 4);

    assert_has(&page, "data-case=\"1\">[{\"k\":\"step\",\"t\":1000000,");
    assert_has(&page, "data-entry=\"1\">{\"file\":\"a.yaml\",\"name\":\"x\",\"line\":7,\"index\":0}<");
    assert_has(&page, "\"ended\":\"interrupted\"");
    assert_int_equal(folder_count(f, 0), 1);
    buf_done(&page);
}

static void nothing_stays_of_a_run_that_did_not_end(void **state)
{
    struct folder *f = *state;
    struct event_sink *s = html_new(f->file);

    for (size_t i = 0; i < 4; i++)
        s->take(s, &sample_events[i]);
    reporter_free(s);
    assert_int_equal(folder_count(f, 0), 0);
}

static void a_full_disk_is_told_of(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) != 0) skip();
    struct event_sink *s = html_new("/dev/full");
    for (size_t i = 0; i < SAMPLE_EVENTS; i++)
        s->take(s, &sample_events[i]);
    assert_string_equal(reporter_error(s), "cannot write /dev/full: No space left on device");
    reporter_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_data_is_golden, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(the_page_needs_nothing_else, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(hostile_text_stays_inside, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(a_long_message_is_cut_and_its_size_said, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(a_text_is_cut_between_characters, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(messages_are_written_while_the_case_runs, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(what_the_page_has_no_room_for_is_counted, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(many_failures_are_counted, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(an_interrupted_run_is_complete, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(nothing_stays_of_a_run_that_did_not_end, folder_setup, folder_teardown),
        cmocka_unit_test(a_full_disk_is_told_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
