#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "op/dial.h"
#include "op/expect.h"
#include "op/harness.h"
#include "op/receive.h"
#include "op/send.h"
#include "util/mem.h"

/* A socket that listens, the connection that works on it, and a client that is connected to it. */
struct scene {
    struct harness *h;
    struct arena arena;
    struct addr_spec spec;
    struct listener listener;
    struct conn server, client;
    struct expect_op expect;
    struct expectation x;
};

static void scene_begin(struct scene *s, struct harness *h)
{
    size_t at;
    *s = (struct scene){.h = h};
    assert_null(addr_parse(SLICE("udp://127.0.0.1:0"), &s->spec, &at));
    assert_int_equal(listener_open(&s->listener, &h->sched, h->permit, &s->spec, 0, NULL, &h->need), 0);
    s->spec.port = addr_port(&s->listener.addr.sa);
    listener_lend(&s->listener, &s->server);
    struct connect_op dial;
    connect_begin(&dial, &h->sched, h->permit, &s->spec, NULL, &h->need);
    struct performer p;
    perform(&p, h, &dial.op);
    harness_run(h);
    assert_int_equal(p.result, OP_DONE);
    const struct addr peer = *connect_peer(&dial);
    const int fd = connect_take(&dial);
    assert_int_equal(conn_init_datagrams(&s->client, &h->sched, fd, ADDR_UDP, &peer), 0);
    perform_end(&p);
}

static void scene_end(struct scene *s)
{
    conn_done(&s->client);
    conn_done(&s->server);
    listener_close(&s->listener);
    arena_done(&s->arena);
}

static void send_text(struct conn *c, const char *text)
{
    assert_int_equal(conn_send(c, text, strlen(text), 0), strlen(text));
}

/* What the next receive gives: a text, or why not. */
static void receives(struct scene *s, struct conn *c, enum receive_kind kind, uint64_t count, const char *text)
{
    struct receive_op o;
    struct performer p;
    receive_begin(&o, c, kind);
    o.count = count;
    o.mark = SLICE(";");
    perform(&p, s->h, &o.op);
    harness_run(s->h);
    if (p.result != OP_DONE) fail_msg("%s: %s", text, sr_status_name(o.op.status));
    assert_int_equal(o.value.n, strlen(text));
    assert_memory_equal(o.value.n ? o.value.p : "", text, o.value.n);
    op_commit(&o.op);
    perform_end(&p);
}

static void receive_fails(struct scene *s, struct conn *c, enum receive_kind kind, uint64_t count,
                          enum sr_status status)
{
    struct receive_op o;
    receive_begin(&o, c, kind);
    o.count = count;
    o.mark = SLICE(";");
    assert_int_equal(perform_now(s->h, &o.op), OP_FAILED);
    assert_int_equal(o.op.failure, OP_STATUS);
    assert_int_equal(o.op.status, status);
}

static enum op_result expects(struct scene *s, struct conn *c, enum framing framing, const char *bytes)
{
    s->x = (struct expectation){.framing = framing, .bytes = slice_of(bytes), .count = strlen(bytes)};
    expect_begin(&s->expect, c, &s->x, &s->arena);
    return perform_now(s->h, &s->expect.op);
}

static void test_edges(void **state)
{
    struct scene s;
    scene_begin(&s, *state);
    const char *const sent[] = {"one", "", "two", "", ""};
    for (int i = 0; i < 5; i++)
        send_text(&s.client, sent[i]);
    for (int i = 0; i < 5; i++)
        receives(&s, &s.server, RECEIVE_DATAGRAM, 0, sent[i]);
    assert_int_equal(conn_fill(&s.server), -EAGAIN);
    assert_int_equal(s.server.datagrams->received, 5);
    assert_int_equal(s.server.base, 6);
    /* The answer goes to whom the last one came from. */
    send_text(&s.server, "answer");
    receives(&s, &s.client, RECEIVE_ALL, 0, "answer");
    scene_end(&s);
}

