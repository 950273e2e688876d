#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/heap.h"

enum { TIMERS = 500, ROUNDS = 40000 };

static uint32_t next(uint32_t *random)
{
    *random = *random * 1664525u + 1013904223u;
    return *random >> 8;
}

static void check_places(const struct heap *h)
{
    for (uint32_t i = 0; i < h->n; i++) {
        assert_int_equal(h->nodes[i].timer->pos, i + 1);
        assert_int_equal(h->nodes[i].timer->at, h->nodes[i].at);
    }
}

static struct timer *earliest(struct timer *timers)
{
    struct timer *best = NULL;
    for (int i = 0; i < TIMERS; i++) {
        struct timer *t = &timers[i];
        if (!t->pos) continue;
        if (!best || t->at < best->at || (t->at == best->at && t->order < best->order)) best = t;
    }
    return best;
}

static void test_against_a_plain_search(void **state)
{
    static struct timer timers[TIMERS];
    struct heap h = {0};
    uint32_t random = 1;
    uint64_t order = 0;
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct timer *t = &timers[next(&random) % TIMERS];
        if (t->pos && next(&random) % 3 == 0) {
            heap_take(&h, t);
        } else {
            t->at = (int64_t)(next(&random) % 1000) - 500;
            t->order = order++;
            heap_put(&h, t);
        }
        assert_ptr_equal(heap_first(&h), earliest(timers));
        if (round % 1000 == 0) check_places(&h);
    }
    while (h.n) {
        struct timer *t = heap_first(&h);
        assert_ptr_equal(t, earliest(timers));
        heap_take(&h, t);
        assert_int_equal(t->pos, 0);
    }
    assert_null(heap_first(&h));
    heap_done(&h);
}

static void test_equal_times_keep_the_order_of_setting(void **state)
{
    static struct timer timers[100];
    struct heap h = {0};
    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        timers[i].at = 7;
        timers[i].order = i;
        heap_put(&h, &timers[i]);
    }
    timers[0].order = 100;
    heap_put(&h, &timers[0]);
    for (uint32_t i = 1; i <= 100; i++) {
        struct timer *t = heap_first(&h);
        assert_ptr_equal(t, &timers[i % 100]);
        heap_take(&h, t);
    }
    heap_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_a_plain_search),
        cmocka_unit_test(test_equal_times_keep_the_order_of_setting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
