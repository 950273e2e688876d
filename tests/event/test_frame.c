#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/frame.h"

static const struct frame_end here = {{127, 0, 0, 1}, 0x1234}, there = {{10, 9, 8, 7}, 80};

/* Whoever receives it sums all up with the checksum in it, and gets ones (RFC 1071). */
static unsigned folded(const unsigned char *p, size_t n, unsigned sum)
{
    for (size_t i = 0; i < n; i++)
        sum += i % 2 ? p[i] : (unsigned)p[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

static void check_transport(const unsigned char *packet, size_t ip, size_t n, unsigned protocol)
{
    const size_t addresses = ip == 20 ? 8 : 32;
    const unsigned pseudo = folded(packet + ip - addresses, addresses, protocol + (unsigned)(n - ip));
    assert_int_equal(folded(packet + ip, n - ip, pseudo), 0xffff);
}

static size_t whole(const struct frame *f, bool udp, unsigned char *packet)
{
    const size_t n = udp ? frame_udp(f, packet) : frame_tcp(f, packet);
    if (f->payload.n) memcpy(packet + n, f->payload.p, f->payload.n);
    return n + f->payload.n;
}

static void test_tcp(void **state)
{
    (void)state;
    unsigned char packet[256];
    struct frame f = {
        .from = &here, .to = &there, .flags = FRAME_ACK | FRAME_PSH, .seq = 0x01020304, .ack = 0xf0f1f2f3};
    for (size_t n = 0; n < 9; n++) {
        f.payload = (struct slice){"\xff\x01zodd\xfe\x80", n};
        const size_t size = whole(&f, false, packet);
        assert_int_equal(size, 40 + n);
        assert_int_equal(packet[2] << 8 | packet[3], size);
        assert_int_equal(folded(packet, 20, 0), 0xffff);
        check_transport(packet, 20, size, 6);
        assert_memory_equal(packet + 12, "\x7f\0\0\1\x0a\x09\x08\x07\x12\x34\0\x50\1\2\3\4\xf0\xf1\xf2\xf3\x50\x18",
                            22);
    }
}

static void test_syn(void **state)
{
    (void)state;
    unsigned char packet[256];
    const struct frame f = {.from = &here, .to = &there, .flags = FRAME_SYN, .ack = 7};
    assert_int_equal(whole(&f, false, packet), 48);
    check_transport(packet, 20, 48, 6);
    /* No acknowledgement yet; the largest segment, and the shift of the window. */
    assert_memory_equal(packet + 28, "\0\0\0\0\x70\x02", 6);
    assert_memory_equal(packet + 40, "\2\4\xff\xc3\1\3\3\x0e", 8);
}

static void test_v6_and_udp(void **state)
{
    (void)state;
    unsigned char packet[256];
    const struct frame_end one = {{[15] = 1}, 53}, two = {{0x20, 1, [15] = 2}, 5353};
    struct frame f = {.v6 = true, .from = &one, .to = &two, .payload = slice_of("odd")};
    assert_int_equal(whole(&f, true, packet), 40 + 8 + 3);
    assert_memory_equal(packet, "\x60\0\0\0\0\x0b\x11", 7);
    check_transport(packet, 40, 51, 17);
    f.flags = FRAME_FIN | FRAME_ACK;
    assert_int_equal(whole(&f, false, packet), 40 + 20 + 3);
    check_transport(packet, 40, 63, 6);
}

/* A sum that comes to nothing is sent as ones: zero says that there is none (RFC 768). */
static void test_no_zero(void **state)
{
    (void)state;
    unsigned char packet[256];
    static const struct frame_end none = {{0}, 0};
    const unsigned char fill[] = {0xff, 0xff - 17 - 10 - 10};
    const struct frame f = {.from = &none, .to = &none, .payload = {(const char *)fill, 2}};
    whole(&f, true, packet);
    assert_memory_equal(packet + 26, "\xff\xff", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tcp), cmocka_unit_test(test_syn),
                                       cmocka_unit_test(test_v6_and_udp), cmocka_unit_test(test_no_zero)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
