#include "util/netrule.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "util/slice.h"
#include "util/units.h"

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

static void set_in6(struct net_place *p, const struct in6_addr *a)
{
    *p = (struct net_place){.family = AF_INET6};
    memcpy(p->bytes, a, 16);
    if (memcmp(p->bytes, mapped, sizeof mapped) != 0) return;
    *p = (struct net_place){.family = AF_INET};
    memcpy(p->bytes, (const uint8_t *)a + sizeof mapped, 4);
}

static void set_in(struct net_place *p, const struct in_addr *a)
{
    *p = (struct net_place){.family = AF_INET};
    memcpy(p->bytes, a, 4);
}

int net_place_of(const struct sockaddr *sa, socklen_t len, struct net_place *ret_place)
{
    if (len < sizeof sa->sa_family) return -EINVAL;
    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        if (len < sizeof in) return -EINVAL;
        memcpy(&in, sa, sizeof in);
        set_in(ret_place, &in.sin_addr);
        ret_place->port = ntohs(in.sin_port);
        return 0;
    }
    if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        if (len < sizeof in6) return -EINVAL;
        memcpy(&in6, sa, sizeof in6);
        set_in6(ret_place, &in6.sin6_addr);
        ret_place->port = ntohs(in6.sin6_port);
        return 0;
    }
    return -EAFNOSUPPORT;
}

bool net_place_is_loopback(const struct net_place *p)
{
    if (p->family == AF_INET) return p->bytes[0] == 127;
    return memcmp(p->bytes, &in6addr_loopback, 16) == 0;
}

const char *net_place_show(const struct net_place *p, char text[NETRULE_TEXT])
{
    char host[INET6_ADDRSTRLEN];
    inet_ntop(p->family, p->bytes, host, sizeof host);
    bool brackets = p->family == AF_INET6 && p->port;
    int n = snprintf(text, NETRULE_TEXT, "%s%s%s", brackets ? "[" : "", host, brackets ? "]" : "");
    if (p->port) snprintf(text + n, NETRULE_TEXT - (size_t)n, ":%u", p->port);
    return text;
}

bool netrule_is_name(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
    return n > 0 && !text[n] && n < NETRULE_NAME && text[0] != '-' && text[0] != '.';
}

/* The parts of HOST[/BITS][:PORT]; port and bits have p NULL if they are not there. */
struct parts {
    struct slice host, bits, port;
};

static bool split(struct slice text, struct parts *ret)
{
    struct parts p = {0};
    const char *close = text.n && text.p[0] == '[' ? memchr(text.p, ']', text.n) : NULL;
    if (text.n && text.p[0] == '[' && !close) return false;
    struct slice rest;
    const char *colon = memchr(text.p, ':', text.n);
    bool bare6 = !close && colon && memchr(colon + 1, ':', text.n - (size_t)(colon + 1 - text.p));
    if (close) {
        p.host = (struct slice){text.p + 1, (size_t)(close - text.p) - 1};
        rest = slice_part(text, p.host.n + 2, text.n);
    } else {
        size_t n = 0;
        while (n < text.n && text.p[n] != '/' && (bare6 || text.p[n] != ':'))
            n++;
        p.host = slice_part(text, 0, n);
        rest = slice_part(text, n, text.n);
    }
    if (rest.n && rest.p[0] == '/') {
        const char *end = memchr(rest.p, ':', rest.n);
        p.bits = slice_part(rest, 1, end ? (size_t)(end - rest.p) - 1 : rest.n);
        rest = slice_part(rest, 1 + p.bits.n, rest.n);
    }
    if (rest.n && rest.p[0] == ':') {
        p.port = slice_part(rest, 1, rest.n);
        rest.n = 0;
    }
    *ret = p;
    return rest.n == 0;
}

/* False if the host is no literal address. */
static bool literal(const char *host, struct net_place *ret)
{
    struct in_addr in;
    struct in6_addr in6;
    if (inet_pton(AF_INET, host, &in) == 1) {
        set_in(ret, &in);
        return true;
    }
    if (inet_pton(AF_INET6, host, &in6) != 1) return false;
    set_in6(ret, &in6);
    return true;
}

static bool number(struct slice text, int64_t least, int64_t most, int64_t *ret)
{
    return units_int(text, ret) == NULL && *ret >= least && *ret <= most;
}

/* Bits of a mapped address count from its IPv6 form. */
static const char *take_bits(struct netrule *r, struct slice text, bool written_as_6)
{
    unsigned all = r->place.family == AF_INET ? 32 : 128;
    unsigned skip = written_as_6 && all == 32 ? 96 : 0;
    int64_t bits;
    r->bits = all;
    if (!text.p) return NULL;
    if (!number(text, skip, all + skip, &bits)) return "the number of bits behind `/` does not fit the address";
    r->bits = (unsigned)bits - skip;
    return NULL;
}

const char *netrule_parse(const char *text, struct netrule *ret_rule)
{
    struct netrule r = {0};
    struct parts p;
    char host[NETRULE_NAME];
    int64_t port = 0;
    if (!split(slice_of(text), &p) || p.host.n == 0) return "an address is HOST or HOST:PORT, with [ ] around IPv6";
    if (p.host.n >= sizeof host) return "the host's name is too long";
    if (p.port.p && !number(p.port, 1, 65535, &port)) return "a port is a number from 1 to 65535";
    memcpy(host, p.host.p, p.host.n);
    host[p.host.n] = '\0';
    if (literal(host, &r.place)) {
        const char *wrong = take_bits(&r, p.bits, strchr(host, ':') != NULL);
        if (wrong) return wrong;
    } else if (p.bits.p || !netrule_is_name(host)) {
        return "this is neither an address nor a host's name";
    } else {
        memcpy(r.name, host, p.host.n + 1);
    }
    r.place.port = (uint16_t)port;
    *ret_rule = r;
    return NULL;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, left = bits % 8;
    if (memcmp(a, b, whole) != 0) return false;
    return left == 0 || (a[whole] ^ b[whole]) >> (8 - left) == 0;
}

static bool same_name(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    if (n > 1 && a[n - 1] == '.') n--;
    if (m > 1 && b[m - 1] == '.') m--;
    return n == m && strncasecmp(a, b, n) == 0;
}

bool netrule_allows(const struct netrule *r, const struct net_place *p, const char *name)
{
    if (r->place.port && r->place.port != p->port) return false;
    if (r->name[0]) return name && same_name(r->name, name);
    return r->place.family == p->family && same_bits(r->place.bytes, p->bytes, r->bits);
}
