#include "tls/session.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "tls/dtls.h"
#include "util/mem.h"

/* A record with its head and its tag (RFC 8446 5.2), a flight of the handshake with long chains, and some. */
enum { OUT_MOST = 4 << 20, EARLY_MOST = 64 << 20, RECORD_MOST = 16 << 10, TRIES = 64 };
/* ChangeCipherSpec, alert, handshake, application data (RFC 8446 5.1). */
enum { CONTENT_FIRST = 20, CONTENT_LAST = 23 };

static struct tls *of_bio(BIO *b)
{
    return BIO_get_data(b);
}

/* What is no TLS at all is told as such, however it came. */
static bool speaks_tls(struct tls *t, unsigned char first)
{
    if (t->begun) return true;
    t->begun = true;
    if (first >= CONTENT_FIRST && first <= CONTENT_LAST) return true;
    snprintf(t->why, sizeof t->why, "plain bytes came before the handshake, the first is 0x%02x", first);
    t->below_error = EPROTO;
    return false;
}

static int read_early(struct tls *t, char *p, int n)
{
    const struct slice left = slice_part(buf_slice(&t->early), t->early_at, (size_t)n);
    memcpy(p, left.p, left.n);
    t->early_at += left.n;
    if (t->early_at == t->early.n) buf_done(&t->early);
    return (int)left.n;
}

static int bio_read(BIO *b, char *p, int n)
{
    struct tls *t = of_bio(b);
    ssize_t r;
    BIO_clear_retry_flags(b);
    if (t->early.n)
        r = read_early(t, p, n);
    else if (t->drained && t->got)
        /* What was there is read: to ask again would cost a call that says no. */
        r = -EAGAIN;
    else {
        r = t->stream.below->ops->recv(t->stream.below, p, (size_t)n, 0);
        t->dry = r == -EAGAIN;
    }
    if (r == -EAGAIN) {
        BIO_set_retry_read(b);
        return -1;
    }
    t->drained = r < n && !t->early.n;
    if (r > 0) return speaks_tls(t, (unsigned char)*p) ? (int)r : -1;
    t->eof = r == 0;
    t->below_error = (int)-r;
    return r == 0 ? 0 : -1;
}

/* Never refuses: what does not go out now is kept. An error is remembered for who sends; what the peer has said before
 * can still be read. */
static int bio_write(BIO *b, const char *p, int n)
{
    struct tls *t = of_bio(b);
    ssize_t r = 0;
    BIO_clear_retry_flags(b);
    if (t->broken) return n;
    if (!t->out.n) r = t->stream.below->ops->send(t->stream.below, p, (size_t)n, 0);
    if (r < 0 && r != -EAGAIN) {
        t->broken = (int)-r;
        return n;
    }
    if (r < 0) r = 0;
    if (r < n && !buf_add(&t->out, (struct slice){p + r, (size_t)(n - r)})) t->broken = ENOBUFS;
    return n;
}

static long bio_ctrl(BIO *b, int command, long number, void *p)
{
    (void)number;
    (void)p;
    if (command == BIO_CTRL_FLUSH) return 1;
    return command == BIO_CTRL_EOF ? of_bio(b)->eof : 0;
}

static BIO *new_bio(struct tls *t)
{
    /* Each BIO keeps its method only by its address: the context's is shared. */
    BIO *b = BIO_new(t->context->method);
    if (!b) return NULL;
    BIO_set_data(b, t);
    BIO_set_init(b, 1);
    return b;
}

BIO_METHOD *tls_session_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "stream");
    if (!m) return NULL;
    BIO_meth_set_read(m, bio_read);
    BIO_meth_set_write(m, bio_write);
    BIO_meth_set_ctrl(m, bio_ctrl);
    return m;
}

void tls_session_keylog(const SSL *ssl, const char *line)
{
    const struct tls *t = SSL_get_app_data(ssl);
    if (t && t->keylog) t->keylog(t->keylog_ctx, line);
}

int tls_flush(struct tls *t)
{
    if (t->context->datagram) return dtls_flush(t);
    while (t->out.n && !t->broken) {
        const ssize_t r = t->stream.below->ops->send(t->stream.below, t->out.p, t->out.n, 0);
        if (r == -EAGAIN) return -EAGAIN;
        if (r < 0)
            t->broken = (int)-r;
        else
            buf_drop(&t->out, (size_t)r);
    }
    if (t->out.size && !t->out.n) buf_done(&t->out);
    return -t->broken;
}

