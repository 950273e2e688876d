#include "net/addr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "util/units.h"

enum { UNIX_PATH = sizeof((struct sockaddr_un *)0)->sun_path - 1, NAME_MOST = 253 };

static const struct {
    const char *name;
    const char *needs_host, *needs_port;
    int family, type; /* family AF_UNSPEC: IPv4 or IPv6 */
} schemes[] = {
    [ADDR_TCP] = {"tcp", "a tcp address needs a host", "a tcp address needs a port", AF_UNSPEC, SOCK_STREAM},
    [ADDR_TLS] = {"tls", "a tls address needs a host", "a tls address needs a port", AF_UNSPEC, SOCK_STREAM},
    [ADDR_UDP] = {"udp", "a udp address needs a host", "a udp address needs a port", AF_UNSPEC, SOCK_DGRAM},
    [ADDR_DTLS] = {"dtls", "a dtls address needs a host", "a dtls address needs a port", AF_UNSPEC, SOCK_DGRAM},
    [ADDR_UNIX] = {"unix", NULL, NULL, AF_UNIX, SOCK_STREAM},
    [ADDR_UNIXGRAM] = {"unixgram", NULL, NULL, AF_UNIX, SOCK_DGRAM},
    [ADDR_SEQPACKET] = {"seqpacket", NULL, NULL, AF_UNIX, SOCK_SEQPACKET},
};

enum { SCHEMES = sizeof schemes / sizeof *schemes };

static const char *parse_unix(struct slice path, struct addr_spec *ret, size_t *ret_at)
{
    *ret_at = 0;
    if (path.n < 2 || (path.p[0] != '/' && path.p[0] != '@'))
        return "a Unix address needs an absolute path or an @name";
    const char *nul = memchr(path.p, 0, path.n);
    if (nul) {
        *ret_at = (size_t)(nul - path.p);
        return "a Unix path cannot hold a NUL";
    }
    if (path.n > UNIX_PATH) {
        *ret_at = UNIX_PATH;
        snprintf(ret->host, sizeof ret->host, "a Unix path of %zu bytes is too long, the system takes %d", path.n,
                 UNIX_PATH);
        return ret->host;
    }
    memcpy(ret->host, path.p, path.n);
    ret->host[path.n] = 0;
    return NULL;
}

static const char *parse_port(struct slice text, uint16_t *ret)
{
    uint32_t port = 0;
    if (text.n == 0 || text.n > 5) return "a port is a number from 0 to 65535";
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') return "a port is a number from 0 to 65535";
        port = port * 10 + (uint32_t)(text.p[i] - '0');
    }
    if (port > UINT16_MAX) return "a port is a number from 0 to 65535";
    *ret = (uint16_t)port;
    return NULL;
}

/* The part before '%' goes to ip; the interface's number, by name or number, to *ret_scope. */
static bool parse_inet6(const char *host, struct in6_addr *ret, uint32_t *ret_scope)
{
    char ip[INET6_ADDRSTRLEN];
    size_t n = strcspn(host, "%");
    if (n >= sizeof ip) return false;
    memcpy(ip, host, n);
    ip[n] = 0;
    *ret_scope = 0;
    if (host[n] == '%') {
        int64_t number;
        const char *scope = host + n + 1;
        *ret_scope = if_nametoindex(scope);
        if (*ret_scope == 0 && !units_int(slice_of(scope), &number) && number > 0 && number <= UINT32_MAX)
            *ret_scope = (uint32_t)number;
        if (*ret_scope == 0) return false;
    }
    return inet_pton(AF_INET6, ip, ret) == 1;
}

static const char *check_host(const char *host, bool brackets, bool *ret_named)
{
    struct in6_addr in6;
    struct in_addr in;
    uint32_t scope;
    *ret_named = false;
    if (brackets) return parse_inet6(host, &in6, &scope) ? NULL : "not an IPv6 address";
    if (strcasecmp(host, "localhost") == 0 || inet_pton(AF_INET, host, &in) == 1) return NULL;
    if (host[strspn(host, "0123456789.")] == 0) return "not an IPv4 address";
    for (const char *p = host; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || strchr("-._", *p)))
            return "not the name of a host";
    if (strlen(host) > NAME_MOST) return "the name of a host has at most 253 characters";
    *ret_named = true;
    return NULL;
}

