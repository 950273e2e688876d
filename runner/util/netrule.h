#ifndef UTIL_NETRULE_H
#define UTIL_NETRULE_H

/* Internet addresses in one form, and the rules of --allow-net that they are held against. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { NETRULE_NAME = 256, NETRULE_TEXT = 64 };

/* An address with its port. IPv4 in IPv6 (::ffff:192.0.2.1, RFC 4291 2.5.5.2) has become IPv4: the system would use it
 * as that. */
struct net_place {
    int family; /* AF_INET or AF_INET6 */
    uint8_t bytes[16];
    uint16_t port;
};

/* 0; -EAFNOSUPPORT for another family (AF_UNSPEC too, which bind and sendto would take for IPv4), -EINVAL if cut off.
 */
int net_place_of(const struct sockaddr *sa, socklen_t len, struct net_place *ret_place);
/* 127.0.0.0/8 (RFC 1122 3.2.1.3), ::1 */
bool net_place_is_loopback(const struct net_place *p);
/* "192.0.2.1:80", "[::1]:80"; without a port if that is 0. Returns text. */
const char *net_place_show(const struct net_place *p, char text[NETRULE_TEXT]);

/* HOST[:PORT]: a literal address, one with a prefix length, or a name. */
struct netrule {
    char name[NETRULE_NAME]; /* "" for an address */
    struct net_place place;
    unsigned bits; /* how many of the address must be the same */
};

/* NULL or a phrase that says what is wrong. */
const char *netrule_parse(const char *text, struct netrule *ret_rule);
/* name is how the scenario wrote the host, or NULL. Letters' case and a final dot make no difference. */
bool netrule_allows(const struct netrule *r, const struct net_place *p, const char *name);
/* Can the text be a host's name (and nothing that a terminal or a command line would take for more)? */
bool netrule_is_name(const char *text);

#endif
