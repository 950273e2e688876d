#include "op/conn.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/sock.h"
#include "util/mem.h"

enum { OWN_FIRST = 4 << 10, SKIP_MOST = 1 << 20 };

static struct watch *write_watch(struct conn *c)
{
    return c->kind == CONN_PROGRAM ? &c->out : &c->in;
}

static void wake_waiters(struct conn *c, const struct watch *w)
{
    const unsigned end = READY_HUP | READY_ERROR;
    const bool crossed = c->tls && tls_crossed(c->tls);
    if (c->reader && (crossed || (w == &c->in && (w->ready & (READY_READ | READY_URGENT | end))))) task_wake(c->reader);
    if (c->writer && (crossed || (w == write_watch(c) && (w->ready & (READY_WRITE | end))))) task_wake(c->writer);
}

static void wake_in(struct watch *w)
{
    wake_waiters((struct conn *)(void *)((char *)w - offsetof(struct conn, in)), w);
}

static void wake_out(struct watch *w)
{
    wake_waiters((struct conn *)(void *)((char *)w - offsetof(struct conn, out)), w);
}

static void init(struct conn *c, struct sched *s, enum conn_kind kind, int rfd, int wfd)
{
    *c = (struct conn){.sched = s, .kind = (uint8_t)kind, .data = ""};
    c->in = (struct watch){.fd = -1, .wake = wake_in};
    c->out = (struct watch){.fd = -1, .wake = wake_out};
    stream_fd_init(&c->fd, rfd, wfd, kind != CONN_PROGRAM);
    c->top = &c->fd.stream;
}

static void keep_inet(struct addr_inet *to, const struct addr *from)
{
    if (from->len > sizeof *to - offsetof(struct addr_inet, sa)) return;
    to->len = from->len;
    memcpy(&to->sa, &from->sa, from->len);
}

static int learn_addresses(struct conn *c, int fd, const struct addr *known_peer)
{
    struct addr local, peer;
    int r = sock_name(fd, &local);
    if (r < 0) return r;
    if (known_peer)
        peer = *known_peer;
    else if (sock_peer(fd, &peer) < 0)
        peer.len = 0; /* reset already: the connection says so when it is read */
    if (c->kind == CONN_TCP) {
        keep_inet(&c->local, &local);
        keep_inet(&c->peer, &peer);
        if (peer.len) reactor_pair(c->sched->reactor, &c->in, false, &c->local, &c->peer);
        return 0;
    }
    char text[ADDR_TEXT];
    const struct addr *named = local.len > sizeof(sa_family_t) ? &local : &peer;
    c->path = mem_dup(slice_of(addr_show(&named->sa, named->len, text, sizeof text)));
    return 0;
}

int conn_init_socket(struct conn *c, struct sched *s, int fd, enum conn_kind kind, const struct addr *peer)
{
    assert(kind != CONN_PROGRAM);
    init(c, s, kind, fd, fd);
    int r = reactor_add(s->reactor, &c->in, fd);
    if (r == 0) r = learn_addresses(c, fd, peer);
    if (r < 0) conn_done(c);
    return r;
}

int conn_init_pipes(struct conn *c, struct sched *s, int rfd, int wfd)
{
    init(c, s, CONN_PROGRAM, rfd, wfd);
    int r = reactor_add(s->reactor, &c->in, rfd);
    if (r == 0) r = reactor_add(s->reactor, &c->out, wfd);
    if (r < 0) conn_done(c);
    return r;
}

/* Internet addresses stand where those of TCP do, others beside. */
static void keep_end(struct addr_inet *inet, struct addr *other, const struct addr *from)
{
    if (from->len >= sizeof(sa_family_t) && from->sa.sa_family == AF_UNIX)
        *other = *from;
    else
        keep_inet(inet, from);
}

static void init_datagrams(struct conn *c, struct sched *s, enum addr_scheme scheme)
{
    init(c, s, CONN_DATAGRAM, -1, -1);
    c->datagrams = mem_zalloc(sizeof *c->datagrams);
    c->datagrams->scheme = scheme == ADDR_DTLS ? ADDR_UDP : scheme;
    c->datagrams->conn = c;
    c->top = &c->datagrams->end.stream;
}