/* Splits host and port; *ret_port is where the port begins. */
static const char *split_inet(struct slice text, struct slice *ret_host, size_t *ret_port, const char *needs_port)
{
    bool brackets = text.n > 0 && text.p[0] == '[';
    const char *end = brackets ? memchr(text.p, ']', text.n) : memchr(text.p, ':', text.n);
    *ret_port = text.n;
    if (brackets && !end) return "the bracket is not closed";
    if (!end) return needs_port;
    size_t at = (size_t)(end - text.p);
    *ret_host = slice_part(text, brackets, at - brackets);
    if (brackets) at++;
    *ret_port = at;
    if (at == text.n || text.p[at] != ':' || at + 1 == text.n) return needs_port;
    *ret_port = ++at;
    if (!memchr(text.p + at, ':', text.n - at)) return NULL;
    *ret_port = 0;
    return "an IPv6 address stands in brackets: [::1]:80";
}

static const char *parse_inet(struct slice text, struct addr_spec *ret, size_t *ret_at)
{
    struct slice host = {NULL, 0};
    size_t port = 0;
    *ret_at = 0;
    if (text.n == 0) return schemes[ret->scheme].needs_host;
    const char *wrong = split_inet(text, &host, &port, schemes[ret->scheme].needs_port);
    if (wrong) {
        *ret_at = port;
        return wrong;
    }
    if (host.n == 0) return schemes[ret->scheme].needs_host;
    if (host.n >= sizeof ret->host || memchr(host.p, 0, host.n)) return "not the name of a host";
    memcpy(ret->host, host.p, host.n);
    ret->host[host.n] = 0;
    wrong = check_host(ret->host, text.p[0] == '[', &ret->named);
    if (wrong) return wrong;
    *ret_at = port;
    return parse_port(slice_part(text, port, text.n), &ret->port);
}

const char *addr_parse(struct slice text, struct addr_spec *ret, size_t *ret_at)
{
    static const struct slice mark = {"://", 3};
    for (int i = 0; i < SCHEMES; i++) {
        struct slice name = slice_of(schemes[i].name);
        struct slice rest = slice_part(text, name.n, text.n);
        if (!slice_starts(text, name) || !slice_starts(rest, mark)) continue;
        struct addr_spec spec = {.scheme = (enum addr_scheme)i};
        size_t at;
        rest = slice_part(rest, mark.n, rest.n);
        const char *wrong = (schemes[i].family == AF_UNIX ? parse_unix : parse_inet)(rest, &spec, &at);
        if (wrong) *ret_at = at + name.n + mark.n;
        if (wrong == spec.host) {
            memcpy(ret->host, spec.host, sizeof ret->host);
            return ret->host;
        }
        if (!wrong) *ret = spec;
        return wrong;
    }
    *ret_at = 0;
    return "an address begins with tcp://, tls://, udp://, dtls://, unix://, unixgram:// or seqpacket://";
}

static void unix_of_path(const char *path, struct addr *ret)
{
    size_t n = strlen(path);
    assert(n <= UNIX_PATH);
    ret->un.sun_family = AF_UNIX;
    memcpy(ret->un.sun_path, path, n);
    ret->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
    if (path[0] == '@') {
        ret->un.sun_path[0] = 0;
        ret->len--;
    }
}

void addr_of_spec(const struct addr_spec *spec, struct addr *ret)
{
    assert(!spec->named);
    memset(ret, 0, sizeof *ret);
    switch (addr_family(spec)) {
    case AF_UNIX: unix_of_path(spec->host, ret); return;
    case AF_INET6:
        parse_inet6(spec->host, &ret->in6.sin6_addr, &ret->in6.sin6_scope_id);
        ret->in6.sin6_family = AF_INET6;
        ret->in6.sin6_port = htons(spec->port);
        ret->len = sizeof ret->in6;
        return;
    default:
        if (inet_pton(AF_INET, spec->host, &ret->in.sin_addr) != 1) ret->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ret->in.sin_family = AF_INET;
        ret->in.sin_port = htons(spec->port);
        ret->len = sizeof ret->in;
    }
}

int addr_family(const struct addr_spec *spec)
{
    if (schemes[spec->scheme].family == AF_UNIX) return AF_UNIX;
    if (spec->named) return AF_UNSPEC;
    return strchr(spec->host, ':') ? AF_INET6 : AF_INET;
}

int addr_socktype(enum addr_scheme s)
{
    return schemes[s].type;
}

const char *addr_scheme_name(enum addr_scheme s)
{
    return schemes[s].name;
}

