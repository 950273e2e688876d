#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/golden.h"
#include "report/report.h"
#include "report/sample.h"

/* What a console wrote of the events. Freed by the caller. */
static char *console_of(const struct console_options *o, const struct event *events, size_t n)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct event_sink *s = console_new(out, o);

    for (size_t i = 0; i < n; i++)
        s->take(s, &events[i]);
    assert_null(reporter_error(s));
    reporter_free(s);
    fclose(out);
    return text;
}

static void check(const char *name, const struct console_options *o)
{
    char *text = console_of(o, sample_events, SAMPLE_EVENTS);

    golden_check(name, slice_of(text));
    free(text);
}

static void the_run_is_golden(void **state)
{
    (void)state;
    check("console.txt", &(struct console_options){.width = 105, .again = {.command = "sockrun --allow-run"}});
    check("console_verbose.txt", &(struct console_options){.width = 105, .verbosity = 1});
    check("console_quiet.txt", &(struct console_options){.width = 105, .verbosity = -1});
    check("console_color.txt", &(struct console_options){.width = 105, .color = true, .verbosity = 1});
}

static void an_interrupted_run_says_so(void **state)
{
    const struct event events[] = {
        {.kind = EVENT_RUN, .number = 3, .case_index = -1},
        {.kind = EVENT_VERDICT, .file = "a", .verdict = SR_PASS, .duration = SAMPLE_MS(1)},
        {.kind = EVENT_RUN_END, .text = "interrupted", .duration = SAMPLE_MS(5)},
    };
    char *text = console_of(&(struct console_options){0}, events, 3);

    (void)state;
    assert_string_equal(text, "pass  a  (1 ms)\n\n1 passed in 5 ms, interrupted with 2 cases to go\n");
    free(text);
}

static void the_slowest_cases_are_named(void **state)
{
    const struct event events[] = {
        {.kind = EVENT_VERDICT, .file = "a", .verdict = SR_PASS, .duration = SAMPLE_MS(1)},
        {.kind = EVENT_VERDICT, .file = "b", .verdict = SR_PASS, .duration = SAMPLE_MS(30)},
        {.kind = EVENT_VERDICT, .file = "c", .verdict = SR_SKIP, .duration = SAMPLE_MS(900)},
        {.kind = EVENT_VERDICT, .file = "d", .case_name = "\033", .verdict = SR_PASS, .duration = SAMPLE_MS(2000)},
        {.kind = EVENT_VERDICT, .file = "e", .verdict = SR_PASS, .duration = SAMPLE_MS(30)},
        {.kind = EVENT_RUN_END, .duration = SAMPLE_MS(5)},
    };
    char *text = console_of(&(struct console_options){.verbosity = -1, .durations = 2}, events, 6);

    (void)state;
    assert_string_equal(text, "slowest:\n   2 s       d > \\x1b\n   30 ms     b\n\n4 passed, 1 skipped in 5 ms\n");
    free(text);
    text = console_of(&(struct console_options){.verbosity = -1, .durations = 100}, events, 6);
    assert_non_null(strstr(text, "   30 ms     b\n   30 ms     e\n   1 ms      a\n\n"));
    free(text);
}

static void what_failed_says_how_it_is_run_again(void **state)
{
    const struct event events[] = {
        {.kind = EVENT_VERDICT, .file = "a.yaml", .case_name = "it's (run 3)", .verdict = SR_FAIL},
        {.kind = EVENT_VERDICT, .file = "-b.yaml", .case_name = "(run 12)", .verdict = SR_ERROR},
        {.kind = EVENT_VERDICT, .file = "c.yaml", .case_name = "x (run 1)", .id = "c.x[n=1]", .verdict = SR_XPASS},
        {.kind = EVENT_VERDICT, .file = "d.yaml", .case_name = "x (run 1)", .verdict = SR_WARN},
        {.kind = EVENT_RUN_END},
    };
    struct console_options o = {.verbosity = -1, .again = {"sockrun --var=a=b", true}};
    char *text = console_of(&o, events, 5);

    (void)state;
    assert_string_equal(text, "FAIL a.yaml > it's (run 3)\n"
                              "   again          sockrun --var=a=b a.yaml --case 'it'\\''s'\n"
                              "\n"
                              "ERROR -b.yaml > (run 12)\n"
                              "   again          sockrun --var=a=b ./-b.yaml\n"
                              "\n"
                              "XPASS c.yaml > x (run 1)\n"
                              "   it passed, although it was said to fail\n"
                              "   again          sockrun --var=a=b c.yaml --case 'c.x[n=1]'\n"
                              "\n"
                              "WARN d.yaml > x (run 1)\n"
                              "\n"
                              "0 passed, 1 failed, 1 error, 1 passed unexpectedly, 1 warning in 0 s\n");
    free(text);
    o.again.repeated = false;
    text = console_of(&o, events, 5);
    assert_non_null(strstr(text, "sockrun --var=a=b a.yaml --case 'it'\\''s (run 3)'\n"));
    free(text);
}