int conn_init_datagrams(struct conn *c, struct sched *s, int fd, enum addr_scheme scheme, const struct addr *peer)
{
    struct addr local = {.len = 0}, other = {.len = 0};
    const bool seqpacket = scheme == ADDR_SEQPACKET;
    init_datagrams(c, s, scheme);
    stream_datagram_init(&c->datagrams->end, fd, peer != NULL, seqpacket);
    int r = reactor_add(s->reactor, &c->in, fd);
    if (r == 0) r = sock_name(fd, &local);
    if (r < 0) {
        conn_done(c);
        return r;
    }
    keep_end(&c->local, &c->datagrams->local, &local);
    if (peer) other = *peer;
    if (!peer && seqpacket && sock_peer(fd, &other) < 0) other.len = 0;
    if (other.len) keep_end(&c->peer, &c->datagrams->peer, &other);
    if (c->peer.len) reactor_pair(s->reactor, &c->in, true, &c->local, &c->peer);
    return 0;
}

void conn_lose_socket(struct conn *c)
{
    c->datagrams->end.fd = NULL;
    c->datagrams->socket = NULL;
}

void conn_init_borrowed(struct conn *c, struct sched *s, const int *fd, struct watch *socket, enum addr_scheme scheme,
                        const struct addr *local, bool fed)
{
    init_datagrams(c, s, scheme);
    c->datagrams->socket = socket;
    stream_datagram_borrow(&c->datagrams->end, fd, fed);
    keep_end(&c->local, &c->datagrams->local, local);
    c->in.ready = READY_WRITE | READY_READ;
}

void conn_news(struct conn *c, uint8_t ready)
{
    c->in.ready |= ready;
    wake_waiters(c, &c->in);
}

void conn_observe(struct conn *c, void (*saw)(void *, bool, struct slice), void *ctx, bool whole)
{
    struct stream_tap *tap = &(c->observer = mem_zalloc(sizeof *c->observer))->tap;
    stream_tap_init(tap, c->top, saw, ctx);
    tap->datagrams = c->datagrams != NULL;
    c->top = &tap->stream;
    c->whole = whole;
}

void conn_observe_more(struct conn *c, const struct conn_ears *ears)
{
    c->observer->ears = ears;
}

static void tell(const struct conn *c, enum conn_change change)
{
    const struct conn_observer *o = c->observer;
    if (o && o->ears) o->ears->changed(o->tap.ctx, change);
}

void conn_tell_errors(const struct conn *c, struct slice bytes)
{
    const struct conn_observer *o = c->observer;
    if (o && o->ears) o->ears->errors(o->tap.ctx, bytes);
}

const char *conn_begun(const struct conn *c, const void *module)
{
    const struct conn_messages *m = c->messages;
    return m && m->begun && m->begun_at == c->base && m->begun != module ? m->begun_name : NULL;
}

void conn_done(struct conn *c)
{
    if (!c->sched) return;
    conn_close(c);
    tls_free(c->tls);
    c->tls = NULL;
    if (c->messages) c->messages->drop(c);
    c->messages = NULL;
    if (c->sched->hub->scratch_user == c) c->sched->hub->scratch_user = NULL;
    mem_free(c->own);
    mem_free(c->path);
    mem_free(c->datagrams);
    mem_free(c->observer);
    c->own = NULL;
    c->path = NULL;
    c->datagrams = NULL;
    c->observer = NULL;
    c->sched = NULL;
}

struct slice conn_from(const struct conn *c, uint64_t pos)
{
    assert(pos >= c->base);
    const uint64_t skip = pos - c->base;
    if (skip >= c->n) return (struct slice){c->data + c->n, 0};
    return (struct slice){c->data + skip, c->n - (size_t)skip};
}

/* Moves what is unread into a buffer of its own with room for `more` bytes behind it. */
static void keep(struct conn *c, uint32_t more)
{
    const bool owned = c->own && c->sched->hub->scratch_user != c;
    uint32_t size = c->own_size ? c->own_size : OWN_FIRST;
    while (size < c->n + more)
        size *= 2;
    if (owned && size == c->own_size) {
        if (c->data != c->own) memmove(c->own, c->data, c->n);
    } else {
        char *fresh = mem_alloc(size);
        if (c->n) memcpy(fresh, c->data, c->n);
        mem_free(c->own);
        c->own = fresh;
        c->own_size = size;
    }
    c->data = c->own;
    if (c->sched->hub->scratch_user == c) c->sched->hub->scratch_user = NULL;
}

static void leave_scratch(struct sched *s, const struct conn *next)
{
    struct conn *user = s->hub->scratch_user;
    if (user && user != next && user->n) keep(user, 0);
    s->hub->scratch_user = NULL;
}

