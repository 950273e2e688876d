#ifndef TLS_SESSION_H
#define TLS_SESSION_H

/* TLS as a stream filter (TLS 1.2: RFC 5246, TLS 1.3: RFC 8446): below it go records, above it plain bytes. The
 * handshake is driven by whoever reads, writes or asks for it. It never blocks; what the stream below has no room for
 * is kept, which is at most one record and what the handshake says. Over datagrams it is DTLS: see tls/dtls.h. */

#include "net/stream.h"
#include "tls/context.h"
#include "util/buf.h"

struct tls {
    struct stream stream; /* first */
    SSL *ssl;
    struct tls_context *context;
    struct buf out;   /* records that the stream below had no room for */
    struct buf early; /* what was read below before TLS began: the first of its bytes */
    size_t early_at;
    int error;         /* errno of the end, 0 for an orderly one */
    int below_error;   /* what the stream below said */
    int broken;        /* errno of a write below that failed; what the peer has said before is still read */
    bool begun;        /* a byte of the peer was seen */
    bool done;         /* the handshake */
    bool eof;          /* the stream below has ended */
    bool ended;        /* nothing more can be read: by close_notify, by an end or an error below, or by an alert */
    bool notified;     /* by close_notify */
    bool said_end;     /* we have sent ours */
    bool more;         /* recv may give bytes without asking below */
    bool got;          /* of the call that goes on: plain bytes were read; */
    bool drained;      /* the stream below gave all that it had; */
    bool dry;          /* and it said -EAGAIN to a recv */
    bool flooded;      /* of datagrams: more of them came than one call takes */
    bool sending;      /* of datagrams: what OpenSSL writes is data */
    uint32_t taken;    /* of datagrams: how many in this call */
    char why[TLS_WHY]; /* of EPROTO */
    /* Told of the secrets of the session, a line of the NSS key log format each; NULL: nobody. */
    void (*keylog)(void *ctx, const char *line);
    void *keylog_ctx;
};

/* Stands on a stream, on the side of a server or a client as its context says. `host` is the name or address that a
 * client asks for and verifies; NULL: it cannot verify a name, and asks for none. `early` are bytes that were read from
 * below before. NULL if OpenSSL cannot. */
struct tls *tls_new(struct tls_context *c, struct stream *below, const char *host, struct slice early);
/* Frees it; the stream below stays as it is. NULL is fine. */
void tls_free(struct tls *t);

/* 0: the handshake is done and nothing of it is left to be sent; -EAGAIN; -EPROTO (see tls_why) or another -errno. */
int tls_handshake(struct tls *t);
/* Sends what is kept. 0, -EAGAIN or another -errno. */
int tls_flush(struct tls *t);
/* It waits for room below to read, or for bytes to write: whatever comes may help either. */
bool tls_crossed(const struct tls *t);
/* Takes from below what is no plain bytes, such as tickets. True if there are plain bytes that nobody has read. */
bool tls_unread(struct tls *t);
/* What went wrong, after -EPROTO: "certificate verify failed: certificate has expired". */
const char *tls_why(const struct tls *t);
/* The step of the handshake that has not been done yet, in words. */
const char *tls_stands_at(const struct tls *t);

/* For DTLS: around each call of OpenSSL, whose result r means -EAGAIN, 0 for an orderly end, or -errno. */
void tls_begin_call(struct tls *t);
void tls_note_done(struct tls *t);
int tls_failed(struct tls *t, int r);
/* Our close_notify, once (RFC 8446 6.1). */
void tls_say_end(struct tls *t);
/* Behind this comes an end, which waits for nothing: what is kept gets a few tries. */
void tls_flush_now(struct tls *t);

/* For contexts: how a session reads and writes, and tells of its secrets. */
BIO_METHOD *tls_session_method(void);
void tls_session_keylog(const SSL *ssl, const char *line);

/* What the two sides have agreed on. Texts are the session's, or constant. */
struct tls_facts {
    const char *version; /* "TLSv1.3" */
    const char *cipher;
    struct slice alpn;       /* n 0: none */
    const char *server_name; /* NULL: none was asked for */
    char peer_subject[256];  /* of the peer's certificate (RFC 2253), "" if there is none */
};
/* False before the handshake is done. */
bool tls_facts(const struct tls *t, struct tls_facts *ret);

#endif
