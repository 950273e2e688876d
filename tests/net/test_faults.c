#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>

#include "net/faults.h"
#include "net/reactor.h"
#include "support.h"
#include "util/clock.h"
#include "util/units.h"

static int plan_down(void **state)
{
    faults_plan(NULL);
    return support_down(state);
}

static void test_plans(void **state)
{
    (void)state;
    assert_true(faults_plan(NULL));
    assert_true(faults_plan(""));
    assert_true(faults_plan("seed=7,short=30,eintr=20,eagain=10,emfile=5,enobufs=100"));
    assert_true(faults_plan("recv@1=eagain,recv@2=eintr,epoll_wait@9=short"));
    static const char *const wrong[] = {
        "short",   "short=",     "short=101",   "short=x",     "shorts=1",
        "seed=-1", "=1",         ",",           "recv@=eintr", "recv@1",
        "recv@1=", "recv@1=foo", "foo@1=eintr", "short=1x",    "seed=99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (faults_plan(wrong[i])) fail_msg("%s was taken", wrong[i]);
}

static void test_named_calls(void **state)
{
    int ends[2];
    char c[8];
    support_pair(*state, AF_INET, ends);
    assert_true(faults_plan("send@1=enobufs,send@3=short,recv@1=eagain,recv@3=eintr"));
    assert_int_equal(sock_send(ends[0], "abcd", 4, 0), -ENOBUFS);
    assert_int_equal(sock_send(ends[0], "abcd", 4, 0), 4);
    ssize_t part = sock_send(ends[0], "abcd", 4, 0);
    assert_true(part > 0 && part < 4);
    support_wait(ends[1], POLLIN);
    assert_int_equal(sock_recv(ends[1], c, 2, 0), -EAGAIN);
    assert_int_equal(sock_recv(ends[1], c, 2, 0), 2);
    assert_int_equal(sock_recv(ends[1], c, 2, 0), 2); /* the interruption is not seen */
    assert_int_equal(faults_calls(FAULT_RECV), 4);
    assert_int_equal(faults_calls(FAULT_SEND), 3);
    assert_int_equal(faults_injected(), 4);
    close(ends[0]);
    close(ends[1]);
}

static void test_no_descriptor_left(void **state)
{
    struct addr at, peer;
    struct permit_need need;
    int fd, listener = support_listen(*state, AF_INET, &at);
    assert_true(faults_plan("socket@1=emfile,accept4@1=emfile,accept4@2=eintr,connect@1=eintr"));
    assert_int_equal(support_connect(*state, &at, NULL, SOCK_STREAM, NULL, &fd, &need), -EMFILE);
    int got = support_connect(*state, &at, NULL, SOCK_STREAM, NULL, &fd, &need);
    assert_true(got == 0 || got == -EINPROGRESS);
    support_wait(listener, POLLIN);
    assert_int_equal(sock_accept(listener, &peer), -EMFILE);
    support_wait(listener, POLLIN); /* it stays readable */
    int server = sock_accept(listener, &peer);
    assert_true(server >= 0);
    assert_int_equal(faults_injected(), 4);
    close(server);
    close(fd);
    close(listener);
}

static void test_what_chance_must_not_touch(void **state)
{
    int pipes[2], datagram[2];
    char c[8];
    (void)state;
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, datagram), 0);
    assert_true(faults_plan("short=100,eagain=100"));
    assert_int_equal(sock_send(datagram[0], "abcd", 4, 0), 4);
    assert_int_equal(sock_recv(datagram[1], c, 8, MSG_PEEK), 4);
    assert_int_equal(sock_recv(datagram[1], c, 8, 0), 4);
    assert_true(faults_plan("eagain=100"));
    assert_int_equal(sock_write(pipes[1], "abcd", 4), 4);
    assert_int_equal(sock_read(pipes[0], c, 8), 4);
    for (int i = 0; i < 2; i++) {
        close(pipes[i]);
        close(datagram[i]);
    }
}

