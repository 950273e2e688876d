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
#include "util/text.h"

/* What no report may be broken by, in every report there is. */

enum { READ_MOST = 512 * 1024 * 1024, SHORT = 512 * 1024, LONG = 10 * 1024 * 1024, MANY = 100000, MANY_FILES = 100 };

static FILE *printed; /* of the reporter that is open, or NULL */

static struct event_sink *console_to(const char *path)
{
    printed = fopen(path, "we");
    assert_non_null(printed);
    return console_new(printed, &(struct console_options){.again = {.command = "sockrun"}});
}

static struct event_sink *verbose_to(const char *path)
{
    printed = fopen(path, "we");
    assert_non_null(printed);
    return console_new(printed, &(struct console_options){.verbosity = 1, .durations = 10});
}

static struct event_sink *annotations_to(const char *path)
{
    printed = fopen(path, "we");
    assert_non_null(printed);
    return github_new(printed, NULL);
}

static struct event_sink *summary_to(const char *path)
{
    printed = fopen("/dev/null", "we");
    assert_non_null(printed);
    return github_new(printed, path);
}

static void judge_json(const char *path, bool stopped)
{
    (void)stopped;
    judge("python3", (const char *[]){"python3", "-c",
                                      "import json, sys; json.load(open(sys.argv[1], encoding='utf-8'))", path, NULL});
}

static void judge_jsonl(const char *path, bool stopped)
{
    static const char program[] = "import json, sys\n"
                                  "lines = open(sys.argv[1], encoding='utf-8', newline='\\n').read().split('\\n')\n"
                                  "assert lines.pop() == ''\n"
                                  "events = [json.loads(line)['event'] for line in lines[1:]]\n"
                                  "assert events[-1] == 'run_end' and 'run_end' not in events[:-1]\n";
    (void)stopped;
    judge("python3", (const char *[]){"python3", "-c", program, path, NULL});
}

static void judge_xml(const char *path, bool stopped)
{
    (void)stopped;
    judge_junit(path);
}

static const struct form {
    const char *name;
    struct event_sink *(*open)(const char *path);
    void (*judge)(const char *path, bool stopped); /* by a program that knows the form; or NULL */
    bool whole; /* it holds all there is: longer, and for programs alone, which know controls when they see them */
    const char *each; /* stands there once for each failure; or NULL, if it need not tell of all */
} forms[] = {
    {"junit", junit_new, judge_xml, false, "<failure "},
    {"tap", tap_new, judge_tap, false, "\n    not ok "},
    {"json", json_new, judge_json, true, "\"verdict\":\"fail\""},
    {"jsonl", jsonl_new, judge_jsonl, true, "\"event\":\"verdict\""},
    {"html", html_new, NULL, true, NULL},
    {"github", annotations_to, NULL, false, NULL},
    {"github's summary", summary_to, NULL, false, NULL},
    {"console", console_to, NULL, false, "FAIL "},
    {"console -v", verbose_to, NULL, false, "FAIL "},
};

enum { FORMS = sizeof(forms) / sizeof(forms[0]) };

static void close_report(struct event_sink *s)
{
    const char *why = reporter_error(s);

    if (why) fail_msg("%s", why);
    reporter_free(s);
    if (printed) fclose(printed);
    printed = NULL;
}

static void write_report(const struct form *form, struct folder *f, const struct event *events, size_t n)
{
    struct event_sink *s = form->open(f->file);

    for (size_t i = 0; i < n; i++)
        s->take(s, &events[i]);
    close_report(s);
}

/* UTF-8 without what deceives people who read it on a terminal. */
static void assert_clean(const struct form *form, const struct buf *out)
{
    struct buf safe = BUF_INIT(READ_MOST);

    text_safe(buf_slice(out), &safe);
    for (size_t i = 0; i < out->n && i < safe.n; i++)
        if (safe.p[i] != out->p[i]) fail_msg("%s: byte %zu is 0x%02x", form->name, i, (unsigned char)out->p[i]);
    assert_int_equal(safe.n, out->n);
    buf_done(&safe);
}

