#ifndef REPORT_WIRE_H
#define REPORT_WIRE_H

/* The headers of one packet as it was captured: Ethernet, IPv4 or IPv6, TCP or UDP. */

#include <stdbool.h>
#include <stdint.h>

#include "util/slice.h"

struct wire_end {
    unsigned char ip[16]; /* the first four of IPv4 */
    uint16_t port;
};

struct wire {
    unsigned char mac[2][6]; /* [0] from, [1] to */
    struct wire_end end[2];
    bool v6, tcp, dont_fragment;
    uint8_t hops, flags, ip_head, head; /* head: of TCP or UDP, in bytes */
    uint16_t id, total;                 /* of IP: its identification and length */
    uint16_t length;                    /* of UDP, with its header */
    uint16_t window, checksum, segment; /* segment: the most that a SYN allows, 0: not said */
    int shift;                          /* of the window, in a SYN; -1: not said */
    uint32_t seq, ack;
    uint32_t payload; /* bytes behind the headers */
};

enum { WIRE_FIN = 1, WIRE_SYN = 2, WIRE_RST = 4, WIRE_PSH = 8, WIRE_ACK = 16 };

/* False if it is something else, cut off before the end of its headers, or a fragment without them. */
bool wire_parse(struct slice packet, struct wire *ret);
/* "127.0.0.1:80" or "[::1]:80" as an end. */
bool wire_read_end(const char *text, struct wire_end *ret, bool *ret_v6);

#endif
