#include "tls/dtls.h"

#include <errno.h>
#include <string.h>

#include "util/clock.h"
#include "util/units.h"

/* A flight is cut to what passes everywhere but in tunnels (RFC 6347 4.1.1.1). A network of tests is a near one: its
 * answer is missed sooner than after the second of RFC 6347 4.2.4.1. */
enum { LINK_MTU = 1400, FIRST_US = 250000, LAST_US = 60000000 };
/* Datagrams in one call, before others get their turn: who sends nothing but rubbish must not hold up everybody. */
enum { DATAGRAMS_AT_ONCE = 256 };
/* Not every socket tells when there is room again. */
enum { AGAIN_NS = 1000000 };
/* The head of a record, and the first byte of what it carries (RFC 6347 4.1, 4.2.2). */
enum { HEAD = 13, AT_MAJOR = 1, AT_EPOCH = 3, AT_LENGTH = 11, HANDSHAKE = 22, CLIENT_HELLO = 1, MAJOR = 0xfe };

static int take_early(struct tls *t, char *p, int n)
{
    const struct slice whole = slice_part(buf_slice(&t->early), 0, (size_t)n);
    memcpy(p, whole.p, whole.n);
    buf_done(&t->early);
    return (int)whole.n;
}

/* What a record of an authenticating cipher has beside its content: a nonce and a tag (RFC 5288 3, RFC 6655 3 and 4,
 * RFC 7905 2). */
static size_t least_protected(const SSL *ssl)
{
    const SSL_CIPHER *c = SSL_get_current_cipher(ssl);
    if (!c) c = SSL_get_pending_cipher(ssl);
    if (!c || !SSL_CIPHER_is_aead(c)) return 0;
    return SSL_CIPHER_get_cipher_nid(c) == NID_chacha20_poly1305 || strstr(SSL_CIPHER_get_name(c), "CCM8") ? 16 : 24;
}

/* A protected record that can have no content was never sent by the peer. OpenSSL takes one for an error of its own,
 * and anybody could end the session with it. */
static bool is_forged(const struct tls *t, const unsigned char *p, size_t n)
{
    while (n >= HEAD) {
        const size_t length = (size_t)p[AT_LENGTH] << 8 | p[AT_LENGTH + 1];
        if ((p[AT_EPOCH] || p[AT_EPOCH + 1]) && length < least_protected(t->ssl)) return true;
        if (length > n - HEAD) return false;
        p += HEAD + length;
        n -= HEAD + length;
    }
    return false;
}

/* One datagram that may hold records. */
static ssize_t next_datagram(struct tls *t, char *p, int n)
{
    ssize_t r;
    if (t->early.n) return take_early(t, p, n);
    do {
        t->flooded = t->taken++ >= DATAGRAMS_AT_ONCE;
        if (t->flooded) return -EAGAIN;
        r = t->stream.below->ops->recv(t->stream.below, p, (size_t)n, 0);
    } while (r == 0 || (r > 0 && is_forged(t, (const unsigned char *)p, (size_t)r)));
    t->dry = r == -EAGAIN;
    return r;
}

static int bio_read(BIO *b, char *p, int n)
{
    struct tls *t = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    const ssize_t r = next_datagram(t, p, n);
    if (r > 0) {
        t->begun = true;
        return (int)r;
    }
    if (r == -EAGAIN)
        BIO_set_retry_read(b);
    else
        t->below_error = (int)-r;
    return -1;
}

/* What finds no room is kept, each datagram with its size before it; or if it is lost, it is lost as others are. */
static bool keep(struct tls *t, struct slice datagram)
{
    const struct slice size = {(const char *)&datagram.n, sizeof datagram.n};
    return t->out.n + size.n + datagram.n > t->out.max || (buf_add(&t->out, size) && buf_add(&t->out, datagram));
}

int dtls_flush(struct tls *t)
{
    struct slice left = buf_slice(&t->out);
    while (left.n) {
        size_t n;
        memcpy(&n, left.p, sizeof n);
        const ssize_t r = t->stream.below->ops->send(t->stream.below, left.p + sizeof n, n, 0);
        if (r == -EAGAIN || r == -ENOBUFS) break;
        left = slice_part(left, sizeof n + n, left.n);
    }
    if (t->out.n) buf_drop(&t->out, t->out.n - left.n);
    if (t->out.size && !t->out.n) buf_done(&t->out);
    return t->out.n ? -EAGAIN : 0;
}

