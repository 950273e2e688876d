#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/jsonl.h"
#include "report/folder.h"
#include "report/golden.h"
#include "report/hostile.h"
#include "report/report.h"

static struct buf stream_of(struct folder *f, struct event *events, size_t n)
{
    struct buf out = BUF_INIT(64 * 1024 * 1024);
    struct event_sink *s = jsonl_new(f->file);
    struct bus bus;

    bus_init(&bus);
    bus_add(&bus, s);
    for (size_t i = 0; i < n; i++)
        bus_send(&bus, &events[i]);
    assert_null(reporter_error(s));
    reporter_free(s);
    golden_read(f->file, &out);
    return out;
}

static void the_run_is_golden(void **state)
{
    struct buf out = stream_of(*state, sample_events, SAMPLE_EVENTS);

    golden_check("events.jsonl", buf_slice(&out));
    buf_done(&out);
}

static void hostile_text_can_be_read_again(void **state)
{
    struct buf out = stream_of(*state, hostile_events, HOSTILE_EVENTS);
    struct arena a = {0};
    struct slice rest = buf_slice(&out);
    size_t lines = 0;

    assert_null(strchr(out.p, '\033'));
    for (; rest.n > 0; lines++) {
        size_t n = (size_t)((char *)memchr(rest.p, '\n', rest.n) - rest.p) + 1;
        struct event e;
        assert_null(jsonl_read(slice_part(rest, 0, n), &a, &e));
        assert_int_equal(e.kind, hostile_events[lines].kind);
        assert_int_equal(e.seq, lines + 1);
        /* Bytes survive as they are. */
        if (e.nfailures > 0) assert_memory_equal(e.failures->dump.got.p, hostile_text, sizeof(hostile_text));
        rest = slice_part(rest, n, rest.n);
    }
    assert_int_equal(lines, HOSTILE_EVENTS);
    arena_done(&a);
    buf_done(&out);
}

static void nothing_is_there_before_the_end(void **state)
{
    struct folder *f = *state;
    struct event_sink *s = jsonl_new(f->file);

    s->take(s, &sample_events[0]);
    assert_int_not_equal(access(f->file, F_OK), 0);
    reporter_free(s);
    assert_int_equal(folder_count(f, 0), 0);
}

static void a_full_disk_is_remembered(void **state)
{
    (void)state;
    meet_a_full_disk(jsonl_new);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_run_is_golden),
        TEST(hostile_text_can_be_read_again),
        TEST(nothing_is_there_before_the_end),
        TEST(a_full_disk_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
