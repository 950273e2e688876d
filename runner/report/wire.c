#include "report/wire.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum {
    ETHERNET = 14,
    TYPE_V4 = 0x0800,
    TYPE_V6 = 0x86dd,
    TCP = 6,
    UDP = 17,
    FRAGMENT_OFFSET = 0x1fff,
    OPTION_END = 0,
    OPTION_NOTHING = 1,
    OPTION_SEGMENT = 2,
    OPTION_SHIFT = 3,
};

static uint16_t get16(const unsigned char *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const unsigned char *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* The protocol behind it, or -1. */
static int parse_v4(const unsigned char *p, size_t n, struct wire *w)
{
    if (n < 20 || p[0] >> 4 != 4) return -1;
    w->ip_head = (uint8_t)((p[0] & 15) * 4);
    w->total = get16(p + 2);
    if (w->ip_head < 20 || w->ip_head > n || w->total < w->ip_head) return -1;
    w->id = get16(p + 4);
    w->dont_fragment = (p[6] & 0x40) != 0;
    if (get16(p + 6) & FRAGMENT_OFFSET) return -1;
    w->hops = p[8];
    memcpy(w->end[0].ip, p + 12, 4);
    memcpy(w->end[1].ip, p + 16, 4);
    return p[9];
}

static int parse_v6(const unsigned char *p, size_t n, struct wire *w)
{
    if (n < 40 || p[0] >> 4 != 6) return -1;
    w->v6 = true;
    w->ip_head = 40;
    w->total = (uint16_t)(get16(p + 4) + 40);
    w->hops = p[7];
    memcpy(w->end[0].ip, p + 8, 16);
    memcpy(w->end[1].ip, p + 24, 16);
    return p[6];
}

static void parse_options(const unsigned char *p, size_t n, struct wire *w)
{
    for (size_t at = 0; at < n && p[at] != OPTION_END;) {
        if (p[at] == OPTION_NOTHING) {
            at++;
            continue;
        }
        if (n - at < 2 || p[at + 1] < 2 || p[at + 1] > n - at) return;
        if (p[at] == OPTION_SEGMENT && p[at + 1] == 4) w->segment = get16(p + at + 2);
        if (p[at] == OPTION_SHIFT && p[at + 1] == 3) w->shift = p[at + 2];
        at += p[at + 1];
    }
}

static bool parse_tcp(const unsigned char *p, size_t n, struct wire *w)
{
    if (n < 20) return false;
    w->tcp = true;
    w->head = (uint8_t)((p[12] >> 4) * 4);
    if (w->head < 20 || w->head > n) return false;
    w->seq = get32(p + 4);
    w->ack = get32(p + 8);
    w->flags = p[13];
    w->window = get16(p + 14);
    w->checksum = get16(p + 16);
    parse_options(p + 20, w->head - 20u, w);
    return true;
}

bool wire_parse(struct slice packet, struct wire *ret)
{
    struct wire w = {.shift = -1};
    const unsigned char *p = (const unsigned char *)packet.p;
    if (packet.n < ETHERNET) return false;
    const unsigned type = get16(p + 12);
    const size_t n = packet.n - ETHERNET;
    memcpy(w.mac[1], p, 6);
    memcpy(w.mac[0], p + 6, 6);
    p += ETHERNET;
    const int protocol = type == TYPE_V4 ? parse_v4(p, n, &w) : type == TYPE_V6 ? parse_v6(p, n, &w) : -1;
    if (protocol < 0 || n - w.ip_head < 8) return false;
    p += w.ip_head;
    w.end[0].port = get16(p);
    w.end[1].port = get16(p + 2);
    w.head = 8;
    w.length = get16(p + 4);
    w.checksum = get16(p + 6);
    if (protocol == TCP ? !parse_tcp(p, n - w.ip_head, &w) : protocol != UDP) return false;
    if (w.total < w.ip_head + w.head) return false;
    w.payload = (uint32_t)(w.total - w.ip_head - w.head);
    *ret = w;
    return true;
}

bool wire_read_end(const char *text, struct wire_end *ret, bool *ret_v6)
{
    char host[INET6_ADDRSTRLEN + 1];
    const char *colon = text ? strrchr(text, ':') : NULL;
    if (!colon) return false;
    const bool v6 = *text == '[';
    const size_t n = strcspn(text + v6, v6 ? "%]" : ":");
    if (n >= sizeof host) return false;
    memcpy(host, text + v6, n);
    host[n] = '\0';
    memset(ret, 0, sizeof *ret);
    ret->port = (uint16_t)strtoul(colon + 1, NULL, 10);
    *ret_v6 = v6;
    return inet_pton(v6 ? AF_INET6 : AF_INET, host, ret->ip) == 1;
}
