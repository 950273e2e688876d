#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include "net/reactor.h"
#include "support.h"
#include "util/clock.h"
#include "util/units.h"

/* A watch that counts, and a timer that takes note of when its turn was. */
struct noted {
    struct watch watch;
    struct timer timer;
    int wakes;
    int fired;
    int *turn;
};

static unsigned settimes;

/* Takes the place of the C library's, to count. */
int timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old)
{
    settimes++;
    return (int)syscall(SYS_timerfd_settime, fd, flags, new, old);
}

static void note_wake(struct watch *w)
{
    ((struct noted *)w)->wakes++;
}

static void note_fire(struct timer *t)
{
    struct noted *n = (struct noted *)((char *)t - offsetof(struct noted, timer));
    assert_int_equal(t->pos, 0);
    n->fired = n->turn ? ++*n->turn : 1;
}

static void add(struct reactor *r, struct noted *n, int fd)
{
    n->watch.wake = note_wake;
    assert_int_equal(reactor_add(r, &n->watch, fd), 0);
}

/* Polls until the readiness is there; a timer ends a test that would never end. */
static void await(struct reactor *r, struct noted *n, uint8_t ready)
{
    struct noted limit = {.timer = {.fire = note_fire}};
    reactor_set(r, &limit.timer, clock_now() + 20 * NS_PER_S);
    while ((n->watch.ready & ready) != ready && !limit.fired)
        reactor_poll(r, true);
    reactor_unset(r, &limit.timer);
    assert_int_equal(n->watch.ready & ready, ready);
}

static struct reactor *reactor(void)
{
    struct reactor *r = reactor_new();
    assert_non_null(r);
    return r;
}

static void test_timers_fire_in_order(void **state)
{
    static const int after_us[] = {3000, 1000, 2000, 1000, 0};
    static const int turns[] = {5, 2, 4, 3, 1};
    struct noted n[5] = {0};
    struct reactor *r = reactor();
    int64_t start = clock_now();
    int turn = 0;
    (void)state;
    for (int i = 0; i < 5; i++) {
        n[i].timer.fire = note_fire;
        n[i].turn = &turn;
        reactor_set(r, &n[i].timer, start + after_us[i] * NS_PER_US);
    }
    assert_ptr_equal(reactor_first(r), &n[4].timer);
    while (turn < 5)
        reactor_poll(r, true);
    assert_true(clock_now() - start >= 3 * NS_PER_MS);
    for (int i = 0; i < 5; i++)
        assert_int_equal(n[i].fired, turns[i]);
    assert_null(reactor_first(r));
    reactor_free(r);
}

static void test_what_is_due_fires_without_blocking(void **state)
{
    struct noted due = {.timer = {.fire = note_fire}}, late = due;
    struct reactor *r = reactor();
    (void)state;
    reactor_set(r, &late.timer, clock_now() + 1000 * NS_PER_S);
    reactor_set(r, &due.timer, -5);
    assert_int_equal(reactor_poll(r, false), 1);
    assert_int_equal(due.fired, 1);
    assert_int_equal(late.fired, 0);
    assert_int_equal(reactor_poll(r, false), 0);
    reactor_unset(r, &late.timer);
    reactor_unset(r, &late.timer);
    assert_null(reactor_first(r));
    reactor_free(r);
}

struct again {
    struct timer timer;
    struct reactor *reactor;
    int times;
};

static void fire_again(struct timer *t)
{
    struct again *a = (struct again *)t;
    a->times++;
    reactor_set(a->reactor, t, 0);
}

static void test_a_timer_that_sets_itself_does_not_hold_the_poll(void **state)
{
    struct reactor *r = reactor();
    struct again a = {.timer = {.fire = fire_again}, .reactor = r};
    (void)state;
    reactor_set(r, &a.timer, 0);
    for (int i = 1; i <= 5; i++) {
        assert_int_equal(reactor_poll(r, i % 2), 1);
        assert_int_equal(a.times, i);
    }
    reactor_free(r);
}

static bool count_two(struct timer *t, void *ctx)
{
    (void)t;
    return ++*(int *)ctx < 2;
}

