#ifndef NET_DATAGRAM_H
#define NET_DATAGRAM_H

/* The lowest filter of a connection of datagrams (udp(7), and unix(7) with SOCK_DGRAM and SOCK_SEQPACKET): each recv is
 * one datagram, each send makes one. It differs from a stream in this: recv and send give 0 for an empty datagram, and
 * recv says -ESHUTDOWN for the end (SOCK_SEQPACKET alone has one).
 *
 * Three kinds: a socket of its own that is connected; one that is not, and takes datagrams from anybody; and a share of
 * a socket that somebody else reads, who puts in what belongs here (`serve`). */

#include "net/addr.h"
#include "net/stream.h"

struct packet;

struct stream_datagram {
    struct stream stream;
    const int *fd;    /* the socket, its own or another's; NULL or -1: there is none now */
    int own;          /* owned, -1: it is another's */
    bool connected;   /* the socket knows where to send */
    bool ends;        /* SOCK_SEQPACKET */
    bool fed;         /* a share: received is what was put in */
    struct addr from; /* where the last one that was received came from; len 0: not told */
    struct addr to;   /* where to send, unless connected; len 0: nowhere yet */
    size_t cut;       /* the size of the last one if it did not fit, else 0 */
    struct packet *first, **last;
    uint32_t queued;
    /* Whether this one is for us at all: of others recv gives nothing but an empty datagram. May be NULL. */
    bool (*admits)(struct stream_datagram *s, struct slice bytes, const struct addr *from);
    void (*closed)(struct stream_datagram *s); /* it is being closed. May be NULL */
    void *ctx;                                 /* for `closed` */
};

/* Takes the socket. */
void stream_datagram_init(struct stream_datagram *s, int fd, bool connected, bool seqpacket);
/* On another's socket, whose descriptor may change; it outlives this, or sets `fd` to NULL before it goes. */
void stream_datagram_borrow(struct stream_datagram *s, const int *fd, bool fed);
/* For a share: false if it is full, and the datagram is dropped as the system drops what nobody reads. */
bool stream_datagram_put(struct stream_datagram *s, struct slice bytes, const struct addr *from, size_t cut);

/* One datagram: its size, or -errno; -ESHUTDOWN as above if `ends`. *ret_cut is its size if that is more than n, else
 * 0. */
ssize_t datagram_recv(int fd, void *p, size_t n, bool ends, struct addr *ret_from, size_t *ret_cut);
/* Before `ends` is asked for: an empty datagram differs from the end by the time at which it came. */
void datagram_tell_ends(int fd);
/* The largest one that may be tried: what the system refuses is EMSGSIZE, what is larger is not even put together. */
enum { DATAGRAM_MOST = 16 << 20 };

#endif
