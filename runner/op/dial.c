#include "op/dial.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/mem.h"

enum { STATE_START, STATE_RESOLVING, STATE_CONNECTING, STATE_AGAIN, STATE_PAUSE, STATE_FOLLOWING };
enum { RESOLVED_MOST = 4, AGAIN_NS = 1000000 };

static void wake_listener(struct watch *w)
{
    struct listener *l = (struct listener *)(void *)((char *)w - offsetof(struct listener, watch));
    if (l->waiting && (w->ready & (READY_READ | READY_HUP | READY_ERROR))) task_wake(l->waiting);
    if (!l->conn) return;
    conn_news(l->conn, w->ready);
    w->ready = 0;
}

static void lent_closed(struct stream_datagram *s)
{
    ((struct listener *)s->ctx)->conn = NULL;
}

void listener_lend(struct listener *l, struct conn *c)
{
    conn_init_borrowed(c, l->sched, &l->fd, &l->watch, l->scheme, &l->addr, false);
    c->datagrams->end.closed = lent_closed;
    c->datagrams->end.ctx = l;
    l->conn = c;
    l->watch.ready = 0;
}

int listener_adopt(struct listener *l, struct sched *s, int fd, enum addr_scheme scheme)
{
    *l = (struct listener){
        .sched = s, .fd = fd, .held = -1, .scheme = scheme, .watch = {.fd = -1, .wake = wake_listener}};
    int r = sock_name(fd, &l->addr);
    if (r == 0) r = reactor_add(s->reactor, &l->watch, fd);
    if (r < 0) listener_close(l);
    return r;
}

int listener_open(struct listener *l, struct sched *s, const struct permit_scope *permit, const struct addr_spec *spec,
                  int backlog, const struct sock_setup *setup, struct permit_need *need)
{
    struct addr a;
    addr_of_spec(spec, &a);
    *l = (struct listener){.fd = -1, .held = -1};
    const int fd =
        sock_listen(permit, &a, addr_socktype(spec->scheme), backlog ? backlog : LISTENER_BACKLOG, setup, need);
    return fd < 0 ? fd : listener_adopt(l, s, fd, spec->scheme);
}

int listener_again(struct listener *l, const struct permit_scope *permit, int backlog, const struct sock_setup *setup,
                   struct permit_need *need)
{
    const struct listener before = *l;
    const int fd = sock_listen(permit, &before.addr, addr_socktype(before.scheme), backlog ? backlog : LISTENER_BACKLOG,
                               setup, need);
    if (fd < 0) return fd;
    const int r = listener_adopt(l, before.sched, fd, before.scheme);
    l->waiting = before.waiting;
    l->conn = before.conn;
    l->tls = before.tls;
    if (l->waiting) task_wake(l->waiting);
    return r;
}

static void close_socket(const struct listener *l, int *fd)
{
    if (*fd < 0) return;
    if (l->addr.sa.sa_family == AF_UNIX && l->addr.len > offsetof(struct sockaddr_un, sun_path) &&
        l->addr.un.sun_path[0])
        unlink(l->addr.un.sun_path);
    close(*fd);
    *fd = -1;
}

void listener_close(struct listener *l)
{
    if (!l->sched) return;
    reactor_remove(l->sched->reactor, &l->watch);
    close_socket(l, &l->fd);
    close_socket(l, &l->held);
}

int listener_refuse(struct listener *l, const struct permit_scope *permit, const struct sock_setup *setup,
                    struct permit_need *need)
{
    listener_close(l);
    l->held = sock_hold(permit, &l->addr, addr_socktype(l->scheme), setup, need);
    return l->held < 0 ? l->held : 0;
}

int listener_accept_again(struct listener *l, const struct permit_scope *permit, int backlog,
                          const struct sock_setup *setup, struct permit_need *need)
{
    if (listener_is_datagrams(l)) {
        close_socket(l, &l->held);
        return listener_again(l, permit, 0, setup, need);
    }
    const int fd = l->held, error = sock_open(fd, backlog ? backlog : LISTENER_BACKLOG);
    struct tls_context *tls = l->tls;
    if (error) return error;
    l->held = -1;
    const int r = listener_adopt(l, l->sched, fd, l->scheme);
    l->tls = tls;
    return r;
}

static enum op_result accept_poll(struct op *op, struct task *t)
{
    struct accept_op *o = (struct accept_op *)op;
    struct listener *l = op->listener;
    if (l->fd < 0) return op_fail(op, OP_GONE, "the listener is closed");
    op->wake = 0;
    if (l->waiting && l->waiting != t) return op_fail(op, OP_MISUSE, "somebody else is accepting from this listener");
    struct addr peer;
    int fd;
    do
        fd = sock_accept(l->fd, &peer);
    while (fd == -ECONNABORTED);
    if (fd >= 0) {
        o->fd = fd;
        return OP_DONE;
    }
    if (fd != -EAGAIN) return op_fail_status(op, SR_SYSTEM, -fd);
    l->watch.ready &= (uint8_t)~READY_READ;
    l->waiting = t;
    op->waits = WAITS_ACCEPT;
    return OP_WAIT;
}

