#include "lua/api_net.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lua/api_tls.h"
#include "net/resolver.h"
#include "net/sock.h"
#include "util/mem.h"

/* Connecting, listening, names and ports. */

struct lualistener {
    struct object object; /* first */
    struct listener listener;
};

struct luaport {
    struct object object; /* first */
    int fd;
};

static const char tls_of_others[] = "tls: only of tls:// and dtls:// addresses";

enum { MUST = 1, AGAIN = 2, ADDRESSES_MOST = 16 };

/* What could not be opened is a failure of the test. nil and why are on top. */
static int opened_not(lua_State *L, bool must, const char *what)
{
    char text[ADDR_TEXT + 256];
    if (!must) return 2;
    snprintf(text, sizeof text, "%s: %s", what, lua_tostring(L, -1));
    const struct luafailure f = {.kind = "check", .message = text};
    return luafail(L, &f);
}

/* Connecting */

/* In memory that goes with the op: as garbage of Lua's it would be the larger part of a connection. */
struct dialing {
    struct op op; /* first */
    struct connect_op inner;
    struct addr_spec spec;
    struct addr bind;
    int64_t timeout;
};

static enum op_result dial_poll(struct op *op, struct task *t)
{
    struct dialing *d = (struct dialing *)op;
    const enum op_result r = op_poll(&d->inner.op, t);
    const struct op_type *type = op->type;
    *op = d->inner.op;
    op->type = type;
    return r;
}

static void dial_cancel(struct op *op, struct task *t)
{
    struct dialing *d = (struct dialing *)op;
    op_cancel(&d->inner.op, t);
    mem_free(d);
}

static int connected(lua_State *L, int status, lua_KContext ctx);

/* from is copied. */
static int dial(lua_State *L, const struct dialing *from, lua_KContext ctx)
{
    static const struct op_type type = {.name = "connect", .poll = dial_poll, .cancel = dial_cancel};
    const struct luahost *h = luahost_of(L);
    luawait_room(L);
    struct dialing *d = mem_alloc(sizeof *d);
    *d = *from;
    d->op = (struct op){.type = &type};
    connect_begin(&d->inner, h->sched, h->permit, &d->spec, d->bind.len ? &d->bind : NULL, h->need);
    return luawait(L, &d->op, d->timeout, ctx, connected);
}

static int not_connected(lua_State *L, struct dialing *d, lua_KContext ctx)
{
    char what[ADDR_TEXT + 64];
    if (!d) return luawait_fail(L);
    const bool full = d->op.error == EMFILE || d->op.error == ENFILE;
    if (luawait_result(L) == LUAWAIT_FAILED && full && !(ctx & AGAIN)) {
        struct dialing again = *d;
        luawait_done(L);
        api_collect(L);
        return dial(L, &again, ctx | AGAIN);
    }
    snprintf(what, sizeof what, "cannot connect to %s", d->spec.host);
    luawait_fail(L);
    return opened_not(L, ctx & MUST, what);
}

/* The connection is on top. */
static int opened(lua_State *L, lua_KContext ctx)
{
    /* What a test has opened lives as long as it, even if nothing refers to it any more. */
    if (ctx & MUST) {
        lua_pushvalue(L, -1);
        luahost_keep(L, luahost_of(L));
    }
    return 1;
}

/* The connection is at 3. */
static int shaken(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    lua_settop(L, 3);
    if (luawait_result(L) == LUAWAIT_DONE) {
        luawait_done(L);
        return opened(L, ctx);
    }
    luawait_fail(L);
    object_close(lua_touserdata(L, 3));
    return opened_not(L, ctx & MUST, "cannot connect");
}

/* Address, options, and the connection that was opened. */
static int shake(lua_State *L, const struct dialing *d, lua_KContext ctx)
{
    lua_replace(L, 3);
    lua_settop(L, 3);
    struct conn *c = luaconn_check(L, 3)->conn;
    api_option(L, 2, "tls");
    if (!api_tls_secure(L, c, 4, d->spec.host)) return opened_not(L, ctx & MUST, "cannot connect");
    struct handshake_op *o = &luawait_room(L)->handshake;
    handshake_begin(o, c);
    return luawait(L, &o->op, d->timeout, ctx, shaken);
}

