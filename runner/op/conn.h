#ifndef OP_CONN_H
#define OP_CONN_H

/* A connection: one end of a pipe between two programs, and the place in its stream. Positions are absolute offsets
 * since the first byte. `base` is what has been taken, and only conn_take moves it. Bytes that came and are not taken
 * yet stand behind it, in the scheduler's scratch buffer as long as nobody else reads, in a buffer of its own
 * otherwise: an idle connection holds none. What stands behind the last byte is open, FIN or RESET.
 *
 * One task reads and one writes at a time; a second one is the caller's mistake and is refused by conn_claim. */

#include <stdbool.h>
#include <stdint.h>

#include "net/datagram.h"
#include "net/stream.h"
#include "op/task.h"
#include "sockrun/status.h"
#include "tls/session.h"

enum conn_end { CONN_OPEN, CONN_FIN, CONN_RESET };
enum conn_kind { CONN_TCP, CONN_UNIX, CONN_PROGRAM, CONN_DATAGRAM };

/* What becomes of a connection beside its bytes. */
enum conn_change {
    CONN_FINISHED,
    CONN_CLOSED,
    CONN_RESET_BY_US,
    CONN_SECURED, /* TLS begins */
    CONN_FINISHED_BY_PEER,
    CONN_RESET_BY_PEER
};

/* What an observer hears beside the plain bytes. */
struct conn_ears {
    void (*changed)(void *ctx, enum conn_change change);    /* once it has happened */
    void (*wire)(void *ctx, bool sent, struct slice bytes); /* below TLS */
    void (*secret)(void *ctx, const char *line);            /* of TLS: a line of its key log */
    void (*errors)(void *ctx, struct slice bytes);          /* of a program: what it writes to stderr */
};

/* Whoever is told of what passes. */
struct conn_observer {
    struct stream_tap tap;
    struct stream_tap wire;       /* below TLS */
    const struct conn_ears *ears; /* with tap's ctx, or NULL */
};

enum { CONN_BUFFER_MOST = 64 << 20 };

struct conn;

/* What message modules keep about a connection; theirs. */
struct conn_messages {
    void (*drop)(struct conn *c); /* the connection goes: frees it */
    const void *begun;            /* a module that was left with a message it had begun to read, or NULL */
    const char *begun_name;
    uint64_t begun_at;
};

/* What a connection of datagrams has beside: one of them is here at a time, and what is read is read within it. */
struct conn_datagrams {
    struct stream_datagram end;
    struct conn *conn;
    struct timer again;      /* of DTLS: when what got no answer is sent again */
    enum addr_scheme scheme; /* of the socket: never `dtls` */
    struct addr local, peer; /* of Unix sockets; Internet addresses stand in the connection */
    struct watch *socket;    /* of another's socket that it works on; NULL: its own, or that has gone */
    uint64_t received;       /* datagrams ever */
    bool here;               /* one was received and is not taken to its end; it may be empty */
    bool patient;            /* that nobody listens there is no news: it will be sent again */
};

struct conn {
    struct sched *sched;
    struct watch in;  /* of the socket, or of the pipe we read */
    struct watch out; /* of the pipe we write; unused for sockets */
    struct stream_fd fd;
    struct conn_observer *observer; /* NULL: nobody asks. Owned */
    struct tls *tls;                /* NULL: none. Owned */
    struct stream *top;             /* the filter that everything goes through */
    struct task *reader, *writer;   /* whose wait stands here, or NULL */
    uint64_t base;
    uint64_t sent;
    const char *data; /* unread bytes: in the scratch buffer, or in own */
    uint32_t n;
    uint32_t own_size;
    char *own; /* NULL: nothing is kept */
    int error; /* errno of the end, 0 for FIN or close_notify; EPROTO: see conn_why */
    uint8_t kind, end;
    bool urgent;      /* urgent data has been seen: a short read says nothing any more */
    bool finished;    /* we have ended our direction */
    bool closed;      /* we have closed it */
    bool server;      /* the maker's: it was accepted */
    bool torn;        /* a send was given up half-way */
    bool whole;       /* the observer needs every byte */
    bool was_reset;   /* set by the maker: the connect has met a reset already, which the system will not tell again */
    bool recorded;    /* the maker's: its sched is told of what passes */
    bool failed_send; /* a send has met a reset or a closed peer; what was said before it is still read */
    struct addr_inet local, peer;     /* TCP and UDP; without a connection the peer is who sent last, or was sent to */
    char *path;                       /* of a Unix stream socket, or NULL. Owned */
    struct conn_datagrams *datagrams; /* NULL: a stream. Owned */
    uint32_t masked[2];               /* the recorder's: how far into a secret what was taken, and sent, has come */
    void *user;                       /* the maker's */
    struct conn_messages *messages;   /* NULL: none yet */
};

/* Takes the descriptors and watches them. peer is the peer's address if it is known already, else NULL. 0 or -errno
 * (the descriptors are closed then). */
int conn_init_socket(struct conn *c, struct sched *s, int fd, enum conn_kind kind, const struct addr *peer);
/* The same for a socket of datagrams that is connected, or (peer NULL, but for `seqpacket`) bound. */
int conn_init_datagrams(struct conn *c, struct sched *s, int fd, enum addr_scheme scheme, const struct addr *peer);
/* Works on another's socket: *fd, which outlives it or is taken away before. Who owns it tells of what is there to read
 * by conn_news; fed: and reads it. */