static void check_report(const struct form *form, struct folder *f, bool stopped, size_t most)
{
    struct buf out = BUF_INIT(READ_MOST);

    golden_read(f->file, &out);
    if (out.n > most) fail_msg("%s: %zu bytes", form->name, out.n);
    if (!form->whole) assert_clean(form, &out);
    buf_done(&out);
    if (form->judge) form->judge(f->file, stopped);
    assert_int_equal(folder_count(f, 1), 1);
}

static void text_that_is_made_to_break_reports(void **state)
{
    for (size_t i = 0; i < FORMS; i++) {
        write_report(&forms[i], *state, hostile_events, HOSTILE_EVENTS);
        check_report(&forms[i], *state, true, SHORT);
    }
}

/* Every byte there is, alone and behind what could swallow it. */
static void every_byte(void **state)
{
    char name[4], text[3 * 255 + 1];
    size_t n = 0;

    for (int c = 1; c < 256; c++) {
        text[n++] = '\\';
        text[n++] = (char)c;
        text[n++] = '\'';
    }
    text[n] = '\0';
    for (size_t i = 0; i < FORMS; i++) {
        struct event_sink *s = forms[i].open(((struct folder *)*state)->file);
        s->take(s, &(struct event){.kind = EVENT_RUN, .number = 255});
        for (int c = 1; c < 256; c++) {
            snprintf(name, sizeof(name), "%c", c);
            struct event_failure failure = {.message = text, .after = -1, .limit = -1};
            struct event e = {SAMPLE_CASE(EVENT_CASE, c, name, name, c, 1)};
            s->take(s, &e);
            e.kind = EVENT_LOG;
            e.text = text;
            s->take(s, &e);
            e.kind = EVENT_VERDICT;
            e.verdict = (enum sr_verdict)(c % SR_VERDICTS);
            e.attempts = 2;
            e.failures = &failure;
            e.nfailures = c % 2 == 0;
            s->take(s, &e);
        }
        s->take(s, &(struct event){.kind = EVENT_RUN_END});
        close_report(s);
        check_report(&forms[i], *state, false, 4 * 1024 * 1024);
    }
}

static void names_in_any_script_stay(void **state)
{
    static const char *const names[] = {
        "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",                     /* Japanese */
        "\xd8\xa7\xd9\x84\xd8\xb9\xd8\xb1\xd8\xa8\xd9\x8a\xd8\xa9", /* Arabic */
        "\xd7\xa2\xd7\x91\xd7\xa8\xd7\x99\xd7\xaa",                 /* Hebrew */
        "\xe0\xb8\xa0\xe0\xb8\xb2\xe0\xb8\xa9\xe0\xb8\xb2",         /* Thai, with vowels of no width */
        "e\xcc\x81",                                                /* e and a combining acute accent */
        "\xf0\x9f\x98\x80\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd",         /* emoji, one with a colour */
    };
    enum { NAMES = sizeof(names) / sizeof(names[0]) };

    for (size_t i = 0; i < FORMS; i++) {
        struct folder *f = *state;
        struct buf out = BUF_INIT(READ_MOST);
        struct event_sink *s = forms[i].open(f->file);
        s->take(s, &(struct event){.kind = EVENT_RUN, .number = NAMES});
        for (int k = 0; k < NAMES; k++)
            s->take(s, &(struct event){SAMPLE_CASE(EVENT_VERDICT, 1, names[k], names[k], k, 1), .verdict = SR_XPASS});
        s->take(s, &(struct event){.kind = EVENT_RUN_END});
        close_report(s);
        golden_read(f->file, &out);
        for (int k = 0; k < NAMES; k++)
            if (!strstr(buf_str(&out), names[k])) fail_msg("%s: %s is not there", forms[i].name, names[k]);
        buf_done(&out);
        check_report(&forms[i], f, false, SHORT);
    }
}

