#include "net/sockopt.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "util/units.h"

const struct sockopt sockopt_table[] = {
    {"bindtodevice", SOL_SOCKET, SO_BINDTODEVICE, 0, 0, SOCKOPT_TEXT, "use this network interface only"},
    {"broadcast", SOL_SOCKET, SO_BROADCAST, 0, 0, SOCKOPT_BOOL, "datagrams to broadcast addresses may be sent"},
    {"congestion", IPPROTO_TCP, TCP_CONGESTION, 0, 0, SOCKOPT_TEXT, "congestion control: cubic, reno, bbr"},
    {"cork", IPPROTO_TCP, TCP_CORK, 0, 0, SOCKOPT_BOOL, "hold back partial segments"},
    {"defer_accept", IPPROTO_TCP, TCP_DEFER_ACCEPT, 0, 0, SOCKOPT_SECONDS, "accept only once data has come"},
    {"fastopen", IPPROTO_TCP, TCP_FASTOPEN, 0, 0, SOCKOPT_INT, "TCP Fast Open: pending requests that a listener keeps"},
    {"fastopen_connect", IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 0, 0, SOCKOPT_BOOL, "TCP Fast Open: data with the SYN"},
    {"join", IPPROTO_IP, IP_ADD_MEMBERSHIP, IPPROTO_IPV6, IPV6_JOIN_GROUP, SOCKOPT_GROUP,
     "take part in a multicast group"},
    {"keepalive", SOL_SOCKET, SO_KEEPALIVE, 0, 0, SOCKOPT_BOOL, "probe an idle connection"},
    {"keepcnt", IPPROTO_TCP, TCP_KEEPCNT, 0, 0, SOCKOPT_INT, "probes without an answer before it counts as dead"},
    {"keepidle", IPPROTO_TCP, TCP_KEEPIDLE, 0, 0, SOCKOPT_SECONDS, "idle time before the first probe"},
    {"keepintvl", IPPROTO_TCP, TCP_KEEPINTVL, 0, 0, SOCKOPT_SECONDS, "time between probes"},
    {"leave", IPPROTO_IP, IP_DROP_MEMBERSHIP, IPPROTO_IPV6, IPV6_LEAVE_GROUP, SOCKOPT_GROUP, "take part in it no more"},
    {"linger", SOL_SOCKET, SO_LINGER, 0, 0, SOCKOPT_LINGER, "seconds that a close waits, 0: close with RST, or false"},
    {"linger2", IPPROTO_TCP, TCP_LINGER2, 0, 0, SOCKOPT_SECONDS, "life of a connection in FIN_WAIT_2"},
    {"mark", SOL_SOCKET, SO_MARK, 0, 0, SOCKOPT_INT, "mark of the packets for routing (needs CAP_NET_ADMIN)"},
    {"mss", IPPROTO_TCP, TCP_MAXSEG, 0, 0, SOCKOPT_SIZE, "largest segment"},
    {"mtu_discover", IPPROTO_IP, IP_MTU_DISCOVER, IPPROTO_IPV6, IPV6_MTU_DISCOVER, SOCKOPT_INT,
     "path MTU discovery: 0 never, 1 want, 2 always, 3 probe"},
    {"multicast_if", IPPROTO_IP, IP_MULTICAST_IF, IPPROTO_IPV6, IPV6_MULTICAST_IF, SOCKOPT_INTERFACE,
     "multicast datagrams go out there"},
    {"multicast_loop", IPPROTO_IP, IP_MULTICAST_LOOP, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, SOCKOPT_BOOL,
     "multicast comes back to this host"},
    {"multicast_ttl", IPPROTO_IP, IP_MULTICAST_TTL, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, SOCKOPT_INT,
     "hops that a multicast datagram may take"},
    {"nodelay", IPPROTO_TCP, TCP_NODELAY, 0, 0, SOCKOPT_BOOL, "send small segments at once (no Nagle)"},
    {"notsent_lowat", IPPROTO_TCP, TCP_NOTSENT_LOWAT, 0, 0, SOCKOPT_SIZE, "writable only below so many unsent bytes"},
    {"oobinline", SOL_SOCKET, SO_OOBINLINE, 0, 0, SOCKOPT_BOOL, "urgent data stays in the stream"},
    {"priority", SOL_SOCKET, SO_PRIORITY, 0, 0, SOCKOPT_INT, "priority of the packets in queues, 0 to 6"},
    {"quickack", IPPROTO_TCP, TCP_QUICKACK, 0, 0, SOCKOPT_BOOL, "acknowledge at once, for now"},
    {"rcvbuf", SOL_SOCKET, SO_RCVBUF, 0, 0, SOCKOPT_SIZE, "receive buffer; the system doubles it"},
    {"rcvlowat", SOL_SOCKET, SO_RCVLOWAT, 0, 0, SOCKOPT_SIZE, "readable only from so many bytes on"},
    {"recverr", IPPROTO_IP, IP_RECVERR, IPPROTO_IPV6, IPV6_RECVERR, SOCKOPT_BOOL, "report ICMP errors of datagrams"},
    {"reuseaddr", SOL_SOCKET, SO_REUSEADDR, 0, 0, SOCKOPT_BOOL, "bind although old connections are in TIME_WAIT"},
    {"reuseport", SOL_SOCKET, SO_REUSEPORT, 0, 0, SOCKOPT_BOOL, "several sockets may share the port"},
    {"sndbuf", SOL_SOCKET, SO_SNDBUF, 0, 0, SOCKOPT_SIZE, "send buffer; the system doubles it"},
    {"syncnt", IPPROTO_TCP, TCP_SYNCNT, 0, 0, SOCKOPT_INT, "SYNs that are sent again before a connect fails"},
    {"tos", IPPROTO_IP, IP_TOS, IPPROTO_IPV6, IPV6_TCLASS, SOCKOPT_INT, "type of service, traffic class with IPv6"},
    {"ttl", IPPROTO_IP, IP_TTL, IPPROTO_IPV6, IPV6_UNICAST_HOPS, SOCKOPT_INT, "hops that a packet may take"},
    {"user_timeout", IPPROTO_TCP, TCP_USER_TIMEOUT, 0, 0, SOCKOPT_MS,
     "unacknowledged time before the connection fails"},
    {"v6only", IPPROTO_IPV6, IPV6_V6ONLY, 0, 0, SOCKOPT_BOOL, "an IPv6 socket takes no IPv4"},
    {"window_clamp", IPPROTO_TCP, TCP_WINDOW_CLAMP, 0, 0, SOCKOPT_SIZE, "largest window that is offered"},
    {0},
};

