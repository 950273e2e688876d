#include "lua/api_tls.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "net/sock.h"
#include "util/mem.h"

/* Connections: sending and receiving. */

struct luaconn *luaconn_check(lua_State *L, int arg)
{
    return object_check(L, arg, "connection", OBJECT_CONN);
}

static int claimed(lua_State *L, const struct conn *conn, bool write)
{
    char self[128], other[128];
    struct luahost *h = luahost_of(L);
    return luaL_error(L, "%s cannot %s this connection: %s is doing so",
                      luawait_name(h, h->current->task, self, sizeof self), write ? "send on" : "read",
                      luawait_name(h, write ? conn->writer : conn->reader, other, sizeof other));
}

struct conn *luaconn_claim(lua_State *L, struct luaconn *c)
{
    luawait_room(L);
    struct conn *conn = c->conn;
    if (!conn || conn->closed) return NULL;
    if (conn_claimed(conn, luahost_of(L)->current->task, false)) claimed(L, conn, false);
    return conn;
}

struct conn *luaconn_readable(lua_State *L, struct luaconn *c)
{
    struct conn *conn = luaconn_claim(L, c);
    const char *begun = conn ? conn_begun(conn, NULL) : NULL;
    if (begun)
        luaL_error(L, "`%s` has begun to read the message here, and nobody has taken it: only `%s` can go on", begun,
                   begun);
    return conn;
}

static struct conn *writable(lua_State *L, const struct luaconn *c)
{
    luawait_room(L);
    struct conn *conn = c->conn;
    if (!conn || conn->closed) luaL_error(L, "sending on a closed connection");
    if (conn->finished) luaL_error(L, "sending after `shutdown`");
    if (conn_claimed(conn, luahost_of(L)->current->task, true)) claimed(L, conn, true);
    return conn;
}

int luaconn_fail(lua_State *L, const struct luaconn *c)
{
    luawait_fail(L);
    if (!c->conn) return 2;
    const struct slice partial = conn_from(c->conn, c->conn->base);
    lua_pushlstring(L, partial.n ? partial.p : "", partial.n);
    return 3;
}

/* Sending */

/* Index 2 is what was sent. */
static int sent(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    const struct luaconn *c = lua_touserdata(L, 1);
    const enum luawait_end end = luawait_result(L);
    const uint64_t total = end == LUAWAIT_CLOSED ? 0 : api_room(L)->piece.total;
    if (end == LUAWAIT_DONE && total == lua_rawlen(L, 2)) {
        luawait_done(L);
        lua_pushinteger(L, (lua_Integer)total);
        return 1;
    }
    if (end == LUAWAIT_DONE) {
        luawait_done(L);
        api_nil(L, c->conn->end == CONN_RESET ? "reset" : "closed");
    } else {
        luawait_fail(L);
    }
    lua_pushinteger(L, (lua_Integer)total);
    return 3;
}

static int send_text(lua_State *L, struct luaconn *c, struct conn *conn, int flags)
{
    struct piece_op *o = &api_room(L)->piece;
    struct slice bytes;
    bytes.p = lua_tolstring(L, 2, &bytes.n);
    piece_begin(o, conn, bytes, flags);
    return luawait(L, &o->op, c->timeout, 0, sent);
}

/*: connection:send(data...) -> bytes | nil, reason, bytes
 * Sends all of it, one after the other: strings, and tables that are payloads as in scenarios, such as messages of
 * modules. The number of bytes that the system has taken; with a reason, how many of them before.
 * example: c:send({["http.request"] = {target = "/", headers = {Host = "x"}}}, "more") */
static int m_send(lua_State *L)
{
    struct luaconn *c = luaconn_check(L, 1);
    struct conn *conn = writable(L, c);
    const int n = lua_gettop(L) - 1;
    for (int i = 0; i < n; i++) {
        if (lua_istable(L, i + 2)) luaconn_encode(L, conn, i + 2);
        luaL_checkstring(L, i + 2);
    }
    /* Together: each small piece alone would wait for the peer's acknowledgement (Nagle's algorithm, RFC 896). */
    if (n != 1) lua_concat(L, n);
    return send_text(L, c, conn, 0);
}

/*: datagram:sendto(data, address) -> bytes | nil, reason
 * Sends one datagram there, and so what `send` sends from then on. Not on a connection.
 * example: d:sendto("ping", "udp://127.0.0.1:5000") */