/* Ten megabytes wherever a peer or a program may have a say. */
static void long_texts_are_cut_and_counted(void **state)
{
    static const char *const fillings[] = {"\xfe", "\033", "\n", "]]>", "\xe2\x80\xae"};
    char *text = malloc(LONG + 1);

    assert_non_null(text);
    for (size_t k = 0; k < sizeof(fillings) / sizeof(fillings[0]); k++) {
        const size_t n = strlen(fillings[k]);
        for (size_t i = 0; i < LONG; i++)
            text[i] = fillings[k][i % n];
        text[LONG] = '\0';
        struct event_note note = {"program", text};
        struct event_failure failure = {.kind = "fail",
                                        .message = text,
                                        .after = -1,
                                        .limit = -1,
                                        .place = {"a.yaml", 1, 1, 1, {text, LONG}},
                                        .dump = {.present = true, .got = {text, LONG}, .got_size = LONG},
                                        .notes = &note,
                                        .nnotes = 1};
        const struct event events[] = {
            {.kind = EVENT_RUN, .number = 2},
            {SAMPLE_CASE(EVENT_CASE, 1, "a.yaml", "x", 0, 1)},
            {SAMPLE_CASE(EVENT_LOG, 1, "a.yaml", "x", 0, 1), .text = text},
            {SAMPLE_CASE(EVENT_VERDICT, 1, "a.yaml", "x", 0, 1), .verdict = SR_FAIL, .failures = &failure,
             .nfailures = 1},
            {SAMPLE_CASE(EVENT_VERDICT, 1, "a.yaml", "y", 1, 1), .verdict = SR_SKIP, .text = text},
            {.kind = EVENT_RUN_END},
        };
        for (size_t i = 0; i < FORMS; i++) {
            if (forms[i].whole && k > 0) continue;
            write_report(&forms[i], *state, events, sizeof(events) / sizeof(events[0]));
            check_report(&forms[i], *state, false, forms[i].whole ? 20 * LONG : LONG / 2);
        }
    }
    free(text);
}

static int count(const char *path, const char *part)
{
    struct buf out = BUF_INIT(READ_MOST);
    const size_t length = strlen(part);
    int n = 0;

    golden_read(path, &out);
    /* Not strstr: where addresses are sanitized, each call measures all that is left. */
    for (size_t i = 0; i + length <= out.n; i++)
        n += out.p[i] == *part && memcmp(out.p + i, part, length) == 0;
    buf_done(&out);
    return n;
}

/* Nothing that grows faster than they do would come to an end. */
static void a_hundred_thousand_failures(void **state)
{
    struct event_failure failure = {.kind = "mismatch", .message = "so", .after = -1, .limit = -1};
    char file[64], name[64];

    for (size_t i = 0; i < FORMS; i++) {
        struct folder *f = *state;
        struct event_sink *s = forms[i].open(f->file);
        s->take(s, &(struct event){.kind = EVENT_RUN, .number = MANY});
        for (int k = 0; k < MANY; k++) {
            snprintf(file, sizeof(file), "folder/file %d.yaml", k % MANY_FILES);
            snprintf(name, sizeof(name), "case %d", k);
            failure.place.line = (uint32_t)k + 1;
            struct event e = {SAMPLE_CASE(EVENT_CASE, 1, file, name, k, 1)};
            s->take(s, &e);
            e.kind = EVENT_VERDICT;
            e.verdict = SR_FAIL;
            e.failures = &failure;
            e.nfailures = 1;
            s->take(s, &e);
        }
        s->take(s, &(struct event){.kind = EVENT_RUN_END});
        close_report(s);
        if (forms[i].each) assert_int_equal(count(f->file, forms[i].each), MANY);
        folder_count(f, 1);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(text_that_is_made_to_break_reports), TEST(every_byte),
        TEST(names_in_any_script_stay),           TEST(long_texts_are_cut_and_counted),
        TEST(a_hundred_thousand_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