static bool speaks_tls(enum addr_scheme s)
{
    return s == ADDR_TLS || s == ADDR_DTLS;
}

static int connected(lua_State *L, int status, lua_KContext ctx)
{
    struct dialing *d = (struct dialing *)luahost_of(L)->current->inner;
    (void)status;
    if (luawait_result(L) != LUAWAIT_DONE) return not_connected(L, d, ctx);
    const struct addr peer = *connect_peer(&d->inner);
    const enum addr_scheme scheme = d->spec.scheme;
    const int fd = connect_take(&d->inner);
    const bool reset = d->inner.reset;
    const struct dialing done = *d;
    luawait_done(L);
    const int r = luaconn_push(L, fd, scheme, &peer, reset);
    if (r < 0) {
        api_nil_errno(L, -r);
        return opened_not(L, ctx & MUST, "cannot connect");
    }
    return speaks_tls(scheme) ? shake(L, &done, ctx) : opened(L, ctx);
}

int api_dial(lua_State *L, bool must)
{
    struct dialing d;
    memset(&d, 0, sizeof d);
    lua_settop(L, 2);
    api_address(L, 1, &d.spec);
    api_option(L, 2, "timeout");
    d.timeout = api_timeout(L, -1);
    if (api_option(L, 2, "tls") && !speaks_tls(d.spec.scheme)) return luaL_error(L, tls_of_others);
    if (api_option(L, 2, "bind")) {
        struct addr_spec bind;
        api_address(L, -1, &bind);
        if (bind.named) return luaL_error(L, "bind: a literal address is wanted");
        addr_of_spec(&bind, &d.bind);
    }
    return dial(L, &d, must ? MUST : 0);
}

/*: connect(address [, options]) -> connection | nil, reason
 * Connects to `tcp://host:port`, `tls://host:port`, `unix:///path` or `unix://@name`, or of datagrams to
 * `udp://host:port`, `dtls://host:port`, `unixgram:///path` or `seqpacket:///path`; a listener stands for its
 * address. Options: timeout (seconds), bind (our own address), tls (a table as of `starttls`). example: local c, why =
 * sock.connect("tcp://127.0.0.1:80", {timeout = 1}) */
static int f_connect(lua_State *L)
{
    return api_dial(L, false);
}

/* Listening */

static struct lualistener *check_listener(lua_State *L)
{
    return object_check(L, 1, "listener", OBJECT_LISTENER);
}

static void close_listener(struct object *o)
{
    struct lualistener *l = (struct lualistener *)o;
    struct conn *served = l->listener.conn;
    luawait_closed(o->host, l->listener.waiting);
    if (served) {
        luawait_closed(o->host, served->reader);
        luawait_closed(o->host, served->writer);
        conn_close(served);
    }
    listener_close(&l->listener);
    tls_context_free(l->listener.tls);
    l->listener.tls = NULL;
}

int api_open_listener(lua_State *L, bool must)
{
    struct addr_spec spec;
    struct luahost *h = luahost_of(L);
    lua_settop(L, 2);
    api_address(L, 1, &spec);
    if (spec.named) return luaL_error(L, "listen: a literal address is wanted, not a name");
    if (addr_socktype(spec.scheme) == SOCK_DGRAM && spec.scheme != ADDR_DTLS)
        return luaL_error(L, "listen: nobody connects to a `%s` socket, open it with `datagram`",
                          addr_scheme_name(spec.scheme));
    api_option(L, 2, "backlog");
    const lua_Integer backlog = luaL_optinteger(L, -1, 0);
    luaL_argcheck(L, backlog >= 0 && backlog <= 65535, 2, "backlog: 0 to 65535");
    struct lualistener *l = object_push(L, &lualistener_type, sizeof *l, 0);
    int r = listener_open(&l->listener, h->sched, h->permit, &spec, (int)backlog, NULL, h->need);
    if (r == -EMFILE || r == -ENFILE) {
        api_collect(L);
        r = listener_open(&l->listener, h->sched, h->permit, &spec, (int)backlog, NULL, h->need);
    }
    if (r == -PERMIT_DENIED) return luafail_denied(L, h);
    if (r < 0) {
        api_nil_errno(L, -r);
        return opened_not(L, must, "cannot listen");
    }
    object_open(&l->object, h);
    if (h->ops->listens) h->ops->listens(h, h->current, &l->listener, &spec);
    lua_replace(L, 3);
    lua_settop(L, 3);
    const bool tls = speaks_tls(spec.scheme);
    if (!api_option(L, 2, "tls") && !tls) return lua_settop(L, 3), 1;
    if (!tls) return luaL_error(L, tls_of_others);
    l->listener.tls = api_tls_context(L, 4, true, spec.scheme == ADDR_DTLS, NULL);
    lua_settop(L, 3);
    return 1;
}

