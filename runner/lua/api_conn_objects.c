#include <sys/socket.h>

#include "lua/api.h"

/* Connections: how their objects come, and go. */

void luaconn_close(struct object *o)
{
    struct luaconn *c = (struct luaconn *)o;
    struct conn *conn = c->conn;
    c->conn = NULL;
    if (!conn || c->borrowed) return;
    luawait_closed(o->host, conn->reader);
    luawait_closed(o->host, conn->writer);
    conn_done(conn);
}

static void opened(struct luahost *h, struct luaconn *c, struct conn *conn)
{
    c->timeout = LUAWAIT_DEFAULT;
    c->conn = conn;
    conn->recorded = true;
    object_open(&c->object, h);
    if (h->ops->opened) h->ops->opened(h, h->current, conn);
}

struct conn *luaconn_push_served(lua_State *L, int listener, struct listener *l)
{
    struct luaconn *c = object_push(L, &luaconn_type, sizeof *c + sizeof(struct conn), 1);
    struct conn *conn = (struct conn *)(c + 1);
    lua_pushvalue(L, listener);
    lua_setiuservalue(L, -2, 1);
    listener_lend(l, conn);
    conn->server = true;
    opened(luahost_of(L), c, conn);
    return conn;
}

int luaconn_push(lua_State *L, int fd, enum addr_scheme scheme, const struct addr *peer, bool reset)
{
    struct luahost *h = luahost_of(L);
    struct luaconn *c = object_push(L, &luaconn_type, sizeof *c + sizeof(struct conn), 0);
    struct conn *conn = (struct conn *)(c + 1);
    const bool datagrams = addr_socktype(scheme) != SOCK_STREAM;
    const int r = datagrams ? conn_init_datagrams(conn, h->sched, fd, scheme, peer)
                            : conn_init_socket(conn, h->sched, fd, scheme == ADDR_UNIX ? CONN_UNIX : CONN_TCP, peer);
    if (r < 0) {
        lua_pop(L, 1);
        return r;
    }
    conn->was_reset = reset;
    conn->server = !peer;
    opened(h, c, conn);
    return 0;
}

struct luaconn *luaconn_lend(lua_State *L, struct conn *conn)
{
    struct luaconn *c = object_push(L, &luaconn_type, sizeof *c, 0);
    c->timeout = LUAWAIT_DEFAULT;
    c->borrowed = true;
    c->conn = conn;
    object_open(&c->object, luahost_of(L));
    return c;
}

void luaconn_lost(struct luaconn *c)
{
    if (c->object.host && c->conn) {
        luawait_closed(c->object.host, c->conn->reader);
        luawait_closed(c->object.host, c->conn->writer);
    }
    object_close(&c->object);
}