const struct sockopt *sockopt_find(struct slice name)
{
    for (const struct sockopt *o = sockopt_table; o->name; o++)
        if (slice_is(name, o->name)) return o;
    return NULL;
}

static const char *parse_bool(struct slice text, int64_t *ret)
{
    if (!slice_is(text, "true") && !slice_is(text, "false")) return "true or false is wanted";
    *ret = slice_is(text, "true");
    return NULL;
}

static const char *parse_int(struct slice text, int64_t *ret)
{
    int64_t value = 0;
    const char *wrong = units_int(text, &value);
    if (!wrong && (value < INT_MIN || value > INT_MAX)) wrong = "the number is too large";
    if (!wrong) *ret = value;
    return wrong;
}

static const char *parse_size(struct slice text, int64_t *ret)
{
    uint64_t size = 0;
    const char *wrong = units_size(text, &size);
    if (!wrong && size > INT_MAX) wrong = "the size is too large";
    if (!wrong) *ret = (int64_t)size;
    return wrong;
}

static const char *parse_duration(struct slice text, int64_t unit, int64_t *ret)
{
    int64_t ns = 0;
    const char *wrong = units_duration(text, &ns);
    if (!wrong && ns / unit >= INT_MAX) wrong = "the duration is too long";
    if (!wrong) *ret = ns;
    return wrong;
}