void conn_init_borrowed(struct conn *c, struct sched *s, const int *fd, struct watch *socket, enum addr_scheme scheme,
                        const struct addr *local, bool fed);
/* It has gone. */
void conn_lose_socket(struct conn *c);
/* Readiness (READY_*) of the socket that it works on. */
void conn_news(struct conn *c, uint8_t ready);
int conn_init_pipes(struct conn *c, struct sched *s, int rfd, int wfd);
/* Tells it who sees the bytes; before the first of them. An observer that does not need them whole is told of skipped
 * bytes by a slice of their count with p NULL. */
void conn_observe(struct conn *c, void (*saw)(void *ctx, bool sent, struct slice bytes), void *ctx, bool whole);
/* Tells the observer of more than plain bytes; the ears outlive it. */
void conn_observe_more(struct conn *c, const struct conn_ears *ears);
/* For who reads a program's stderr: tells the observer. */
void conn_tell_errors(const struct conn *c, struct slice bytes);
/* From now on TLS is spoken (RFC 3207 4, on either side), over UDP DTLS; a context of datagrams is for datagrams. Who
 * has no peer yet takes the first that says hello, and from then on nobody else's datagrams. Bytes that have come and
 * were not taken are the first of its records, and never plain data. host as of tls_new. False if OpenSSL cannot. */
bool conn_secure(struct conn *c, struct tls_context *context, const char *host);
/* As tls_handshake. */
int conn_handshake(struct conn *c);
/* After -EAGAIN, for the rooms of connections: what must come before whoever waits can go on, or when it is time. */
void conn_blocked(struct conn *c);
/* Why it ended, if that was a failure of TLS. */
const char *conn_why(const struct conn *c);
/* Closes if still open, and frees the buffer. */
void conn_done(struct conn *c);

/* Nobody's unread bytes stand in the shared buffer any more, so that it can be used. */
void conn_leave_scratch(struct sched *s);
/* The unread bytes from absolute position pos (>= base). */
struct slice conn_from(const struct conn *c, uint64_t pos);
/* Something was received and is not taken: bytes from pos on, or an empty datagram. */
static inline bool conn_has(const struct conn *c, uint64_t pos)
{
    return conn_from(c, pos).n || (c->datagrams && c->datagrams->here);
}
/* Tries to receive more: > 0 bytes (or an empty datagram) were added; 0: `end` is no longer CONN_OPEN, or there is a
 * datagram already; -EAGAIN: none now, wait with conn_wait_read; -ENOBUFS: the buffer has reached its cap. */
int conn_fill(struct conn *c);
/* No more will come behind what is here: the end, or a datagram's. */
static inline bool conn_complete(const struct conn *c)
{
    return c->end != CONN_OPEN || (c->datagrams && c->datagrams->here);
}
/* Takes everything before absolute position pos. A datagram is gone once all of it is taken, and its sender is the peer
 * then, unless the socket is connected. */
void conn_take(struct conn *c, uint64_t pos);
/* An error that datagrams have met has been told: they go on. */
void conn_reopen(struct conn *c);
/* Sends go there: for datagrams on a socket that is not connected. */
void conn_send_to(struct conn *c, const struct addr *to);
/* Takes at most n bytes without looking at them: those that are there, else what one receive brings, which the system
 * drops without copying where it can (tcp(7), MSG_TRUNC). Results as of conn_fill. */
int64_t conn_skip(struct conn *c, uint64_t n);
/* > 0 bytes taken by the system, -EAGAIN (wait with conn_wait_write), -EPIPE and -ECONNRESET (the peer has closed or
 * reset), another -errno. */
ssize_t conn_send(struct conn *c, const void *p, size_t n, int flags);

/* Sends what a filter has kept of what it was given: 0, -EAGAIN (wait with conn_wait_write) or as conn_send. */
int conn_flush(struct conn *c);

/* The task is woken when more can be read (or written). One task each; conn_unwait when it no longer waits. */
void conn_wait_read(struct conn *c, struct task *t);
void conn_wait_write(struct conn *c, struct task *t);
void conn_unwait(struct conn *c, struct task *t);
/* True if another task than t waits for reading (or writing). */
bool conn_claimed(const struct conn *c, const struct task *t, bool write);

/* The name of a message module that has begun to read here, so that nobody else may: what it has made of the bytes
 * would be lost. NULL if there is none, or it is `module`. */
const char *conn_begun(const struct conn *c, const void *module);

/* Ends our direction. 0 or -errno. */
int conn_finish(struct conn *c);
/* shutdown(SHUT_RD): what comes is dropped by the system. Sockets only. */
int conn_stop_reading(struct conn *c);
void conn_close(struct conn *c);
void conn_reset(struct conn *c);

/* Its socket (of a program the pipe that we read), -1: none. */
int conn_fd(const struct conn *c);
/* AF_INET, AF_INET6 or AF_UNIX, for options. */
int conn_family(const struct conn *c);
/* "tcp://127.0.0.1:80", "udp://..", "unixgram:///run/x"; "" if it has none (yet). */
const char *conn_show_local(const struct conn *c, char *text, size_t size);
const char *conn_show_peer(const struct conn *c, char *text, size_t size);
/* "tcp 127.0.0.1:51734 -> 127.0.0.1:39321", "unix /run/x", "program". */
const char *conn_show(const struct conn *c, char *text, size_t size);

#endif
