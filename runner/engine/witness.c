#include "engine/witness.h"

#include <errno.h>
#include <stdio.h>

#include "net/sock.h"
#include "net/tcpinfo.h"
#include "util/mem.h"

enum { CALLS_TEXT = 1024, CLOSED_MOST = 1000, SECRET_MOST = 4096, TLS_TEXT = 128 };

/* A TCP connection whose descriptor is closed. */
struct closed {
    struct closed *next;
    uint32_t number;
    struct addr_inet local, peer;
    char *actor;
};

static const char *protocol_of_datagrams(enum addr_scheme s)
{
    return s == ADDR_UDP ? "udp" : s == ADDR_UNIXGRAM ? "unixgram" : "seqpacket";
}

static const char *protocol(const struct conn *c)
{
    switch ((enum conn_kind)c->kind) {
    case CONN_TCP: return "tcp";
    case CONN_UNIX: return "unix";
    case CONN_DATAGRAM: return protocol_of_datagrams(c->datagrams->scheme);
    case CONN_PROGRAM: break;
    }
    return "program";
}

static bool is_inet(const struct conn *c)
{
    return c->kind == CONN_TCP || (c->kind == CONN_DATAGRAM && c->datagrams->scheme == ADDR_UDP);
}

static const char *type(const struct conn *c)
{
    if (c->kind != CONN_DATAGRAM) return "SOCK_STREAM";
    return c->datagrams->scheme == ADDR_SEQPACKET ? "SOCK_SEQPACKET" : "SOCK_DGRAM";
}

/* Of a socket that takes datagrams from anybody, who has sent the last one, or gets the next one; else NULL. */
static const struct addr *other_of(const struct conn *c, enum event_action action)
{
    if (c->kind != CONN_DATAGRAM || c->datagrams->end.connected) return NULL;
    const struct addr *a = action == EVENT_RECEIVE ? &c->datagrams->end.from : &c->datagrams->end.to;
    return a->len > sizeof(sa_family_t) ? a : NULL;
}

static const char *show(const struct addr_inet *a, char *text, size_t size)
{
    return a->len ? addr_show(&a->sa, a->len, text, size) : NULL;
}

static const char *family(int f)
{
    return f == AF_UNIX ? "AF_UNIX" : f == AF_INET6 ? "AF_INET6" : "AF_INET";
}

static void show_connect(const struct witness *w, int f, char *text)
{
    char shown[ADDR_TEXT];
    const struct conn *c = w->conn;
    const char *peer = is_inet(c)                 ? show(&c->peer, shown, sizeof shown)
                       : c->kind == CONN_DATAGRAM ? conn_show_peer(c, shown, sizeof shown)
                                                  : c->path;
    const int n = snprintf(text, CALLS_TEXT, "socket(%s, %s, 0) = %d", family(f), type(c), w->fd);
    if (peer && *peer) snprintf(text + n, CALLS_TEXT - (size_t)n, "\nconnect(%d, %s) = 0", w->fd, peer);
}

/* "send(5) = 7", or "sendto(5, 127.0.0.1:80) = 7" */
static void show_transfer(const struct witness *w, enum event_action action, size_t n, char *text)
{
    char shown[ADDR_TEXT];
    const bool sent = action == EVENT_SEND;
    const struct addr *other = other_of(w->conn, action);
    if (w->conn->kind == CONN_PROGRAM)
        snprintf(text, CALLS_TEXT, "%s(%d) = %zu", sent ? "write" : "read", sent ? w->out : w->fd, n);
    else if (other)
        snprintf(text, CALLS_TEXT, "%s(%d, %s) = %zu", sent ? "sendto" : "recvfrom", w->fd,
                 addr_show(&other->sa, other->len, shown, sizeof shown), n);
    else
        snprintf(text, CALLS_TEXT, "%s(%d) = %zu", sent ? "send" : "recv", w->fd, n);
}

