#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/wait.h>

#include "report/folder.h"
#include "report/golden.h"
#include "report/hostile.h"
#include "report/report.h"

enum { VALID = 0, INVALID = 1, NO_VALIDATOR = 77 };

static struct buf report_of(struct folder *f, const struct event *events, size_t n)
{
    struct buf out = BUF_INIT(64 * 1024 * 1024);
    struct event_sink *s = json_new(f->file);

    for (size_t i = 0; i < n; i++)
        s->take(s, &events[i]);
    assert_null(reporter_error(s));
    reporter_free(s);
    golden_read(f->file, &out);
    return out;
}

static void assert_has(const struct buf *out, const char *part)
{
    if (!strstr(buf_str(out), part)) fail_msg("no %s in\n%s", part, buf_str(out));
}

static int validator(const char *path)
{
    static const char program[] =
        "import json, sys\n"
        "try: import jsonschema\n"
        "except ImportError: sys.exit(77)\n"
        "schema = json.load(open(sys.argv[1]))\n"
        "jsonschema.Draft7Validator.check_schema(schema)\n"
        "jsonschema.validate(json.load(open(sys.argv[2])), schema, jsonschema.Draft7Validator)";
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        execlp("python3", "python3", "-c", program, TEST_FOLDER "/../docs/report.schema.json", path, (char *)NULL);
        _exit(NO_VALIDATOR);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void validate(const char *path)
{
    int code = validator(path);

    if (code == NO_VALIDATOR) {
        print_message("python3-jsonschema is not there: the schema was not checked\n");
        skip();
    }
    assert_int_equal(code, VALID);
}

static void the_run_is_golden(void **state)
{
    struct folder *f = *state;
    struct buf out = report_of(f, sample_events, SAMPLE_EVENTS);

    golden_check("report.json", buf_slice(&out));
    buf_done(&out);
    validate(f->file);
}

static void an_interrupted_run_is_complete_and_names_what_was_running(void **state)
{
    struct folder *f = *state;
    const struct event events[] = {
        {.kind = EVENT_RUN, .number = 3},
        {SAMPLE_CASE(EVENT_CASE, 1, "a.yaml", "x", 0, 1)},
        {.kind = EVENT_RUN_END, .text = "interrupted"},
    };
    struct buf out = report_of(f, events, 3);

    assert_has(&out, "\"planned\":3,\"ended\":\"interrupted\"");
    assert_has(&out, "\"unfinished\":[{\"file\":\"a.yaml\",\"case\":\"x\"}]");
    assert_int_equal(folder_count(f, 0), 1);
    buf_done(&out);
    validate(f->file);
}

static void what_stands_on_a_case_is_there(void **state)
{
    struct folder *f = *state;
    const struct event events[] = {
        {SAMPLE_CASE(EVENT_VERDICT, 1, "a.yaml", "x", 0, 1), .verdict = SR_PASS, .id = "i.1", .ref = "RFC 1 2",
         .quote = "MUST", .level = "must", .covers = "one  two", .tags = "t", .attempts = 2},
        {.kind = EVENT_RUN_END},
    };
    struct buf out = report_of(f, events, 2);

    assert_has(&out, "\"tags\":[\"t\"],\"id\":\"i.1\",\"ref\":\"RFC 1 2\",\"quote\":\"MUST\",\"level\":\"must\","
                     "\"covers\":[\"one\",\"two\"],\"verdict\":\"pass\",\"duration\":0,\"attempts\":2}");
    assert_has(&out, "\"flaky\":1");
    buf_done(&out);
    validate(f->file);
}

static void hostile_text_stays_json(void **state)
{
    struct folder *f = *state;
    struct buf out = report_of(f, hostile_events, HOSTILE_EVENTS);

    assert_null(strchr(out.p, '\033'));
    assert_null(strchr(out.p, '\xff'));
    buf_done(&out);
    validate(f->file);
}

static void the_schema_refuses_another_document(void **state)
{
    struct folder *f = *state;
    FILE *file = fopen(f->file, "we");

    fputs("{\"report\":1,\"files\":[{}]}", file);
    fclose(file);
    int code = validator(f->file);
    if (code == NO_VALIDATOR) skip();
    assert_int_equal(code, INVALID);
}

static void a_full_disk_is_remembered(void **state)
{
    (void)state;
    meet_a_full_disk(json_new);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_run_is_golden),
        TEST(an_interrupted_run_is_complete_and_names_what_was_running),
        TEST(what_stands_on_a_case_is_there),
        TEST(hostile_text_stays_json),
        TEST(the_schema_refuses_another_document),
        TEST(a_full_disk_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
