#include "lua/api_tls.h"

#include <math.h>
#include <string.h>

#include "net/sock.h"
#include "net/sockopt.h"
#include "net/tcpinfo.h"
#include "util/units.h"

enum { OPTION_TEXT = 64 };

/* Connections: what is known about them, and options. */

static struct conn *open_conn(lua_State *L)
{
    struct conn *c = luaconn_check(L, 1)->conn;
    return c && !c->closed ? c : NULL;
}

static int push_name(lua_State *L, const struct conn *c, const struct addr_inet *at)
{
    char text[ADDR_TEXT];
    if (!at->len) {
        char url[ADDR_TEXT + 16];
        const char *shown = at == &c->peer ? conn_show_peer(c, url, sizeof url) : conn_show_local(c, url, sizeof url);
        const char *path = strstr(shown, "://");
        lua_pushstring(L, path ? path + 3 : "");
        return 1;
    }
    lua_pushstring(L, addr_show_host(&at->sa, at->len, text, sizeof text));
    lua_pushinteger(L, addr_port(&at->sa));
    return 2;
}

/*: connection:getpeername() -> host, port | nil, reason
 * The peer's address; of a Unix socket its path.
 * example: local host, port = c:getpeername() */
static int m_getpeername(lua_State *L)
{
    const struct conn *c = open_conn(L);
    return c ? push_name(L, c, &c->peer) : api_nil(L, "closed");
}

/*: connection:getsockname() -> host, port | nil, reason
 * Our own address; of a Unix socket its path.
 * example: local _, port = c:getsockname() */
static int m_getsockname(lua_State *L)
{
    const struct conn *c = open_conn(L);
    return c ? push_name(L, c, &c->local) : api_nil(L, "closed");
}

/*: connection:settimeout(seconds)
 * How long each wait on it may take from now on; nil is the default (5 s in a test), a negative number or math.huge
 * leaves only what is around it: `within` and the test's own time. 0 never waits. example: c:settimeout(0.5) */
static int m_settimeout(lua_State *L)
{
    struct luaconn *c = luaconn_check(L, 1);
    c->timeout = api_timeout(L, 2);
    return 0;
}

/*: connection:buffered() -> bytes
 * How many bytes were received and are not taken yet.
 * example: c:buffered() --> 0 */
static int m_buffered(lua_State *L)
{
    const struct conn *c = luaconn_check(L, 1)->conn;
    lua_pushinteger(L, c ? c->n : 0);
    return 1;
}

static const struct sockopt *check_option(lua_State *L)
{
    const char *name = luaL_checkstring(L, 2);
    const struct sockopt *o = sockopt_find(slice_of(name));
    if (!o) luaL_error(L, "there is no socket option `%s`", name);
    return o;
}

/*: connection:setoption(name, value) -> true | nil, reason
 * Sets a socket option, by the names of `set_option`: nodelay, rcvbuf, sndbuf, linger, ttl ...
 * example: c:setoption("nodelay", true) */
static int m_setoption(lua_State *L)
{
    const struct conn *c = open_conn(L);
    const struct sockopt *o = check_option(L);
    int64_t value = 0;
    luaL_checkany(L, 3);
    const struct slice text = slice_of(luaL_tolstring(L, 3, NULL));
    const char *why = sockopt_parse(o, text, &value);
    if (why) return luaL_error(L, "%s: %s", o->name, why);
    if (!c) return api_nil(L, "closed");
    const int r = sockopt_set(conn_fd(c), conn_family(c), o, value, text);
    if (r < 0) return api_nil_errno(L, -r);
    lua_pushboolean(L, true);
    return 1;
}

/*: connection:getoption(name) -> value | nil, reason
 * What the system has: a boolean, a number, seconds, or a text.
 * example: c:getoption("rcvbuf") */
static int m_getoption(lua_State *L)
{
    const struct conn *c = open_conn(L);
    const struct sockopt *o = check_option(L);
    int64_t value = 0;
    if (!c) return api_nil(L, "closed");
    char text[OPTION_TEXT];
    const int r = o->type == SOCKOPT_TEXT ? sockopt_get_text(conn_fd(c), o, text, sizeof text)
                                          : sockopt_get(conn_fd(c), conn_family(c), o, &value);
    if (r < 0) return api_nil_errno(L, -r);
    if (o->type == SOCKOPT_BOOL)
        lua_pushboolean(L, value != 0);
    else if (o->type == SOCKOPT_TEXT)
        lua_pushstring(L, text);
    else if (o->type == SOCKOPT_SECONDS || o->type == SOCKOPT_MS)
        lua_pushnumber(L, (lua_Number)value / (lua_Number)NS_PER_S);
    else
        lua_pushinteger(L, value);
    return 1;
}

static void set_integer(lua_State *L, const char *name, uint64_t value)
{
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, name);
}

static void add_facts(lua_State *L, const struct conn *c)
{
    struct tcp_facts f;
    if (c->kind != CONN_TCP || tcp_facts_of_fd(c->fd.rfd, &f) < 0) return;
    const char *state = tcp_state_name(f.state);
    lua_pushstring(L, state ? state : "unknown");
    lua_setfield(L, -2, "state");
    lua_pushnumber(L, (lua_Number)f.rtt / (lua_Number)NS_PER_S);
    lua_setfield(L, -2, "rtt");
    lua_pushstring(L, f.congestion);
    lua_setfield(L, -2, "congestion");
    set_integer(L, "mss", f.mss);
    set_integer(L, "retransmits", f.total_retransmits);
    set_integer(L, "unsent", f.unsent);
}

/*: connection:info() -> table
 * state (of TCP, RFC 9293 3.3.2; else "open" or "closed"), peer, local, sent, received, unread (bytes), and of TCP rtt
 * (seconds), mss, retransmits, unsent, congestion; of TLS `tls`: version, cipher, alpn, server_name, peer_subject.
 * example: local state = c:info().state */
static int m_info(lua_State *L)
{
    const struct conn *c = open_conn(L);
    lua_createtable(L, 0, 12);
    lua_pushstring(L, c ? "open" : "closed");
    lua_setfield(L, -2, "state");
    if (!c) return 1;
    static const char *const names[] = {"peer", "local"};
    for (int i = 0; i < 2; i++) {
        lua_getfield(L, 1, names[i]);
        lua_setfield(L, -2, names[i]);
    }
    const int waiting = c->kind == CONN_PROGRAM ? 0 : sock_unread(conn_fd(c));
    set_integer(L, "sent", c->sent);
    set_integer(L, "received", c->base + c->n);
    set_integer(L, "unread", c->n + (waiting > 0 ? (uint64_t)waiting : 0));
    add_facts(L, c);
    luaconn_tls_info(L, c);
    return 1;
}

const luaL_Reg luaconn_info_methods[] = {{"getpeername", m_getpeername},
                                         {"getsockname", m_getsockname},
                                         {"settimeout", m_settimeout},
                                         {"buffered", m_buffered},
                                         {"setoption", m_setoption},
                                         {"getoption", m_getoption},
                                         {"info", m_info},
                                         {NULL, NULL}};