/* The first error in the queue is the reason; the others follow from it. */
static void note_why(struct tls *t)
{
    if (*t->why) return;
    const unsigned long code = ERR_get_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    const long verified = SSL_get_verify_result(t->ssl);
    if (ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED && verified != X509_V_OK)
        snprintf(t->why, sizeof t->why, "certificate verify failed: %s", X509_verify_cert_error_string(verified));
    else
        snprintf(t->why, sizeof t->why, "%s", reason ? reason : "the protocol was broken");
}

static int end(struct tls *t, int error)
{
    t->ended = true;
    t->error = error;
    ERR_clear_error();
    return -error;
}

/* The alert that tells the peer why (RFC 8446 6.2) goes out before our own side hears of it and may close. */
static int end_told(struct tls *t)
{
    return t->error == EPROTO && tls_flush(t) == -EAGAIN ? -EAGAIN : -t->error;
}

static int end_in_order(struct tls *t)
{
    if (t->done) return end(t, 0);
    snprintf(t->why, sizeof t->why, "the peer closed the connection during the handshake");
    return end(t, EPROTO);
}

static int end_below(struct tls *t)
{
    if (t->below_error) return end(t, t->below_error);
    /* After a write that met a reset the system tells of an end only (tcp(7)). */
    return t->broken ? end(t, ECONNRESET) : end_in_order(t);
}

int tls_failed(struct tls *t, int r)
{
    const int error = SSL_get_error(t->ssl, r);
    const bool gone = t->broken == EPIPE || t->broken == ECONNRESET;
    tls_flush(t);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        /* The peer waits for what could not be sent: nothing more will come. */
        if (t->broken && !gone) return end(t, t->broken);
        return -EAGAIN;
    }
    if (t->below_error || t->eof) return end_below(t);
    if (error == SSL_ERROR_ZERO_RETURN) {
        t->notified = true;
        return end_in_order(t);
    }
    note_why(t);
    end(t, EPROTO);
    return end_told(t);
}

void tls_begin_call(struct tls *t)
{
    t->got = t->drained = t->dry = t->flooded = false;
    t->taken = 0;
    if (t->context->datagram) t->below_error = 0;
    ERR_clear_error();
}

void tls_note_done(struct tls *t)
{
    if (t->done || !SSL_is_init_finished(t->ssl)) return;
    t->done = true;
    /* The last receive of the handshake may have brought what comes behind it. */
    t->more = true;
}

int tls_handshake(struct tls *t)
{
    if (t->done) return tls_flush(t);
    if (t->ended) return t->error ? end_told(t) : -ECONNRESET;
    tls_flush(t);
    tls_begin_call(t);
    const int r = SSL_do_handshake(t->ssl);
    tls_note_done(t);
    return r == 1 ? tls_flush(t) : tls_failed(t, r);
}

static ssize_t tls_recv(struct stream *stream, void *p, size_t n, int flags)
{
    struct tls *t = (struct tls *)stream;
    size_t have = 0;
    int r = 0;
    if (flags) return -EOPNOTSUPP;
    if (t->ended) return end_told(t);
    tls_flush(t);
    tls_begin_call(t);
    while (have < n) {
        size_t k = 0;
        r = SSL_read_ex(t->ssl, (char *)p + have, n - have, &k);
        if (r != 1) break;
        have += k;
        t->got = true;
    }
    tls_note_done(t);
    t->more = have == n;
    const int why = t->more ? 0 : tls_failed(t, r);
    /* An end behind bytes is told at the next call. */
    return have ? (ssize_t)have : why;
}

static ssize_t tls_send(struct stream *stream, const void *p, size_t n, int flags)
{
    struct tls *t = (struct tls *)stream;
    size_t sent = 0;
    if (flags) return -EOPNOTSUPP;
    tls_begin_call(t);
    int r = tls_flush(t);
    if (r < 0) return r;
    if (t->ended && t->error) return end_told(t);
    while (sent < n && !t->out.n) {
        size_t k = 0;
        r = SSL_write_ex(t->ssl, (const char *)p + sent, n - sent < RECORD_MOST ? n - sent : RECORD_MOST, &k);
        if (r != 1) break;
        sent += k;
    }
    tls_note_done(t);
    if (t->broken) return -t->broken;
    if (sent) return (ssize_t)sent;
    r = tls_failed(t, r);
    return r ? r : -EPIPE;
}

void tls_say_end(struct tls *t)
{
    if (t->said_end || !t->done || (t->ended && t->error)) return;
    t->said_end = true;
    ERR_clear_error();
    SSL_shutdown(t->ssl);
    ERR_clear_error();
}

void tls_flush_now(struct tls *t)
{
    for (int i = 0; i < TRIES && tls_flush(t) == -EAGAIN; i++)
        continue;
}