/* A part may be taken; the rest is still a part of that datagram, and the next one is none of it. */
static void test_parts(void **state)
{
    struct scene s;
    scene_begin(&s, *state);
    send_text(&s.client, "ab;cd\nef");
    send_text(&s.client, "gh");
    receives(&s, &s.server, RECEIVE_UNTIL, 0, "ab");
    receives(&s, &s.server, RECEIVE_LINE, 0, "cd");
    receive_fails(&s, &s.server, RECEIVE_COUNT, 3, SR_SYSTEM);
    receive_fails(&s, &s.server, RECEIVE_LINE, 0, SR_SYSTEM);
    receives(&s, &s.server, RECEIVE_COUNT, 0, "");
    receives(&s, &s.server, RECEIVE_SOME, 1, "e");
    receives(&s, &s.server, RECEIVE_DATAGRAM, 0, "f");
    receives(&s, &s.server, RECEIVE_COUNT, 2, "gh");
    assert_int_equal(conn_fill(&s.server), -EAGAIN);
    scene_end(&s);
}

static void test_expectations(void **state)
{
    static const struct {
        const char *sent, *wanted;
        enum framing framing;
        bool good;
    } rows[] = {
        {"hello", "hello", FRAMING_EXACT, true},
        {"hello", "hell", FRAMING_EXACT, false},
        {"hello", "hello!", FRAMING_EXACT, false},
        {"", "", FRAMING_EXACT, true},
        {"x", "", FRAMING_EXACT, false},
        {"", "x", FRAMING_EXACT, false},
        {"a\n", "", FRAMING_LINE, true},
        {"a", "", FRAMING_LINE, false},
        {"a\nb", "", FRAMING_LINE, false},
        {"a;", ";", FRAMING_UNTIL, true},
        {"a;b", ";", FRAMING_UNTIL, false},
        {"abc", "123", FRAMING_BYTES, true},
        {"abcd", "123", FRAMING_BYTES, false},
        {"ab", "123", FRAMING_BYTES, false},
        {"", "", FRAMING_BYTES, true},
        {"abc", "", FRAMING_REST, true},
        {"", "", FRAMING_DATAGRAM, true},
        {"\2ab", "", FRAMING_PREFIXED, true},
        {"\2abc", "", FRAMING_PREFIXED, false},
        {"\3ab", "", FRAMING_PREFIXED, false},
    };
    struct scene s;
    scene_begin(&s, *state);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        send_text(&s.client, rows[i].sent);
        const enum op_result r = expects(&s, &s.server, rows[i].framing, rows[i].wanted);
        if ((r == OP_DONE) != rows[i].good) fail_msg("row %zu: %d", i, (int)r);
        if (r == OP_DONE) continue;
        assert_int_equal(s.expect.op.failure, OP_MISMATCH);
        /* The whole message was read, so that one can go on behind it. */
        assert_true(s.expect.whole);
        op_commit(&s.expect.op);
    }
    assert_int_equal(conn_fill(&s.server), -EAGAIN);
    scene_end(&s);
}

static void test_send(void **state)
{
    const struct segment list[] = {
        {SEGMENT_BYTES, SLICE("ab"), 2, 0}, {SEGMENT_BYTES, {"", 0}, 0, 0}, {SEGMENT_REPEAT, SLICE("xy"), 5, 0}};
    const struct segment large = {SEGMENT_REPEAT, SLICE("x"), 70000, 0},
                         huge = {SEGMENT_REPEAT, SLICE("x"), 1u << 30, 0};
    struct scene s;
    struct send_op o;
    scene_begin(&s, *state);
    send_begin(&o, &s.client, list, 3);
    assert_int_equal(perform_now(s.h, &o.op), OP_DONE);
    receives(&s, &s.server, RECEIVE_DATAGRAM, 0, "abxyxyx");
    send_begin(&o, &s.client, list, 0);
    assert_int_equal(perform_now(s.h, &o.op), OP_DONE);
    receives(&s, &s.server, RECEIVE_DATAGRAM, 0, "");
    send_begin(&o, &s.client, list, 3);
    o.chunk = 4;
    assert_int_equal(perform_now(s.h, &o.op), OP_DONE);
    receives(&s, &s.server, RECEIVE_DATAGRAM, 0, "ab");
    receives(&s, &s.server, RECEIVE_DATAGRAM, 0, "xyxy");
    receives(&s, &s.server, RECEIVE_DATAGRAM, 0, "x");
    const struct segment *const too_long[] = {&large, &huge};
    for (int i = 0; i < 2; i++) {
        send_begin(&o, &s.client, too_long[i], 1);
        assert_int_equal(perform_now(s.h, &o.op), OP_FAILED);
        assert_int_equal(o.op.error, EMSGSIZE);
    }
    scene_end(&s);
}

