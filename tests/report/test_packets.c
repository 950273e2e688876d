#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/pcap.h"
#include "report/folder.h"
#include "report/golden.h"
#include "report/report.h"

static void send_all(struct event_sink *s, const struct event *events, size_t n)
{
    for (size_t i = 0; i < n; i++)
        s->take(s, &events[i]);
}

static void assert_holds(const char *path, const char *packets)
{
    struct buf expected = BUF_INIT(1 << 20), got = BUF_INIT(1 << 20);

    pcap_head(&expected);
    buf_adds(&expected, packets);
    golden_read(path, &got);
    assert_int_equal(got.n, expected.n);
    assert_memory_equal(got.p, expected.p, got.n);
    buf_done(&expected);
    buf_done(&got);
}

#define FILE_EVENT(what, name)                                                                                         \
    {                                                                                                                  \
        .kind = (what), .file = (name)                                                                                 \
    }
#define PACKETS(name, text)                                                                                            \
    {                                                                                                                  \
        .kind = EVENT_PACKETS, .file = (name), .bytes = {(text), sizeof(text) - 1 }                                    \
    }

static void a_file_holds_all_of_them(void **state)
{
    struct folder *f = *state;
    const struct event events[] = {
        {.kind = EVENT_RUN},         FILE_EVENT(EVENT_FILE, "a"),
        FILE_EVENT(EVENT_FILE, "b"), PACKETS("a", "one "),
        PACKETS("b", "two "),        FILE_EVENT(EVENT_FILE_END, "a"),
        PACKETS("b", "three"),       {.kind = EVENT_RUN_END, .text = "interrupted"},
    };
    struct event_sink *s = packets_new(f->file);

    send_all(s, events, sizeof(events) / sizeof(events[0]));
    assert_null(reporter_error(s));
    reporter_free(s);
    assert_holds(f->file, "one two three");
    assert_int_equal(folder_count(f, 0), 1);
}

static void a_folder_gets_one_for_each(void **state)
{
    struct folder *f = *state;
    char path[2 * PATH_MAX];
    const struct event events[] = {
        {.kind = EVENT_RUN},      FILE_EVENT(EVENT_FILE, "./d/a.yaml"), FILE_EVENT(EVENT_FILE, "b.yaml"),
        PACKETS("b.yaml", "two"), PACKETS("./d/a.yaml", "one"),         FILE_EVENT(EVENT_FILE_END, "./d/a.yaml"),
        {.kind = EVENT_RUN_END},
    };
    struct event_sink *s = packets_new(f->path);

    send_all(s, events, sizeof(events) / sizeof(events[0]));
    assert_null(reporter_error(s));
    reporter_free(s);
    snprintf(path, sizeof(path), "%s/d_a.yaml.pcapng", f->path);
    assert_holds(path, "one");
    snprintf(path, sizeof(path), "%s/b.yaml.pcapng", f->path);
    assert_holds(path, "two");
    assert_int_equal(folder_count(f, 0), 2);
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
    struct folder *f = *state;
    char path[2 * PATH_MAX];
    const struct event events[] = {{.kind = EVENT_RUN},
                                   FILE_EVENT(EVENT_FILE, "a"),
                                   PACKETS("a", "one"),
                                   FILE_EVENT(EVENT_FILE_END, "a"),
                                   {.kind = EVENT_RUN_END}};

    snprintf(path, sizeof(path), "%s/none/of/these/", f->path);
    struct event_sink *s = packets_new(path);
    send_all(s, events, sizeof(events) / sizeof(events[0]));
    assert_non_null(strstr(reporter_error(s), "cannot write"));
    reporter_free(s);
    assert_int_equal(folder_count(f, 0), 0);
}

static void a_run_without_an_end_leaves_nothing(void **state)
{
    struct folder *f = *state;
    const struct event events[] = {{.kind = EVENT_RUN}, PACKETS("a", "one")};
    struct event_sink *s = packets_new(f->file);

    send_all(s, events, 2);
    reporter_free(s);
    assert_int_equal(folder_count(f, 0), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(a_file_holds_all_of_them), TEST(a_folder_gets_one_for_each),
                                       TEST(a_folder_that_is_not_there_is_an_error),
                                       TEST(a_run_without_an_end_leaves_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