static void note_end(struct conn *c, ssize_t r)
{
    const bool lost = (c->failed_send || c->was_reset) && c->kind == CONN_TCP;
    c->end = r == 0 && !lost ? CONN_FIN : CONN_RESET;
    c->error = r == 0 ? (lost ? ECONNRESET : 0) : (int)-r;
}

static bool may_receive(const struct conn *c)
{
    return (c->in.ready & (READY_READ | READY_HUP | READY_ERROR)) || c->top->ops->holds(c->top);
}

/* One receive's result: what it says about readiness and about the end. */
static ssize_t received(struct conn *c, ssize_t r, size_t room)
{
    if (r == -EAGAIN) {
        c->in.ready &= (uint8_t)~READY_READ;
        if (c->tls) conn_blocked(c);
        /* An error that another call has taken leaves nothing to read: without this it would be tried for ever. */
        if (c->in.ready & (READY_HUP | READY_ERROR)) c->in.ready &= (uint8_t) ~(READY_HUP | READY_ERROR);
        return -EAGAIN;
    }
    if (r <= 0) {
        note_end(c, r);
        tell(c, c->end == CONN_FIN ? CONN_FINISHED_BY_PEER : CONN_RESET_BY_PEER);
        return 0;
    }
    if (c->in.ready & READY_URGENT) c->urgent = true;
    if ((size_t)r < room && !c->urgent && !(c->in.ready & (READY_HUP | READY_ERROR)))
        c->in.ready &= (uint8_t)~READY_READ;
    return r;
}

void conn_leave_scratch(struct sched *s)
{
    leave_scratch(s, NULL);
}

/* An error is told once and changes nothing else: what nobody took yesterday may be taken tomorrow. */
static int datagram_error(struct conn *c, ssize_t r)
{
    c->in.ready &= (uint8_t)~READY_ERROR;
    if (r == -ECONNREFUSED && c->datagrams->patient) return -EAGAIN;
    c->end = r == -ESHUTDOWN ? CONN_FIN : CONN_RESET;
    if (c->end == CONN_RESET) c->error = (int)-r;
    tell(c, c->end == CONN_FIN ? CONN_FINISHED_BY_PEER : CONN_RESET_BY_PEER);
    return 0;
}

static int fill_datagram(struct conn *c)
{
    struct conn_datagrams *d = c->datagrams;
    if (!may_receive(c)) return -EAGAIN;
    leave_scratch(c->sched, NULL);
    ssize_t r;
    do
        r = c->top->ops->recv(c->top, c->sched->hub->scratch, SCRATCH, 0);
    while (r < 0 && r != -EAGAIN && datagram_error(c, r) == -EAGAIN);
    if (r == -EAGAIN) return (int)received(c, r, 0);
    if (c->tls && c->tls->out.n) conn_blocked(c);
    if (r < 0) return 0;
    /* What was cut was no record, and was dropped. */
    if (c->tls) d->end.cut = 0;
    d->here = true;
    d->received++;
    c->data = c->sched->hub->scratch;
    c->n = (uint32_t)r;
    c->sched->hub->scratch_user = c;
    return 1;
}

void conn_reopen(struct conn *c)
{
    if (!c->datagrams || c->datagrams->end.ends || c->end != CONN_RESET || c->closed) return;
    c->end = CONN_OPEN;
    c->error = 0;
}

int conn_fill(struct conn *c)
{
    if (conn_complete(c)) return 0;
    if (c->closed) return note_end(c, -EBADF), 0;
    if (c->datagrams) return fill_datagram(c);
    if (!may_receive(c)) return -EAGAIN;
    if (c->n >= CONN_BUFFER_MOST) return -ENOBUFS;
    char *into;
    size_t room;
    const bool empty = c->n == 0;
    if (empty) {
        leave_scratch(c->sched, c);
        into = c->sched->hub->scratch;
        room = SCRATCH;
    } else {
        if (c->sched->hub->scratch_user == c || c->data + c->n == c->own + c->own_size)
            keep(c, c->n < SCRATCH ? c->n : SCRATCH);
        into = c->own + (c->data - c->own) + c->n;
        room = (size_t)(c->own + c->own_size - into);
        /* To the byte: whether a frame fits must not depend on how it came. */
        if (room > CONN_BUFFER_MOST - c->n) room = CONN_BUFFER_MOST - c->n;
    }
    const ssize_t r = received(c, c->top->ops->recv(c->top, into, room, 0), room);
    if (r <= 0) return (int)r;
    if (empty) {
        c->data = into;
        c->sched->hub->scratch_user = c;
    }
    c->n += (uint32_t)r;
    return (int)r;
}