/* What has been called for it: as strace would show it, but for the flags that every socket has. */
static void show_calls(const struct witness *w, enum event_action action, size_t n, char *text)
{
    const struct conn *c = w->conn;
    const bool program = c->kind == CONN_PROGRAM;
    const int f = is_inet(c) ? c->local.sa.sa_family : AF_UNIX;
    switch (action) {
    case EVENT_CONNECT:
        if (!program) show_connect(w, f, text);
        break;
    case EVENT_ACCEPT:
        if (c->kind == CONN_DATAGRAM && c->datagrams->scheme != ADDR_SEQPACKET)
            break;
        else if (w->listener)
            snprintf(text, CALLS_TEXT, "accept4(%d) = %d", w->listener, w->fd);
        else
            snprintf(text, CALLS_TEXT, "accept4() = %d", w->fd);
        break;
    case EVENT_SEND:
    case EVENT_RECEIVE: show_transfer(w, action, n, text); break;
    case EVENT_PEER_CLOSE: snprintf(text, CALLS_TEXT, "%s(%d) = 0", program ? "read" : "recv", w->fd); break;
    case EVENT_PEER_RESET:
        snprintf(text, CALLS_TEXT, "recv(%d) = -1 %s", w->fd, c->error == ECONNREFUSED ? "ECONNREFUSED" : "ECONNRESET");
        break;
    case EVENT_SHUTDOWN:
        if (program)
            snprintf(text, CALLS_TEXT, "close(%d) = 0", w->out);
        else
            snprintf(text, CALLS_TEXT, "shutdown(%d, SHUT_WR) = 0", w->fd);
        break;
    case EVENT_CLOSE: snprintf(text, CALLS_TEXT, "close(%d) = 0", w->fd); break;
    case EVENT_RESET:
        snprintf(text, CALLS_TEXT, "setsockopt(%d, SOL_SOCKET, SO_LINGER, {1, 0}) = 0\nclose(%d) = 0", w->fd, w->fd);
        break;
    case EVENT_LISTEN:
    case EVENT_START:
    case EVENT_OUTPUT:
    case EVENT_EXIT:
    case EVENT_FAULT:
    case EVENT_STATE:
    case EVENT_SECURE: break;
    }
}

/* What passes within TLS took other calls, which were told of; nor has it ended by one. */
static bool within_tls(const struct conn *c, enum event_action action)
{
    if (!c->tls) return false;
    if (action == EVENT_PEER_CLOSE) return c->tls->notified;
    if (action == EVENT_PEER_RESET) return c->error == EPROTO;
    return action == EVENT_SEND || action == EVENT_RECEIVE || action == EVENT_SECURE;
}

static const char *show_tls(const struct conn *c, char *text, size_t size)
{
    struct tls_facts f;
    if (!c->tls || !tls_facts(c->tls, &f)) return NULL;
    snprintf(text, size, "%s, %s", f.version, f.cipher);
    return text;
}

static const char *state_of(const struct conn *c)
{
    struct tcp_facts facts;
    enum tcp_state state;
    if (c->kind == CONN_UNIX) return c->closed ? NULL : "connected";
    if (c->kind != CONN_TCP) return NULL;
    if (!c->closed) return tcp_facts_of_fd(c->fd.rfd, &facts) == 0 ? tcp_state_name(facts.state) : NULL;
    return c->peer.len && tcp_state_of_pair(&c->local, &c->peer, &state) == 0 ? tcp_state_name(state) : NULL;
}