static void accept_cancel(struct op *op, struct task *t)
{
    struct accept_op *o = (struct accept_op *)op;
    if (op->listener->waiting == t) op->listener->waiting = NULL;
    if (o->fd >= 0) close(o->fd);
    o->fd = -1;
}

void accept_begin(struct accept_op *o, struct listener *l)
{
    static const struct op_type type = {.name = "accept", .poll = accept_poll, .cancel = accept_cancel};
    *o = (struct accept_op){.op = {.type = &type, .listener = l, .edge = true}, .fd = -1};
}

int accept_take(struct accept_op *o)
{
    const int fd = o->fd;
    o->fd = -1;
    return fd;
}

static void wake_connect(struct watch *w)
{
    struct connect_op *o = (struct connect_op *)(void *)((char *)w - offsetof(struct connect_op, watch));
    task_wake(o->task);
}

static void drop_socket(struct connect_op *o)
{
    reactor_remove(o->sched->reactor, &o->watch);
    if (o->fd >= 0) close(o->fd);
    o->fd = -1;
}

/* Without a name of its own nobody could answer it (unix(7), autobind). */
static int name_it(const struct connect_op *o)
{
    const struct sockaddr none = {.sa_family = AF_UNIX};
    if (o->spec->scheme != ADDR_UNIXGRAM || o->bind) return 0;
    return permit_bind(o->permit, o->fd, &none, sizeof none.sa_family, o->need);
}

static int start_connect(struct connect_op *o, const struct addr *to)
{
    const int type = addr_socktype(o->spec->scheme);
    o->fd = sock_new(to->sa.sa_family, type);
    if (o->fd < 0) return o->fd;
    int r = o->setup.set ? o->setup.set(o->setup.ctx, o->fd, to->sa.sa_family) : 0;
    if (r == 0) r = name_it(o);
    if (r < 0) return r;
    return sock_connect(o->permit, o->fd, to, o->bind, type, o->spec->named ? o->spec->host : NULL, o->need);
}

/* Tries the next address: OP_WAIT when a connect is under way. */
static enum op_result try_next(struct connect_op *o, enum sr_status status, int error)
{
    while (o->tried < o->nto) {
        int r = start_connect(o, connect_peer(o));
        if (r == 0) return OP_DONE;
        if (r == -EINPROGRESS) {
            o->watch.ready = 0;
            const int added = reactor_add(o->sched->reactor, &o->watch, o->fd);
            /* A connect that is under way is writable only once it is decided. */
            o->watch.ready &= (uint8_t)~READY_WRITE;
            o->state = STATE_CONNECTING;
            if (added == 0) return OP_WAIT;
            r = added;
        }
        drop_socket(o);
        if (r == -EAGAIN) {
            o->state = STATE_AGAIN;
            return OP_WAIT;
        }
        o->tried++;
        if (r == -PERMIT_DENIED) return op_fail_status(&o->op, SR_DENIED, 0);
        status = sr_status_of_errno(-r);
        error = -r;
    }
    return op_fail_status(&o->op, status, error);
}

static enum op_result poll_resolving(struct connect_op *o)
{
    struct addr found[RESOLVED_MOST];
    const int n = resolver_take(&o->resolver, found, RESOLVED_MOST);
    if (n == -EAGAIN) {
        o->watch.ready = 0;
        return OP_WAIT;
    }
    reactor_remove(o->sched->reactor, &o->watch);
    if (n < 0) return op_fail_status(&o->op, SR_UNREACHABLE, -n);
    o->resolved = mem_resize(NULL, (size_t)n, sizeof *found);
    memcpy(o->resolved, found, (size_t)n * sizeof *found);
    o->nto = n;
    return try_next(o, SR_UNREACHABLE, ENOENT);
}

static enum op_result poll_connecting(struct connect_op *o)
{
    if (!(o->watch.ready & (READY_WRITE | READY_HUP | READY_ERROR))) return OP_WAIT;
    const int r = sock_error(o->fd);
    reactor_remove(o->sched->reactor, &o->watch);
    /* A connect itself is refused; a reset came behind the handshake (RFC 9293 3.5.2), and is for who reads to meet. */
    o->reset = r == -ECONNRESET || r == -EPIPE;
    if (r == 0 || o->reset) return OP_DONE;
    drop_socket(o);
    o->tried++;
    return try_next(o, sr_status_of_errno(-r), -r);
}

