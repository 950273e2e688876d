#ifndef NET_ADDR_H
#define NET_ADDR_H

/* Addresses as scenarios write them (`tcp://127.0.0.1:80`, `tcp://[::1]:0`, `unix:///run/x`, `unix://@abstract`) and as
 * the system has them. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "util/slice.h"

enum addr_scheme { ADDR_TCP, ADDR_TLS, ADDR_UDP, ADDR_DTLS, ADDR_UNIX, ADDR_UNIXGRAM, ADDR_SEQPACKET };

enum { ADDR_HOST = 256, ADDR_TEXT = 300 };

/* An address as written. */
struct addr_spec {
    enum addr_scheme scheme;
    char host[ADDR_HOST]; /* without brackets; of the Unix schemes the path, with a leading '@' if abstract */
    uint16_t port;
    bool named; /* the host is a name that must be resolved first */
};

/* A socket address. */
struct addr {
    socklen_t len; /* 0: none */
    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
        struct sockaddr_storage any;
    };
};

/* The same without room for a Unix path: what a connection keeps (28 bytes at most). */
struct addr_inet {
    socklen_t len;
    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    };
};

/* NULL, or what is wrong as a phrase ("a tcp address needs a port"), *ret_at the offset of the trouble. A Unix path of
 * more than 107 bytes is refused here, with its length in the phrase, which lies in ret->host then. */
const char *addr_parse(struct slice text, struct addr_spec *ret, size_t *ret_at);
/* The socket address of a spec that is not named. `localhost` counts as 127.0.0.1 and is never named. */
void addr_of_spec(const struct addr_spec *spec, struct addr *ret);
int addr_family(const struct addr_spec *spec);
int addr_socktype(enum addr_scheme s);
const char *addr_scheme_name(enum addr_scheme s);
/* "127.0.0.1:80", "[::1]:80", "/run/x", "@abstract", "" for an unnamed Unix socket. Writes at most size bytes. */
const char *addr_show(const struct sockaddr *sa, socklen_t len, char *text, size_t size);
/* "127.0.0.1", "::1"; the path of a Unix address. */
const char *addr_show_host(const struct sockaddr *sa, socklen_t len, char *text, size_t size);
uint16_t addr_port(const struct sockaddr *sa);
bool addr_equal(const struct sockaddr *a, socklen_t alen, const struct sockaddr *b, socklen_t blen);
uint32_t addr_hash(const struct sockaddr *sa, socklen_t len);

#endif