void conn_send_to(struct conn *c, const struct addr *to)
{
    struct conn_datagrams *d = c->datagrams;
    assert(d && !d->end.connected);
    d->end.to = *to;
    keep_end(&c->peer, &d->peer, to);
    /* The first peer alone: with others the guess is wrong, which costs little. */
    struct watch *w = d->socket ? d->socket : &c->in;
    if (c->peer.len && !w->peer && !w->paired) reactor_pair(c->sched->reactor, w, true, &c->local, &c->peer);
}

static void datagram_taken(struct conn *c)
{
    struct conn_datagrams *d = c->datagrams;
    d->here = false;
    if (!d->end.connected && d->end.from.len > sizeof(sa_family_t)) conn_send_to(c, &d->end.from);
}

static void record(struct conn *c, bool sent, uint64_t from, const void *p, size_t n)
{
    if (c->recorded && n && c->sched->passed)
        c->sched->passed(c->sched->passed_ctx, c, sent, from, (struct slice){p, n});
}

void conn_take(struct conn *c, uint64_t pos)
{
    assert(pos >= c->base && pos - c->base <= c->n);
    const uint32_t k = (uint32_t)(pos - c->base);
    record(c, false, c->base, c->data, k);
    c->base = pos;
    c->n -= k;
    if (c->n) {
        c->data += k;
        return;
    }
    if (c->datagrams && c->datagrams->here) datagram_taken(c);
    c->data = "";
    if (c->sched->hub->scratch_user == c) c->sched->hub->scratch_user = NULL;
    if (c->own) {
        mem_free(c->own);
        c->own = NULL;
        c->own_size = 0;
    }
}

int64_t conn_skip(struct conn *c, uint64_t n)
{
    if (c->n) {
        const uint64_t k = n < c->n ? n : c->n;
        conn_take(c, c->base + k);
        return (int64_t)k;
    }
    const bool drop = c->kind == CONN_TCP && !c->whole && !c->closed && !c->tls;
    if (!drop) {
        const int r = conn_fill(c);
        return r <= 0 ? r : conn_skip(c, n);
    }
    if (c->end != CONN_OPEN) return 0;
    if (!may_receive(c)) return -EAGAIN;
    const size_t room = n < SKIP_MOST ? (size_t)n : SKIP_MOST;
    const ssize_t r = received(c, c->top->ops->recv(c->top, NULL, room, MSG_TRUNC), room);
    if (r > 0) c->base += (uint64_t)r;
    return r;
}

ssize_t conn_send(struct conn *c, const void *p, size_t n, int flags)
{
    if (c->closed || c->finished) return -EPIPE;
    ssize_t r = c->top->ops->send(c->top, p, n, flags);
    if (c->datagrams && r == -ECONNREFUSED) {
        /* The system tells so of an earlier one, and has not sent this. It is for who reads to meet. */
        datagram_error(c, r);
        r = c->top->ops->send(c->top, p, n, flags);
        if (r == -ECONNREFUSED) r = (ssize_t)n;
    }
    if (r > 0 || (r == 0 && c->datagrams)) {
        record(c, true, c->sent, p, (size_t)r);
        c->sent += (uint64_t)r;
        if (c->datagrams && c->tls && c->tls->out.n) conn_blocked(c);
        struct watch *w = c->datagrams && c->datagrams->socket ? c->datagrams->socket : &c->in;
        if (w->peer) reactor_handoff(w);
        return r;
    }
    if (r == -EAGAIN) conn_blocked(c);
    if (r == -EPIPE || r == -ECONNRESET) {
        c->failed_send = true;
        /* What the peer said before it went can still be read, and then the end. */
        c->in.ready |= READY_READ;
    }
    return r;
}

void conn_wait_read(struct conn *c, struct task *t)
{
    assert(!c->reader || c->reader == t);
    c->reader = t;
}

void conn_wait_write(struct conn *c, struct task *t)
{
    assert(!c->writer || c->writer == t);
    c->writer = t;
}

void conn_unwait(struct conn *c, struct task *t)
{
    if (c->reader == t) c->reader = NULL;
    if (c->writer == t) c->writer = NULL;
}

bool conn_claimed(const struct conn *c, const struct task *t, bool write)
{
    const struct task *who = write ? c->writer : c->reader;
    return who && who != t;
}