/*: listen(address [, options]) -> listener | nil, reason
 * Listens; port 0 takes any that is free. The listener has `address`, `host`, `port`, `ca_file`, `accept` and `close`.
 * Options: backlog, tls (a table as of `starttls`). One of `dtls://` has one connection at a time, which is closed with
 * it. example: local l = sock.listen("tcp://127.0.0.1:0") */
static int f_listen(lua_State *L)
{
    return api_open_listener(L, false);
}

static int open_datagram(struct luahost *h, const struct addr_spec *spec)
{
    struct addr a;
    addr_of_spec(spec, &a);
    return sock_listen(h->permit, &a, SOCK_DGRAM, 0, NULL, h->need);
}

/*: datagram(address) -> datagram | nil, reason
 * A socket at `udp://host:port` or `unixgram:///path` that takes datagrams from anybody; port 0 is any that is free. A
 * connection with `sendto` and `receivefrom` beside its other methods. `connect` gives one that has a single peer.
 * example: local d = sock.datagram("udp://127.0.0.1:0") */
static int f_datagram(lua_State *L)
{
    struct luahost *h = luahost_of(L);
    struct addr_spec spec;
    lua_settop(L, 1);
    api_address(L, 1, &spec);
    if (spec.named) return luaL_error(L, "datagram: a literal address is wanted, not a name");
    if (addr_socktype(spec.scheme) != SOCK_DGRAM || spec.scheme == ADDR_DTLS)
        return luaL_error(L, "datagram: a `%s` socket has connections, open it with `listen`",
                          addr_scheme_name(spec.scheme));
    int fd = open_datagram(h, &spec);
    if (fd == -EMFILE || fd == -ENFILE) {
        api_collect(L);
        fd = open_datagram(h, &spec);
    }
    if (fd == -PERMIT_DENIED) return luafail_denied(L, h);
    const int r = fd < 0 ? fd : luaconn_push(L, fd, spec.scheme, NULL, false);
    return r < 0 ? api_nil_errno(L, -r) : 1;
}

static int accepted(lua_State *L, int status, lua_KContext ctx)
{
    const struct lualistener *l = lua_touserdata(L, 1);
    (void)status;
    (void)ctx;
    if (luawait_result(L) != LUAWAIT_DONE) return luawait_fail(L);
    const int fd = accept_take(&api_room(L)->accept);
    luawait_done(L);
    const int r = luaconn_push(L, fd, l->listener.scheme, NULL, false);
    if (r < 0) return api_nil_errno(L, -r);
    struct conn *c = ((struct luaconn *)lua_touserdata(L, -1))->conn;
    if (l->listener.tls && !conn_secure(c, l->listener.tls, NULL)) return api_nil(L, "tls: it cannot begin");
    return 1;
}

/* The connection is at 3. */
static int accepted_datagrams(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    lua_settop(L, 3);
    if (luawait_result(L) == LUAWAIT_DONE) {
        luawait_done(L);
        return 1;
    }
    luawait_fail(L);
    object_close(lua_touserdata(L, 3));
    return 2;
}

