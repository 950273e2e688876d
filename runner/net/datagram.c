#include "net/datagram.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "net/sock.h"
#include "util/mem.h"
#include "util/permit.h"

/* What a share keeps that is not read yet. */
enum { QUEUED_MOST = 1024 };

struct packet {
    struct packet *next;
    struct addr from;
    size_t cut;
    size_t n;
    char bytes[];
};

/* At the end there is nothing beside the bytes, while every datagram has the time at which it came. */
static bool at_end(struct msghdr *m)
{
    return !CMSG_FIRSTHDR(m);
}

void datagram_tell_ends(int fd)
{
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on);
}

ssize_t datagram_recv(int fd, void *p, size_t n, bool ends, struct addr *ret_from, size_t *ret_cut)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct timeval))];
    } control;
    struct iovec part = {p, n};
    struct msghdr m = {.msg_name = &ret_from->any,
                       .msg_namelen = sizeof ret_from->any,
                       .msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = ends ? &control : NULL,
                       .msg_controllen = ends ? sizeof control : 0};
    ssize_t r;
    do
        r = recvmsg(fd, &m, MSG_TRUNC);
    while (r < 0 && errno == EINTR);
    if (r < 0) return -errno;
    ret_from->len = m.msg_namelen;
    *ret_cut = (size_t)r > n ? (size_t)r : 0;
    if (r == 0 && ends && at_end(&m)) return -ESHUTDOWN;
    return (size_t)r > n ? (ssize_t)n : r;
}

static ssize_t take_put(struct stream_datagram *s, void *p, size_t n)
{
    struct packet *k = s->first;
    if (!k) return -EAGAIN;
    s->first = k->next;
    if (!s->first) s->last = &s->first;
    s->queued--;
    const size_t size = k->n < n ? k->n : n;
    memcpy(p, k->bytes, size);
    s->from = k->from;
    s->cut = k->cut;
    mem_free(k);
    return (ssize_t)size;
}

static ssize_t datagram_filter_recv(struct stream *stream, void *p, size_t n, int flags)
{
    struct stream_datagram *s = (struct stream_datagram *)stream;
    if (flags) return -EOPNOTSUPP;
    if (s->fed) return take_put(s, p, n);
    if (!s->fd || *s->fd < 0) return -EAGAIN;
    struct addr from;
    const ssize_t r = datagram_recv(*s->fd, p, n, s->ends, &from, &s->cut);
    if (r < 0) return r;
    if (s->admits && !s->admits(s, (struct slice){p, (size_t)r}, &from)) return 0;
    s->from = from;
    return r;
}

static ssize_t datagram_filter_send(struct stream *stream, const void *p, size_t n, int flags)
{
    struct stream_datagram *s = (struct stream_datagram *)stream;
    if (!s->fd || *s->fd < 0) return -EPIPE;
    if (s->connected) return sock_send(*s->fd, p, n, flags);
    if (!s->to.len) return -EDESTADDRREQ;
    ssize_t r;
    do
        r = permit_answer(*s->fd, (struct slice){p, n}, flags, &s->to.sa, s->to.len);
    while (r == -EINTR);
    return r;
}

static int datagram_filter_finish(struct stream *stream)
{
    const struct stream_datagram *s = (const struct stream_datagram *)stream;
    return s->ends && s->fd && *s->fd >= 0 ? sock_shutdown(*s->fd, SHUT_WR) : -EOPNOTSUPP;
}

static bool datagram_filter_holds(const struct stream *stream)
{
    return ((const struct stream_datagram *)stream)->first != NULL;
}

static void datagram_filter_close(struct stream *stream)
{
    struct stream_datagram *s = (struct stream_datagram *)stream;
    if (s->closed) s->closed(s);
    s->closed = NULL;
    while (s->first) {
        struct packet *k = s->first;
        s->first = k->next;
        mem_free(k);
    }
    s->last = &s->first;
    s->queued = 0;
    s->fd = NULL;
    if (s->own >= 0) close(s->own);
    s->own = -1;
}

static const struct stream_ops ops = {
    "datagram",           datagram_filter_recv, datagram_filter_send, datagram_filter_finish, datagram_filter_holds,
    datagram_filter_close};

void stream_datagram_init(struct stream_datagram *s, int fd, bool connected, bool seqpacket)
{
    *s = (struct stream_datagram){
        .stream = {.ops = &ops}, .own = fd, .connected = connected || seqpacket, .ends = seqpacket};
    s->fd = &s->own;
    s->last = &s->first;
    if (seqpacket) datagram_tell_ends(fd);
}

void stream_datagram_borrow(struct stream_datagram *s, const int *fd, bool fed)
{
    *s = (struct stream_datagram){.stream = {.ops = &ops}, .fd = fd, .own = -1, .fed = fed};
    s->last = &s->first;
}

bool stream_datagram_put(struct stream_datagram *s, struct slice bytes, const struct addr *from, size_t cut)
{
    assert(s->fed);
    if (s->queued == QUEUED_MOST) return false;
    struct packet *k = mem_alloc(sizeof *k + bytes.n);
    k->next = NULL;
    k->from = *from;
    k->cut = cut;
    k->n = bytes.n;
    if (bytes.n) memcpy(k->bytes, bytes.p, bytes.n);
    *s->last = k;
    s->last = &k->next;
    s->queued++;
    return true;
}