static int m_sendto(lua_State *L)
{
    struct luaconn *c = luaconn_check(L, 1);
    struct conn *conn = writable(L, c);
    struct luahost *h = luahost_of(L);
    struct addr_spec spec;
    struct addr to;
    luaL_checkstring(L, 2);
    lua_settop(L, 3);
    api_address(L, 3, &spec);
    if (spec.named) return luaL_error(L, "sendto: a literal address is wanted, not a name");
    if (!conn->datagrams || conn->datagrams->end.connected) return luaL_error(L, "sendto: this socket is connected");
    if (conn->tls) return luaL_error(L, "sendto: a session of DTLS has one peer");
    if (spec.scheme != conn->datagrams->scheme)
        return luaL_error(L, "sendto: the socket is one of `%s`", addr_scheme_name(conn->datagrams->scheme));
    addr_of_spec(&spec, &to);
    if (permit_address(h->permit, &to.sa, to.len, NULL, PERMIT_TO_SEND, h->need) == -PERMIT_DENIED)
        return luafail_denied(L, h);
    conn_send_to(conn, &to);
    return send_text(L, c, conn, 0);
}

/*: connection:urgent(byte) -> 1 | nil, reason
 * Sends one byte of TCP urgent data (tcp(7), MSG_OOB).
 * example: c:urgent("!") */
static int m_urgent(lua_State *L)
{
    struct luaconn *c = luaconn_check(L, 1);
    struct conn *conn = writable(L, c);
    size_t n;
    luaL_checklstring(L, 2, &n);
    luaL_argcheck(L, n == 1, 2, "one byte");
    lua_settop(L, 2);
    return send_text(L, c, conn, MSG_OOB);
}

/*: connection:sendraw(data) -> bytes | nil, reason
 * Exactly one send(2): fewer bytes may be taken than were given, and none with "again".
 * example: c:sendraw("x") --> 1 */
static int m_sendraw(lua_State *L)
{
    struct conn *conn = writable(L, luaconn_check(L, 1));
    size_t n;
    const char *p = luaL_checklstring(L, 2, &n);
    const ssize_t r = conn_send(conn, p, n, 0);
    if (r == -EAGAIN) return api_nil(L, "again");
    if (r < 0) return api_nil_errno(L, (int)-r);
    lua_pushinteger(L, r);
    return 1;
}

/* Receiving */

enum { TAKE_VALUE, TAKE_FRAME, TAKE_NOTHING, TAKE_COUNT };

static int received(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    const struct luaconn *c = lua_touserdata(L, 1);
    if (luawait_result(L) != LUAWAIT_DONE) return luaconn_fail(L, c);
    struct receive_op *o = &api_room(L)->receive;
    const struct slice frame = slice_part(conn_from(c->conn, c->conn->base), 0, (size_t)(o->op.end - c->conn->base));
    const struct slice value = ctx == TAKE_VALUE ? o->value : frame;
    if (ctx == TAKE_COUNT)
        lua_pushinteger(L, (lua_Integer)frame.n);
    else
        lua_pushlstring(L, value.n ? value.p : "", value.n);
    if (ctx != TAKE_NOTHING) op_commit(&o->op);
    luawait_done(L);
    return 1;
}

static int receive(lua_State *L, struct luaconn *c, enum receive_kind kind, uint64_t count, struct slice mark, int take)
{
    struct conn *conn = luaconn_readable(L, c);
    if (!conn) return api_nil(L, "closed");
    struct receive_op *o = &api_room(L)->receive;
    receive_begin(o, conn, kind);
    o->count = count;
    o->mark = mark;
    return luawait(L, &o->op, c->timeout, take, received);
}

static const struct slice nothing = {NULL, 0};

static uint64_t check_count(lua_State *L, int arg)
{
    const lua_Integer n = luaL_checkinteger(L, arg);
    luaL_argcheck(L, n >= 0 && n <= CONN_BUFFER_MOST, arg, "0 to 64 MiB");
    return (uint64_t)n;
}

static int received_from(lua_State *L, int status, lua_KContext ctx)
{
    const struct luaconn *c = lua_touserdata(L, 1);
    char text[ADDR_TEXT + 16];
    const bool done = luawait_result(L) == LUAWAIT_DONE;
    const int n = received(L, status, ctx);
    if (!done) return n;
    const bool known = c->conn->datagrams->end.connected || c->conn->datagrams->end.from.len > sizeof(sa_family_t);
    conn_show_peer(c->conn, text, sizeof text);
    if (known && *text)
        lua_pushstring(L, text);
    else
        lua_pushnil(L);
    return 2;
}

/*: datagram:receivefrom() -> bytes, address | nil, reason
 * The next datagram, which may be empty, and where it came from: `udp://127.0.0.1:5000`; nil for a Unix socket without
 * a name. "refused": the system has heard that nobody listens where the last one was sent.
 * example: local data, who = d:receivefrom() */