/* Who sends data waits until there is room, and hears that the system has none; an alert goes out all the same. */
static int bio_write(BIO *b, const char *p, int n)
{
    struct tls *t = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    const ssize_t r = t->out.n ? -EAGAIN : t->stream.below->ops->send(t->stream.below, p, (size_t)n, 0);
    const bool later = !t->sending && (r == -EAGAIN || (r == -ENOBUFS && t->done));
    if (r >= 0 || (later && keep(t, (struct slice){p, (size_t)n}))) return n;
    if (r == -EAGAIN)
        BIO_set_retry_write(b);
    else
        t->below_error = (int)-r;
    return -1;
}

static long bio_ctrl(BIO *b, int command, long number, void *p)
{
    (void)b;
    (void)number;
    (void)p;
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *dtls_session_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "datagrams");
    if (!m) return NULL;
    BIO_meth_set_read(m, bio_read);
    BIO_meth_set_write(m, bio_write);
    BIO_meth_set_ctrl(m, bio_ctrl);
    return m;
}

static unsigned next_wait(SSL *ssl, unsigned before)
{
    (void)ssl;
    if (!before) return FIRST_US;
    return before < LAST_US / 2 ? 2 * before : LAST_US;
}

void dtls_begin(SSL *ssl)
{
    SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
    DTLS_set_link_mtu(ssl, LINK_MTU);
    DTLS_set_timer_cb(ssl, next_wait);
}

bool dtls_opens(struct slice d)
{
    const unsigned char *p = (const unsigned char *)d.p;
    return d.n > HEAD && p[0] == HANDSHAKE && p[AT_MAJOR] == MAJOR && !p[AT_EPOCH] && !p[AT_EPOCH + 1] &&
           p[HEAD] == CLIENT_HELLO;
}

int64_t dtls_due(const struct tls *t)
{
    struct timeval left;
    if (t->flooded) return clock_now();
    if (t->out.n) return clock_now() + AGAIN_NS;
    if (t->done || t->ended || DTLSv1_get_timeout(t->ssl, &left) != 1) return 0;
    return clock_now() + left.tv_sec * (int64_t)NS_PER_S + left.tv_usec * 1000;
}

/* Once there is a session, what the network says of one datagram does not end it. */
static int failed(struct tls *t, int r)
{
    if (t->done && t->below_error) return -t->below_error;
    r = tls_failed(t, r);
    return r ? r : -ESHUTDOWN;
}

static ssize_t dtls_recv(struct stream *stream, void *p, size_t n, int flags)
{
    struct tls *t = (struct tls *)stream;
    size_t k = 0;
    if (flags) return -EOPNOTSUPP;
    if (t->ended) return t->error ? -t->error : -ESHUTDOWN;
    dtls_flush(t);
    tls_begin_call(t);
    const int r = SSL_read_ex(t->ssl, p, n, &k);
    tls_note_done(t);
    /* A datagram may hold several records. */
    t->more = r == 1 || t->flooded;
    return r == 1 ? (ssize_t)k : failed(t, r);
}

static ssize_t dtls_send(struct stream *stream, const void *p, size_t n, int flags)
{
    struct tls *t = (struct tls *)stream;
    size_t k = 0;
    if (flags) return -EOPNOTSUPP;
    /* OpenSSL sends no empty record. */
    if (!n) return -EOPNOTSUPP;
    if (n > DTLS_MOST) return -EMSGSIZE;
    if (t->ended && t->error) return -t->error;
    if (dtls_flush(t) == -EAGAIN) return -EAGAIN;
    tls_begin_call(t);
    t->sending = t->done;
    const int r = SSL_write_ex(t->ssl, p, n, &k);
    t->sending = false;
    tls_note_done(t);
    if (r == 1) return (ssize_t)k;
    const int why = failed(t, r);
    return why == -ESHUTDOWN ? -EPIPE : why;
}

/* Datagrams have no end of their own. */
static int dtls_finish(struct stream *stream)
{
    tls_say_end((struct tls *)stream);
    tls_flush_now((struct tls *)stream);
    return 0;
}

static bool dtls_holds(const struct stream *stream)
{
    const struct tls *t = (const struct tls *)stream;
    return t->ended || t->more || t->early.n;
}

static void dtls_close(struct stream *stream)
{
    tls_say_end((struct tls *)stream);
    tls_flush_now((struct tls *)stream);
    stream->below->ops->close(stream->below);
}

const struct stream_ops dtls_ops = {"dtls", dtls_recv, dtls_send, dtls_finish, dtls_holds, dtls_close};
