/* The story of a connection, of hand-made acts and packets. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/frame.h"
#include "report/golden.h"
#include "report/story.h"

enum { MOST = 1 << 20, WIRES_MOST = 16 };

struct fixture {
    struct arena arena;
    struct story story;
    struct wire wires[WIRES_MOST];
    struct buf out;
};

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.story = {.file = "a.yaml", .name = "told"}, .out = BUF_INIT(MOST)};
    f.story.arena = &f.arena;
    f.story.wires = f.wires;
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    arena_done(&f->arena);
    buf_done(&f->out);
    return 0;
}

static const struct frame_end ours = {{127, 0, 0, 1}, 1000}, theirs = {{127, 0, 0, 1}, 80};

static void carry(struct fixture *f, bool sent, uint8_t flags, uint32_t seq, uint32_t ack, struct slice payload)
{
    char packet[14 + FRAME_HEAD_MOST + 64] = {0};
    const struct frame frame = {.from = sent ? &ours : &theirs,
                                .to = sent ? &theirs : &ours,
                                .flags = flags,
                                .seq = seq,
                                .ack = ack,
                                .payload = payload};
    packet[12] = 8;
    const size_t n = frame_tcp(&frame, (unsigned char *)packet + 14);
    assert_true(wire_parse((struct slice){packet, 14 + n}, &f->wires[f->story.nwires++]));
}

static void act(struct fixture *f, enum event_action action, int64_t us, struct slice bytes, const char *calls,
                const char *state)
{
    const struct event_socket s = {
        .protocol = "tcp", .local = "127.0.0.1:1000", .peer = "127.0.0.1:80", .state = state, .calls = calls, .fd = 5};
    const struct event e = {.kind = EVENT_TRAFFIC,
                            .action = action,
                            .at = 1000000000 + us * 1000,
                            .actor = "client",
                            .step = "step 1 x",
                            .place = {.file = "a.yaml", .line = 7, .col = 9},
                            .connection = 1,
                            .socket = &s,
                            .bytes = bytes};
    story_add(&f->story, &e);
}

static void live(struct fixture *f)
{
    const struct slice none = {0};
    act(f, EVENT_CONNECT, 0, none, "socket(AF_INET, SOCK_STREAM, 0) = 5\nconnect(5, 127.0.0.1:80) = 0", "established");
    act(f, EVENT_SEND, 10, slice_of("hello\r\n"), "send(5) = 7", "established");
    act(f, EVENT_RECEIVE, 2000, slice_of("\x1b[2Jevil"), "recv(5) = 8", "established");
    act(f, EVENT_CLOSE, 3000000, none, "close(5) = 0", "fin_wait_2");
    act(f, EVENT_STATE, 3000001, none, NULL, "time_wait");
}

static void act_tls(struct fixture *f, enum event_action action, bool wire, uint64_t offset, struct slice bytes,
                    const char *calls, const char *tls)
{
    const struct event_socket s = {.protocol = "tcp",
                                   .local = "127.0.0.1:1000",
                                   .peer = "127.0.0.1:80",
                                   .state = "established",
                                   .calls = calls,
                                   .tls = tls,
                                   .fd = 5};
    const struct event e = {.kind = EVENT_TRAFFIC,
                            .action = action,
                            .wire = wire,
                            .at = 1000000000,
                            .actor = "client",
                            .step = "step 1 x",
                            .connection = 1,
                            .socket = &s,
                            .offset = offset,
                            .bytes = bytes};
    story_add(&f->story, &e);
}

static void show(struct fixture *f, unsigned width, const char *golden)
{
    const struct style style = {.width = width};
    struct story_told told = {0};
    story_show(&f->story, &told, &style, &f->out);
    golden_check(golden, buf_slice(&f->out));
}

static void what_was_captured_is_shown(void **state)
{
    struct fixture *f = *state;
    const struct slice none = {0};
    carry(f, true, FRAME_SYN, 99, 0, none);
    carry(f, false, FRAME_SYN | FRAME_ACK, 499, 100, none);
    carry(f, true, FRAME_ACK, 100, 500, none);
    carry(f, true, FRAME_PSH | FRAME_ACK, 100, 500, slice_of("hel"));
    carry(f, true, FRAME_PSH | FRAME_ACK, 103, 500, slice_of("lo\r\n"));
    carry(f, true, FRAME_PSH | FRAME_ACK, 103, 500, slice_of("lo\r\n"));
    carry(f, false, FRAME_PSH | FRAME_ACK, 500, 107, slice_of("12345678"));
    carry(f, true, FRAME_FIN | FRAME_ACK, 107, 508, none);
    carry(f, false, FRAME_ACK, 508, 108, none);
    live(f);
    show(f, 100, "story.txt");
}

/* A handshake stands alone; what carries data, or says that no more comes, belongs to it. */
static void records_stand_between_data_and_tcp(void **state)
{
    static const char tls[] = "TLSv1.3, TLS_TEST";
    static char much[16 << 10] = "\x17\x03\x03\x3f\xfb";
    struct fixture *f = *state;
    const struct slice none = {0}, hello = SLICE("\x16\x03\x01\x00\x04\x01\x00\x00\x00"),
                       flight = SLICE("\x16\x03\x03\x00\x04\x02\x00\x00\x00\x17\x03\x03\x00\x01x"),
                       sealed = SLICE("\x17\x03\x03\x00\x18xxxxxxxxxxxxxxxxxxxxxxxx"), full = {much, sizeof much};
    carry(f, true, FRAME_SYN, 99, 0, none);
    carry(f, true, FRAME_PSH | FRAME_ACK, 100, 500, hello);
    carry(f, true, FRAME_PSH | FRAME_ACK, 109, 500, sealed);
    act_tls(f, EVENT_SECURE, false, 0, none, "", NULL);
    act_tls(f, EVENT_SEND, true, 0, hello, "send(5) = 9", NULL);
    act_tls(f, EVENT_RECEIVE, true, 0, flight, "recv(5) = 15", NULL);
    act_tls(f, EVENT_SEND, true, 9, sealed, "send(5) = 29", tls);
    act_tls(f, EVENT_SEND, false, 0, slice_of("hello\r\n"), "", tls);
    act_tls(f, EVENT_RECEIVE, true, 15, sealed, "recv(5) = 29", tls);
    act_tls(f, EVENT_RECEIVE, false, 0, slice_of("HEL"), "", tls);
    act_tls(f, EVENT_RECEIVE, false, 3, slice_of("LO\r\n"), "", tls);
    for (unsigned i = 0; i < 5; i++)
        act_tls(f, EVENT_SEND, true, 38 + i * sizeof much, full, "send(5) = 16384", tls);
    act_tls(f, EVENT_SEND, false, 7, (struct slice){much, sizeof much}, "", tls);
    act_tls(f, EVENT_RECEIVE, true, 44, sealed, "recv(5) = 29", tls);
    act_tls(f, EVENT_PEER_CLOSE, false, 7, none, "", tls);
    act_tls(f, EVENT_SEND, true, 38 + 5 * sizeof much, sealed, "send(5) = 29", tls);
    act_tls(f, EVENT_CLOSE, false, 0, none, "close(5) = 0", tls);
    show(f, 100, "story_tls.txt");
}