struct side {
    struct watch watch;
    struct timer timer;
    bool late;
};

static void wake(struct watch *w)
{
    (void)w;
}

static void too_late(struct timer *t)
{
    ((struct side *)((char *)t - offsetof(struct side, timer)))->late = true;
}

enum { BULK = 300000, PIECE = 5000 };

static unsigned char pattern(size_t i)
{
    return (unsigned char)(i * 31 + i / 251);
}

static void push(struct side *s, size_t *sent)
{
    unsigned char piece[PIECE];
    while (s->watch.ready & READY_WRITE && *sent < BULK) {
        size_t n = BULK - *sent < PIECE ? BULK - *sent : PIECE;
        for (size_t i = 0; i < n; i++)
            piece[i] = pattern(*sent + i);
        ssize_t got = sock_send(s->watch.fd, piece, n, 0);
        assert_true(got > 0 || got == -EAGAIN);
        if (got > 0) *sent += (size_t)got;
        if (got < (ssize_t)n) s->watch.ready &= (uint8_t)~READY_WRITE;
        if (got == (ssize_t)n) reactor_handoff(&s->watch);
    }
}

static void pull(struct side *s, size_t *taken)
{
    unsigned char piece[PIECE];
    while (s->watch.ready & READY_READ) {
        ssize_t got = sock_recv(s->watch.fd, piece, sizeof piece, 0);
        assert_true(got >= 0 || got == -EAGAIN);
        for (ssize_t i = 0; i < got; i++)
            assert_int_equal(piece[i], pattern(*taken + (size_t)i));
        if (got > 0) *taken += (size_t)got;
        if (got == 0) return;
        /* Believes what the system seems to say: the edge must come again. */
        if (got < (ssize_t)sizeof piece && !(s->watch.ready & READY_HUP)) s->watch.ready &= (uint8_t)~READY_READ;
    }
}

static void transfer(struct permit_scope *scope, const char *plan)
{
    struct side a = {.watch = {.wake = wake}, .timer = {.fire = too_late}}, b = {.watch = {.wake = wake}};
    size_t sent = 0, taken = 0;
    int ends[2];
    struct reactor *r = reactor_new();
    assert_non_null(r);
    support_pair(scope, AF_INET, ends);
    assert_int_equal(reactor_add(r, &a.watch, ends[0]), 0);
    assert_int_equal(reactor_add(r, &b.watch, ends[1]), 0);
    reactor_set(r, &a.timer, clock_now() + 30 * NS_PER_S);
    assert_true(faults_plan(plan));
    while (taken < BULK && !a.late) {
        push(&a, &sent);
        pull(&b, &taken);
        bool stuck = sent == BULK || !(a.watch.ready & READY_WRITE);
        reactor_poll(r, stuck && taken < BULK && !(b.watch.ready & READY_READ));
    }
    assert_false(a.late);
    assert_int_equal(taken, BULK);
    faults_plan(NULL);
    reactor_free(r);
    close(ends[0]);
    close(ends[1]);
}

static void test_edges_come_again(void **state)
{
    transfer(*state, "");
    transfer(*state, "seed=1,short=30,eintr=20,eagain=10");
    transfer(*state, "seed=2,short=90");
    transfer(*state, "seed=3,eagain=80");
    transfer(*state, "seed=4,eintr=90,short=50,eagain=50");
    for (int i = 10; i < 40; i++) {
        char plan[64];
        snprintf(plan, sizeof plan, "seed=%d,short=40,eintr=10,eagain=20", i);
        transfer(*state, plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plans),
        cmocka_unit_test_setup_teardown(test_named_calls, support_up, plan_down),
        cmocka_unit_test_setup_teardown(test_no_descriptor_left, support_up, plan_down),
        cmocka_unit_test_setup_teardown(test_what_chance_must_not_touch, support_up, plan_down),
        cmocka_unit_test_setup_teardown(test_edges_come_again, support_up, plan_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
