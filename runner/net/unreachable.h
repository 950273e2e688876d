#ifndef NET_UNREACHABLE_H
#define NET_UNREACHABLE_H

/* Says to the sender of a UDP datagram that nobody was there, as the system does by itself when no socket is (ICMP type
 * 3 code 3, RFC 792; ICMPv6 type 1 code 4, RFC 4443 3.1): for who passes on datagrams, and learns it later. */

#include "net/addr.h"

/* to is where the datagram was sent. 0, or -errno: -EPERM without CAP_NET_RAW, -EADDRNOTAVAIL if `to` is a wildcard,
 * -EAFNOSUPPORT unless both are of one Internet family. */
int unreachable_say(const struct addr *sender, const struct addr *to);

#endif