static void test_nobody_to_send_to(void **state)
{
    struct scene s;
    struct piece_op o;
    scene_begin(&s, *state);
    piece_begin(&o, &s.server, SLICE("x"), 0);
    assert_int_equal(perform_now(s.h, &o.op), OP_FAILED);
    assert_int_equal(o.op.failure, OP_MISUSE);
    struct addr to;
    assert_int_equal(sock_name(conn_fd(&s.client), &to), 0);
    conn_send_to(&s.server, &to);
    send_text(&s.server, "x");
    receives(&s, &s.client, RECEIVE_DATAGRAM, 0, "x");
    scene_end(&s);
}

static enum op_result closes(struct scene *s, enum close_by by)
{
    struct close_op o;
    expect_close_begin(&o, &s->client, by);
    return perform_now(s->h, &o.op);
}

/* ICMP tells it once; the socket goes on. */
static void test_refused(void **state)
{
    struct scene s;
    scene_begin(&s, *state);
    listener_close(&s.listener);
    send_text(&s.client, "one");
    receive_fails(&s, &s.client, RECEIVE_DATAGRAM, 0, SR_REFUSED);
    send_text(&s.client, "two");
    assert_int_equal(closes(&s, CLOSE_REFUSED), OP_DONE);
    send_text(&s.client, "three");
    /* The send meets what became of the one before, sends all the same, and leaves it to be read. */
    send_text(&s.client, "four");
    assert_int_equal(closes(&s, CLOSE_RESET), OP_FAILED);
    assert_int_equal(closes(&s, CLOSE_ANY), OP_DONE);
    conn_fill(&s.client);
    conn_reopen(&s.client);
    assert_int_equal(listener_again(&s.listener, s.h->permit, 0, NULL, &s.h->need), 0);
    send_text(&s.client, "five");
    receives(&s, &s.server, RECEIVE_DATAGRAM, 0, "five");
    scene_end(&s);
}

static void test_patience(void **state)
{
    struct scene s;
    scene_begin(&s, *state);
    listener_close(&s.listener);
    s.client.datagrams->patient = true;
    send_text(&s.client, "one");
    s.client.in.ready |= READY_READ;
    assert_int_equal(conn_fill(&s.client), -EAGAIN);
    assert_int_equal(s.client.end, CONN_OPEN);
    scene_end(&s);
}

/* Who waits for a datagram goes on to do so while the socket is closed and opened again. */
static void test_closed_meanwhile(void **state)
{
    struct scene s;
    struct receive_op o;
    struct performer p;
    scene_begin(&s, *state);
    receive_begin(&o, &s.server, RECEIVE_DATAGRAM);
    perform(&p, s.h, &o.op);
    harness_settle(s.h);
    listener_close(&s.listener);
    harness_settle(s.h);
    assert_int_equal(p.result, OP_WAIT);
    assert_int_equal(listener_again(&s.listener, s.h->permit, 0, NULL, &s.h->need), 0);
    send_text(&s.client, "late");
    harness_run(s.h);
    assert_int_equal(p.result, OP_DONE);
    op_commit(&o.op);
    perform_end(&p);
    scene_end(&s);
}