static const char *parse_linger(struct slice text, int64_t *ret)
{
    int64_t seconds = -1;
    if (!slice_is(text, "false") && (units_int(text, &seconds) || seconds < 0 || seconds > INT_MAX))
        return "a number of seconds or false is wanted";
    *ret = seconds;
    return NULL;
}

static const char *parse_name(struct slice text, int64_t *ret)
{
    if (text.n == 0) return "a name is wanted";
    *ret = 0;
    return NULL;
}

/* GROUP or GROUP%INTERFACE. */
static const char *parse_group(struct slice text, struct in6_addr *ret_group, int *ret_family, unsigned *ret_interface)
{
    char group[INET6_ADDRSTRLEN] = "", name[IF_NAMESIZE] = "";
    const char *mark = text.n ? memchr(text.p, '%', text.n) : NULL;
    const size_t n = mark ? (size_t)(mark - text.p) : text.n, m = mark ? text.n - n - 1 : 0;
    if (n >= sizeof group || m >= sizeof name || (mark && !m)) return "not a group such as 239.1.2.3 or ff02::1%lo";
    memcpy(group, text.p, n);
    if (m) memcpy(name, mark + 1, m);
    *ret_family = strchr(group, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(*ret_family, group, ret_group) != 1) return "not a group such as 239.1.2.3 or ff02::1%lo";
    *ret_interface = m ? if_nametoindex(name) : 0;
    return m && !*ret_interface ? "there is no such network interface" : NULL;
}

static const char *parse_membership(struct slice text, int64_t *ret)
{
    struct in6_addr group;
    unsigned interface;
    int family;
    const char *wrong = parse_group(text, &group, &family, &interface);
    const bool multicast = !wrong && (family == AF_INET6 ? IN6_IS_ADDR_MULTICAST(&group)
                                                         : IN_MULTICAST(ntohl(*(const in_addr_t *)&group)));
    if (!wrong && !multicast) wrong = "not an address of a multicast group";
    if (!wrong) *ret = 0;
    return wrong;
}

static const char *parse_interface(struct slice text, int64_t *ret)
{
    char name[IF_NAMESIZE] = "";
    if (!text.n || text.n >= sizeof name) return "the name of a network interface is wanted";
    memcpy(name, text.p, text.n);
    const unsigned index = if_nametoindex(name);
    if (!index) return "there is no such network interface";
    *ret = index;
    return NULL;
}

const char *sockopt_parse(const struct sockopt *o, struct slice text, int64_t *ret)
{
    switch (o->type) {
    case SOCKOPT_BOOL: return parse_bool(text, ret);
    case SOCKOPT_INT: return parse_int(text, ret);
    case SOCKOPT_SIZE: return parse_size(text, ret);
    case SOCKOPT_SECONDS: return parse_duration(text, NS_PER_S, ret);
    case SOCKOPT_MS: return parse_duration(text, NS_PER_MS, ret);
    case SOCKOPT_LINGER: return parse_linger(text, ret);
    case SOCKOPT_TEXT: return parse_name(text, ret);
    case SOCKOPT_GROUP: return parse_membership(text, ret);
    case SOCKOPT_INTERFACE: return parse_interface(text, ret);
    }
    return NULL;
}

static void place_of(const struct sockopt *o, int family, int *ret_level, int *ret_option)
{
    bool six = family == AF_INET6 && o->level6;
    *ret_level = six ? o->level6 : o->level;
    *ret_option = six ? o->option6 : o->option;
}

static int set_raw(int fd, int family, const struct sockopt *o, const void *p, socklen_t n)
{
    int level, option;
    place_of(o, family, &level, &option);
    return setsockopt(fd, level, option, p, n) < 0 ? -errno : 0;
}

