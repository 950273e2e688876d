#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "op/forward.h"

#include <sys/un.h>

#include "net/datagram.h"
#include "op/harness.h"
#include "util/mem.h"

enum { PART = 1000 };

/* One client of a socket, and a target: we hold the outer ends. */
struct between {
    struct harness *h;
    struct listener listener;
    struct forward forward;
    struct fault_set set;
    int client, server, ours; /* ours: what the forward has to the target */
    unsigned lost[RELAY_ENDS];
    int error;
    bool over;
};

static void is_over(struct forward *f)
{
    struct between *b = f->user;
    b->over = true;
    forward_done(f);
}

static void is_lost(struct forward *f, int to, int error)
{
    struct between *b = f->user;
    b->lost[to]++;
    b->error = error;
}

static int new_socket(struct between *b, struct addr *ret)
{
    struct permit_need need;
    const struct addr a = support_loopback(AF_INET);
    const int fd = sock_listen(b->h->permit, &a, SOCK_DGRAM, 0, NULL, &need);
    assert_true(fd >= 0);
    assert_int_equal(sock_name(fd, ret), 0);
    return fd;
}

static void connect_to(struct between *b, int fd, const struct addr *to)
{
    struct permit_need need;
    assert_int_equal(sock_connect(b->h->permit, fd, to, NULL, SOCK_DGRAM, NULL, &need), 0);
}

static struct between *up(void **state, struct fault_rule *rules, uint32_t n, bool connected)
{
    struct between *b = test_calloc(1, sizeof *b);
    struct addr client, server;
    b->h = *state;
    b->set = (struct fault_set){.rules = rules, .n = n};
    assert_int_equal(listener_adopt(&b->listener, &b->h->sched, new_socket(b, &client), ADDR_UDP), 0);
    b->client = new_socket(b, &client);
    connect_to(b, b->client, &b->listener.addr);
    b->server = new_socket(b, &server);
    b->ours = sock_new(AF_INET, SOCK_DGRAM);
    connect_to(b, b->ours, &server);
    b->forward = (struct forward){.from = &b->listener,
                                  .client = client,
                                  .room = mem_alloc(RELAY_ROOM),
                                  .idle = INT64_MAX / 2,
                                  .over = is_over,
                                  .lost = is_lost,
                                  .user = b};
    forward_begin(&b->forward, &b->h->sched, &b->set, 1);
    if (connected) assert_int_equal(forward_connected(&b->forward, b->ours, true), 0);
    return b;
}

static void down(struct between *b)
{
    char *room = b->forward.room;
    forward_done(&b->forward);
    listener_close(&b->listener);
    close(b->client);
    if (b->server >= 0) close(b->server);
    mem_free(room);
    test_free(b);
}

/* What comes there, in order, as "one|two|"; it is waited for until there are as many. */
static const char *come(int fd, unsigned n, struct addr *ret_from)
{
    static char text[PART];
    char *at = text;
    for (*at = '\0'; n; n--) {
        size_t cut;
        support_wait(fd, POLLIN);
        const ssize_t r = datagram_recv(fd, at, (size_t)(text + sizeof text - at) - 2, false, ret_from, &cut);
        assert_true(r >= 0);
        at += r;
        *at++ = '|';
        *at = '\0';
    }
    return text;
}

static void take(struct between *b, const char *text)
{
    forward_take(&b->forward, slice_of(text));
}

/* Edges are kept, also of empty ones, in both directions. */
static void test_passes(void **state)
{
    struct between *b = up(state, NULL, 0, true);
    struct addr from;
    take(b, "one");
    take(b, "");
    take(b, "three");
    harness_settle(b->h);
    assert_string_equal(come(b->server, 3, &from), "one||three|");
    assert_int_equal(permit_answer(b->server, SLICE("yes"), 0, &from.sa, from.len), 3);
    assert_int_equal(permit_answer(b->server, SLICE(""), 0, &from.sa, from.len), 0);
    harness_settle(b->h);
    assert_string_equal(come(b->client, 2, &from), "yes||");
    assert_true(addr_equal(&from.sa, from.len, &b->listener.addr.sa, b->listener.addr.len));
    assert_int_equal(b->forward.ways[RELAY_CLIENT].datagrams, 3);
    assert_int_equal(b->forward.ways[RELAY_CLIENT].bytes, 8);
    assert_int_equal(b->forward.ways[RELAY_SERVER].datagrams, 2);
    assert_false(forward_is_busy(&b->forward));
    down(b);
}

