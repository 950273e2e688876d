#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "op/meet.h"

#include "op/harness.h"

enum { SEED = 5, MS = 1000000, MANY = 20 };

struct comer {
    struct performer p;
    struct sync_op op;
};

static void come(struct comer *c, struct harness *h, struct sync *s)
{
    sync_begin(&c->op, s);
    perform(&c->p, h, &c->op.op);
    harness_settle(h);
}

static void test_sync_meets_again_and_again(void **state)
{
    struct harness *h = *state;
    struct sync s = {.parties = 3};
    struct comer c[3];
    for (unsigned round = 1; round <= MANY; round++) {
        for (unsigned i = 0; i < 3; i++) {
            come(&c[i], h, &s);
            assert_int_equal(c[0].p.result, i < 2 ? OP_WAIT : OP_DONE);
        }
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(c[i].p.result, OP_DONE);
            perform_end(&c[i].p);
        }
        assert_int_equal(s.round, round);
        assert_int_equal(s.arrived, 0);
        assert_null(s.waiters);
    }
}

/* The last to come may be at the next meeting before the others have looked up from this one. */
static void test_sync_is_not_held_up_by_the_slow(void **state)
{
    struct harness *h = *state;
    struct sync s = {.parties = 2};
    struct comer slow, quick, again;
    come(&slow, h, &s);
    sync_begin(&quick.op, &s);
    sync_begin(&again.op, &s);
    struct task t = {.queued = true};
    assert_int_equal(op_poll(&quick.op.op, &t), OP_DONE);
    assert_int_equal(op_poll(&again.op.op, &t), OP_WAIT);
    harness_settle(h);
    assert_int_equal(slow.p.result, OP_DONE);
    assert_int_equal(op_poll(&again.op.op, &t), OP_WAIT);
    op_cancel(&again.op.op, &t);
    op_cancel(&quick.op.op, &t);
    perform_end(&slow.p);
    assert_null(s.waiters);
    assert_int_equal(s.arrived, 0);
}

static void test_sync_with_one_who_left(void **state)
{
    struct harness *h = *state;
    struct sync s = {.parties = 3};
    struct comer c[3];
    come(&c[0], h, &s);
    come(&c[1], h, &s);
    sync_leave(&s, "`other` has ended");
    harness_settle(h);
    come(&c[2], h, &s);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(c[i].p.result, OP_FAILED);
        assert_int_equal(c[i].op.op.failure, OP_GONE);
        assert_string_equal(c[i].op.op.why, "`other` has ended");
        perform_end(&c[i].p);
    }
    assert_null(s.waiters);
}

/* Those who have met have met, even if one left before they could look. */
static void test_sync_met_before_one_left(void **state)
{
    struct harness *h = *state;
    struct sync s = {.parties = 2};
    struct comer first, last;
    come(&first, h, &s);
    sync_begin(&last.op, &s);
    struct task t = {.queued = true};
    assert_int_equal(op_poll(&last.op.op, &t), OP_DONE);
    op_cancel(&last.op.op, &t);
    sync_leave(&s, "last");
    harness_settle(h);
    assert_int_equal(first.p.result, OP_DONE);
    perform_end(&first.p);
}

static void test_sync_cancelled_does_not_count(void **state)
{
    struct harness *h = *state;
    struct sync s = {.parties = 2};
    struct comer a, b, c;
    come(&a, h, &s);
    perform_end(&a.p);
    assert_int_equal(s.arrived, 0);
    assert_null(s.waiters);
    come(&b, h, &s);
    assert_int_equal(b.p.result, OP_WAIT);
    come(&c, h, &s);
    assert_int_equal(b.p.result, OP_DONE);
    perform_end(&b.p);
    perform_end(&c.p);
    sync_begin(&a.op, &s);
    op_cancel(&a.op.op, &a.p.task);
    assert_int_equal(s.arrived, 0);
}

struct taker {
    struct performer p;
    struct take_op op;
    int item;
};

static void taker_resume(struct task *t)
{
    struct taker *k = (struct taker *)(void *)t;
    const bool was = k->p.result == OP_WAIT;
    performer_resume(t);
    if (was && k->p.result == OP_DONE) k->item = queue_first(k->op.queue);
}

static void take(struct taker *k, struct harness *h, struct queue *q)
{
    take_begin(&k->op, q);
    k->item = 0;
    perform_later(&k->p, h, &k->op.op);
    k->p.task.resume = taker_resume;
    task_wake(&k->p.task);
    harness_settle(h);
}

static void test_queue_serves_in_turn(void **state)
{
    struct harness *h = *state;
    struct queue q = {0};
    struct taker k[4];
    for (unsigned i = 0; i < 3; i++)
        take(&k[i], h, &q);
    assert_true(queue_put(&q, 11));
    /* Who comes now finds an item, and somebody who was there before. */
    take_begin(&k[3].op, &q);
    struct task t = {.queued = true};
    assert_int_equal(op_poll(&k[3].op.op, &t), OP_WAIT);
    harness_settle(h);
    assert_int_equal(k[0].item, 11);
    assert_int_equal(k[1].p.result, OP_WAIT);
    op_cancel(&k[3].op.op, &t);
    /* Two at once: each of the two who wait gets one, in order. */
    assert_true(queue_put(&q, 12));
    assert_true(queue_put(&q, 13));
    harness_settle(h);
    assert_int_equal(k[1].item, 12);
    assert_int_equal(k[2].item, 13);
    for (unsigned i = 0; i < 3; i++)
        perform_end(&k[i].p);
    assert_null(q.waiters);
    queue_done(&q);
}

