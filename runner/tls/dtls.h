#ifndef TLS_DTLS_H
#define TLS_DTLS_H

/* DTLS 1.2 (RFC 6347) as a filter over datagrams (net/datagram.h): a send becomes one record in one datagram, a recv
 * gives the bytes of one record, and says -ESHUTDOWN for the end. What is no record, or was tampered with, is dropped
 * (RFC 6347 4.1.2.7). Flights of the handshake that get lost are sent again; when, is for who owns the timer to ask.
 * A server asks for no cookie (RFC 6347 4.2.1): what it answers, and to whom, the scenario has said. */

#include "tls/session.h"

/* A record carries no more (RFC 6347 4.1). */
enum { DTLS_MOST = 16 << 10 };

extern const struct stream_ops dtls_ops;
/* For contexts: how a session of datagrams reads and writes. */
BIO_METHOD *dtls_session_method(void);
/* Of a new session: what differs from one over a stream. */
void dtls_begin(SSL *ssl);

/* This datagram may be a client's first: it holds a ClientHello. */
bool dtls_opens(struct slice datagram);
/* As tls_flush. What fails is lost on the way, as datagrams are. */
int dtls_flush(struct tls *t);
/* When tls_handshake is to be called again although nothing has come (CLOCK_MONOTONIC ns); 0: there is no need. */
int64_t dtls_due(const struct tls *t);

#endif