/* What comes before the target is connected waits for it. */
static void test_waits(void **state)
{
    struct between *b = up(state, NULL, 0, false);
    struct addr from;
    take(b, "one");
    take(b, "two");
    harness_settle(b->h);
    assert_int_equal(forward_connected(&b->forward, b->ours, true), 0);
    take(b, "three");
    harness_settle(b->h);
    assert_string_equal(come(b->server, 3, &from), "one|two|three|");
    down(b);
}

/* A stall keeps a bounded number; what is beyond that is lost, and said. */
static void test_bounded(void **state)
{
    struct fault_rule rule = {.has = 1U << FAULT_STALL, .to_server = true, .stall = INT64_MAX, .left = UINT64_MAX};
    struct fault_set none = {0};
    struct between *b = up(state, &rule, 1, true);
    struct addr from;
    for (unsigned i = 0; i < OUTBOX_PARCELS + 10; i++)
        take(b, "");
    harness_settle(b->h);
    assert_in_range(b->lost[RELAY_SERVER], 10, 12);
    assert_int_equal(b->error, -ENOBUFS);
    forward_set_rules(&b->forward, &none);
    harness_settle(b->h);
    come(b->server, 10, &from);
    down(b);
}

/* That nobody is there is told once for each datagram, and the next one goes out all the same. */
static void test_nobody(void **state)
{
    struct between *b = up(state, NULL, 0, true);
    close(b->server);
    b->server = -1;
    take(b, "one");
    while (!b->lost[RELAY_SERVER]) {
        support_wait(b->ours, POLLERR);
        harness_settle(b->h);
    }
    assert_int_equal(b->error, -ECONNREFUSED);
    assert_int_equal(b->lost[RELAY_SERVER], 1);
    assert_false(b->over);
    down(b);
}

/* The news of a datagram that was refused comes with the next one: that one goes out all the same. */
static void test_somebody_again(void **state)
{
    struct between *b = up(state, NULL, 0, true);
    struct addr server, from;
    struct permit_need need;
    assert_int_equal(sock_name(b->server, &server), 0);
    close(b->server);
    take(b, "one");
    support_wait(b->ours, POLLERR);
    b->server = sock_listen(b->h->permit, &server, SOCK_DGRAM, 0, NULL, &need);
    assert_true(b->server >= 0);
    take(b, "two");
    assert_int_equal(b->lost[RELAY_SERVER], 1);
    assert_string_equal(come(b->server, 1, &from), "two|");
    down(b);
}

/* A Unix socket that was bound anew is another one: what leads to the old one ends. */
static void test_unix_target_gone(void **state)
{
    struct between *b = up(state, NULL, 0, false);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(forward_connected(&b->forward, pair[0], false), 0);
    close(pair[1]);
    take(b, "one");
    harness_settle(b->h);
    assert_true(b->over);
    assert_true(forward_is_over(&b->forward, 0));
    assert_int_equal(b->lost[RELAY_SERVER], 1);
    close(b->ours);
    down(b);
}

static void stop_when_over(void *ctx)
{
    struct between *b = ctx;
    if (b->over) b->h->sched.stop = true;
}

/* Who is silent is forgotten; what waits is passed on before. */
static void test_idle(void **state)
{
    struct fault_rule rule = {.has = 1U << FAULT_DELAY, .to_server = true, .delay = 2 * NS_PER_MS, .left = UINT64_MAX};
    struct between *b = up(state, &rule, 1, true);
    struct addr from;
    b->forward.idle = 1;
    take(b, "late");
    b->h->sched.idle = stop_when_over;
    b->h->sched.idle_ctx = b;
    harness_go(b->h);
    b->h->sched.idle = NULL;
    assert_true(b->over);
    assert_string_equal(come(b->server, 1, &from), "late|");
    down(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HARNESS_TEST(test_passes),           HARNESS_TEST(test_waits),
        HARNESS_TEST(test_bounded),          HARNESS_TEST(test_nobody),
        HARNESS_TEST(test_unix_target_gone), HARNESS_TEST(test_idle),
        HARNESS_TEST(test_somebody_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