static void test_seeing_timers_can_be_ended(void **state)
{
    struct noted n[3] = {0};
    struct reactor *r = reactor();
    int seen = 0;
    (void)state;
    for (int i = 0; i < 3; i++)
        reactor_set(r, &n[i].timer, INT64_MAX);
    reactor_each_timer(r, count_two, &seen);
    assert_int_equal(seen, 2);
    reactor_free(r);
}

static void test_deadlines_that_are_met_cost_nothing(void **state)
{
    int ends[2];
    char c;
    struct noted n = {.timer = {.fire = note_fire}};
    struct reactor *r = reactor();
    (void)state;
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    add(r, &n, ends[0]);
    settimes = 0;
    for (int i = 0; i < 1000; i++) {
        n.watch.ready &= (uint8_t)~READY_READ;
        reactor_set(r, &n.timer, clock_now() + 100 * NS_PER_S);
        assert_int_equal(sock_write(ends[1], "x", 1), 1);
        assert_int_equal(reactor_poll(r, true), 1);
        assert_int_equal(sock_read(ends[0], &c, 1), 1);
        reactor_unset(r, &n.timer);
    }
    assert_int_equal(settimes, 1);
    assert_int_equal(n.wakes, 1000);
    assert_int_equal(n.fired, 0);
    reactor_remove(r, &n.watch);
    close(ends[0]);
    close(ends[1]);
    reactor_free(r);
}

/* The timerfd is armed for the early one, which is unset then; false if that was too slow. */
static bool late_fires_alone(int64_t span)
{
    struct noted early = {.timer = {.fire = note_fire}}, late = early, n = {0};
    struct reactor *r = reactor();
    int64_t start = clock_now();
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    add(r, &n, ends[0]);
    assert_int_equal(sock_write(ends[1], "x", 1), 1);
    reactor_set(r, &early.timer, start + span);
    reactor_set(r, &late.timer, start + 2 * span);
    reactor_poll(r, true); /* returns for the pipe's sake */
    bool in_time = !early.fired;
    reactor_unset(r, &early.timer);
    while (!late.fired)
        reactor_poll(r, true);
    assert_true(clock_now() - start >= 2 * span);
    assert_true(early.fired == !in_time);
    reactor_free(r);
    close(ends[0]);
    close(ends[1]);
    return in_time;
}

static void test_a_timer_behind_one_that_was_unset_fires(void **state)
{
    (void)state;
    for (int64_t span = NS_PER_MS; !late_fires_alone(span); span *= 2)
        assert_true(span < 60 * NS_PER_S);
}

static void test_edges(void **state)
{
    int ends[2];
    char c[4];
    struct noted n = {0};
    struct reactor *r = reactor();
    support_pair(*state, AF_INET, ends);
    add(r, &n, ends[1]);
    assert_int_equal(n.watch.ready, READY_WRITE);
    assert_int_equal(reactor_count(r), 1);
    assert_int_equal(sock_send(ends[0], "ab", 2, 0), 2);
    await(r, &n, READY_READ);
    assert_int_equal(n.wakes, 1);
    assert_int_equal(reactor_poll(r, false), 0); /* said once */
    assert_int_equal(sock_recv(ends[1], c, sizeof c, 0), 2);
    assert_int_equal(sock_recv(ends[1], c, sizeof c, 0), -EAGAIN);
    n.watch.ready &= (uint8_t)~READY_READ;
    assert_int_equal(sock_send(ends[0], "c", 1, 0), 1);
    await(r, &n, READY_READ);
    assert_int_equal(n.wakes, 2);
    reactor_remove(r, &n.watch);
    reactor_remove(r, &n.watch);
    assert_int_equal(n.watch.fd, -1);
    assert_int_equal(reactor_count(r), 0);
    close(ends[0]);
    close(ends[1]);
    reactor_free(r);
}

static void test_writable_again(void **state)
{
    static char block[65536];
    int ends[2];
    struct noted n = {0};
    struct reactor *r = reactor();
    support_pair(*state, AF_INET, ends);
    add(r, &n, ends[0]);
    while (reactor_poll(r, false) > 0) {
    }
    ssize_t got;
    while ((got = sock_send(ends[0], block, sizeof block, 0)) > 0) {
    }
    assert_int_equal(got, -EAGAIN);
    n.watch.ready &= (uint8_t)~READY_WRITE;
    while (!(n.watch.ready & READY_WRITE)) {
        while (sock_recv(ends[1], block, sizeof block, 0) > 0) {
        }
        reactor_poll(r, false);
    }
    assert_true(sock_send(ends[0], block, 1, 0) == 1);
    reactor_remove(r, &n.watch);
    close(ends[0]);
    close(ends[1]);
    reactor_free(r);
}

