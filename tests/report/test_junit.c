#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/wait.h>

#include "report/folder.h"
#include "report/golden.h"
#include "report/report.h"
#include "report/sample.h"

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

/* Exit code of xmllint, 127 if there is none. What it says is worth reading only if it is not content. */
static int xmllint(const char *path)
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        execlp("xmllint", "xmllint", "--nonet", "--noout", "--huge", "--schema", TEST_FOLDER "/report/junit.xsd", path,
               (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void validate(const char *path)
{
    int code = xmllint(path);

    if (code == 127) {
        print_message("xmllint is not there (libxml2-utils): the schema was not checked\n");
        skip();
    }
    assert_int_equal(code, 0);
}

static void the_run_is_golden(void **state)
{
    struct folder *f = *state;
    struct buf out = report_of(f, sample_events, SAMPLE_EVENTS);

    golden_check("junit.txt", buf_slice(&out));
    buf_done(&out);
    validate(f->file);
}

static void an_empty_and_an_interrupted_run_are_complete(void **state)
{
    struct folder *f = *state;
    struct event events[] = {
        {.kind = EVENT_RUN, .number = 3},
        {SAMPLE_CASE(EVENT_CASE, 1, "a.yaml", "x", 0, 1)},
        {.kind = EVENT_RUN_END, .text = "interrupted"},
    };
    struct buf out = report_of(f, events, 3);

    assert_has(&out, "</testsuites>\n");
    assert_int_equal(folder_count(f, 0), 1);
    buf_done(&out);
    validate(f->file);
}

static void names_are_unique_even_when_they_look_taken(void **state)
{
    struct folder *f = *state;
    struct event events[] = {
        {SAMPLE_CASE(EVENT_VERDICT, 1, "d/a.yaml", "x #2", 0, 1), .verdict = SR_PASS},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "d/a.yaml", "x", 1, 1), .verdict = SR_PASS},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "d/a.yaml", "x", 1, 1), .verdict = SR_PASS},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "d/a.lua", "x", 1, 1), .verdict = SR_PASS},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "../d/b.yaml", "", 0, 1), .verdict = SR_PASS},
        {.kind = EVENT_RUN_END},
    };
    struct buf out = report_of(f, events, 6);

    assert_has(&out, "classname=\"d.a\" name=\"x #2\" file=\"d/a.yaml\"");
    assert_has(&out, "classname=\"d.a\" name=\"x #3\" file=\"d/a.yaml\"");
    assert_has(&out, "classname=\"d.a\" name=\"x #4\" file=\"d/a.lua\"");
    assert_has(&out, "classname=\"d.b\" name=\"b\" file=\"../d/b.yaml\"");
    buf_done(&out);
    validate(f->file);
}

static void hostile_text_stays_well_formed_and_bounded(void **state)
{
    struct folder *f = *state;
    char *huge = calloc(10 * 1024 * 1024 + 1, 1);
    static const char evil[] = "]]><![CDATA[\033[2J\001\xff\xef\xbf\xbf\n\r\t\"'&";
    struct event_note note = {evil, evil};
    struct event_failure failure = {.kind = evil,
                                    .actor = evil,
                                    .step = evil,
                                    .place = {evil, 1, 1, 1, {evil, sizeof(evil)}},
                                    .message = huge,
                                    .dump = {.present = true, .got = {evil, sizeof(evil)}, .got_size = sizeof(evil)},
                                    .notes = &note,
                                    .nnotes = 1};
    struct event events[] = {
        {SAMPLE_CASE(EVENT_CASE, 1, evil, evil, 0, 1)},
        {SAMPLE_CASE(EVENT_LOG, 1, evil, evil, 0, 1), .text = evil},
        {SAMPLE_CASE(EVENT_VERDICT, 1, evil, evil, 0, 1), .verdict = SR_FAIL, .tags = evil, .failures = &failure,
         .nfailures = 1},
        {SAMPLE_CASE(EVENT_VERDICT, 1, evil, evil, 1, 1), .verdict = SR_SKIP, .text = evil},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "\xff", "\xfe", 1, 1), .verdict = SR_PASS},
        {SAMPLE_CASE(EVENT_VERDICT, 1, "\xff", "\xfd", 1, 1), .verdict = SR_PASS},
        {.kind = EVENT_RUN_END},
    };

    memset(huge, '\xfe', 10 * 1024 * 1024);
    struct buf out = report_of(f, events, sizeof(events) / sizeof(events[0]));
    assert_true(out.n < 256 * 1024);
    assert_null(strchr(out.p, '\033'));
    assert_null(strstr(out.p, "]]>"));
    buf_done(&out);
    free(huge);
    validate(f->file);
}

static void a_full_disk_is_remembered(void **state)
{
    struct event end = {.kind = EVENT_RUN_END};

    (void)state;
    if (access("/dev/full", W_OK) != 0) skip();
    struct event_sink *s = junit_new("/dev/full");
    s->take(s, &end);
    assert_string_equal(reporter_error(s), "cannot write /dev/full: No space left on device");
    reporter_free(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_run_is_golden),
        TEST(an_empty_and_an_interrupted_run_are_complete),
        TEST(names_are_unique_even_when_they_look_taken),
        TEST(hostile_text_stays_well_formed_and_bounded),
        TEST(a_full_disk_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
