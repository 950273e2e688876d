#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>

#include "op/dial.h"
#include "op/handshake.h"
#include "op/harness.h"
#include "op/receive.h"
#include "op/send.h"

/* A listener of DTLS whose connection has nobody yet, and a client's socket that nothing was sent on. */
struct scene {
    struct harness *h;
    struct tls_library lib;
    struct listener listener;
    struct conn server, client;
    struct handshake_op shakes[2];
    struct performer performers[2];
};

static struct tls_context *context_of(struct scene *s, bool server)
{
    const struct tls_settings settings = {.server = server, .datagram = true};
    char why[TLS_WHY];
    struct tls_context *c = tls_context_get(&s->lib, &settings, why);
    assert_non_null(c);
    return c;
}

static void secure(struct scene *s, struct conn *c, bool server)
{
    struct tls_context *context = context_of(s, server);
    assert_true(conn_secure(c, context, server ? NULL : "127.0.0.1"));
    tls_context_free(context);
}

static int client_socket(const struct scene *s)
{
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, &s->listener.addr.sa, s->listener.addr.len), 0);
    return fd;
}

static void scene_begin(struct scene *s, struct harness *h)
{
    struct addr_spec spec;
    size_t at;
    *s = (struct scene){.h = h};
    assert_null(addr_parse(SLICE("dtls://127.0.0.1:0"), &spec, &at));
    assert_int_equal(listener_open(&s->listener, &h->sched, h->permit, &spec, 0, NULL, &h->need), 0);
    listener_lend(&s->listener, &s->server);
    assert_int_equal(conn_init_datagrams(&s->client, &h->sched, client_socket(s), ADDR_DTLS, &s->listener.addr), 0);
    secure(s, &s->client, false);
}

static void scene_end(struct scene *s)
{
    conn_done(&s->client);
    conn_done(&s->server);
    listener_close(&s->listener);
    tls_library_done(&s->lib);
}

static void shake_later(struct scene *s, bool server)
{
    handshake_begin(&s->shakes[server], server ? &s->server : &s->client);
    perform(&s->performers[server], s->h, &s->shakes[server].op);
}

static void shaken(struct scene *s, bool server)
{
    assert_int_equal(s->performers[server].result, OP_DONE);
    perform_end(&s->performers[server]);
}

/* The next datagram that lies in the socket, or that comes. */
static size_t wait_for_datagram(int fd, char *p, size_t n)
{
    struct pollfd f = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&f, 1, 20000), 1);
    const ssize_t r = recv(fd, p, n, 0);
    assert_true(r > 0);
    return (size_t)r;
}

static void check_speaks(struct scene *s)
{
    struct piece_op piece;
    struct receive_op receive;
    piece_begin(&piece, &s->client, SLICE("question"), 0);
    assert_int_equal(perform_now(s->h, &piece.op), OP_DONE);
    receive_begin(&receive, &s->server, RECEIVE_DATAGRAM);
    assert_int_equal(perform_now(s->h, &receive.op), OP_DONE);
    assert_int_equal(receive.value.n, 8);
}

static void a_lost_hello_is_said_again(void **state)
{
    struct scene s;
    char hello[2][2048];
    scene_begin(&s, *state);
    shake_later(&s, false);
    harness_settle(s.h);
    assert_int_equal(s.performers[0].result, OP_WAIT);
    assert_int_equal(s.shakes[0].op.waits, WAITS_READ);
    const size_t n = wait_for_datagram(s.listener.fd, hello[0], sizeof hello[0]);
    assert_int_equal(recv(s.listener.fd, hello[1], sizeof hello[1], MSG_DONTWAIT), -1);
    const int64_t began = clock_now();
    secure(&s, &s.server, true);
    shake_later(&s, true);
    harness_run(s.h);
    assert_true(n > 100);
    assert_true(clock_now() - began > 100 * NS_PER_MS);
    /* Woken by the datagrams that came and by its timer, and not in between. */
    assert_in_range(s.performers[0].polls, 2, 10);
    shaken(&s, false);
    shaken(&s, true);
    check_speaks(&s);
    scene_end(&s);
}