int conn_finish(struct conn *c)
{
    if (c->finished || c->closed) return 0;
    c->finished = true;
    if (c->kind == CONN_PROGRAM) reactor_remove(c->sched->reactor, &c->out);
    const int r = c->top->ops->finish(c->top);
    if (r == 0) tell(c, CONN_FINISHED);
    if (r == 0 && c->in.peer) reactor_handoff(&c->in);
    return r;
}

int conn_stop_reading(struct conn *c)
{
    if (c->closed) return 0;
    return c->kind == CONN_PROGRAM ? -ENOTSOCK : sock_shutdown(conn_fd(c), SHUT_RD);
}

static struct watch *unwatch(struct conn *c)
{
    struct watch *peer = c->in.peer;
    reactor_remove(c->sched->reactor, &c->in);
    reactor_remove(c->sched->reactor, &c->out);
    if (c->datagrams) reactor_unset(c->sched->reactor, &c->datagrams->again);
    c->closed = true;
    return peer;
}

void conn_close(struct conn *c)
{
    if (c->closed) return;
    /* The system resets where data was not read (RFC 2525 2.17); what waits here would be lost on it. */
    if (c->kind == CONN_TCP && (c->n || (c->tls && tls_unread(c->tls)))) {
        conn_reset(c);
        return;
    }
    unwatch(c);
    c->top->ops->close(c->top);
    tell(c, CONN_CLOSED);
}

void conn_reset(struct conn *c)
{
    if (c->closed) return;
    unwatch(c);
    if (c->kind != CONN_TCP) {
        c->top->ops->close(c->top);
        tell(c, CONN_CLOSED);
        return;
    }
    const int fd = c->fd.rfd;
    c->fd.rfd = c->fd.wfd = -1;
    sock_reset(fd);
    c->top->ops->close(c->top);
    tell(c, CONN_RESET_BY_US);
}

int conn_fd(const struct conn *c)
{
    if (!c->datagrams) return c->fd.rfd;
    return c->datagrams->end.fd ? *c->datagrams->end.fd : -1;
}

int conn_family(const struct conn *c)
{
    return c->local.len ? c->local.sa.sa_family : AF_UNIX;
}

static const char *show_end(const struct conn *c, const struct addr_inet *inet, const struct addr *other, char *text,
                            size_t size)
{
    char where[ADDR_TEXT];
    text[0] = '\0';
    if (c->kind == CONN_UNIX) {
        snprintf(text, size, "unix://%s", c->path ? c->path : "");
        return text;
    }
    const char *scheme = c->kind == CONN_TCP ? "tcp" : c->datagrams ? addr_scheme_name(c->datagrams->scheme) : NULL;
    if (inet->len)
        snprintf(text, size, "%s://%s", scheme, addr_show(&inet->sa, inet->len, where, sizeof where));
    else if (other && other->len > sizeof(sa_family_t))
        snprintf(text, size, "%s://%s", scheme, addr_show(&other->sa, other->len, where, sizeof where));
    return text;
}

const char *conn_show_local(const struct conn *c, char *text, size_t size)
{
    return show_end(c, &c->local, c->datagrams ? &c->datagrams->local : NULL, text, size);
}

const char *conn_show_peer(const struct conn *c, char *text, size_t size)
{
    return show_end(c, &c->peer, c->datagrams ? &c->datagrams->peer : NULL, text, size);
}

static void show_datagrams(const struct conn *c, char *text, size_t size)
{
    char local[ADDR_TEXT + 16], peer[ADDR_TEXT + 16];
    const char *scheme = addr_scheme_name(c->datagrams->scheme);
    const size_t skip = strlen(scheme) + 3;
    const char *from = conn_show_local(c, local, sizeof local), *to = conn_show_peer(c, peer, sizeof peer);
    snprintf(text, size, "%s%s%s%s%s", scheme, *from ? " " : "", *from ? from + skip : "", *to ? " -> " : "",
             *to ? to + skip : "");
}

const char *conn_show(const struct conn *c, char *text, size_t size)
{
    char local[ADDR_TEXT], peer[ADDR_TEXT];
    switch ((enum conn_kind)c->kind) {
    case CONN_TCP:
        snprintf(text, size, "tcp %s -> %s", addr_show(&c->local.sa, c->local.len, local, sizeof local),
                 addr_show(&c->peer.sa, c->peer.len, peer, sizeof peer));
        break;
    case CONN_UNIX: snprintf(text, size, "unix %s", c->path ? c->path : ""); break;
    case CONN_PROGRAM: snprintf(text, size, "program's stdin and stdout"); break;
    case CONN_DATAGRAM: show_datagrams(c, text, size); break;
    }
    return text;
}
