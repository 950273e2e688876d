#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/folder.h"
#include "report/golden.h"
#include "report/hostile.h"
#include "report/report.h"

/* The annotations; the summary goes to f->file. Freed by the caller. */
static char *annotations_of(struct folder *f, const struct event *events, size_t n)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct event_sink *s = github_new(out, f ? f->file : NULL);

    for (size_t i = 0; i < n; i++)
        s->take(s, &events[i]);
    assert_null(reporter_error(s));
    reporter_free(s);
    fclose(out);
    return text;
}

static void the_run_is_golden(void **state)
{
    struct folder *f = *state;
    struct buf summary = BUF_INIT(1024 * 1024);
    char *text = annotations_of(f, sample_events, SAMPLE_EVENTS);

    golden_check("github.txt", slice_of(text));
    golden_read(f->file, &summary);
    golden_check("github.md", buf_slice(&summary));
    buf_done(&summary);
    free(text);
}

static void a_summary_is_added_to_what_is_there(void **state)
{
    const struct event end = {.kind = EVENT_RUN_END, .duration = SAMPLE_MS(5), .text = "interrupted"};
    struct folder *f = *state;
    struct buf summary = BUF_INIT(1024 * 1024);

    free(annotations_of(f, &end, 1));
    free(annotations_of(f, &end, 1));
    golden_read(f->file, &summary);
    assert_string_equal(buf_str(&summary), "### sockrun: 0 passed in 5 ms, interrupted\n\n"
                                           "### sockrun: 0 passed in 5 ms, interrupted\n\n");
    buf_done(&summary);
}

static void without_a_file_there_are_annotations_alone(void **state)
{
    char *text = annotations_of(NULL, sample_events, SAMPLE_EVENTS);

    (void)state;
    assert_non_null(strstr(text, "::error file=wrong/mismatch.yaml,line=13,col=17,"));
    free(text);
}

static void hostile_text_is_no_command_of_its_own(void **state)
{
    struct folder *f = *state;
    struct buf summary = BUF_INIT(1024 * 1024);
    char *text = annotations_of(f, hostile_events, HOSTILE_EVENTS);

    golden_check("github_hostile.txt", slice_of(text));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    assert_null(strchr(text, '\033'));
    golden_read(f->file, &summary);
    golden_check("github_hostile.md", buf_slice(&summary));
    buf_done(&summary);
    free(text);
}

static void a_summary_stays_below_what_github_takes(void **state)
{
    struct folder *f = *state;
    struct buf summary = BUF_INIT(16 * 1024 * 1024);
    char *name = calloc(8192, 1);
    struct event e = {SAMPLE_CASE(EVENT_VERDICT, 1, "a.yaml", name, 0, 1), .verdict = SR_XPASS};
    FILE *null = fopen("/dev/null", "we");
    struct event_sink *s = github_new(null, f->file);

    memset(name, 'x', 8000);
    for (int i = 0; i < 1000; i++)
        s->take(s, &e);
    s->take(s, &(struct event){.kind = EVENT_RUN_END});
    assert_null(reporter_error(s));
    reporter_free(s);
    fclose(null);
    golden_read(f->file, &summary);
    assert_true(summary.n < 1024 * 1024);
    assert_non_null(strstr(buf_str(&summary), " more do not fit here.\n"));
    buf_done(&summary);
    free(name);
}

static void markdown_makes_no_links_and_no_formulas(void **state)
{
    static const char text[] = "www.x.y WWW.z https://a |b| <i> $x$ `c` @d &amp; a.b";
    const struct event events[] = {
        {SAMPLE_CASE(EVENT_VERDICT, 1, "a", "", 0, 1), .verdict = SR_XPASS, .text = text},
        {.kind = EVENT_RUN_END},
    };
    struct folder *f = *state;
    struct buf summary = BUF_INIT(1024 * 1024);

    free(annotations_of(f, events, 2));
    golden_read(f->file, &summary);
    assert_non_null(strstr(buf_str(&summary),
                           "| www\\.x.y WWW\\.z https\\://a \\|b\\| \\<i\\> \\$x\\$ \\`c\\` \\@d \\&amp; a.b |"));
    buf_done(&summary);
}