static void test_queue_hands_on_when_cancelled(void **state)
{
    struct harness *h = *state;
    struct queue q = {0};
    struct taker k[3];
    for (unsigned i = 0; i < 3; i++)
        take(&k[i], h, &q);
    /* The first was woken for it, and gives up before its turn. */
    assert_true(queue_put(&q, 1));
    perform_end(&k[0].p);
    harness_settle(h);
    assert_int_equal(k[1].item, 1);
    perform_end(&k[1].p);
    /* The middle of the line goes; the end of it still stands. */
    take(&k[0], h, &q);
    perform_end(&k[2].p);
    assert_true(queue_put(&q, 2));
    harness_settle(h);
    assert_int_equal(k[0].item, 2);
    perform_end(&k[0].p);
    assert_null(q.waiters);
    queue_done(&q);
}

/* One that could have taken and was not chosen leaves the item, and its place, to others. */
static void test_queue_done_but_not_chosen(void **state)
{
    struct harness *h = *state;
    struct queue q = {0};
    struct taker k;
    struct take_op op;
    struct task t = {.queued = true};
    assert_true(queue_put(&q, 7));
    take_begin(&op, &q);
    assert_int_equal(op_poll(&op.op, &t), OP_DONE);
    op_cancel(&op.op, &t);
    take(&k, h, &q);
    assert_int_equal(k.item, 7);
    perform_end(&k.p);
    queue_done(&q);
}

/* Against a model: whatever is put comes out once, in order. */
static void test_queue_order(void **state)
{
    (void)state;
    enum { TURNS = 30000 };
    struct queue q = {0};
    uint64_t random = SEED;
    int put = 0, taken = 0;
    print_message("seed %d\n", SEED);
    for (unsigned i = 0; i < TURNS; i++) {
        const bool growing = i / 3000 % 2 == 0;
        if (harness_random(&random) % 100 < (growing ? 60 : 40))
            assert_true(queue_put(&q, put++));
        else if (q.n)
            assert_int_equal(queue_first(&q), taken++);
        assert_int_equal(q.n, put - taken);
    }
    queue_done(&q);
}

static void test_queue_is_bounded(void **state)
{
    (void)state;
    struct queue q = {0};
    for (int i = 0; i < QUEUE_MOST; i++)
        assert_true(queue_put(&q, i));
    assert_false(queue_put(&q, QUEUE_MOST));
    assert_int_equal(queue_first(&q), 0);
    assert_true(queue_put(&q, QUEUE_MOST));
    for (int i = 1; i <= QUEUE_MOST; i++)
        assert_int_equal(queue_first(&q), i);
    queue_done(&q);
    queue_done(&q);
}

static void test_sleep(void **state)
{
    struct harness *h = *state;
    struct sleep_op op;
    const int64_t now = clock_now();
    sleep_begin(&op, now + 2 * MS);
    assert_int_equal(perform_now(h, &op.op), OP_DONE);
    assert_true(clock_now() >= now + 2 * MS);
    sleep_begin(&op, 0);
    assert_int_equal(perform_now(h, &op.op), OP_DONE);
}

static bool fifth_time(void *ctx)
{
    unsigned *n = ctx;
    return ++*n >= 5;
}

static void test_ask(void **state)
{
    struct harness *h = *state;
    struct ask_op op;
    struct performer p;
    unsigned asked = 0;
    const int64_t now = clock_now();
    ask_begin(&op, fifth_time, &asked);
    perform(&p, h, &op.op);
    harness_run(h);
    assert_int_equal(p.result, OP_DONE);
    assert_int_equal(asked, 5);
    /* 1, 2, 4 and 8 ms between the five. */
    assert_true(clock_now() - now >= 15 * MS);
    perform_end(&p);
    asked = 5;
    ask_begin(&op, fifth_time, &asked);
    assert_int_equal(perform_now(h, &op.op), OP_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HARNESS_TEST(test_sync_meets_again_and_again),
        HARNESS_TEST(test_sync_is_not_held_up_by_the_slow),
        HARNESS_TEST(test_sync_with_one_who_left),
        HARNESS_TEST(test_sync_met_before_one_left),
        HARNESS_TEST(test_sync_cancelled_does_not_count),
        HARNESS_TEST(test_queue_serves_in_turn),
        HARNESS_TEST(test_queue_hands_on_when_cancelled),
        HARNESS_TEST(test_queue_done_but_not_chosen),
        cmocka_unit_test(test_queue_order),
        cmocka_unit_test(test_queue_is_bounded),
        HARNESS_TEST(test_sleep),
        HARNESS_TEST(test_ask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
