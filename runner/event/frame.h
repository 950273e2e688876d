#ifndef EVENT_FRAME_H
#define EVENT_FRAME_H

/* The headers in front of what a socket sends: IPv4 (RFC 791) or IPv6 (RFC 8200), then TCP (RFC 9293) or UDP (RFC 768),
 * with their lengths and checksums. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/slice.h"

enum {
    FRAME_HEAD_MOST = 40 + 60,
    FRAME_PAYLOAD_MOST = 65535 - 60, /* that fits behind the headers of TCP over either IP */
};

enum frame_flags { FRAME_FIN = 1, FRAME_SYN = 2, FRAME_RST = 4, FRAME_PSH = 8, FRAME_ACK = 16 };

struct frame_end {
    unsigned char ip[16]; /* the first four of IPv4 */
    uint16_t port;
};

struct frame {
    bool v6;
    const struct frame_end *from, *to;
    uint8_t flags;
    uint32_t seq, ack;
    struct slice payload;
};

/* Writes the headers; how many bytes they are. A SYN offers the payload that fits and the widest window (RFC 7323). */
size_t frame_tcp(const struct frame *f, unsigned char head[FRAME_HEAD_MOST]);
size_t frame_udp(const struct frame *f, unsigned char head[FRAME_HEAD_MOST]);

#endif
