/* Packets of hand-made events: who tells what, when both ends are here and when one is. What a reader of captures says
 * of them is tested by tests/pcap.cmake. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "event/pcap.h"

enum { MOST = 64 << 20, PACKET = 6, SECRETS = 10 };

struct capture {
    struct buf blocks;
    struct buf story; /* a line for each block */
    bool full;
};

static bool take_block(void *ctx, struct slice s)
{
    struct capture *c = ctx;
    return !c->full && buf_add(&c->blocks, s);
}

static uint32_t word(const char *p)
{
    uint32_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

static unsigned port(const unsigned char *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

/* "1000>80 PA 5 hello.yaml:7:9 client step 1 send" */
static void tell_packet(struct buf *out, const char *block)
{
    const uint32_t size = word(block + 20);
    const unsigned char *ip = (const unsigned char *)block + 28;
    const size_t head = *ip >> 4 == 6 ? 40 : 20;
    const unsigned char *tcp = ip + head;
    const char *comment = block + 28 + ((size + 3) & ~3u) + 8;
    if (ip[head == 40 ? 6 : 9] == 17) {
        buf_printf(out, "%u>%u udp %zu%.*s\n", port(tcp), port(tcp + 2), size - head - 8, (int)(word(comment) >> 16),
                   comment + 4);
        return;
    }
    const size_t payload = size - head - (tcp[12] >> 4) * 4u;
    buf_printf(out, "%u>%u ", port(tcp), port(tcp + 2));
    for (int i = 0; i < 5; i++)
        if (tcp[13] >> i & 1) buf_addc(out, "FSRPA"[i]);
    buf_printf(out, " %zu %.*s\n", payload, (int)(word(comment) >> 16), comment + 4);
}

static const char *story(struct capture *c)
{
    buf_clear(&c->story);
    for (size_t at = 0; at < c->blocks.n; at += word(c->blocks.p + at + 4)) {
        const char *block = c->blocks.p + at;
        assert_int_equal(word(block + 4), word(block + word(block + 4) - 4));
        if (word(block) == PACKET)
            tell_packet(&c->story, block);
        else
            buf_printf(&c->story, "%s\n", word(block) == SECRETS ? "secrets" : "?");
    }
    buf_clear(&c->blocks);
    return buf_str(&c->story);
}

static struct event_sink *begin(struct capture *c)
{
    *c = (struct capture){.blocks = BUF_INIT(MOST), .story = BUF_INIT(MOST)};
    return pcap_new(take_block, c, 0, 1);
}

static void end(struct capture *c, struct event_sink *s)
{
    pcap_free(s);
    buf_done(&c->blocks);
    buf_done(&c->story);
}

static void happen(struct event_sink *s, uint32_t connection, enum event_action action, struct slice bytes)
{
    const struct event e = {.kind = EVENT_TRAFFIC,
                            .action = action,
                            .connection = connection,
                            .at = 1000000000,
                            .actor = connection % 2 ? "client" : "server",
                            .place = {.file = "f", .line = connection, .col = 12},
                            .bytes = bytes};
    s->take(s, &e);
}

static void opens(struct event_sink *s, uint32_t connection, const struct event_socket *socket)
{
    const struct event e = {.kind = EVENT_TRAFFIC,
                            .action = socket->server ? EVENT_ACCEPT : EVENT_CONNECT,
                            .connection = connection,
                            .at = 1000000000,
                            .actor = socket->server ? "server" : "client",
                            .step = "opens",
                            .socket = socket};
    s->take(s, &e);
}

static const struct event_socket client = {"tcp", "127.0.0.1:1000", "127.0.0.1:80", NULL, NULL, NULL, 5, false, false};
static const struct event_socket server = {"tcp", "127.0.0.1:80", "127.0.0.1:1000", NULL, NULL, NULL, 6, true, false};
static const struct slice none = {0};

#define HANDSHAKE(who)                                                                                                 \
    "1000>80 S 0  " who " opens\n"                                                                                     \
    "80>1000 SA 0  " who " opens\n"                                                                                    \
    "1000>80 A 0  " who " opens\n"

static void test_both_ends(void **state)
{
    (void)state;
    struct capture c;
    struct event_sink *s = begin(&c);
    opens(s, 2, &server);
    opens(s, 1, &client);
    assert_string_equal(story(&c), HANDSHAKE("server"));
    happen(s, 1, EVENT_SEND, slice_of("hello"));
    happen(s, 2, EVENT_RECEIVE, slice_of("hello"));
    happen(s, 2, EVENT_SEND, slice_of("HI"));
    happen(s, 1, EVENT_RECEIVE, slice_of("HI"));
    assert_string_equal(story(&c), "1000>80 PA 5 f:1:12 client\n80>1000 PA 2 f:2:12 server\n");
    happen(s, 1, EVENT_SHUTDOWN, none);
    happen(s, 2, EVENT_PEER_CLOSE, none);
    happen(s, 1, EVENT_CLOSE, none);
    happen(s, 2, EVENT_CLOSE, none);
    assert_string_equal(story(&c), "1000>80 FA 0 f:1:12 client\n"
                                   "80>1000 A 0 f:1:12 client (made up: acknowledgement)\n"
                                   "80>1000 FA 0 f:2:12 server\n"
                                   "1000>80 A 0 f:2:12 server (made up: acknowledgement)\n");
    /* The same addresses meet again. */
    opens(s, 3, &client);
    assert_string_equal(story(&c), HANDSHAKE("client"));
    end(&c, s);
}

static void test_one_end(void **state)
{
    (void)state;
    struct capture c;
    struct event_sink *s = begin(&c);
    opens(s, 1, &client);
    story(&c);
    happen(s, 1, EVENT_SEND, slice_of("hello"));
    happen(s, 1, EVENT_RECEIVE, slice_of("HI"));
    happen(s, 1, EVENT_PEER_RESET, none);
    happen(s, 1, EVENT_CLOSE, none);
    happen(s, 1, EVENT_SEND, slice_of("nobody is there"));
    assert_string_equal(story(&c), "1000>80 PA 5 f:1:12 client\n"
                                   "80>1000 PA 2 f:1:12 client\n"
                                   "80>1000 RA 0 f:1:12 client\n");
    end(&c, s);
}

/* The client has gone before anybody accepts it: what is then read of it has been told. */
static void test_late_accept(void **state)
{
    (void)state;
    struct capture c;
    struct event_sink *s = begin(&c);
    opens(s, 1, &client);
    happen(s, 1, EVENT_SEND, slice_of("early"));
    happen(s, 1, EVENT_CLOSE, none);
    story(&c);
    opens(s, 2, &server);
    happen(s, 2, EVENT_RECEIVE, slice_of("early"));
    happen(s, 2, EVENT_PEER_CLOSE, none);
    happen(s, 2, EVENT_CLOSE, none);
    assert_string_equal(story(&c), "80>1000 FA 0 f:2:12 server\n"
                                   "1000>80 A 0 f:2:12 server (made up: acknowledgement)\n");
    end(&c, s);
}

static void test_unix(void **state)
{
    (void)state;
    struct capture c;
    struct event_sink *s = begin(&c);
    const struct event_socket theirs = {"unix", NULL, "/run/x", NULL, NULL, NULL, 5, false, false};
    const struct event_socket ours = {"unix", "/run/x", NULL, NULL, NULL, NULL, 6, true, true};
    opens(s, 1, &theirs);
    story(&c);
    opens(s, 2, &ours);
    happen(s, 1, EVENT_SEND, slice_of("hello"));
    happen(s, 2, EVENT_RECEIVE, slice_of("hello"));
    happen(s, 2, EVENT_SEND, slice_of("HI"));
    happen(s, 1, EVENT_RECEIVE, slice_of("HI"));
    assert_string_equal(story(&c), "65000>65001 PA 5 f:1:12 client\n65001>65000 PA 2 f:1:12 client\n");
    end(&c, s);
}

static void test_segments(void **state)
{
    (void)state;
    static char much[300000];
    struct capture c;
    struct event_sink *s = begin(&c);
    opens(s, 1, &client);
    story(&c);
    happen(s, 1, EVENT_SEND, (struct slice){much, sizeof much});
    assert_string_equal(story(&c), "1000>80 PA 65475 f:1:12 client\n"
                                   "1000>80 PA 65475 f:1:12 client\n"
                                   "1000>80 PA 65475 f:1:12 client\n"
                                   "1000>80 PA 65475 f:1:12 client\n"
                                   "1000>80 PA 38100 f:1:12 client\n"
                                   "80>1000 A 0 f:1:12 client (made up: acknowledgement)\n");
    end(&c, s);
}

static void test_lost(void **state)
{
    (void)state;
    struct capture c;
    struct event_sink *s = begin(&c);
    opens(s, 1, &client);
    story(&c);
    c.full = true;
    happen(s, 1, EVENT_SEND, slice_of("a"));
    happen(s, 1, EVENT_SEND, slice_of("b"));
    c.full = false;
    happen(s, 1, EVENT_SEND, slice_of("c"));
    happen(s, 1, EVENT_SEND, slice_of("d"));
    assert_string_equal(story(&c), "1000>80 PA 1 (before this, 2 packets are missing) f:1:12 client\n"
                                   "1000>80 PA 1 f:1:12 client\n");
    end(&c, s);
}

static void datagram(struct event_sink *s, uint32_t connection, enum event_action action, const char *local,
                     const char *peer, const char *bytes)
{
    const struct event_socket socket = {.protocol = "udp", .local = local, .peer = peer};
    const struct event e = {.kind = EVENT_TRAFFIC,
                            .action = action,
                            .connection = connection,
                            .at = 1000000000,
                            .actor = "peer",
                            .socket = &socket,
                            .bytes = slice_of(bytes)};
    s->take(s, &e);
}

/* One that has any address of the machine, one that is connected, and somebody else. */
static void test_datagrams(void **state)
{
    (void)state;
    struct capture c;
    struct event_sink *s = begin(&c);
    static const char any[] = "0.0.0.0:53", one[] = "127.0.0.1:53", two[] = "127.0.0.1:1000", other[] = "127.0.0.1:9";
    datagram(s, 2, EVENT_ACCEPT, any, NULL, "");
    datagram(s, 1, EVENT_CONNECT, two, one, "");
    datagram(s, 1, EVENT_SEND, two, one, "ask");
    datagram(s, 2, EVENT_RECEIVE, any, two, "ask");
    datagram(s, 2, EVENT_SEND, any, two, "");
    datagram(s, 1, EVENT_RECEIVE, two, one, "");
    datagram(s, 2, EVENT_RECEIVE, any, other, "from elsewhere");
    assert_string_equal(story(&c), "1000>53 udp 3 peer\n53>1000 udp 0 peer\n9>53 udp 14 peer\n");
    datagram(s, 1, EVENT_CLOSE, two, one, "");
    datagram(s, 2, EVENT_RECEIVE, any, two, "from somebody who has the address now");
    assert_string_equal(story(&c), "1000>53 udp 37 peer\n");
    end(&c, s);
}

/* It is told of once, whether its sender is still there when it is read or not. */
static void test_datagram_of_who_is_gone(void **state)
{
    (void)state;
    struct capture c;
    struct event_sink *s = begin(&c);
    static const char there[] = "127.0.0.1:53", here[] = "127.0.0.1:1000";
    datagram(s, 2, EVENT_ACCEPT, there, NULL, "");
    datagram(s, 1, EVENT_CONNECT, here, there, "");
    datagram(s, 1, EVENT_SEND, here, there, "one");
    datagram(s, 1, EVENT_SEND, here, there, "more");
    datagram(s, 1, EVENT_CLOSE, here, there, "");
    assert_string_equal(story(&c), "1000>53 udp 3 peer\n1000>53 udp 4 peer\n");
    datagram(s, 2, EVENT_RECEIVE, there, here, "one");
    datagram(s, 2, EVENT_RECEIVE, there, here, "more");
    assert_string_equal(story(&c), "");
    datagram(s, 2, EVENT_RECEIVE, there, here, "from elsewhere");
    assert_string_equal(story(&c), "1000>53 udp 14 peer\n");
    end(&c, s);
}

/* After STARTTLS plain bytes and records are two conversations. */
static void test_tls(void **state)
{
    (void)state;
    struct capture c;
    struct event_sink *s = begin(&c);
    struct event wire = {.kind = EVENT_TRAFFIC,
                         .action = EVENT_SEND,
                         .connection = 1,
                         .wire = true,
                         .actor = "wire",
                         .bytes = slice_of("\x16\x03\x01")};
    opens(s, 1, &client);
    happen(s, 1, EVENT_SEND, slice_of("STARTTLS"));
    story(&c);
    happen(s, 1, EVENT_SECURE, none);
    s->take(s, &wire);
    const struct event secrets = {.kind = EVENT_SECRETS, .bytes = slice_of("CLIENT_TRAFFIC_SECRET_0 00 11\n")};
    s->take(s, &secrets);
    happen(s, 1, EVENT_SEND, slice_of("hello"));
    wire.action = EVENT_RECEIVE;
    s->take(s, &wire);
    happen(s, 1, EVENT_RECEIVE, slice_of("HI"));
    assert_string_equal(story(&c), "1000>80 S 0 f:1:12 client\n"
                                   "80>1000 SA 0 f:1:12 client\n"
                                   "1000>80 A 0 f:1:12 client\n"
                                   "secrets\n"
                                   "1000>80 PA 3  wire\n"
                                   "1000>80 PA 5 f:1:12 client\n"
                                   "80>1000 PA 3  wire\n"
                                   "80>1000 PA 2 f:1:12 client\n");
    happen(s, 1, EVENT_PEER_RESET, none);
    happen(s, 1, EVENT_CLOSE, none);
    assert_string_equal(story(&c), "80>1000 RA 0 f:1:12 client\n80>1000 RA 0 f:1:12 client\n");
    end(&c, s);
}

/* Whatever an event says, there is a capture or none. */
static void test_nonsense(void **state)
{
    (void)state;
    struct capture c;
    struct event_sink *s = begin(&c);
    const struct event_socket bad[] = {
        {.protocol = "tcp"},
        {.protocol = "tcp", .local = "127.0.0.1:1", .peer = "[::1]:1"},
        {.protocol = "tcp", .local = "127.0.0.1", .peer = "127.0.0.1:1"},
        {.protocol = "tcp", .local = "300.0.0.1:1", .peer = "127.0.0.1:1"},
        {.protocol = "tcp", .local = "[::1", .peer = "127.0.0.1:1"},
    };
    for (uint32_t i = 0; i < sizeof bad / sizeof *bad; i++)
        opens(s, i + 1, &bad[i]);
    happen(s, 1, EVENT_SEND, slice_of("hello"));
    happen(s, 77, EVENT_CLOSE, none);
    assert_string_equal(story(&c), "");
    const struct event secrets = {.kind = EVENT_SECRETS, .bytes = slice_of("CLIENT_RANDOM 00 11\n")};
    s->take(s, &secrets);
    assert_string_equal(story(&c), "secrets\n");
    end(&c, s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ends),   cmocka_unit_test(test_one_end),
        cmocka_unit_test(test_late_accept), cmocka_unit_test(test_unix),
        cmocka_unit_test(test_segments),    cmocka_unit_test(test_lost),
        cmocka_unit_test(test_datagrams),   cmocka_unit_test(test_datagram_of_who_is_gone),
        cmocka_unit_test(test_tls),         cmocka_unit_test(test_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