static int accept_datagrams(lua_State *L, struct listener *l, int64_t timeout)
{
    lua_settop(L, 2);
    if (l->conn) return luaL_error(L, "accept: over DTLS a listener has one connection at a time, and has one");
    struct conn *c = luaconn_push_served(L, 1, l);
    if (!conn_secure(c, l->tls, NULL)) return api_nil(L, "tls: it cannot begin");
    struct handshake_op *o = &luawait_room(L)->handshake;
    handshake_begin(o, c);
    return luawait(L, &o->op, timeout, 0, accepted_datagrams);
}

/*: listener:accept([timeout]) -> connection | nil, reason
 * Waits for the next connection, as long as the test's time lets it unless a timeout (seconds) is given; over DTLS for
 * its handshake too.
 * example: local c <close> = l:accept() */
static int m_accept(lua_State *L)
{
    struct lualistener *l = check_listener(L);
    struct luahost *h = luahost_of(L);
    int64_t timeout = api_timeout(L, 2);
    if (!l->object.host) return api_nil(L, "closed");
    if (timeout == LUAWAIT_DEFAULT) timeout = LUAWAIT_FOREVER;
    if (l->listener.scheme == ADDR_DTLS) return accept_datagrams(L, &l->listener, timeout);
    union luaroom *room = luawait_room(L);
    if (l->listener.waiting && l->listener.waiting != h->current->task) {
        char self[128], other[128];
        return luaL_error(L, "%s cannot accept from this listener: %s is doing so",
                          luawait_name(h, h->current->task, self, sizeof self),
                          luawait_name(h, l->listener.waiting, other, sizeof other));
    }
    accept_begin(&room->accept, &l->listener);
    return luawait(L, &room->op, timeout, 0, accepted);
}

/*: listener:close()
 * Closes it. A task that waits in `accept` goes on with nil, "closed".
 * example: l:close() */
static int m_close(lua_State *L)
{
    object_close(&check_listener(L)->object);
    return 0;
}

static void push_ca_file(lua_State *L)
{
    struct luahost *h = luahost_of(L);
    const char *tmp = h->ops->tmp(h);
    if (!tmp) luaL_error(L, "no temporary folder could be made");
    const char *path = lua_pushfstring(L, "%s/" TLS_CA_FILE, tmp);
    if (!tls_library_ca_file(h->tls, h->permit, path)) luaL_error(L, "%s cannot be written", path);
}

static int index_listener(lua_State *L)
{
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL || lua_type(L, 2) != LUA_TSTRING) return 1;
    const struct listener *l = &((const struct lualistener *)lua_touserdata(L, 1))->listener;
    const char *name = lua_tostring(L, 2);
    char text[ADDR_TEXT];
    if (strcmp(name, "address") == 0)
        lua_pushfstring(L, "%s://%s", addr_scheme_name(l->scheme),
                        addr_show(&l->addr.sa, l->addr.len, text, sizeof text));
    else if (strcmp(name, "host") == 0)
        lua_pushstring(L, addr_show_host(&l->addr.sa, l->addr.len, text, sizeof text));
    else if (strcmp(name, "port") == 0)
        lua_pushinteger(L, l->addr.sa.sa_family == AF_UNIX ? 0 : addr_port(&l->addr.sa));
    else if (strcmp(name, "ca_file") == 0)
        push_ca_file(L);
    return 1;
}

static const luaL_Reg listener_methods[] = {{"accept", m_accept}, {"close", m_close}, {NULL, NULL}};
static const luaL_Reg listener_meta[] = {{"__index", index_listener}, {NULL, NULL}};
const struct object_type lualistener_type = {.name = "listener",
                                             .magic = OBJECT_LISTENER,
                                             .close = close_listener,
                                             .methods = listener_methods,
                                             .meta = listener_meta};

/* Names */

struct resolve_op {
    struct op op;
    struct addr_spec spec;
    struct resolver resolver;
    struct watch watch;
    struct reactor *reactor;
    struct task *task;
    struct addr found[ADDRESSES_MOST];
    int n;
};

static void wake_resolve(struct watch *w)
{
    task_wake(((struct resolve_op *)(void *)((char *)w - offsetof(struct resolve_op, watch)))->task);
}