/* What the system counts in, rounded up so that a short time is not "none". */
static int64_t in_units(int64_t ns, int64_t unit)
{
    return ns / unit + (ns % unit > 0);
}

static int set_group(int fd, int family, const struct sockopt *o, struct slice text)
{
    struct in6_addr group;
    unsigned interface;
    int of;
    if (parse_group(text, &group, &of, &interface)) return -EINVAL;
    if (of != family) return -EAFNOSUPPORT;
    struct ipv6_mreq six = {.ipv6mr_multiaddr = group, .ipv6mr_interface = interface};
    struct ip_mreqn four = {.imr_ifindex = (int)interface};
    memcpy(&four.imr_multiaddr, &group, sizeof four.imr_multiaddr);
    return family == AF_INET6 ? set_raw(fd, family, o, &six, sizeof six) : set_raw(fd, family, o, &four, sizeof four);
}

static int set_interface(int fd, int family, const struct sockopt *o, int index)
{
    struct ip_mreqn four = {.imr_ifindex = index};
    return family == AF_INET6 ? set_raw(fd, family, o, &index, sizeof index)
                              : set_raw(fd, family, o, &four, sizeof four);
}

int sockopt_set(int fd, int family, const struct sockopt *o, int64_t value, struct slice text)
{
    struct linger linger = {.l_onoff = value >= 0, .l_linger = value >= 0 ? (int)value : 0};
    switch (o->type) {
    case SOCKOPT_TEXT: return set_raw(fd, family, o, text.p, (socklen_t)text.n);
    case SOCKOPT_LINGER: return set_raw(fd, family, o, &linger, sizeof linger);
    case SOCKOPT_GROUP: return set_group(fd, family, o, text);
    case SOCKOPT_INTERFACE: return set_interface(fd, family, o, (int)value);
    case SOCKOPT_SECONDS: value = in_units(value, NS_PER_S); break;
    case SOCKOPT_MS: value = in_units(value, NS_PER_MS); break;
    case SOCKOPT_BOOL:
    case SOCKOPT_INT:
    case SOCKOPT_SIZE: break;
    }
    if (value < INT_MIN || value > INT_MAX) return -EINVAL;
    int number = (int)value;
    return set_raw(fd, family, o, &number, sizeof number);
}

int sockopt_get(int fd, int family, const struct sockopt *o, int64_t *ret)
{
    int level, option;
    union {
        int number;
        struct linger linger;
    } value = {0};
    socklen_t n = o->type == SOCKOPT_LINGER ? sizeof value.linger : sizeof value.number;
    if (o->type == SOCKOPT_TEXT || o->type == SOCKOPT_GROUP || o->type == SOCKOPT_INTERFACE) return -EOPNOTSUPP;
    place_of(o, family, &level, &option);
    if (getsockopt(fd, level, option, &value, &n) < 0) return -errno;
    switch (o->type) {
    case SOCKOPT_LINGER: *ret = value.linger.l_onoff ? value.linger.l_linger : -1; break;
    case SOCKOPT_SECONDS: *ret = value.number * NS_PER_S; break;
    case SOCKOPT_MS: *ret = value.number * NS_PER_MS; break;
    case SOCKOPT_BOOL: *ret = value.number != 0; break;
    case SOCKOPT_INT:
    case SOCKOPT_SIZE:
    case SOCKOPT_TEXT:
    case SOCKOPT_GROUP:
    case SOCKOPT_INTERFACE: *ret = value.number; break;
    }
    return 0;
}

int sockopt_get_text(int fd, const struct sockopt *o, char *text, size_t size)
{
    socklen_t n = (socklen_t)size - 1;
    assert(o->type == SOCKOPT_TEXT);
    memset(text, 0, size);
    return getsockopt(fd, o->level, o->option, text, &n) < 0 ? -errno : 0;
}