static void test_fin_behind_data(void **state)
{
    int ends[2];
    char c[4];
    struct noted n = {0};
    struct reactor *r = reactor();
    support_pair(*state, AF_INET, ends);
    assert_int_equal(sock_send(ends[0], "ab", 2, 0), 2);
    assert_int_equal(sock_shutdown(ends[0], SHUT_WR), 0);
    support_wait(ends[1], POLLRDHUP);
    add(r, &n, ends[1]);
    await(r, &n, READY_READ | READY_HUP);
    /* There is no second event: the flag must do. */
    assert_int_equal(sock_recv(ends[1], c, sizeof c, 0), 2);
    assert_int_equal(reactor_poll(r, false), 0);
    assert_true(n.watch.ready & READY_HUP);
    assert_int_equal(sock_recv(ends[1], c, sizeof c, 0), 0);
    reactor_remove(r, &n.watch);
    close(ends[0]);
    close(ends[1]);
    reactor_free(r);
}

static void test_reset(void **state)
{
    int ends[2];
    char c[4];
    struct noted n = {0};
    struct reactor *r = reactor();
    support_pair(*state, AF_INET, ends);
    add(r, &n, ends[1]);
    assert_int_equal(sock_send(ends[0], "ab", 2, 0), 2);
    await(r, &n, READY_READ);
    sock_reset(ends[0]);
    await(r, &n, READY_READ | READY_WRITE | READY_HUP | READY_ERROR);
    assert_int_equal(sock_recv(ends[1], c, sizeof c, 0), 2); /* what came before is still there */
    assert_int_equal(sock_recv(ends[1], c, sizeof c, 0), -ECONNRESET);
    reactor_remove(r, &n.watch);
    close(ends[1]);
    reactor_free(r);
}

static void test_urgent(void **state)
{
    int ends[2];
    char c[8];
    struct noted n = {0};
    struct reactor *r = reactor();
    support_pair(*state, AF_INET, ends);
    add(r, &n, ends[1]);
    assert_int_equal(sock_send(ends[0], "ab", 2, 0), 2);
    assert_int_equal(sock_send(ends[0], "!", 1, MSG_OOB), 1);
    assert_int_equal(sock_send(ends[0], "cd", 2, 0), 2);
    await(r, &n, READY_READ | READY_URGENT);
    support_wait(ends[1], POLLPRI);
    assert_int_equal(sock_recv(ends[1], c, 1, MSG_OOB), 1);
    assert_int_equal(c[0], '!');
    /* It stops at the mark although there is more. */
    assert_int_equal(sock_recv(ends[1], c, sizeof c, 0), 2);
    support_wait(ends[1], POLLIN);
    assert_int_equal(sock_recv(ends[1], c, sizeof c, 0), 2);
    reactor_remove(r, &n.watch);
    close(ends[0]);
    close(ends[1]);
    reactor_free(r);
}

static void test_pipe_without_writer_is_readable(void **state)
{
    int ends[2];
    char c;
    struct noted n = {0};
    struct reactor *r = reactor();
    (void)state;
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    add(r, &n, ends[0]);
    close(ends[1]);
    await(r, &n, READY_READ | READY_HUP);
    assert_int_equal(sock_read(ends[0], &c, 1), 0);
    reactor_remove(r, &n.watch);
    close(ends[0]);
    reactor_free(r);
}

static void test_a_file_is_always_ready(void **state)
{
    struct noted n = {0};
    struct reactor *r = reactor();
    FILE *f = tmpfile();
    (void)state;
    assert_non_null(f);
    add(r, &n, fileno(f));
    assert_int_equal(n.watch.ready, READY_READ | READY_WRITE | READY_HUP);
    assert_int_equal(reactor_count(r), 0);
    reactor_remove(r, &n.watch);
    assert_int_equal(n.watch.fd, -1);
    fclose(f);
    reactor_free(r);
}