static void a_flight_is_sent_again_while_nobody_waits(void **state)
{
    struct scene s;
    char flight[2][2048];
    scene_begin(&s, *state);
    secure(&s, &s.server, true);
    shake_later(&s, false);
    harness_settle(s.h);
    perform_end(&s.performers[0]);
    assert_int_equal(conn_handshake(&s.server), -EAGAIN);
    const int fd = conn_fd(&s.client);
    wait_for_datagram(fd, flight[0], sizeof flight[0]);
    while (recv(fd, flight[1], sizeof flight[1], MSG_DONTWAIT) > 0)
        continue;
    const struct timer *t = &s.server.datagrams->again;
    assert_true(t->pos != 0);
    while (t->at > clock_now())
        reactor_poll(s.h->sched.reactor, true);
    reactor_poll(s.h->sched.reactor, false);
    wait_for_datagram(fd, flight[1], sizeof flight[1]);
    /* A ServerHello (RFC 5246 7.4), under another number. */
    assert_int_equal(flight[0][13], 2);
    assert_memory_equal(flight[1] + 13, flight[0] + 13, 60);
    assert_memory_not_equal(flight[1], flight[0], 13);
    scene_end(&s);
}

static void the_first_that_says_hello_is_the_peer(void **state)
{
    struct scene s;
    struct performer p;
    struct receive_op receive;
    scene_begin(&s, *state);
    secure(&s, &s.server, true);
    const int stranger = client_socket(&s);
    assert_int_equal(send(stranger, "hello?", 6, 0), 6);
    assert_int_equal(send(stranger, "", 0, 0), 0);
    shake_later(&s, true);
    harness_settle(s.h);
    assert_int_equal(s.server.peer.len, 0);
    shake_later(&s, false);
    harness_run(s.h);
    shaken(&s, false);
    shaken(&s, true);
    char peer[ADDR_TEXT + 16], local[ADDR_TEXT + 16];
    assert_string_equal(conn_show_peer(&s.server, peer, sizeof peer), conn_show_local(&s.client, local, sizeof local));
    receive_begin(&receive, &s.server, RECEIVE_DATAGRAM);
    perform(&p, s.h, &receive.op);
    assert_int_equal(send(stranger, "\x16\xfe\xff\0\0\0\0\0\0\0\0\0\1\1", 14, 0), 14);
    harness_settle(s.h);
    assert_int_equal(p.result, OP_WAIT);
    perform_end(&p);
    check_speaks(&s);
    close(stranger);
    scene_end(&s);
}

static void an_end_is_told_and_a_close_tells_it(void **state)
{
    struct scene s;
    struct receive_op receive;
    struct piece_op piece;
    scene_begin(&s, *state);
    secure(&s, &s.server, true);
    shake_later(&s, true);
    shake_later(&s, false);
    harness_run(s.h);
    shaken(&s, false);
    shaken(&s, true);
    piece_begin(&piece, &s.client, SLICE(""), 0);
    assert_int_equal(perform_now(s.h, &piece.op), OP_FAILED);
    assert_string_equal(piece.op.why, "an empty datagram cannot be sent over DTLS");
    conn_close(&s.server);
    receive_begin(&receive, &s.client, RECEIVE_DATAGRAM);
    assert_int_equal(perform_now(s.h, &receive.op), OP_FAILED);
    assert_int_equal(receive.op.status, SR_CLOSED);
    assert_true(s.client.tls->notified);
    scene_end(&s);
}

static void nobody_there_is_told_at_once(void **state)
{
    struct scene s;
    scene_begin(&s, *state);
    conn_done(&s.server);
    listener_close(&s.listener);
    shake_later(&s, false);
    harness_run(s.h);
    assert_int_equal(s.performers[0].result, OP_FAILED);
    assert_int_equal(s.shakes[0].op.status, SR_REFUSED);
    perform_end(&s.performers[0]);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_lost_hello_is_said_again, harness_up, harness_down),
        cmocka_unit_test_setup_teardown(a_flight_is_sent_again_while_nobody_waits, harness_up, harness_down),
        cmocka_unit_test_setup_teardown(the_first_that_says_hello_is_the_peer, harness_up, harness_down),
        cmocka_unit_test_setup_teardown(an_end_is_told_and_a_close_tells_it, harness_up, harness_down),
        cmocka_unit_test_setup_teardown(nobody_there_is_told_at_once, harness_up, harness_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
