#include "net/unreachable.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

#include "net/sock.h"
#include "util/permit.h"

enum { HOPS = 64 };

/* The headers of the datagram that it is about: what the sender's system finds the socket by. */
struct about4 {
    struct icmphdr icmp;
    struct iphdr ip;
    struct udphdr udp;
};

struct about6 {
    struct icmp6_hdr icmp;
    struct ip6_hdr ip;
    struct udphdr udp;
};

/* RFC 1071; n is even. */
static uint16_t checksum(const void *p, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i += 2) {
        uint16_t word;
        memcpy(&word, (const char *)p + i, sizeof word);
        sum += word;
    }
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t) ~(sum + (sum >> 16));
}

static int send_raw(int protocol, struct slice bytes, const struct addr *sender)
{
    struct addr to = *sender;
    const int fd = socket(to.sa.sa_family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    if (fd < 0) return -errno;
    /* Raw sockets know no ports (ip(7)), and those of IPv6 want none. */
    if (to.sa.sa_family == AF_INET6) to.in6.sin6_port = 0;
    ssize_t n;
    do
        n = permit_answer(fd, bytes, 0, &to.sa, to.len);
    while (n == -EINTR);
    close(fd);
    return n < 0 ? (int)n : 0;
}

static int say4(const struct sockaddr_in *sender, const struct sockaddr_in *to, const struct addr *where)
{
    struct about4 a = {
        .icmp = {.type = ICMP_DEST_UNREACH, .code = ICMP_PORT_UNREACH},
        .ip = {.version = 4,
               .ihl = sizeof a.ip / 4,
               .tot_len = htons(sizeof a.ip + sizeof a.udp),
               .ttl = HOPS,
               .protocol = IPPROTO_UDP,
               .saddr = sender->sin_addr.s_addr,
               .daddr = to->sin_addr.s_addr},
        .udp = {.source = sender->sin_port, .dest = to->sin_port, .len = htons(sizeof a.udp)},
    };
    a.ip.check = checksum(&a.ip, sizeof a.ip);
    a.icmp.checksum = checksum(&a, sizeof a);
    return send_raw(IPPROTO_ICMP, (struct slice){(const char *)&a, sizeof a}, where);
}

static int say6(const struct sockaddr_in6 *sender, const struct sockaddr_in6 *to, const struct addr *where)
{
    struct about6 a = {
        .icmp = {.icmp6_type = ICMP6_DST_UNREACH, .icmp6_code = ICMP6_DST_UNREACH_NOPORT},
        .ip = {.ip6_src = sender->sin6_addr, .ip6_dst = to->sin6_addr},
        .udp = {.source = sender->sin6_port, .dest = to->sin6_port, .len = htons(sizeof a.udp)},
    };
    a.ip.ip6_flow = htonl(6U << 28);
    a.ip.ip6_plen = htons(sizeof a.udp);
    a.ip.ip6_nxt = IPPROTO_UDP;
    a.ip.ip6_hlim = HOPS;
    return send_raw(IPPROTO_ICMPV6, (struct slice){(const char *)&a, sizeof a}, where);
}

int unreachable_say(const struct addr *sender, const struct addr *to)
{
    if (sender->sa.sa_family != to->sa.sa_family) return -EAFNOSUPPORT;
    if (to->sa.sa_family == AF_INET) {
        if (to->in.sin_addr.s_addr == htonl(INADDR_ANY)) return -EADDRNOTAVAIL;
        return say4(&sender->in, &to->in, sender);
    }
    if (to->sa.sa_family != AF_INET6) return -EAFNOSUPPORT;
    if (IN6_IS_ADDR_UNSPECIFIED(&to->in6.sin6_addr)) return -EADDRNOTAVAIL;
    return say6(&sender->in6, &to->in6, sender);
}