static void test_bad_descriptor(void **state)
{
    struct noted n = {.watch = {.wake = note_wake}};
    struct reactor *r = reactor();
    (void)state;
    assert_int_equal(reactor_add(r, &n.watch, 9999), -EBADF);
    assert_int_equal(n.watch.fd, -1);
    reactor_remove(r, &n.watch);
    reactor_free(r);
}

/* A copy of the descriptor keeps the old registration alive, as a forked child would. */
static void test_stale_events_are_dropped(void **state)
{
    int old[2], new[2];
    struct noted gone = {0}, n = {0};
    struct reactor *r = reactor();
    (void)state;
    assert_int_equal(pipe2(old, O_NONBLOCK), 0);
    add(r, &gone, old[0]);
    int copy = dup(old[0]);
    int number = old[0];
    close(old[0]);
    reactor_remove(r, &gone.watch); /* too late, the registration stays */
    assert_int_equal(pipe2(new, O_NONBLOCK), 0);
    assert_int_equal(new[0], number);
    add(r, &n, new[0]);
    while (reactor_poll(r, false) > 0) {
    }
    assert_int_equal(sock_write(old[1], "x", 1), 1);
    assert_int_equal(reactor_poll(r, false), 0);
    assert_int_equal(gone.wakes + n.wakes, 0);
    assert_int_equal(sock_write(new[1], "x", 1), 1);
    await(r, &n, READY_READ);
    reactor_remove(r, &n.watch);
    close(copy);
    close(old[1]);
    close(new[0]);
    close(new[1]);
    reactor_free(r);
}

static struct addr_inet inet_of(const struct addr *a)
{
    struct addr_inet i = {.len = a->len, .in6 = a->in6};
    return i;
}

static void pair(struct reactor *r, struct noted *n)
{
    struct addr local, peer;
    assert_int_equal(sock_name(n->watch.fd, &local), 0);
    assert_int_equal(sock_peer(n->watch.fd, &peer), 0);
    struct addr_inet l = inet_of(&local), p = inet_of(&peer);
    reactor_pair(r, &n->watch, false, &l, &p);
}

static void handoff(struct permit_scope *s, int family)
{
    int ends[2];
    struct noted a = {0}, b = {0};
    struct reactor *r = reactor();
    support_pair(s, family, ends);
    add(r, &a, ends[0]);
    add(r, &b, ends[1]);
    reactor_handoff(&a.watch); /* nobody knows yet */
    pair(r, &a);
    assert_true(a.watch.paired);
    assert_null(a.watch.peer);
    pair(r, &b);
    assert_ptr_equal(a.watch.peer, &b.watch);
    assert_ptr_equal(b.watch.peer, &a.watch);
    reactor_handoff(&a.watch);
    assert_int_equal(b.watch.ready, READY_READ | READY_WRITE);
    assert_int_equal(b.wakes, 1);
    reactor_handoff(&a.watch); /* it knows already */
    assert_int_equal(b.wakes, 1);
    reactor_remove(r, &b.watch);
    assert_null(a.watch.peer);
    reactor_handoff(&a.watch);
    reactor_remove(r, &a.watch);
    close(ends[0]);
    close(ends[1]);
    reactor_free(r);
}

static void test_handoff4(void **state)
{
    handoff(*state, AF_INET);
}

static void test_handoff6(void **state)
{
    handoff(*state, AF_INET6);
}

