#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

/* Names to addresses by getaddrinfo(3), which blocks and so runs in a child process of its own: it can be waited for
 * like any descriptor, and given up. */

#include <sys/types.h>

#include "net/addr.h"

struct resolver {
    int fd; /* readable when the answer is there; -1: none under way */
    pid_t pid;
};

/* 0 or -errno. */
int resolver_start(struct resolver *r, const struct addr_spec *spec);
/* When fd is readable: writes at most n addresses and returns how many; -EAGAIN if it is not there yet, -ENOENT if the
 * name has none, another -errno. Anything but -EAGAIN ends it. */
int resolver_take(struct resolver *r, struct addr *ret, int n);
/* Ends what is under way, waits for nothing. */
void resolver_cancel(struct resolver *r);

#endif