static int m_receivefrom(lua_State *L)
{
    struct luaconn *c = luaconn_check(L, 1);
    struct conn *conn = luaconn_readable(L, c);
    if (!conn) return api_nil(L, "closed");
    lua_settop(L, 1);
    struct receive_op *o = &api_room(L)->receive;
    receive_begin(o, conn, RECEIVE_DATAGRAM);
    return luawait(L, &o->op, c->timeout, TAKE_VALUE, received_from);
}

/*: connection:receive([what = "l"]) -> bytes | kind, fields | nil, reason, partial
 * Of datagrams without `what` the next one. Else as io.read has it: a number takes that many bytes, "l" a line without
 * its end (LF or CRLF), "L" with it, "a" everything to the end. The name of a message module takes its next message,
 * whatever it is: its kind and its fields. The partial result is a copy of what has come so far: it is still unread.
 * example: local kind, request = c:receive("http") */
static int m_receive(lua_State *L)
{
    struct luaconn *c = luaconn_check(L, 1);
    if (lua_type(L, 2) == LUA_TNUMBER) return receive(L, c, RECEIVE_COUNT, check_count(L, 2), nothing, TAKE_VALUE);
    const bool datagram = lua_isnoneornil(L, 2) && c->conn && c->conn->datagrams;
    if (datagram) return receive(L, c, RECEIVE_DATAGRAM, 0, nothing, TAKE_VALUE);
    const char *what = luaL_optstring(L, 2, "l");
    if (*what == '*')
        what++;
    else if (*what && what[1])
        return luaconn_receive_message(L, c);
    switch (*what) {
    case 'l': return receive(L, c, RECEIVE_LINE, 0, nothing, TAKE_VALUE);
    case 'L': return receive(L, c, RECEIVE_LINE, 0, nothing, TAKE_FRAME);
    case 'a': return receive(L, c, RECEIVE_ALL, 0, nothing, TAKE_VALUE);
    }
    return luaL_argerror(L, 2, "a count, \"l\", \"L\", \"a\" or a message module");
}

/*: connection:receiveuntil(delimiter) -> bytes | nil, reason, partial
 * Takes what stands before the delimiter, and the delimiter, which is not in the result.
 * example: local head = c:receiveuntil("\r\n\r\n") */
static int m_receiveuntil(lua_State *L)
{
    struct slice mark;
    mark.p = luaL_checklstring(L, 2, &mark.n);
    luaL_argcheck(L, mark.n, 2, "an empty delimiter");
    return receive(L, luaconn_check(L, 1), RECEIVE_UNTIL, 0, mark, TAKE_VALUE);
}

/*: connection:receiveany([max]) -> bytes | nil, reason, partial
 * Takes what is there, at least one byte.
 * example: local some = c:receiveany(4096) */
static int m_receiveany(lua_State *L)
{
    const uint64_t most = lua_isnoneornil(L, 2) ? CONN_BUFFER_MOST : check_count(L, 2);
    luaL_argcheck(L, most, 2, "at least 1");
    return receive(L, luaconn_check(L, 1), RECEIVE_SOME, most, nothing, TAKE_VALUE);
}

/*: connection:receiveprefixed(kind) -> bytes | nil, reason, partial
 * Takes a count (u8, u16be, u16le, u32be, u32le or varint) and as many bytes, which are the result.
 * example: local message = c:receiveprefixed("u16be") */
static int m_receiveprefixed(lua_State *L)
{
    static const char *const kinds[] = {"u8", "u16be", "u16le", "u32be", "u32le", "varint", NULL};
    struct luaconn *c = luaconn_check(L, 1);
    const int kind = luaL_checkoption(L, 2, NULL, kinds);
    struct conn *conn = luaconn_readable(L, c);
    if (!conn) return api_nil(L, "closed");
    struct receive_op *o = &api_room(L)->receive;
    receive_begin(o, conn, RECEIVE_PREFIXED);
    o->prefix = (uint8_t)kind;
    return luawait(L, &o->op, c->timeout, TAKE_VALUE, received);
}

/*: connection:peek(n) -> bytes | nil, reason, partial
 * Waits for n bytes and leaves them unread.
 * example: local is_tls = c:peek(1) == "\22" */
static int m_peek(lua_State *L)
{
    return receive(L, luaconn_check(L, 1), RECEIVE_COUNT, check_count(L, 2), nothing, TAKE_NOTHING);
}

/*: connection:skip(n) -> n | nil, reason, partial
 * Takes n bytes without giving them.
 * example: c:skip(4) */