static int tls_finish(struct stream *stream)
{
    struct tls *t = (struct tls *)stream;
    tls_say_end(t);
    tls_flush_now(t);
    return stream->below->ops->finish(stream->below);
}

static bool tls_holds(const struct stream *stream)
{
    const struct tls *t = (const struct tls *)stream;
    return t->ended || t->more || t->early.n || t->out.n;
}

static void tls_close(struct stream *stream)
{
    tls_say_end((struct tls *)stream);
    tls_flush_now((struct tls *)stream);
    stream->below->ops->close(stream->below);
}

static const struct stream_ops tls_ops = {"tls", tls_recv, tls_send, tls_finish, tls_holds, tls_close};

static bool is_address(const char *host)
{
    ASN1_OCTET_STRING *ip = a2i_IPADDRESS(host);
    ASN1_OCTET_STRING_free(ip);
    return ip != NULL;
}

/* An address is verified and never asked for (RFC 6066 3). */
static bool name_host(SSL *ssl, const char *host)
{
    if (!host) return true;
    if (is_address(host)) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    /* Its macro takes away that the name is constant, and OpenSSL copies it. */
    return SSL_set_tlsext_host_name(ssl, (uintptr_t)host) == 1 && SSL_set1_host(ssl, host) == 1;
}

static bool begin(struct tls *t, const char *host)
{
    const bool server = t->context->server;
    t->ssl = SSL_new(t->context->ctx);
    BIO *b = t->ssl ? new_bio(t) : NULL;
    if (!b) return false;
    SSL_set_bio(t->ssl, b, b);
    SSL_set_app_data(t->ssl, t);
    if (t->context->datagram) dtls_begin(t->ssl);
    if (server)
        SSL_set_accept_state(t->ssl);
    else
        SSL_set_connect_state(t->ssl);
    return server || name_host(t->ssl, host);
}

struct tls *tls_new(struct tls_context *c, struct stream *below, const char *host, struct slice early)
{
    struct tls *t = mem_zalloc(sizeof *t);
    t->stream = (struct stream){.ops = c->datagram ? &dtls_ops : &tls_ops, .below = below};
    t->context = tls_context_hold(c);
    buf_init(&t->out, OUT_MOST);
    buf_init(&t->early, EARLY_MOST);
    if (early.n) buf_add(&t->early, early);
    if (begin(t, host)) return t;
    tls_free(t);
    ERR_clear_error();
    return NULL;
}

void tls_free(struct tls *t)
{
    if (!t) return;
    SSL_free(t->ssl);
    tls_context_free(t->context);
    buf_done(&t->out);
    buf_done(&t->early);
    mem_free(t);
}

bool tls_crossed(const struct tls *t)
{
    return !t->done || t->out.n;
}

bool tls_unread(struct tls *t)
{
    char byte;
    size_t k;
    if (!t->done || t->ended) return false;
    tls_begin_call(t);
    const int r = SSL_peek_ex(t->ssl, &byte, 1, &k);
    if (r != 1) tls_failed(t, r);
    return r == 1;
}

const char *tls_why(const struct tls *t)
{
    return *t->why ? t->why : "the session has ended";
}

const char *tls_stands_at(const struct tls *t)
{
    if (t->done) return "the handshake is done";
    if (t->ended) return "the handshake has failed";
    /* A server that reads no early data has said all that it has to say (RFC 8446 A.2). */
    if (SSL_get_state(t->ssl) == TLS_ST_EARLY_DATA) return "TLSv1.3 write server finished";
    return SSL_state_string_long(t->ssl);
}

bool tls_facts(const struct tls *t, struct tls_facts *ret)
{
    if (!t->done) return false;
    const unsigned char *alpn;
    unsigned n;
    SSL_get0_alpn_selected(t->ssl, &alpn, &n);
    *ret = (struct tls_facts){.version = SSL_get_version(t->ssl),
                              .cipher = SSL_get_cipher_name(t->ssl),
                              .alpn = {(const char *)alpn, n},
                              .server_name = SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name)};
    const X509 *x = SSL_get0_peer_certificate(t->ssl);
    BIO *out = x ? BIO_new(BIO_s_mem()) : NULL;
    if (out && X509_NAME_print_ex(out, X509_get_subject_name(x), 0, XN_FLAG_RFC2253) >= 0) {
        char *text;
        const long have = BIO_get_mem_data(out, &text);
        snprintf(ret->peer_subject, sizeof ret->peer_subject, "%.*s", (int)have, text);
    }
    BIO_free(out);
    return true;
}
