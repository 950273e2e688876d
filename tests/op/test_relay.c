#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "op/relay.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/sock.h"
#include "op/harness.h"
#include "util/mem.h"

enum { BIG = 32 << 20, PART = 64 << 10 };

/* A relay between two pairs of sockets: we hold the outer ends. */
struct between {
    struct harness *h;
    struct relay relay;
    struct fault_set set;
    int client, server; /* ours */
    bool over;
    char part[PART];
};

static void is_over(struct relay *r)
{
    struct between *b = r->user;
    b->over = true;
    relay_done(r);
}

static struct between *up(void **state, struct fault_rule *rules, uint32_t n)
{
    struct between *b = test_calloc(1, sizeof *b);
    int client[2], server[2];
    b->h = *state;
    b->set = (struct fault_set){.rules = rules, .n = n};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, client), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, server), 0);
    b->client = client[0];
    b->server = server[0];
    b->relay = (struct relay){.room = mem_alloc(RELAY_ROOM), .over = is_over, .user = b};
    assert_int_equal(relay_begin(&b->relay, &b->h->sched, client[1], server[1], &b->set, 1), 0);
    return b;
}

static void down(struct between *b)
{
    char *room = b->relay.room;
    relay_done(&b->relay);
    close(b->client);
    close(b->server);
    mem_free(room);
    test_free(b);
}

static void stop(void *ctx)
{
    ((struct sched *)ctx)->stop = true;
}

/* Until nothing more happens by itself. */
static void settle(struct between *b)
{
    struct sched *s = &b->h->sched;
    s->idle = stop;
    s->idle_ctx = s;
    do {
        s->stop = false;
        sched_run(s);
    } while (reactor_poll(s->reactor, false) > 0 || s->head);
}

static size_t pour(struct between *b, size_t at, size_t most)
{
    while (at < most) {
        for (size_t i = 0; i < PART; i++)
            b->part[i] = (char)((at + i) % 253);
        const ssize_t n = sock_send(b->client, b->part, most - at < PART ? most - at : PART, 0);
        if (n == -EAGAIN) break;
        assert_true(n > 0);
        at += (size_t)n;
    }
    return at;
}

static size_t drink(struct between *b, size_t at)
{
    ssize_t n;
    while ((n = sock_recv(b->server, b->part, PART, 0)) > 0)
        for (ssize_t i = 0; i < n; i++, at++)
            assert_int_equal((unsigned char)b->part[i], at % 253);
    assert_true(n == 0 || n == -EAGAIN);
    return at;
}

/* A receiver that does not read is felt by the sender, with rules and without. */
static void bulk(void **state, struct fault_rule *rules, uint32_t n)
{
    struct between *b = up(state, rules, n);
    size_t sent = 0, got = 0, before;
    do {
        before = sent;
        sent = pour(b, sent, BIG);
        settle(b);
        assert_true(b->relay.ways[RELAY_CLIENT].out.n <= OUTBOX_MOST + RELAY_ROOM);
    } while (sent > before);
    assert_true(sent < BIG / 2);
    while (got < BIG) {
        got = drink(b, got);
        sent = pour(b, sent, BIG);
        settle(b);
    }
    assert_int_equal(b->relay.ways[RELAY_CLIENT].passed, BIG);
    assert_null(b->relay.ways[RELAY_CLIENT].out.data);
    down(b);
}

static void test_bulk(void **state)
{
    struct fault_rule rule = {.has = 1U << FAULT_SPLIT, .to_server = true, .split = 5000, .left = UINT64_MAX};
    bulk(state, NULL, 0);
    bulk(state, &rule, 1);
}

static void test_ends(void **state)
{
    struct between *b = up(state, NULL, 0);
    sock_send(b->client, "bye", 3, 0);
    sock_shutdown(b->client, SHUT_WR);
    settle(b);
    assert_int_equal(sock_recv(b->server, b->part, PART, 0), 3);
    assert_int_equal(sock_recv(b->server, b->part, PART, 0), 0);
    assert_int_equal(sock_recv(b->client, b->part, PART, 0), -EAGAIN);
    assert_false(b->over);
    sock_send(b->server, "later", 5, 0);
    settle(b);
    assert_int_equal(sock_recv(b->client, b->part, PART, 0), 5);
    close(b->server);
    settle(b);
    assert_int_equal(sock_recv(b->client, b->part, PART, 0), 0);
    assert_true(b->over);
    assert_int_equal(reactor_count(b->h->sched.reactor), 0);
    b->server = -1;
    down(b);
}

/* Given up in the middle: both ends are closed, nothing is left behind. */
static void test_given_up(void **state)
{
    struct fault_rule rule = {.has = 1U << FAULT_STALL, .to_server = true, .stall = INT64_MAX, .left = UINT64_MAX};
    struct between *b = up(state, &rule, 1);
    pour(b, 0, PART);
    settle(b);
    assert_false(relay_is_busy(&b->relay));
    assert_int_equal(sock_recv(b->server, b->part, PART, 0), -EAGAIN);
    relay_done(&b->relay);
    assert_int_equal(sock_recv(b->server, b->part, PART, 0), 0);
    assert_int_equal(reactor_count(b->h->sched.reactor), 0);
    down(b);
}

/* The sender of a direction that a rule has ended goes on, and is not reset for it. */
static void test_half_closed(void **state)
{
    struct fault_rule rule = {.has = 1U << FAULT_HALF_CLOSE, .to_server = true, .left = UINT64_MAX};
    struct between *b = up(state, &rule, 1);
    sock_send(b->client, "lost", 4, 0);
    settle(b);
    assert_int_equal(sock_recv(b->server, b->part, PART, 0), 0);
    close(b->server);
    settle(b);
    assert_int_equal(sock_recv(b->client, b->part, PART, 0), 0);
    assert_int_equal(sock_send(b->client, "lost too", 8, 0), 8);
    settle(b);
    assert_false(b->over);
    sock_shutdown(b->client, SHUT_WR);
    settle(b);
    assert_true(b->over);
    b->server = -1;
    down(b);
}

static void test_other_rules(void **state)
{
    struct fault_rule rule = {.has = 1U << FAULT_STALL, .to_server = true, .stall = INT64_MAX, .left = UINT64_MAX};
    struct fault_set none = {0};
    struct between *b = up(state, &rule, 1);
    pour(b, 0, 1000);
    settle(b);
    assert_int_equal(drink(b, 0), 0);
    relay_set_rules(&b->relay, &none);
    settle(b);
    assert_int_equal(drink(b, 0), 1000);
    down(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bulk, harness_up, harness_down),
        cmocka_unit_test_setup_teardown(test_ends, harness_up, harness_down),
        cmocka_unit_test_setup_teardown(test_given_up, harness_up, harness_down),
        cmocka_unit_test_setup_teardown(test_half_closed, harness_up, harness_down),
        cmocka_unit_test_setup_teardown(test_other_rules, harness_up, harness_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