static enum op_result start(struct connect_op *o)
{
    if (!o->spec->named) {
        addr_of_spec(o->spec, &o->one);
        o->nto = 1;
        return try_next(o, SR_REFUSED, ECONNREFUSED);
    }
    int r = resolver_start(&o->resolver, o->spec);
    if (r == 0) {
        o->state = STATE_RESOLVING;
        r = reactor_add(o->sched->reactor, &o->watch, o->resolver.fd);
    }
    return r == 0 ? OP_WAIT : op_fail_status(&o->op, SR_SYSTEM, -r);
}

static enum op_result pause_until(struct connect_op *o, int64_t at)
{
    o->op.wake = at;
    o->op.waits = WAITS_TIME;
    return OP_WAIT;
}

static enum op_result poll_following(struct connect_op *o, struct task *t)
{
    const struct op_type *own = o->op.type;
    const enum op_result r = op_poll(o->following, t);
    o->op = *o->following;
    o->op.type = own;
    return r;
}

static enum op_result follow(struct connect_op *o, struct task *t)
{
    o->following = o->follow ? o->follow(o) : NULL;
    if (!o->following) return OP_DONE;
    o->state = STATE_FOLLOWING;
    return poll_following(o, t);
}

static enum op_result advance(struct connect_op *o)
{
    switch (o->state) {
    case STATE_START: return start(o);
    case STATE_RESOLVING: return poll_resolving(o);
    case STATE_CONNECTING: return poll_connecting(o);
    case STATE_AGAIN: return try_next(o, SR_REFUSED, EAGAIN);
    case STATE_PAUSE:
        if (clock_now() < o->again) return pause_until(o, o->again);
        o->tried = 0;
        return try_next(o, SR_REFUSED, ECONNREFUSED);
    case STATE_FOLLOWING: break;
    }
    return OP_FAILED;
}

static bool may_retry(const struct connect_op *o)
{
    if (!o->retries || !o->nto || o->op.failure != OP_STATUS || o->op.status == SR_DENIED) return false;
    return !o->following || (o->unfollow && o->op.status == SR_REFUSED);
}

static enum op_result retry(struct connect_op *o)
{
    if (o->following) o->unfollow(o);
    o->following = NULL;
    o->op.conn = NULL;
    o->retries--;
    o->state = STATE_PAUSE;
    o->op.failure = OP_FINE;
    o->again = clock_now() + o->retry_every;
    return pause_until(o, o->again);
}

static enum op_result advance_and_follow(struct connect_op *o, struct task *t)
{
    if (o->state == STATE_FOLLOWING) return poll_following(o, t);
    o->op.wake = 0;
    o->op.waits = WAITS_OUTSIDE;
    const enum op_result r = advance(o);
    return r == OP_DONE ? follow(o, t) : r;
}

static enum op_result connect_poll(struct op *op, struct task *t)
{
    struct connect_op *o = (struct connect_op *)op;
    o->task = t;
    const enum op_result r = advance_and_follow(o, t);
    /* A full Unix backlog gives no event when there is room again (unix(7)). */
    if (r == OP_WAIT && o->state == STATE_AGAIN) return pause_until(o, clock_now() + AGAIN_NS);
    return r == OP_FAILED && may_retry(o) ? retry(o) : r;
}

static void connect_cancel(struct op *op, struct task *t)
{
    struct connect_op *o = (struct connect_op *)op;
    if (o->following) op_cancel(o->following, t);
    if (o->state == STATE_RESOLVING) {
        reactor_remove(o->sched->reactor, &o->watch);
        resolver_cancel(&o->resolver);
    }
    drop_socket(o);
    mem_free(o->resolved);
    o->resolved = NULL;
}

const struct addr *connect_peer(const struct connect_op *o)
{
    const int last = o->tried < o->nto ? o->tried : o->nto - 1;
    return o->resolved ? &o->resolved[last] : &o->one;
}

void connect_begin(struct connect_op *o, struct sched *s, const struct permit_scope *permit,
                   const struct addr_spec *spec, const struct addr *bind, struct permit_need *need)
{
    static const struct op_type type = {.name = "connect", .poll = connect_poll, .cancel = connect_cancel};
    *o = (struct connect_op){
        .op = {.type = &type}, .sched = s, .permit = permit, .spec = spec, .bind = bind, .need = need, .fd = -1};
    o->watch = (struct watch){.fd = -1, .wake = wake_connect};
    o->resolver = (struct resolver){.fd = -1};
}

int connect_take(struct connect_op *o)
{
    const int fd = o->fd;
    o->fd = -1;
    return fd;
}
