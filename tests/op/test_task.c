#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "op/task.h"

#include "op/harness.h"

enum { MS = 1000000 };

struct noter {
    struct task task; /* the first */
    char name;
    struct trail *trail;
    struct task *wakes; /* each time, or NULL */
    unsigned times, most;
    int64_t expired_at;
};

struct trail {
    char text[64];
    unsigned n, left; /* resumes until it stops */
    struct sched *sched;
};

static void note(struct task *t)
{
    struct noter *n = (struct noter *)(void *)t;
    struct trail *trail = n->trail;
    if (trail->n < sizeof trail->text - 1) trail->text[trail->n++] = n->name;
    n->times++;
    if (t->expired && !n->expired_at) n->expired_at = clock_now();
    if (n->wakes) task_wake(n->wakes);
    if (--trail->left == 0) trail->sched->stop = true;
}

static void noter_init(struct noter *n, struct harness *h, struct trail *trail, char name)
{
    *n = (struct noter){.name = name, .trail = trail};
    trail->sched = &h->sched;
    task_init(&n->task, &h->sched, note);
}

static void test_first_in_first_out(void **state)
{
    struct harness *h = *state;
    struct trail trail = {.left = 6};
    struct noter a, b, c;
    noter_init(&a, h, &trail, 'a');
    noter_init(&b, h, &trail, 'b');
    noter_init(&c, h, &trail, 'c');
    /* One that wakes itself stands behind all that were there. */
    a.wakes = &a.task;
    task_wake(&b.task);
    task_wake(&a.task);
    task_wake(&c.task);
    task_wake(&b.task);
    harness_go(h);
    assert_string_equal(trail.text, "bacaaa");
    assert_int_equal(b.times, 1);
    task_done(&a.task);
    task_done(&b.task);
    task_done(&c.task);
}

static void test_done_leaves_the_queue(void **state)
{
    struct harness *h = *state;
    for (unsigned gone = 0; gone < 3; gone++) {
        struct trail trail = {.left = 3};
        struct noter n[3], last;
        for (unsigned i = 0; i < 3; i++) {
            noter_init(&n[i], h, &trail, (char)('a' + i));
            task_wake(&n[i].task);
        }
        noter_init(&last, h, &trail, 'z');
        task_done(&n[gone].task);
        task_wake(&last.task);
        harness_go(h);
        const char *const want[] = {"bcz", "acz", "abz"};
        assert_string_equal(trail.text, want[gone]);
        for (unsigned i = 0; i < 3; i++)
            task_done(&n[i].task);
        task_done(&last.task);
    }
}

static void test_deadline_moved_later_costs_nothing(void **state)
{
    struct harness *h = *state;
    struct trail trail = {.left = 1};
    struct noter a;
    noter_init(&a, h, &trail, 'a');
    const int64_t now = clock_now();
    task_deadline(&a.task, now + 2 * MS);
    const uint64_t order = a.task.timer.order;
    for (int i = 3; i <= 20; i++)
        task_deadline(&a.task, now + i * MS);
    assert_int_equal(a.task.timer.order, order);
    assert_int_equal(a.task.timer.at, now + 2 * MS);
    assert_ptr_equal(reactor_first(h->sched.reactor), &a.task.timer);
    harness_go(h);
    assert_true(a.expired_at >= now + 20 * MS);
    assert_int_equal(a.times, 1);
    task_done(&a.task);
}

static void test_deadline_moved_earlier_fires_in_time(void **state)
{
    struct harness *h = *state;
    struct trail trail = {.left = 1};
    struct noter a;
    noter_init(&a, h, &trail, 'a');
    const int64_t now = clock_now();
    task_deadline(&a.task, now + 2 * HARNESS_LATE);
    task_deadline(&a.task, now + MS);
    harness_go(h);
    assert_true(a.expired_at >= now + MS);
    /* Later again, and never: nothing wakes it. */
    trail.left = 1;
    task_deadline(&a.task, now);
    assert_false(a.task.expired);
    task_deadline(&a.task, TASK_NEVER);
    harness_settle(h);
    assert_int_equal(a.times, 1);
    task_done(&a.task);
    assert_null(reactor_first(h->sched.reactor));
}

static void test_deadline_in_the_past(void **state)
{
    struct harness *h = *state;
    struct trail trail = {.left = 1};
    struct noter a;
    noter_init(&a, h, &trail, 'a');
    task_deadline(&a.task, 0);
    harness_go(h);
    assert_true(a.expired_at > 0);
    task_done(&a.task);
}

/* Two that keep each other busy for ever: the guard of the harness must still find its time. */
static void test_busy_tasks_starve_no_timer(void **state)
{
    struct harness *h = *state;
    struct trail busy = {.left = UINT32_MAX}, trail = {.left = 1};
    struct noter a, b, late;
    noter_init(&a, h, &busy, 'a');
    noter_init(&b, h, &busy, 'b');
    noter_init(&late, h, &trail, 'l');
    a.wakes = &b.task;
    b.wakes = &a.task;
    task_wake(&a.task);
    task_deadline(&late.task, clock_now() + MS);
    harness_go(h);
    assert_int_equal(late.times, 1);
    assert_true(a.times > 1);
    task_done(&a.task);
    task_done(&b.task);
    task_done(&late.task);
}

static void count_idle(void *ctx)
{
    struct noter *n = ctx;
    n->most++;
    task_wake(&n->task);
}

static void test_idle_is_asked_before_waiting(void **state)
{
    struct harness *h = *state;
    struct trail trail = {.left = 3};
    struct noter a;
    noter_init(&a, h, &trail, 'a');
    h->sched.idle = count_idle;
    h->sched.idle_ctx = &a;
    harness_go(h);
    assert_int_equal(a.times, 3);
    assert_int_equal(a.most, 3);
    h->sched.idle = NULL;
    task_done(&a.task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HARNESS_TEST(test_first_in_first_out),
        HARNESS_TEST(test_done_leaves_the_queue),
        HARNESS_TEST(test_deadline_moved_later_costs_nothing),
        HARNESS_TEST(test_deadline_moved_earlier_fires_in_time),
        HARNESS_TEST(test_deadline_in_the_past),
        HARNESS_TEST(test_busy_tasks_starve_no_timer),
        HARNESS_TEST(test_idle_is_asked_before_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
