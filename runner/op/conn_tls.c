#include <errno.h>
#include <stddef.h>

#include "net/sock.h"
#include "op/conn.h"
#include "tls/dtls.h"

/* TLS on connections, and DTLS on those of datagrams. */

/* Whoever waits need not have been woken by anything that came; and nobody may wait, while the peer does. */
static void send_again(struct timer *t)
{
    struct conn *c = ((struct conn_datagrams *)(void *)((char *)t - offsetof(struct conn_datagrams, again)))->conn;
    conn_handshake(c);
    if (c->reader) task_wake(c->reader);
    if (c->writer) task_wake(c->writer);
}

static bool is_of_peer(struct stream_datagram *end, struct slice bytes, const struct addr *from)
{
    struct conn *c = ((struct conn_datagrams *)(void *)end)->conn;
    if (end->to.len) return addr_equal(&from->sa, from->len, &end->to.sa, end->to.len);
    if (!dtls_opens(bytes)) return false;
    conn_send_to(c, from);
    return true;
}

static void secure_datagrams(struct conn *c)
{
    if (c->observer) c->observer->wire.datagrams = true;
    c->datagrams->again.fire = send_again;
    if (!c->datagrams->end.connected) c->datagrams->end.admits = is_of_peer;
}

bool conn_secure(struct conn *c, struct tls_context *context, const char *host)
{
    if (c->tls) return false;
    struct conn_observer *o = c->observer;
    struct stream **place = o ? &o->tap.stream.below : &c->top, *below = *place;
    const bool heard = o && o->ears;
    if (heard) {
        stream_tap_init(&o->wire, below, o->ears->wire, o->tap.ctx);
        below = &o->wire.stream;
    }
    struct tls *t = tls_new(context, below, host, (struct slice){c->data, c->n});
    if (!t) return false;
    if (heard) {
        t->keylog = o->ears->secret;
        t->keylog_ctx = o->tap.ctx;
    }
    if (c->datagrams) secure_datagrams(c);
    if (c->was_reset || c->failed_send) t->broken = ECONNRESET;
    /* The end of a handshake and the first record are two small segments: Nagle would keep the second until the peer
     * acknowledges the first, which takes it 40 ms where it has nothing to say (RFC 1122 4.2.3.4). */
    if (c->kind == CONN_TCP) sock_nodelay(c->fd.wfd);
    c->tls = t;
    *place = &t->stream;
    c->n = 0;
    conn_take(c, c->base);
    if (c->messages) c->messages->begun = NULL;
    if (heard) o->ears->changed(o->tap.ctx, CONN_SECURED);
    return true;
}

/* Who waits is woken only by readiness that is new. */
void conn_blocked(struct conn *c)
{
    if (c->tls && c->tls->dry) c->in.ready &= (uint8_t)~READY_READ;
    if (!c->tls || c->tls->out.n || c->datagrams)
        (c->kind == CONN_PROGRAM ? &c->out : &c->in)->ready &= (uint8_t)~READY_WRITE;
    if (!c->tls || !c->datagrams) return;
    const int64_t again = dtls_due(c->tls);
    if (again)
        reactor_set(c->sched->reactor, &c->datagrams->again, again);
    else
        reactor_unset(c->sched->reactor, &c->datagrams->again);
}

int conn_handshake(struct conn *c)
{
    const int r = tls_handshake(c->tls);
    if (r == -EAGAIN) conn_blocked(c);
    return r;
}

const char *conn_why(const struct conn *c)
{
    return c->tls && c->error == EPROTO ? tls_why(c->tls) : NULL;
}

int conn_flush(struct conn *c)
{
    const int r = c->tls ? tls_flush(c->tls) : 0;
    if (r == -EAGAIN) conn_blocked(c);
    return r;
}