static void too_many_annotations_are_counted(void **state)
{
    struct event e = {SAMPLE_CASE(EVENT_VERDICT, 1, "a.yaml", "x", 0, 1), .verdict = SR_XPASS};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct event_sink *s = github_new(out, NULL);

    (void)state;
    for (int i = 0; i < 20000; i++)
        s->take(s, &e);
    s->take(s, &(struct event){.kind = EVENT_RUN_END});
    assert_null(reporter_error(s));
    reporter_free(s);
    fclose(out);
    assert_true(size < 2 * 1024 * 1024);
    assert_non_null(strstr(text, "\n::notice::"));
    assert_string_equal(strstr(text, " more are not marked"), " more are not marked\n");
    free(text);
}

/* As the runner of GitHub reads a log: how many commands are in it. */
static int count_commands(char *log)
{
    int n = 0;
    char stopped[100] = "", *save = NULL;

    for (char *line = strtok_r(log, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        const char *at = line + strspn(line, " \t");
        if (*stopped) {
            if (strcmp(at, stopped) == 0) *stopped = '\0';
        } else if (strncmp(at, "::stop-commands::", 17) == 0) {
            snprintf(stopped, sizeof(stopped), "::%s::", at + 17);
        } else {
            n += strncmp(at, "::", 2) == 0 || strstr(line, "##[") != NULL;
        }
    }
    assert_string_equal(stopped, "");
    return n;
}

static void what_others_say_is_no_command(void **state)
{
    static const char evil[] = "  ::error::x\n::set-output name=a::b\n::stop-commands::y\n::y::\n##[add-mask]z\n";
    struct event_note note = {"program", evil};
    struct event_failure failure = {.message = evil, .after = -1, .limit = -1, .notes = &note, .nnotes = 1};
    const struct event events[] = {
        {.kind = EVENT_RUN},
        {SAMPLE_CASE(EVENT_CASE, 1, "a", "x", 0, 1)},
        {SAMPLE_CASE(EVENT_LOG, 1, "a", "x", 0, 1), .text = evil},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "a", "x", 0, 1), .verdict = SR_FAIL, .failures = &failure, .nfailures = 1},
        {.kind = EVENT_RUN_END, .text = "::error::x"},
    };
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct event_sink *sinks[] = {console_new(out, &(struct console_options){0}), guard_new(out, "0123abcd"),
                                  github_new(out, NULL)};

    (void)state;
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        for (size_t k = 0; k < 3; k++)
            sinks[k]->take(sinks[k], &events[i]);
    for (size_t k = 0; k < 3; k++) {
        assert_null(reporter_error(sinks[k]));
        reporter_free(sinks[k]);
    }
    fclose(out);
    assert_int_equal(count_commands(text), 1);
    free(text);
}

static void a_full_disk_is_remembered(void **state)
{
    const struct event end = {.kind = EVENT_RUN_END};

    (void)state;
    if (access("/dev/full", W_OK) != 0) skip();
    FILE *null = fopen("/dev/null", "we");
    struct event_sink *s = github_new(null, "/dev/full");
    s->take(s, &end);
    assert_string_equal(reporter_error(s), "cannot write /dev/full: No space left on device");
    reporter_free(s);
    fclose(null);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_run_is_golden),
        TEST(a_summary_is_added_to_what_is_there),
        TEST(without_a_file_there_are_annotations_alone),
        TEST(hostile_text_is_no_command_of_its_own),
        TEST(a_summary_stays_below_what_github_takes),
        TEST(markdown_makes_no_links_and_no_formulas),
        TEST(too_many_annotations_are_counted),
        TEST(what_others_say_is_no_command),
        TEST(a_full_disk_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