static void the_progress_line_is_erased_before_anything_else(void **state)
{
    const struct console_options o = {.progress = true, .width = 40};
    struct event events[] = {
        {.kind = EVENT_RUN, .at = 1, .number = 2},
        {SAMPLE_CASE(EVENT_CASE, 1, "a.yaml", "x\033", 0, 1)},
        {SAMPLE_CASE(EVENT_CASE, 2, "much/longer/than/the/terminal.yaml", "", 0, 1)},
        {SAMPLE_CASE(EVENT_VERDICT, 3, "a.yaml", "x\033", 0, 1), .verdict = SR_PASS, .duration = 1},
    };
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct event_sink *s = console_new(out, &o);

    (void)state;
    for (int i = 0; i < 3; i++)
        s->take(s, &events[i]);
    console_tick(s, SAMPLE_MS(200));
    console_tick(s, SAMPLE_MS(201));
    s->take(s, &events[3]);
    console_tick(s, SAMPLE_MS(210));
    fflush(out);
    assert_string_equal(text, "[0/2]  running: a.yaml > x\\x1b, much/lo\r\033[Kpass  a.yaml > x\\x1b  (1 ns)\n"
                              "[1/2]  running: much/longer/than/the/te");
    reporter_free(s);
    fclose(out);
    free(text);
}

static void hostile_names_reach_no_terminal(void **state)
{
    static const char evil[] = "\033]0;x\a\r\n\xff]]>\xc2\x9b"
                               "31m";
    const struct event events[] = {
        {SAMPLE_CASE(EVENT_CASE, 1, evil, evil, 0, 1)},
        {SAMPLE_CASE(EVENT_STEP, 1, evil, evil, 0, 1), .actor = evil, .step = evil, .place = {.file = evil}},
        {SAMPLE_CASE(EVENT_TRAFFIC, 1, evil, evil, 0, 1), .actor = evil, .text = evil, .bytes = {evil, 10}},
        {SAMPLE_CASE(EVENT_LOG, 1, evil, evil, 0, 1), .actor = evil, .text = evil},
        {SAMPLE_CASE(EVENT_VERDICT, 1, evil, evil, 0, 1), .verdict = SR_XFAIL, .text = evil},
        {.kind = EVENT_RUN_END, .text = evil},
    };
    char *text = console_of(&(struct console_options){.verbosity = 1}, events, 6);

    (void)state;
    for (const char *c = text; *c; c++)
        assert_true(*c == '\n' || (*c >= ' ' && *c < 0x7f));
    free(text);
}

static void logs_of_cases_that_interleave_stay_with_their_case(void **state)
{
    const struct event events[] = {
        {SAMPLE_CASE(EVENT_CASE, 1, "a", "", 0, 1)},
        {SAMPLE_CASE(EVENT_CASE, 1, "b", "", 0, 1)},
        {SAMPLE_CASE(EVENT_LOG, 1, "a", "", 0, 1), .text = "of a"},
        {SAMPLE_CASE(EVENT_LOG, 1, "b", "", 0, 1), .text = "of b"},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "b", "", 0, 1), .verdict = SR_PASS},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "a", "", 0, 1), .verdict = SR_PASS},
    };
    char *text = console_of(&(struct console_options){0}, events, 6);

    (void)state;
    assert_string_equal(text, "pass  b  (0 s)\n   log            of b\npass  a  (0 s)\n   log            of a\n");
    free(text);
}

static void a_flood_of_logs_is_counted(void **state)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct event_sink *s = console_new(out, &(struct console_options){0});
    struct event e = {SAMPLE_CASE(EVENT_CASE, 1, "a", "", 0, 1)};

    (void)state;
    s->take(s, &e);
    e.kind = EVENT_LOG;
    e.text = "again";
    for (int i = 0; i < 100000; i++)
        s->take(s, &e);
    e = (struct event){SAMPLE_CASE(EVENT_VERDICT, 1, "a", "", 0, 1), .verdict = SR_PASS};
    s->take(s, &e);
    reporter_free(s);
    fclose(out);
    assert_true(size < 100 * 1024);
    assert_non_null(strstr(text, " more\n"));
    free(text);
}

static void a_full_disk_is_remembered(void **state)
{
    FILE *out = fopen("/dev/full", "we");
    struct event e = {.kind = EVENT_RUN_END};

    (void)state;
    if (!out) skip();
    struct event_sink *s = console_new(out, &(struct console_options){0});
    s->take(s, &e);
    assert_string_equal(reporter_error(s), "cannot write standard output: No space left on device");
    reporter_free(s);
    fclose(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_run_is_golden),
        cmocka_unit_test(an_interrupted_run_says_so),
        cmocka_unit_test(the_slowest_cases_are_named),
        cmocka_unit_test(what_failed_says_how_it_is_run_again),
        cmocka_unit_test(the_progress_line_is_erased_before_anything_else),
        cmocka_unit_test(hostile_names_reach_no_terminal),
        cmocka_unit_test(logs_of_cases_that_interleave_stay_with_their_case),
        cmocka_unit_test(a_flood_of_logs_is_counted),
        cmocka_unit_test(a_full_disk_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
