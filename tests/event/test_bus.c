#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/bus.h"

struct probe {
    struct event_sink sink;
    char name;
    char *trace;
    uint64_t seq;
    int64_t at;
};

static void take(struct event_sink *s, const struct event *e)
{
    struct probe *p = (struct probe *)s;

    p->trace[strlen(p->trace)] = p->name;
    p->seq = e->seq;
    p->at = e->at;
}

static void every_sink_is_asked_in_order(void **state)
{
    char trace[16] = "";
    struct probe a = {.sink = {.take = take}, .name = 'a', .trace = trace};
    struct probe b = {.sink = {.take = take}, .name = 'b', .trace = trace};
    struct bus bus;
    struct event e = {.kind = EVENT_CASE, .at = 7};

    (void)state;
    bus_init(&bus);
    bus_send(&bus, &e);
    bus_add(&bus, &a.sink);
    bus_add(&bus, &b.sink);
    bus_send(&bus, &e);
    bus_send(&bus, &e);
    assert_string_equal(trace, "abab");
    assert_int_equal(a.seq, 3);
    assert_int_equal(b.seq, 3);
    assert_int_equal(b.at, 7);
}

static void an_event_without_a_time_gets_one(void **state)
{
    struct bus bus;
    struct event e = {.kind = EVENT_CASE};

    (void)state;
    bus_init(&bus);
    bus_send(&bus, &e);
    assert_true(e.at > 0);
}

static void names_lead_back_to_their_values(void **state)
{
    (void)state;
    for (int i = 0; i <= EVENT_LOST; i++)
        assert_int_equal(event_kind_of_name(event_kind_name((enum event_kind)i)), i);
    for (int i = 0; i <= EVENT_EXIT; i++)
        assert_int_equal(event_action_of_name(event_action_name((enum event_action)i)), i);
    assert_int_equal(event_kind_of_name("Run"), -1);
    assert_int_equal(event_action_of_name(""), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sink_is_asked_in_order),
        cmocka_unit_test(an_event_without_a_time_gets_one),
        cmocka_unit_test(names_lead_back_to_their_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