static int m_skip(lua_State *L)
{
    return receive(L, luaconn_check(L, 1), RECEIVE_COUNT, check_count(L, 2), nothing, TAKE_COUNT);
}

static int next_line(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    const struct luaconn *c = lua_touserdata(L, 1);
    const enum luawait_end end = luawait_result(L);
    if (end == LUAWAIT_DONE) return received(L, status, TAKE_VALUE);
    struct conn *conn = c->conn;
    const bool fin =
        end == LUAWAIT_FAILED && api_room(L)->op.failure == OP_STATUS && api_room(L)->op.status == SR_CLOSED;
    if (fin && conn->n) {
        const struct slice last = conn_from(conn, conn->base);
        luawait_done(L);
        lua_pushlstring(L, last.p, last.n);
        conn_take(conn, conn->base + last.n);
        return 1;
    }
    luawait_fail(L);
    if (fin || end == LUAWAIT_CLOSED) return 0;
    return luaL_error(L, "lines: %s", lua_tostring(L, -1));
}

static int iterate(lua_State *L)
{
    struct luaconn *c = luaconn_check(L, 1);
    struct conn *conn = luaconn_readable(L, c);
    if (!conn) return 0;
    struct receive_op *o = &api_room(L)->receive;
    receive_begin(o, conn, RECEIVE_LINE);
    return luawait(L, &o->op, c->timeout, 0, next_line);
}

/*: connection:lines() -> iterator
 * For a loop over the lines that come, without their ends; the loop is over when the peer closes. A reset or a timeout
 * is an error. example: for line in c:lines() do c:send(line, "\n") end */
static int m_lines(lua_State *L)
{
    luaconn_check(L, 1);
    lua_pushcfunction(L, iterate);
    lua_pushvalue(L, 1);
    return 2;
}

static int ended_raw(lua_State *L, struct conn *conn)
{
    const char *why = conn->end == CONN_FIN ? "closed" : sr_status_name(sr_status_of_errno(conn->error));
    conn_reopen(conn);
    return api_nil(L, why);
}

/*: connection:recvraw(max) -> bytes | nil, reason
 * Exactly one recv(2), or what has been received and not taken yet: "again" if nothing is there.
 * example: local data, why = c:recvraw(1) */
static int m_recvraw(lua_State *L)
{
    struct luaconn *c = luaconn_check(L, 1);
    const uint64_t most = check_count(L, 2);
    struct conn *conn = luaconn_readable(L, c);
    if (!conn) return api_nil(L, "closed");
    if (!conn_has(conn, conn->base)) {
        conn->in.ready |= READY_READ;
        const int r = conn_fill(conn);
        if (r == -EAGAIN) return api_nil(L, "again");
        if (r <= 0) return ended_raw(L, conn);
    }
    const struct slice have = slice_part(conn_from(conn, conn->base), 0, (size_t)most);
    lua_pushlstring(L, have.p, have.n);
    conn_take(conn, conn->base + have.n);
    return 1;
}

/* string.unpack of what came, without the position that it gives behind the values. */
static int unpacked(lua_State *L, int status, lua_KContext ctx)
{
    const int n = received(L, status, TAKE_VALUE);
    (void)ctx;
    if (n != 1) return n;
    lua_rawgeti(L, LUA_REGISTRYINDEX, luastate_of(L)->base);
    lua_getfield(L, -1, "unpack");
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -4);
    const int top = lua_gettop(L) - 3;
    lua_call(L, 2, LUA_MULTRET);
    lua_pop(L, 1);
    return lua_gettop(L) - top;
}

/*: connection:unpack(format) -> value... | nil, reason, partial
 * Takes as many bytes as the format has (string.packsize) and gives the values (string.unpack).
 * example: local id, length = c:unpack(">I2 I2") */
static int m_unpack(lua_State *L)
{
    struct luaconn *c = luaconn_check(L, 1);
    luaL_checkstring(L, 2);
    lua_settop(L, 2);
    lua_rawgeti(L, LUA_REGISTRYINDEX, luastate_of(L)->base);
    lua_getfield(L, -1, "string");
    lua_getfield(L, -1, "packsize");
    lua_pushvalue(L, 2);
    lua_call(L, 1, 1);
    const uint64_t size = check_count(L, -1);
    lua_settop(L, 2);
    struct conn *conn = luaconn_readable(L, c);
    if (!conn) return api_nil(L, "closed");
    struct receive_op *o = &api_room(L)->receive;
    receive_begin(o, conn, RECEIVE_COUNT);
    o->count = size;
    return luawait(L, &o->op, c->timeout, 0, unpacked);
}