static void tell(const struct witness *w, enum event_action action, bool sent, struct event *e)
{
    char local[ADDR_TEXT], peer[ADDR_TEXT], calls[CALLS_TEXT] = "", tls[TLS_TEXT];
    const struct conn *c = w->conn;
    const bool opens = action == EVENT_CONNECT || action == EVENT_ACCEPT;
    struct event_socket s;
    /* The peer of a datagram is its own. */
    if (opens || w->emit->sockets || c->kind == CONN_DATAGRAM) {
        s = (struct event_socket){.protocol = protocol(c), .fd = c->closed ? 0 : w->fd, .server = c->server};
        s.local = is_inet(c) ? show(&c->local, local, sizeof local) : c->server ? c->path : NULL;
        const struct addr *other = action == EVENT_RECEIVE && is_inet(c) ? other_of(c, action) : NULL;
        s.peer = other        ? addr_show(&other->sa, other->len, peer, sizeof peer)
                 : is_inet(c) ? show(&c->peer, peer, sizeof peer)
                 : c->server  ? NULL
                              : c->path;
        s.inside = opens && c->kind == CONN_UNIX && c->server && sock_peer_is_ours(w->fd);
        e->socket = &s;
    }
    if (w->emit->sockets) {
        if (e->wire || !within_tls(c, action)) show_calls(w, action, e->bytes.n, calls);
        s.calls = calls;
        s.tls = show_tls(c, tls, sizeof tls);
        s.state = state_of(c);
    }
    if (opens) e->text = s.peer;
    e->kind = EVENT_TRAFFIC;
    e->action = action;
    e->connection = w->number;
    w->who(w, sent, e);
    emit_event(w->emit, e);
}

static void saw_bytes(void *ctx, bool sent, struct slice bytes)
{
    const struct witness *w = ctx;
    const struct conn *c = w->conn;
    struct event e = {.offset = sent ? c->sent : c->base + c->n, .bytes = bytes};
    tell(w, sent ? EVENT_SEND : EVENT_RECEIVE, sent, &e);
}

static void saw_wire(void *ctx, bool sent, struct slice bytes)
{
    struct witness *w = ctx;
    struct event e = {.wire = true, .offset = w->wire[sent], .bytes = bytes};
    w->wire[sent] += bytes.n;
    if (w->emit->packets || w->emit->sockets) tell(w, sent ? EVENT_SEND : EVENT_RECEIVE, sent, &e);
}

static void saw_secret(void *ctx, const char *line)
{
    const struct witness *w = ctx;
    struct buf text = BUF_INIT(SECRET_MOST);
    if (!w->emit->packets) return;
    buf_printf(&text, "%s\n", line);
    struct event e = {.kind = EVENT_SECRETS, .bytes = buf_slice(&text)};
    emit_event(w->emit, &e);
    buf_done(&text);
}

/* It comes whenever it comes, and belongs to no line. */
static void saw_errors(void *ctx, struct slice bytes)
{
    const struct witness *w = ctx;
    struct event e = {.kind = EVENT_TRAFFIC, .action = EVENT_OUTPUT};
    w->who(w, false, &e);
    e.place = (struct place){0};
    e.step = NULL;
    e.bytes = bytes;
    emit_event(w->emit, &e);
}

static void remember_closed(const struct witness *w, const char *actor)
{
    struct closed **at = &w->emit->closed;
    unsigned n = 0;
    if (w->conn->kind != CONN_TCP || !w->conn->peer.len) return;
    for (; *at && n < CLOSED_MOST; n++)
        at = &(*at)->next;
    if (*at) return;
    *at = mem_zalloc(sizeof **at);
    **at = (struct closed){.number = w->number,
                           .local = w->conn->local,
                           .peer = w->conn->peer,
                           .actor = actor ? mem_dup(slice_of(actor)) : NULL};
}