static void test_pairing_of_mapped_addresses(void **state)
{
    struct addr_inet four[2] = {{.in = {.sin_family = AF_INET, .sin_port = htons(1000)}, .len = sizeof four->in},
                                {.in = {.sin_family = AF_INET, .sin_port = htons(2000)}, .len = sizeof four->in}};
    struct addr_inet six[2] = {{.in6 = {.sin6_family = AF_INET6}, .len = sizeof six->in6},
                               {.in6 = {.sin6_family = AF_INET6}, .len = sizeof six->in6}};
    int ends[2];
    struct noted a = {0}, b = {0};
    struct reactor *r = reactor();
    (void)state;
    for (int i = 0; i < 2; i++) {
        four[i].in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        six[i].in6.sin6_port = four[i].in.sin_port;
        memset(&six[i].in6.sin6_addr.s6_addr[10], 0xff, 2);
        memcpy(&six[i].in6.sin6_addr.s6_addr[12], &four[i].in.sin_addr, 4);
    }
    assert_int_equal(pipe(ends), 0);
    add(r, &a, ends[0]);
    add(r, &b, ends[1]);
    reactor_pair(r, &a.watch, false, &four[0], &four[1]);
    reactor_pair(r, &b.watch, false, &six[1], &six[0]);
    assert_ptr_equal(a.watch.peer, &b.watch);
    reactor_remove(r, &a.watch);
    assert_null(b.watch.peer);
    add(r, &a, ends[0]);
    /* An end that somebody left behind gives way to a new one in the same direction. */
    reactor_pair(r, &a.watch, false, &four[0], &four[1]);
    reactor_pair(r, &b.watch, false, &six[0], &six[1]);
    assert_false(a.watch.paired);
    assert_true(b.watch.paired);
    reactor_remove(r, &a.watch);
    add(r, &a, ends[0]);
    reactor_pair(r, &a.watch, false, &four[1], &four[0]);
    assert_ptr_equal(a.watch.peer, &b.watch);
    close(ends[0]);
    close(ends[1]);
    reactor_free(r);
}

enum { CROWD = 1000 };

static void test_a_crowd(void **state)
{
    struct rlimit most;
    struct addr at;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &most), 0);
    most.rlim_cur = most.rlim_max;
    setrlimit(RLIMIT_NOFILE, &most);
    if (most.rlim_cur < 2 * CROWD + 100) skip();
    struct noted *n = test_calloc(2 * CROWD, sizeof *n);
    int(*ends)[2] = test_calloc(CROWD, sizeof *ends);
    struct reactor *r = reactor();
    int listener = support_listen(*state, AF_INET, &at), ready = 0;
    for (int i = 0; i < CROWD; i++) {
        support_join(*state, listener, &at, ends[i]);
        for (int end = 0; end < 2; end++) {
            add(r, &n[2 * i + end], ends[i][end]);
            pair(r, &n[2 * i + end]);
        }
        assert_ptr_equal(n[2 * i].watch.peer, &n[2 * i + 1].watch);
    }
    assert_int_equal(reactor_count(r), 2 * CROWD);
    while (reactor_poll(r, false) > 0) {
    }
    for (int i = 0; i < CROWD; i++)
        assert_int_equal(sock_send(ends[i][i % 2], "x", 1, 0), 1);
    while (ready < CROWD) /* 256 at a time */
        ready += reactor_poll(r, true);
    for (int i = 0; i < CROWD; i++) {
        assert_true(n[2 * i + !(i % 2)].watch.ready & READY_READ);
        assert_false(n[2 * i + i % 2].watch.ready & READY_READ);
    }
    for (int i = 0; i < CROWD; i++)
        for (int end = 0; end < 2; end++) {
            reactor_remove(r, &n[2 * i + end].watch);
            close(ends[i][end]);
        }
    assert_int_equal(reactor_count(r), 0);
    close(listener);
    reactor_free(r);
    test_free(ends);
    test_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers_fire_in_order),
        cmocka_unit_test(test_what_is_due_fires_without_blocking),
        cmocka_unit_test(test_a_timer_that_sets_itself_does_not_hold_the_poll),
        cmocka_unit_test(test_seeing_timers_can_be_ended),
        cmocka_unit_test(test_deadlines_that_are_met_cost_nothing),
        cmocka_unit_test(test_a_timer_behind_one_that_was_unset_fires),
        SUPPORT_TEST(test_edges),
        SUPPORT_TEST(test_writable_again),
        SUPPORT_TEST(test_fin_behind_data),
        SUPPORT_TEST(test_reset),
        SUPPORT_TEST(test_urgent),
        cmocka_unit_test(test_pipe_without_writer_is_readable),
        cmocka_unit_test(test_a_file_is_always_ready),
        cmocka_unit_test(test_bad_descriptor),
        cmocka_unit_test(test_stale_events_are_dropped),
        SUPPORT_TEST(test_handoff4),
        SUPPORT_TEST(test_handoff6),
        cmocka_unit_test(test_pairing_of_mapped_addresses),
        SUPPORT_TEST(test_a_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