/* Two ends of a socket pair that keep edges. */
static void pair_up(struct harness *h, int type, enum addr_scheme scheme, struct conn *a, struct conn *b)
{
    int fds[2];
    const struct addr nobody = {.len = sizeof(sa_family_t), .sa.sa_family = AF_UNIX};
    assert_int_equal(socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(conn_init_datagrams(a, &h->sched, fds[0], scheme, &nobody), 0);
    assert_int_equal(conn_init_datagrams(b, &h->sched, fds[1], scheme, &nobody), 0);
}

/* An empty datagram is not the end, and the end is no empty datagram. */
static void test_seqpacket_end(void **state)
{
    struct scene s = {.h = *state};
    struct conn a;
    pair_up(s.h, SOCK_SEQPACKET, ADDR_SEQPACKET, &a, &s.client);
    send_text(&a, "");
    send_text(&a, "x");
    send_text(&a, "");
    assert_int_equal(conn_finish(&a), 0);
    receives(&s, &s.client, RECEIVE_DATAGRAM, 0, "");
    receives(&s, &s.client, RECEIVE_DATAGRAM, 0, "x");
    receives(&s, &s.client, RECEIVE_DATAGRAM, 0, "");
    assert_int_equal(closes(&s, CLOSE_FIN), OP_DONE);
    receive_fails(&s, &s.client, RECEIVE_DATAGRAM, 0, SR_CLOSED);
    conn_done(&a);
    conn_done(&s.client);
}

static void test_cut(void **state)
{
    struct scene s = {.h = *state};
    struct conn a;
    char *large = mem_zalloc(SCRATCH + 1);
    pair_up(s.h, SOCK_DGRAM, ADDR_UNIXGRAM, &a, &s.client);
    assert_int_equal(conn_send(&a, large, SCRATCH + 1, 0), SCRATCH + 1);
    assert_int_equal(conn_send(&a, large, SCRATCH, 0), SCRATCH);
    assert_int_equal(expects(&s, &s.client, FRAMING_DATAGRAM, ""), OP_FAILED);
    assert_non_null(strstr(s.expect.report.message, "65537"));
    op_commit(&s.expect.op);
    assert_int_equal(expects(&s, &s.client, FRAMING_DATAGRAM, ""), OP_DONE);
    mem_free(large);
    conn_done(&a);
    conn_done(&s.client);
    arena_done(&s.arena);
}

/* A share has what was put in, in order, and drops what nobody reads. */
static void test_share(void **state)
{
    struct scene s;
    struct conn share;
    scene_begin(&s, *state);
    conn_init_borrowed(&share, &s.h->sched, &s.listener.fd, &s.listener.watch, ADDR_UDP, &s.listener.addr, true);
    struct addr from;
    assert_int_equal(sock_name(conn_fd(&s.client), &from), 0);
    unsigned put = 0;
    while (put < 100000 && stream_datagram_put(&share.datagrams->end, SLICE("x"), &from, 0))
        put++;
    assert_in_range(put, 100, 99999);
    conn_news(&share, READY_READ);
    for (unsigned i = 0; i < put; i++)
        receives(&s, &share, RECEIVE_DATAGRAM, 0, "x");
    assert_int_equal(conn_fill(&share), -EAGAIN);
    send_text(&share, "answer");
    receives(&s, &s.client, RECEIVE_DATAGRAM, 0, "answer");
    assert_true(stream_datagram_put(&share.datagrams->end, SLICE("left"), &from, 0));
    conn_lose_socket(&share);
    assert_int_equal(conn_send(&share, "x", 1, 0), -EPIPE);
    conn_done(&share);
    scene_end(&s);
}

static void test_shown(void **state)
{
    struct scene s;
    char text[2 * ADDR_TEXT], port[64];
    scene_begin(&s, *state);
    snprintf(port, sizeof port, "udp://127.0.0.1:%u", s.spec.port);
    assert_string_equal(conn_show_peer(&s.client, text, sizeof text), port);
    assert_string_equal(conn_show_local(&s.server, text, sizeof text), port);
    assert_string_equal(conn_show_peer(&s.server, text, sizeof text), "");
    assert_int_equal(conn_family(&s.server), AF_INET);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HARNESS_TEST(test_edges),
        HARNESS_TEST(test_parts),
        HARNESS_TEST(test_expectations),
        HARNESS_TEST(test_send),
        HARNESS_TEST(test_nobody_to_send_to),
        HARNESS_TEST(test_refused),
        HARNESS_TEST(test_patience),
        HARNESS_TEST(test_closed_meanwhile),
        HARNESS_TEST(test_seqpacket_end),
        HARNESS_TEST(test_cut),
        HARNESS_TEST(test_share),
        HARNESS_TEST(test_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