static void what_was_not_is_derived_and_marked(void **state)
{
    struct fixture *f = *state;
    live(f);
    show(f, 60, "story_derived.txt");
}

/* A UDP socket that takes datagrams from anybody sends two of one size, and one to somebody else. */
static void carry_datagram(struct fixture *f, const struct frame_end *to, struct slice payload)
{
    char packet[14 + FRAME_HEAD_MOST] = {0};
    const struct frame frame = {.from = &ours, .to = to, .payload = payload};
    packet[12] = 8;
    const size_t n = frame_udp(&frame, (unsigned char *)packet + 14);
    struct wire *w = &f->wires[f->story.nwires++];
    assert_true(wire_parse((struct slice){packet, 14 + n}, w));
    w->id = (uint16_t)f->story.nwires;
}

static void act_datagram(struct fixture *f, enum event_action action, const char *peer, struct slice bytes,
                         const char *calls)
{
    const struct event_socket s = {
        .protocol = "udp", .local = "0.0.0.0:1000", .peer = peer, .calls = calls, .fd = action == EVENT_CLOSE ? 0 : 5};
    const struct event e = {.kind = EVENT_TRAFFIC,
                            .action = action,
                            .at = 1000000000 + f->story.nwires * 1000,
                            .actor = "client",
                            .connection = 1,
                            .socket = &s,
                            .bytes = bytes};
    story_add(&f->story, &e);
}