/* Ending */

/*: connection:close()
 * Closes it. Another task that waits on it goes on with nil, "closed". Closing twice does nothing.
 * example: c:close() */
static int m_close(lua_State *L)
{
    struct luaconn *c = luaconn_check(L, 1);
    if (c->borrowed && c->conn) {
        luawait_closed(c->object.host, c->conn->reader);
        luawait_closed(c->object.host, c->conn->writer);
        conn_close(c->conn);
    }
    object_close(&c->object);
    return 0;
}

/* `local c <close> = ...`; the upvalue is the table of methods, which every metamethod of an object has. */
static int mm_close(lua_State *L)
{
    lua_settop(L, 1);
    return m_close(L);
}

/*: connection:reset()
 * Closes it with an RST (TCP; SO_LINGER 0).
 * example: c:reset() */
static int m_reset(lua_State *L)
{
    struct luaconn *c = luaconn_check(L, 1);
    if (!c->conn) return 0;
    luawait_closed(c->object.host, c->conn->reader);
    luawait_closed(c->object.host, c->conn->writer);
    conn_reset(c->conn);
    object_close(&c->object);
    return 0;
}

/*: connection:shutdown([how = "both"]) -> true | nil, reason
 * Ends "write" (a FIN; also "send"), "read" (also "receive") or "both".
 * example: c:shutdown("write") */
static int m_shutdown(lua_State *L)
{
    static const char *const hows[] = {"both", "write", "read", "send", "receive", NULL};
    struct luaconn *c = luaconn_check(L, 1);
    const int how = luaL_checkoption(L, 2, "both", hows);
    if (!c->conn || c->conn->closed) return api_nil(L, "closed");
    const bool writes = how == 0 || how == 1 || how == 3, reads = how == 0 || how == 2 || how == 4;
    int r = writes ? conn_finish(c->conn) : 0;
    if (r == 0 && reads && c->conn->kind != CONN_PROGRAM) r = conn_stop_reading(c->conn);
    if (r < 0) return api_nil_errno(L, -r);
    lua_pushboolean(L, true);
    return 1;
}

/* Methods, then what `${conn.peer}` asks for. */
static int index_conn(lua_State *L)
{
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL || lua_type(L, 2) != LUA_TSTRING) return 1;
    const struct luaconn *c = lua_touserdata(L, 1);
    const char *name = lua_tostring(L, 2);
    const bool peer = strcmp(name, "peer") == 0;
    if (!c->conn || (!peer && strcmp(name, "local") != 0)) return 1;
    char text[ADDR_TEXT + 16];
    if (peer)
        conn_show_peer(c->conn, text, sizeof text);
    else
        conn_show_local(c->conn, text, sizeof text);
    if (*text) lua_pushstring(L, text);
    return 1;
}

static int show_conn(lua_State *L)
{
    const struct luaconn *c = lua_touserdata(L, 1);
    char text[2 * ADDR_TEXT + 16];
    if (!c->conn)
        lua_pushfstring(L, "%s (closed)", c->object.type->name);
    else
        lua_pushfstring(L, "%s %s", c->object.type->name, conn_show(c->conn, text, sizeof text));
    return 1;
}

static const luaL_Reg methods[] = {{"send", m_send},
                                   {"sendto", m_sendto},
                                   {"urgent", m_urgent},
                                   {"sendraw", m_sendraw},
                                   {"receive", m_receive},
                                   {"receivefrom", m_receivefrom},
                                   {"receiveuntil", m_receiveuntil},
                                   {"receiveany", m_receiveany},
                                   {"receiveprefixed", m_receiveprefixed},
                                   {"peek", m_peek},
                                   {"skip", m_skip},
                                   {"lines", m_lines},
                                   {"recvraw", m_recvraw},
                                   {"unpack", m_unpack},
                                   {"expect", luaconn_expect},
                                   {"ctx", luaconn_ctx},
                                   {"close", m_close},
                                   {"reset", m_reset},
                                   {"shutdown", m_shutdown},
                                   {"starttls", luaconn_starttls},
                                   {"wait", luaconn_wait},
                                   {NULL, NULL}};
static const luaL_Reg meta[] = {
    {"__index", index_conn}, {"__tostring", show_conn}, {"__close", mm_close}, {NULL, NULL}};

static const struct object_type info_type = {.name = "connection", .methods = luaconn_info_methods};
const struct object_type luaconn_type = {.name = "connection",
                                         .magic = OBJECT_CONN,
                                         .close = luaconn_close,
                                         .methods = methods,
                                         .meta = meta,
                                         .base = &info_type};