/* The bytes of a Unix address that name it: the path without its NUL, or the abstract name with the NUL before it. */
static struct slice unix_name(const struct sockaddr *sa, socklen_t len)
{
    const struct sockaddr_un *un = (const void *)sa;
    size_t head = offsetof(struct sockaddr_un, sun_path);
    size_t n = len > head ? len - head : 0;
    if (n > sizeof un->sun_path) n = sizeof un->sun_path;
    if (n > 0 && un->sun_path[0]) n = strnlen(un->sun_path, n);
    return (struct slice){un->sun_path, n};
}

static void show_unix(struct slice name, char *text, size_t size)
{
    size_t n = name.n < size ? name.n : size - 1;
    for (size_t i = 0; i < n; i++)
        text[i] = name.p[i] ? name.p[i] : '@';
    text[n] = 0;
}

const char *addr_show_host(const struct sockaddr *sa, socklen_t len, char *text, size_t size)
{
    const struct sockaddr_in6 *in6 = (const void *)sa;
    char ip[INET6_ADDRSTRLEN] = "";
    assert(size > 0);
    text[0] = 0;
    if (len < sizeof sa->sa_family) return text;
    switch (sa->sa_family) {
    case AF_UNIX: show_unix(unix_name(sa, len), text, size); break;
    case AF_INET:
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, ip, sizeof ip);
        snprintf(text, size, "%s", ip);
        break;
    case AF_INET6:
        inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof ip);
        if (in6->sin6_scope_id)
            snprintf(text, size, "%s%%%u", ip, in6->sin6_scope_id);
        else
            snprintf(text, size, "%s", ip);
        break;
    default: snprintf(text, size, "family %d", sa->sa_family);
    }
    return text;
}

const char *addr_show(const struct sockaddr *sa, socklen_t len, char *text, size_t size)
{
    char host[ADDR_TEXT];
    addr_show_host(sa, len, host, sizeof host);
    if (len >= sizeof sa->sa_family && sa->sa_family == AF_INET6)
        snprintf(text, size, "[%s]:%u", host, addr_port(sa));
    else if (len >= sizeof sa->sa_family && sa->sa_family == AF_INET)
        snprintf(text, size, "%s:%u", host, addr_port(sa));
    else
        snprintf(text, size, "%s", host);
    return text;
}

uint16_t addr_port(const struct sockaddr *sa)
{
    if (sa->sa_family == AF_INET) return ntohs(((const struct sockaddr_in *)(const void *)sa)->sin_port);
    if (sa->sa_family == AF_INET6) return ntohs(((const struct sockaddr_in6 *)(const void *)sa)->sin6_port);
    return 0;
}

/* What tells two addresses apart, apart from family and port. */
static struct slice address_bytes(const struct sockaddr *sa, socklen_t len)
{
    const struct sockaddr_in *in = (const void *)sa;
    const struct sockaddr_in6 *in6 = (const void *)sa;
    if (len < sizeof sa->sa_family) return (struct slice){NULL, 0};
    switch (sa->sa_family) {
    case AF_INET: return (struct slice){(const char *)&in->sin_addr, sizeof in->sin_addr};
    case AF_INET6: return (struct slice){(const char *)&in6->sin6_addr, sizeof in6->sin6_addr};
    case AF_UNIX: return unix_name(sa, len);
    default: return (struct slice){(const char *)sa, len};
    }
}

bool addr_equal(const struct sockaddr *a, socklen_t alen, const struct sockaddr *b, socklen_t blen)
{
    if (alen < sizeof a->sa_family || blen < sizeof b->sa_family) return alen == blen;
    if (a->sa_family != b->sa_family || addr_port(a) != addr_port(b)) return false;
    if (!slice_eq(address_bytes(a, alen), address_bytes(b, blen))) return false;
    return a->sa_family != AF_INET6 || ((const struct sockaddr_in6 *)(const void *)a)->sin6_scope_id ==
                                           ((const struct sockaddr_in6 *)(const void *)b)->sin6_scope_id;
}

/* FNV-1a, 32 bits (draft-eastlake-fnv). */
uint32_t addr_hash(const struct sockaddr *sa, socklen_t len)
{
    struct slice bytes = address_bytes(sa, len);
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < bytes.n; i++)
        hash = (hash ^ (unsigned char)bytes.p[i]) * 16777619u;
    if (len < sizeof sa->sa_family) return hash;
    uint16_t port = addr_port(sa);
    hash = (hash ^ (port & 0xffu)) * 16777619u;
    return (hash ^ (port >> 8)) * 16777619u;
}