static enum op_result resolve_poll(struct op *op, struct task *t)
{
    struct resolve_op *o = (struct resolve_op *)op;
    int n = 0;
    op->waits = WAITS_OUTSIDE;
    if (!o->task) {
        o->task = t;
        n = resolver_start(&o->resolver, &o->spec);
        if (n == 0) n = reactor_add(o->reactor, &o->watch, o->resolver.fd);
        return n < 0 ? op_fail_status(op, SR_SYSTEM, -n) : OP_WAIT;
    }
    n = resolver_take(&o->resolver, o->found, ADDRESSES_MOST);
    if (n == -EAGAIN) return OP_WAIT;
    reactor_remove(o->reactor, &o->watch);
    if (n < 0) return op_fail_status(op, n == -ENOENT ? SR_UNREACHABLE : SR_SYSTEM, -n);
    o->n = n;
    return OP_DONE;
}

static void resolve_cancel(struct op *op, struct task *t)
{
    struct resolve_op *o = (struct resolve_op *)op;
    (void)t;
    reactor_remove(o->reactor, &o->watch);
    resolver_cancel(&o->resolver);
}

static int resolved(lua_State *L, int status, lua_KContext ctx)
{
    struct resolve_op *o = lua_touserdata(L, 2);
    char text[ADDR_TEXT];
    (void)status;
    (void)ctx;
    if (luawait_result(L) != LUAWAIT_DONE) {
        const bool none = luawait_result(L) == LUAWAIT_FAILED && o->op.status == SR_UNREACHABLE;
        luawait_fail(L);
        return none ? api_nil(L, "unknown host") : 2;
    }
    lua_createtable(L, o->n, 0);
    for (int i = 0; i < o->n; i++) {
        lua_pushstring(L, addr_show_host(&o->found[i].sa, o->found[i].len, text, sizeof text));
        lua_rawseti(L, -2, i + 1);
    }
    luawait_done(L);
    return 1;
}

/*: resolve(host) -> {address, ...} | nil, reason
 * The addresses that the system has for a name (getaddrinfo(3)).
 * example: local addresses = sock.resolve("localhost") */
static int f_resolve(lua_State *L)
{
    static const struct op_type type = {.name = "resolve", .poll = resolve_poll, .cancel = resolve_cancel};
    size_t n;
    const char *host = luaL_checklstring(L, 1, &n);
    luaL_argcheck(L, n && n < ADDR_HOST && !memchr(host, 0, n), 1, "no host");
    luawait_room(L);
    lua_settop(L, 1);
    struct resolve_op *o = lua_newuserdatauv(L, sizeof *o, 0);
    memset(o, 0, sizeof *o);
    o->op = (struct op){.type = &type};
    o->spec = (struct addr_spec){.scheme = ADDR_TCP, .named = true};
    memcpy(o->spec.host, host, n + 1);
    o->resolver.fd = -1;
    o->watch = (struct watch){.fd = -1, .wake = wake_resolve};
    o->reactor = luahost_of(L)->sched->reactor;
    return luawait(L, &o->op, LUAWAIT_DEFAULT, 0, resolved);
}

/* Ports */

static void close_port(struct object *o)
{
    close(((struct luaport *)o)->fd);
}

static const struct object_type port_type = {.name = "port", .magic = OBJECT_PORT, .close = close_port};

/*: free_port() -> port
 * A TCP port of 127.0.0.1 that nobody listens on, and that nobody else is given before the case ends.
 * example: local c, why = sock.connect("tcp://127.0.0.1:" .. sock.free_port()) --> nil, "refused" */
static int f_free_port(lua_State *L)
{
    struct luahost *h = luahost_of(L);
    uint16_t port = 0;
    struct luaport *p = object_push(L, &port_type, sizeof *p, 0);
    p->fd = sock_reserve_port(&port);
    if (p->fd < 0) return api_nil_errno(L, -p->fd);
    object_open(&p->object, h);
    luahost_keep(L, h);
    lua_pushinteger(L, port);
    return 1;
}

const luaL_Reg api_net[] = {{"connect", f_connect}, {"listen", f_listen},       {"datagram", f_datagram},
                            {"resolve", f_resolve}, {"free_port", f_free_port}, {NULL, NULL}};
