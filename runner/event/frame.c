#include "event/frame.h"

#include <string.h>

enum {
    IPV4_HEAD = 20,
    IPV6_HEAD = 40,
    TCP_HEAD = 20,
    SYN_OPTIONS = 8,
    UDP_HEAD = 8,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    HOPS = 64,
    DONT_FRAGMENT = 0x4000,
    WINDOW = 65535,
    WINDOW_SHIFT = 14,
};

static void put16(unsigned char *p, unsigned value)
{
    p[0] = (unsigned char)(value >> 8);
    p[1] = (unsigned char)value;
}

static void put32(unsigned char *p, uint32_t value)
{
    put16(p, value >> 16);
    put16(p + 2, value & 0xffff);
}

/* The sum of 16-bit words (RFC 1071) in this machine's byte order, which comes to the same. An odd last byte is
 * followed by zero. */
static uint64_t sum(uint64_t so_far, const void *p, size_t n)
{
    const unsigned char *at = p;
    for (; n >= sizeof(uint32_t); at += sizeof(uint32_t), n -= sizeof(uint32_t)) {
        uint32_t word;
        memcpy(&word, at, sizeof word);
        so_far += word;
    }
    unsigned char rest[4] = {0};
    uint32_t word;
    if (n) memcpy(rest, at, n);
    memcpy(&word, rest, sizeof word);
    return so_far + word;
}

static void put_checksum(unsigned char *p, uint64_t total)
{
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    const uint16_t value = (uint16_t)~total;
    memcpy(p, &value, sizeof value);
}

/* The addresses, the protocol and the length are part of the checksums of TCP and UDP (RFC 9293 3.1, RFC 8200 8.1). */
static uint64_t pseudo_header(const struct frame *f, unsigned protocol, size_t length)
{
    const size_t n = f->v6 ? 16 : 4;
    unsigned char tail[8];
    put32(tail, (uint32_t)length);
    put32(tail + 4, protocol);
    return sum(sum(sum(0, f->from->ip, n), f->to->ip, n), tail, sizeof tail);
}

static size_t put_ip(const struct frame *f, unsigned protocol, size_t length, unsigned char *head)
{
    if (f->v6) {
        memset(head, 0, IPV6_HEAD);
        head[0] = 0x60;
        put16(head + 4, (unsigned)length);
        head[6] = (unsigned char)protocol;
        head[7] = HOPS;
        memcpy(head + 8, f->from->ip, 16);
        memcpy(head + 24, f->to->ip, 16);
        return IPV6_HEAD;
    }
    memset(head, 0, IPV4_HEAD);
    head[0] = 0x45;
    put16(head + 2, (unsigned)(IPV4_HEAD + length));
    put16(head + 6, DONT_FRAGMENT);
    head[8] = HOPS;
    head[9] = (unsigned char)protocol;
    memcpy(head + 12, f->from->ip, 4);
    memcpy(head + 16, f->to->ip, 4);
    put_checksum(head + 10, sum(0, head, IPV4_HEAD));
    return IPV4_HEAD;
}

static void put_ports(const struct frame *f, unsigned char *head)
{
    put16(head, f->from->port);
    put16(head + 2, f->to->port);
}

size_t frame_tcp(const struct frame *f, unsigned char head[FRAME_HEAD_MOST])
{
    const size_t tcp = f->flags & FRAME_SYN ? TCP_HEAD + SYN_OPTIONS : TCP_HEAD;
    const size_t ip = put_ip(f, PROTOCOL_TCP, tcp + f->payload.n, head);
    unsigned char *t = head + ip;
    memset(t, 0, tcp);
    put_ports(f, t);
    put32(t + 4, f->seq);
    put32(t + 8, f->flags & FRAME_ACK ? f->ack : 0);
    t[12] = (unsigned char)(tcp / 4 << 4);
    t[13] = f->flags;
    put16(t + 14, WINDOW);
    if (f->flags & FRAME_SYN) {
        static const unsigned char shift[] = {1, 3, 3, WINDOW_SHIFT};
        t[20] = 2;
        t[21] = 4;
        put16(t + 22, FRAME_PAYLOAD_MOST);
        memcpy(t + 24, shift, sizeof shift);
    }
    const uint64_t headers = sum(pseudo_header(f, PROTOCOL_TCP, tcp + f->payload.n), t, tcp);
    put_checksum(t + 16, sum(headers, f->payload.p, f->payload.n));
    return ip + tcp;
}

size_t frame_udp(const struct frame *f, unsigned char head[FRAME_HEAD_MOST])
{
    const size_t length = UDP_HEAD + f->payload.n;
    const size_t ip = put_ip(f, PROTOCOL_UDP, length, head);
    unsigned char *u = head + ip;
    put_ports(f, u);
    put16(u + 4, (unsigned)length);
    put16(u + 6, 0);
    const uint64_t headers = sum(pseudo_header(f, PROTOCOL_UDP, length), u, UDP_HEAD);
    put_checksum(u + 6, sum(headers, f->payload.p, f->payload.n));
    /* Zero would say that there is none. */
    if (!u[6] && !u[7]) u[6] = u[7] = 0xff;
    return ip + UDP_HEAD;
}
