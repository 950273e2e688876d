#ifndef NET_PAIR_H
#define NET_PAIR_H

/* Finds the two ends of a connection (datagrams: of UDP, else of TCP) by their addresses: whoever comes first is kept
 * until the other comes. IPv4 addresses and their IPv6-mapped forms are the same (RFC 4291 2.5.5.2). */

#include "net/reactor.h"

struct pairing;

/* A zeroed one is empty. */
struct pair_table {
    struct pairing *first;
};

void pair_done(struct pair_table *t);
/* The watch of the other end, which is no longer kept then; or NULL, and *ret_kept is what pair_forget wants. A watch
 * that was kept for the same direction is forgotten in favour of this one. */
struct watch *pair_meet(struct pair_table *t, struct watch *w, bool datagrams, const struct addr_inet *local,
                        const struct addr_inet *peer, struct pairing **ret_kept);
void pair_forget(struct pair_table *t, struct pairing *kept);

#endif
