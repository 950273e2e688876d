#include "net/sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/sockios.h>

static bool interrupted(ssize_t value)
{
    return value < 0 && errno == EINTR;
}

static int set_flag(int fd, int level, int option)
{
    int on = 1;
    return setsockopt(fd, level, option, &on, sizeof on) < 0 ? -errno : 0;
}

int sock_new(int family, int type)
{
    int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

static bool is_stream(int type)
{
    return type == SOCK_STREAM || type == SOCK_SEQPACKET;
}

static int bind_listener(const struct permit_scope *s, int fd, const struct addr *a, int type, struct permit_need *need)
{
    /* On a datagram socket it would let two of them share a port. */
    int error = is_stream(type) && a->sa.sa_family != AF_UNIX ? set_flag(fd, SOL_SOCKET, SO_REUSEADDR) : 0;
    return error ? error : permit_bind(s, fd, &a->sa, a->len, need);
}

static int prepare_listener(const struct permit_scope *s, int fd, const struct addr *a, int type, int backlog,
                            struct permit_need *need)
{
    int error = bind_listener(s, fd, a, type, need);
    return error || !is_stream(type) ? error : sock_open(fd, backlog);
}

int sock_open(int fd, int backlog)
{
    return listen(fd, backlog) < 0 ? -errno : 0;
}

int sock_listen(const struct permit_scope *s, const struct addr *a, int type, int backlog,
                const struct sock_setup *setup, struct permit_need *need)
{
    int fd = sock_new(a->sa.sa_family, type);
    if (fd < 0) return fd;
    int error = setup ? setup->set(setup->ctx, fd, a->sa.sa_family) : 0;
    if (!error) error = prepare_listener(s, fd, a, type, backlog, need);
    if (!error) return fd;
    close(fd);
    return error;
}

static int bind_source(const struct permit_scope *s, int fd, const struct addr *from, int type,
                       struct permit_need *need)
{
    if (type == SOCK_STREAM && from->sa.sa_family != AF_UNIX) {
        int error = set_flag(fd, SOL_SOCKET, SO_REUSEADDR);
        /* The port is then chosen by connect, for this one destination: many more can be had. */
        if (!error && addr_port(&from->sa) == 0) error = set_flag(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
        if (error) return error;
    }
    return permit_bind(s, fd, &from->sa, from->len, need);
}

int sock_connect(const struct permit_scope *s, int fd, const struct addr *to, const struct addr *bind, int type,
                 const char *host, struct permit_need *need)
{
    int error = bind ? bind_source(s, fd, bind, type, need) : 0;
    if (error) return error;
    do
        error = permit_connect(s, fd, &to->sa, to->len, host, need);
    while (error == -EINTR);
    /* An interrupted connect goes on by itself, as its man page says. */
    if (error == -EALREADY) return -EINPROGRESS;
    return error == -EISCONN ? 0 : error;
}

int sock_hold(const struct permit_scope *s, const struct addr *a, int type, const struct sock_setup *setup,
              struct permit_need *need)
{
    const int fd = sock_new(a->sa.sa_family, type);
    if (fd < 0) return fd;
    int error = setup ? setup->set(setup->ctx, fd, a->sa.sa_family) : 0;
    if (!error) error = bind_listener(s, fd, a, type, need);
    /* It hears only itself then. */
    if (!error && type == SOCK_DGRAM) error = sock_connect(s, fd, a, NULL, type, NULL, need);
    if (!error) return fd;
    close(fd);
    return error;
}

int sock_error(int fd)
{
    int error = 0;
    socklen_t n = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0) return -errno;
    return -error;
}

int sock_accept(int listener, struct addr *ret_peer)
{
    struct addr peer = {.len = sizeof peer.any};
    int fd;
    do
        fd = accept4(listener, &peer.sa, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (interrupted(fd));
    if (fd < 0) return -errno;
    *ret_peer = peer;
    return fd;
}

ssize_t sock_recv(int fd, void *p, size_t n, int flags)
{
    ssize_t value;
    do
        value = recv(fd, p, n, flags);
    while (interrupted(value));
    return value < 0 ? -errno : value;
}

ssize_t sock_send(int fd, const void *p, size_t n, int flags)
{
    ssize_t value;
    do
        value = send(fd, p, n, flags | MSG_NOSIGNAL);
    while (interrupted(value));
    return value < 0 ? -errno : value;
}

ssize_t sock_read(int fd, void *p, size_t n)
{
    ssize_t value;
    do
        value = read(fd, p, n);
    while (interrupted(value));
    return value < 0 ? -errno : value;
}

ssize_t sock_write(int fd, const void *p, size_t n)
{
    ssize_t value;
    do
        value = write(fd, p, n);
    while (interrupted(value));
    return value < 0 ? -errno : value;
}

int sock_nodelay(int fd)
{
    const int on = 1;
    return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 ? -errno : 0;
}

int sock_shutdown(int fd, int how)
{
    return shutdown(fd, how) < 0 ? -errno : 0;
}

int sock_name(int fd, struct addr *ret_local)
{
    struct addr a = {.len = sizeof a.any};
    if (getsockname(fd, &a.sa, &a.len) < 0) return -errno;
    *ret_local = a;
    return 0;
}

int sock_peer(int fd, struct addr *ret_peer)
{
    struct addr a = {.len = sizeof a.any};
    if (getpeername(fd, &a.sa, &a.len) < 0) return -errno;
    *ret_peer = a;
    return 0;
}

bool sock_peer_is_ours(int fd)
{
    struct ucred who = {0};
    socklen_t n = sizeof who;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 && who.pid == getpid();
}

void sock_reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

static int queued(int fd, unsigned long request)
{
    int n = 0;
    return ioctl(fd, request, &n) < 0 ? -errno : n;
}

bool sock_can_accept(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

int sock_unread(int fd)
{
    return queued(fd, SIOCINQ);
}

int sock_unsent(int fd)
{
    return queued(fd, SIOCOUTQ);
}

static int bind_reserved(int fd, uint16_t *ret_port)
{
    struct addr a = {.in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, .len = sizeof a.in};
    struct permit *nothing = permit_new(); /* loopback needs no grant */
    struct permit_scope scope = {.permit = nothing, .folder = "/"};
    struct permit_need need;
    int error = set_flag(fd, SOL_SOCKET, SO_REUSEADDR);
    if (!error) error = permit_bind(&scope, fd, &a.sa, a.len, &need);
    if (!error) error = sock_name(fd, &a);
    if (!error) *ret_port = addr_port(&a.sa);
    permit_free(nothing);
    return error;
}

int sock_reserve_port(uint16_t *ret_port)
{
    int fd = sock_new(AF_INET, SOCK_STREAM);
    if (fd < 0) return fd;
    int error = bind_reserved(fd, ret_port);
    if (!error) return fd;
    close(fd);
    return error;
}