static void live_of_datagrams(struct fixture *f)
{
    const struct slice none = {0};
    act_datagram(f, EVENT_LISTEN, NULL, none, "socket(AF_INET, SOCK_DGRAM, 0) = 5\nbind(5, 0.0.0.0:0) = 0");
    act_datagram(f, EVENT_RECEIVE, "127.0.0.1:80", slice_of("ask"), "recvfrom(5, 127.0.0.1:80) = 3");
    act_datagram(f, EVENT_SEND, "127.0.0.1:80", slice_of("one"), "sendto(5, 127.0.0.1:80) = 3");
    act_datagram(f, EVENT_SEND, "127.0.0.1:81", slice_of("two"), "sendto(5, 127.0.0.1:81) = 3");
    act_datagram(f, EVENT_SEND, "127.0.0.1:80", slice_of("three"), "sendto(5, 127.0.0.1:80) = 5");
    act_datagram(f, EVENT_SEND, "127.0.0.1:80", slice_of("too"), "sendto(5, 127.0.0.1:80) = 3");
    act_datagram(f, EVENT_PEER_RESET, "127.0.0.1:80", none, "recv(5) = -1 ECONNREFUSED");
    act_datagram(f, EVENT_CLOSE, "127.0.0.1:80", none, "close(5) = 0");
}

/* The identifications tell which packet is which: 1, 2, 3, 4. One was not seen. */
static void each_datagram_finds_its_packet(void **state)
{
    struct fixture *f = *state;
    static const struct frame_end other = {{127, 0, 0, 1}, 81};
    carry_datagram(f, &theirs, slice_of("one"));
    carry_datagram(f, &other, slice_of("two"));
    carry_datagram(f, &theirs, slice_of("?"));
    carry_datagram(f, &theirs, slice_of("too"));
    live_of_datagrams(f);
    show(f, 100, "story_datagrams.txt");
}

static void datagrams_are_derived_and_marked(void **state)
{
    struct fixture *f = *state;
    live_of_datagrams(f);
    show(f, 60, "story_datagrams_derived.txt");
}

static void much_is_counted(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < STORY_ACTS_MOST + 100; i++)
        act(f, EVENT_RECEIVE, i, slice_of("x"), "recv(5) = 1", "established");
    const struct style style = {.width = 100};
    struct story_told told = {0};
    story_show(&f->story, &told, &style, &f->out);
    assert_non_null(strstr(buf_str(&f->out), "1084 more that were sent or received are not shown"));
}

static void packets_that_are_none_are_refused(void **state)
{
    (void)state;
    unsigned char packet[14 + FRAME_HEAD_MOST] = {0};
    struct wire w;
    const struct frame frame = {.from = &ours, .to = &theirs, .flags = FRAME_SYN, .seq = 1};
    packet[12] = 8;
    const size_t n = 14 + frame_tcp(&frame, packet + 14);
    assert_true(wire_parse((struct slice){(char *)packet, n}, &w));
    assert_int_equal(w.segment, FRAME_PAYLOAD_MOST);
    packet[14 + 7] = 1; /* a fragment from byte 8 on: what follows is no header */
    assert_false(wire_parse((struct slice){(char *)packet, n}, &w));
    packet[14 + 7] = 0;
    for (size_t cut = 0; cut < n; cut++)
        assert_false(wire_parse((struct slice){(char *)packet, cut}, &w));
    /* Whatever a byte says, nothing behind the end is read. */
    for (size_t at = 12; at < n; at++) {
        for (unsigned value = 0; value < 256; value++) {
            const unsigned char was = packet[at];
            packet[at] = (unsigned char)value;
            wire_parse((struct slice){(char *)packet, n}, &w);
            packet[at] = was;
        }
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_captured_is_shown),         TEST(what_was_not_is_derived_and_marked),
        TEST(records_stand_between_data_and_tcp), TEST(each_datagram_finds_its_packet),
        TEST(datagrams_are_derived_and_marked),   TEST(much_is_counted),
        TEST(packets_that_are_none_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