static void saw_change(void *ctx, enum conn_change change)
{
    static const enum event_action actions[] = {
        [CONN_FINISHED] = EVENT_SHUTDOWN,           [CONN_CLOSED] = EVENT_CLOSE,
        [CONN_RESET_BY_US] = EVENT_RESET,           [CONN_SECURED] = EVENT_SECURE,
        [CONN_FINISHED_BY_PEER] = EVENT_PEER_CLOSE, [CONN_RESET_BY_PEER] = EVENT_PEER_RESET,
    };
    struct witness *w = ctx;
    const struct conn *c = w->conn;
    const bool refused = change == CONN_RESET_BY_PEER && c->error == ECONNREFUSED;
    struct event e = {.text = refused ? "refused: nobody listens there" : NULL};
    if (change == CONN_SECURED) {
        w->wire[false] = c->base + c->tls->early.n;
        w->wire[true] = c->sent;
    }
    tell(w, actions[change], change < CONN_FINISHED_BY_PEER, &e);
    if (w->emit->sockets && c->closed) remember_closed(w, e.actor);
}

void witness_begin(struct witness *w, struct conn *c)
{
    static const struct conn_ears ears = {saw_change, saw_wire, saw_secret, saw_errors};
    w->conn = c;
    w->number = ++*w->emit->connections;
    w->fd = conn_fd(c);
    w->out = c->kind == CONN_PROGRAM ? c->fd.wfd : w->fd;
    conn_observe(c, saw_bytes, w, true);
    conn_observe_more(c, &ears);
    struct event e = {0};
    tell(w, c->server ? EVENT_ACCEPT : EVENT_CONNECT, true, &e);
}

void witness_tell_closed(struct emit *emit)
{
    char local[ADDR_TEXT], peer[ADDR_TEXT];
    while (emit->closed) {
        struct closed *c = emit->closed;
        enum tcp_state state;
        if (tcp_state_of_pair(&c->local, &c->peer, &state) == 0) {
            const struct event_socket s = {.protocol = "tcp",
                                           .local = show(&c->local, local, sizeof local),
                                           .peer = show(&c->peer, peer, sizeof peer),
                                           .state = tcp_state_name(state)};
            struct event e = {.kind = EVENT_TRAFFIC,
                              .action = EVENT_STATE,
                              .actor = c->actor,
                              .connection = c->number,
                              .socket = &s,
                              .text = s.state};
            emit_event(emit, &e);
        }
        emit->closed = c->next;
        mem_free(c->actor);
        mem_free(c);
    }
}

void witness_listens(struct emit *emit, const struct listener *l, const struct addr_spec *asked, struct event *who)
{
    char local[ADDR_TEXT], wanted[ADDR_TEXT], calls[CALLS_TEXT];
    const int fd = l->fd, f = l->addr.sa.sa_family;
    struct addr a;
    if (!emit_messages(emit)) return;
    addr_of_spec(asked, &a);
    const bool datagrams = listener_is_datagrams(l), packets = l->scheme == ADDR_SEQPACKET;
    struct event_socket s = {.protocol = datagrams || packets ? protocol_of_datagrams(l->scheme)
                                         : f == AF_UNIX       ? "unix"
                                                              : "tcp",
                             .local = addr_show(&l->addr.sa, l->addr.len, local, sizeof local),
                             .state = datagrams ? NULL : "listen",
                             .fd = fd};
    if (emit->sockets) {
        char reuse[64] = "", listen[64] = "";
        if (!datagrams) snprintf(listen, sizeof listen, "\nlisten(%d, %d) = 0", fd, LISTENER_BACKLOG);
        if (!datagrams && f != AF_UNIX)
            snprintf(reuse, sizeof reuse, "\nsetsockopt(%d, SOL_SOCKET, SO_REUSEADDR, 1) = 0", fd);
        snprintf(calls, sizeof calls, "socket(%s, %s, 0) = %d%s\nbind(%d, %s) = 0%s", family(f),
                 datagrams ? "SOCK_DGRAM"
                 : packets ? "SOCK_SEQPACKET"
                           : "SOCK_STREAM",
                 fd, reuse, fd, addr_show(&a.sa, a.len, wanted, sizeof wanted), listen);
        s.calls = calls;
    }
    who->kind = EVENT_TRAFFIC;
    who->action = EVENT_LISTEN;
    who->socket = &s;
    who->text = s.local;
    emit_event(emit, who);
}
