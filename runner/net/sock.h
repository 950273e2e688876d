#ifndef NET_SOCK_H
#define NET_SOCK_H

/* Non-blocking socket calls. All return a value >= 0 or -errno; EINTR is retried inside, nothing else is. Descriptors
 * are made close-on-exec and non-blocking. What connects, binds or sends to an address goes through util/permit. */

#include <stdbool.h>
#include <sys/types.h>

#include "net/addr.h"
#include "util/permit.h"

/* A socket for the family of addr; -errno. */
int sock_new(int family, int type);
/* What is done to a fresh socket before it is bound or connected: options that count from the handshake on. set returns
 * 0 or -errno. */
struct sock_setup {
    int (*set)(void *ctx, int fd, int family);
    void *ctx;
};

/* A listening socket: SO_REUSEADDR, bind, listen(backlog). For a Unix path nothing is unlinked: an existing file is
 * EADDRINUSE. setup may be NULL. -errno or -PERMIT_DENIED. */
int sock_listen(const struct permit_scope *s, const struct addr *a, int type, int backlog,
                const struct sock_setup *setup, struct permit_need *need);
/* A listener in waiting: bound, so that nobody else gets the address, and refused to who connects, until sock_open. Of
 * UDP: refused to who sends, for good. */
int sock_hold(const struct permit_scope *s, const struct addr *a, int type, const struct sock_setup *setup,
              struct permit_need *need);
int sock_open(int fd, int backlog);
/* Starts a connect on a fresh socket: 0 (connected at once), -EINPROGRESS (wait until writable, then sock_error), or
 * another -errno. bind may be NULL. A full Unix backlog is -EAGAIN: try again when the listener has accepted. */
int sock_connect(const struct permit_scope *s, int fd, const struct addr *to, const struct addr *bind, int type,
                 const char *host, struct permit_need *need);
/* SO_ERROR as -errno or 0. */
int sock_error(int fd);
/* The next connection, its peer's address in *ret_peer. */
int sock_accept(int listener, struct addr *ret_peer);
/* 0 is FIN. */
ssize_t sock_recv(int fd, void *p, size_t n, int flags);
/* Never raises SIGPIPE; EPIPE instead. */
ssize_t sock_send(int fd, const void *p, size_t n, int flags);
ssize_t sock_read(int fd, void *p, size_t n);
/* SIGPIPE must be ignored by the process. */
ssize_t sock_write(int fd, const void *p, size_t n);
int sock_shutdown(int fd, int how);
/* TCP_NODELAY. */
int sock_nodelay(int fd);
int sock_name(int fd, struct addr *ret_local);
int sock_peer(int fd, struct addr *ret_peer);
/* The other end of a Unix stream was connected, or listened on, by this very process (unix(7), SO_PEERCRED). */
bool sock_peer_is_ours(int fd);
/* Close with RST: SO_LINGER {1, 0}, then close. Takes the descriptor in any case. */
void sock_reset(int fd);
/* Bytes that can be read (SIOCINQ), and that the peer has not acknowledged (SIOCOUTQ). -errno if the kind of descriptor
 * does not know. */
int sock_unread(int fd);
/* A connection waits to be accepted. */
bool sock_can_accept(int fd);
int sock_unsent(int fd);
/* Reserves a free TCP port on loopback: bound with SO_REUSEADDR, never listening, so that bind(0) does not hand it out
 * and connections to it are refused until a program binds it. The descriptor keeps the reservation. */
int sock_reserve_port(uint16_t *ret_port);

#endif
