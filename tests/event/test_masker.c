#include "event/masker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "event/bus.h"
#include "event/jsonl.h"

#define SECRET "hunter22"

struct fixture {
    struct mask *mask;
    struct masker *masker;
};

static int setup(void **state)
{
    static struct fixture f;
    const struct slice secret = SLICE(SECRET);
    f.mask = mask_new(&secret, 1);
    f.masker = masker_new(f.mask);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    masker_free(f->masker);
    mask_free(f->mask);
    return 0;
}

/* Every text and all bytes of an event. */
static void test_every_field(void **state)
{
    const struct fixture *f = *state;
    struct event_note note = {.label = "is " SECRET, .text = "said: " SECRET};
    struct event_failure failure = {.kind = "mismatch",
                                    .actor = SECRET,
                                    .step = "step 1 send (" SECRET ")",
                                    .place = {.file = "x.yaml", .line = 1, .text = SLICE("send: " SECRET)},
                                    .message = "got \"" SECRET "\"",
                                    .dump = {.present = true,
                                             .expected = SLICE("as " SECRET),
                                             .got = SLICE("ter22 " SECRET),
                                             .expected_size = 11,
                                             .got_size = 14},
                                    .notes = &note,
                                    .nnotes = 1};
    const struct event_socket socket = {
        .protocol = "unix", .local = "/tmp/" SECRET, .peer = "/" SECRET, .calls = "connect(3, " SECRET ") = 0"};
    const struct event e = {.kind = EVENT_VERDICT,
                            .verdict = SR_FAIL,
                            .file = "x.yaml",
                            .case_name = "as " SECRET,
                            .tags = SECRET " b",
                            .id = SECRET ".1",
                            .ref = SECRET,
                            .quote = SECRET,
                            .covers = SECRET,
                            .actor = SECRET,
                            .step = SECRET,
                            .place = {.file = "x.yaml", .line = 1, .text = SLICE("    " SECRET)},
                            .socket = &socket,
                            .text = "flaky: " SECRET,
                            .failures = &failure,
                            .nfailures = 1};
    struct buf out = BUF_INIT(64 << 10);
    const struct event *told = masker_event(f->masker, &e);
    assert_true(jsonl_write(told, &out));
    assert_null(strstr(buf_str(&out), SECRET));
    assert_null(strstr(buf_str(&out), "aHVudGVyMj"));
    assert_string_equal(told->file, "x.yaml");
    assert_string_equal(told->case_name, "as ***");
    assert_string_equal(told->socket->local, "/tmp/***");
    assert_string_equal(told->failures[0].message, "got \"***\"");
    assert_string_equal(told->failures[0].notes[0].text, "said: ***");
    assert_true(slice_is(told->place.text, "    ********"));
    assert_true(slice_is(told->failures[0].place.text, "send: ********"));
    assert_true(slice_is(told->failures[0].dump.expected, "as ********"));
    assert_true(slice_is(told->failures[0].dump.got, "***** ********"));
    buf_done(&out);
}

static void test_nothing_to_hide(void **state)
{
    const struct fixture *f = *state;
    struct buf before = BUF_INIT(4096), after = BUF_INIT(4096);
    struct event_failure failure = {.kind = "timeout", .message = "nothing came", .after = 5, .limit = 7};
    const struct event e = {.kind = EVENT_VERDICT,
                            .seq = 7,
                            .at = 9,
                            .verdict = SR_FAIL,
                            .file = "x.yaml",
                            .case_name = "a",
                            .case_index = 3,
                            .attempts = 2,
                            .duration = 100,
                            .failures = &failure,
                            .nfailures = 1};
    assert_true(jsonl_write(&e, &before));
    assert_true(jsonl_write(masker_event(f->masker, &e), &after));
    assert_string_equal(buf_str(&before), buf_str(&after));
    buf_done(&before);
    buf_done(&after);
}

static void traffic(const struct fixture *f, uint32_t connection, enum event_action action, const char *actor,
                    const char *bytes, const char *wanted)
{
    const struct event e = {.kind = EVENT_TRAFFIC,
                            .connection = connection,
                            .action = action,
                            .actor = actor,
                            .bytes = slice_of(bytes),
                            .case_index = -1};
    const struct event *told = masker_event(f->masker, &e);
    assert_int_equal(told->bytes.n, strlen(wanted));
    assert_memory_equal(told->bytes.p, wanted, strlen(wanted));
}

/* The pieces of each direction belong together, whatever passes in between. */
static void test_straddling(void **state)
{
    const struct fixture *f = *state;
    traffic(f, 1, EVENT_SEND, "a", "PASS hun", "PASS ***");
    traffic(f, 1, EVENT_RECEIVE, "a", "ter22", "ter22");
    traffic(f, 2, EVENT_SEND, "b", "ter22", "ter22");
    traffic(f, 1, EVENT_SEND, "a", "ter22 ter22", "***** ter22");
    traffic(f, 2, EVENT_RECEIVE, "b", "h", "*");
    traffic(f, 2, EVENT_RECEIVE, "b", "unter2", "******");
    traffic(f, 2, EVENT_RECEIVE, "b", "2", "*");
    traffic(f, 0, EVENT_OUTPUT, "app", "user hunt", "user ****");
    traffic(f, 0, EVENT_OUTPUT, "other", "er22", "er22");
    traffic(f, 0, EVENT_OUTPUT, "app", "er22\n", "****\n");
}

/* Another connection may get the number of one that was closed: in another process. */
static void test_closed(void **state)
{
    const struct fixture *f = *state;
    traffic(f, 1, EVENT_SEND, "a", "hun", "***");
    traffic(f, 1, EVENT_CLOSE, "a", "", "");
    traffic(f, 1, EVENT_SEND, "a", "ter22", "ter22");
}

static void keep(struct event_sink *s, const struct event *e)
{
    (void)s;
    assert_string_equal(e->text, "***");
}

static void test_bus(void **state)
{
    const struct fixture *f = *state;
    struct bus b;
    struct event_sink sink = {.take = keep};
    struct event e = {.kind = EVENT_LOG, .text = SECRET, .case_index = -1};
    bus_init(&b);
    bus_add(&b, &sink);
    b.masker = f->masker;
    bus_send(&b, &e);
    assert_string_equal(e.text, SECRET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_field, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_to_hide, setup, teardown),
        cmocka_unit_test_setup_teardown(test_straddling, setup, teardown),
        cmocka_unit_test_setup_teardown(test_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bus, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
