#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/tcpinfo.h"
#include "support.h"
#include "util/clock.h"
#include "util/units.h"

struct ends {
    int fd[2];
    int listener;
    struct addr_inet at[2];
};

static void join(struct permit_scope *s, int family, struct ends *e)
{
    struct addr a;
    e->listener = support_listen(s, family, &a);
    support_join(s, e->listener, &a, e->fd);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sock_name(e->fd[i], &a), 0);
        e->at[i] = (struct addr_inet){.len = a.len, .in6 = a.in6};
    }
}

static enum tcp_state state_of(const struct ends *e, int i)
{
    enum tcp_state state = 0;
    int error = tcp_state_of_pair(&e->at[i], &e->at[!i], &state);
    if (error) fail_msg("sock_diag: %s", strerror(-error));
    return state;
}

/* The kernel goes from one state to the next when a segment arrives, in its own time. */
static void await(const struct ends *e, int i, enum tcp_state wanted)
{
    int64_t end = clock_now() + 20 * NS_PER_S;
    while (state_of(e, i) != wanted)
        if (clock_now() > end) fail_msg("%s", tcp_state_name(state_of(e, i)));
}

static void test_names(void **state)
{
    char all[200] = "";
    (void)state;
    for (int i = TCP_ST_ESTABLISHED; i <= TCP_ST_CLOSING; i++) {
        const char *name = tcp_state_name((enum tcp_state)i);
        assert_non_null(name);
        assert_int_equal(tcp_state_of_name(name), i);
        if (all[0]) strncat(all, "|", sizeof all - strlen(all) - 1);
        strncat(all, name, sizeof all - strlen(all) - 1);
    }
    assert_string_equal(all, tcp_state_choices);
    assert_null(tcp_state_name((enum tcp_state)0));
    assert_null(tcp_state_name((enum tcp_state)12));
    assert_int_equal(tcp_state_of_name("ESTABLISHED"), 0);
    assert_int_equal(tcp_state_of_name(""), 0);
}

static void test_facts(void **state)
{
    struct ends e;
    struct tcp_facts facts;
    join(*state, AF_INET, &e);
    assert_int_equal(sock_send(e.fd[0], "hello", 5, 0), 5);
    support_wait(e.fd[1], POLLIN);
    assert_int_equal(tcp_facts_of_fd(e.fd[1], &facts), 0);
    assert_int_equal(facts.state, TCP_ST_ESTABLISHED);
    assert_int_equal(facts.unread, 5);
    assert_int_equal(facts.unsent, 0);
    assert_int_equal(facts.bytes_received, 5);
    assert_true(facts.mss > 500 && facts.congestion[0]);
    assert_int_equal(tcp_facts_of_fd(e.listener, &facts), 0);
    assert_int_equal(facts.state, TCP_ST_LISTEN);
    assert_int_equal(tcp_facts_of_fd(-1, &facts), -EBADF);
    for (int i = 0; i < 2; i++)
        close(e.fd[i]);
    close(e.listener);
}

static void walk_through_states(struct permit_scope *s, int family)
{
    struct ends e;
    char c;
    join(s, family, &e);
    assert_int_equal(state_of(&e, 0), TCP_ST_ESTABLISHED);
    assert_int_equal(state_of(&e, 1), TCP_ST_ESTABLISHED);
    assert_int_equal(sock_shutdown(e.fd[0], SHUT_WR), 0);
    await(&e, 0, TCP_ST_FIN_WAIT_2);
    await(&e, 1, TCP_ST_CLOSE_WAIT);
    close(e.fd[0]);
    assert_int_equal(state_of(&e, 0), TCP_ST_FIN_WAIT_2);
    assert_int_equal(sock_recv(e.fd[1], &c, 1, 0), 0);
    close(e.fd[1]);
    await(&e, 0, TCP_ST_TIME_WAIT);
    /* The listener is still there, and is not the connection. */
    await(&e, 1, TCP_ST_CLOSED);
    close(e.listener);
    assert_int_equal(state_of(&e, 1), TCP_ST_CLOSED);
}

static void test_states4(void **state)
{
    walk_through_states(*state, AF_INET);
}

static void test_states6(void **state)
{
    walk_through_states(*state, AF_INET6);
}

static void test_reset_leaves_nothing(void **state)
{
    struct ends e;
    join(*state, AF_INET, &e);
    sock_reset(e.fd[0]);
    await(&e, 0, TCP_ST_CLOSED);
    await(&e, 1, TCP_ST_CLOSED);
    close(e.fd[1]);
    close(e.listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        SUPPORT_TEST(test_facts),
        SUPPORT_TEST(test_states4),
        SUPPORT_TEST(test_states6),
        SUPPORT_TEST(test_reset_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
