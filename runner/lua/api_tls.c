#include "lua/api_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "net/sock.h"
#include "util/mem.h"

enum { PEM_MOST = 1 << 20, ALPN_MOST = 1 << 16, PROTOCOL_MOST = 255 };

static const char *const option_names[] = {"cert",   "key",         "ca",          "server_name", "alpn", "ciphers",
                                           "verify", "min_version", "max_version", "client_cert", NULL};

/* A misspelt option would leave out what it is there for. */
static void check_names(lua_State *L, int arg)
{
    lua_pushnil(L);
    while (lua_next(L, arg)) {
        lua_pop(L, 1);
        const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
        const char *const *known = option_names;
        while (*known && strcmp(*known, name) != 0)
            known++;
        if (!*known) luaL_error(L, "tls: unknown option `%s`", luaL_tolstring(L, -1, NULL));
    }
}

/* What is found stays on the stack for as long as the settings are looked at. */
static const char *text_option(lua_State *L, int arg, const char *name)
{
    luaL_checkstack(L, 4, NULL);
    return api_option(L, arg, name) ? luaL_checkstring(L, -1) : NULL;
}

static struct slice file_option(lua_State *L, int arg, const char *name)
{
    const struct luahost *h = luahost_of(L);
    const char *path = text_option(L, arg, name);
    if (!path) return (struct slice){0};
    const int fd = permit_open(h->permit, path, O_RDONLY | O_NONBLOCK, 0, h->need);
    if (fd == -PERMIT_DENIED) luafail_denied(L, h);
    if (fd < 0) luaL_error(L, "tls: %s: %s", path, strerror(-fd));
    struct buf text = BUF_INIT(PEM_MOST);
    char part[4096];
    ssize_t n;
    while ((n = sock_read(fd, part, sizeof part)) > 0 && buf_add(&text, (struct slice){part, (size_t)n}))
        continue;
    close(fd);
    const bool good = n == 0;
    lua_pushlstring(L, good && text.n ? text.p : "", good ? text.n : 0);
    buf_done(&text);
    if (!good) luaL_error(L, "tls: %s: %s", path, n < 0 ? strerror((int)-n) : "has more than 1 MiB");
    struct slice kept;
    kept.p = lua_tolstring(L, -1, &kept.n);
    return kept;
}

static int version_option(lua_State *L, int arg, const char *name)
{
    const char *text = text_option(L, arg, name);
    const int version = text ? tls_version_of_name(slice_of(text)) : 0;
    if (text && !version) luaL_error(L, "tls: %s: `%s` is no version such as TLSv1.3", name, text);
    return version;
}

/* A name or a list of them, in the form of the wire (RFC 7301 3.1). */
static struct slice alpn_option(lua_State *L, int arg)
{
    luaL_Buffer b;
    struct slice list = {0};
    if (!api_option(L, arg, "alpn")) return list;
    const int at = lua_gettop(L);
    const bool one = lua_type(L, at) != LUA_TTABLE;
    const lua_Integer n = one ? 1 : luaL_len(L, at);
    luaL_buffinit(L, &b);
    for (lua_Integer i = 1; i <= n; i++) {
        size_t length;
        if (one)
            lua_pushvalue(L, at);
        else
            lua_geti(L, at, i);
        const char *name = luaL_checklstring(L, -1, &length);
        if (!length || length > PROTOCOL_MOST) luaL_error(L, "tls: alpn: the name of a protocol has 1 to 255 bytes");
        lua_pushfstring(L, "%c%s", (int)length, name);
        lua_remove(L, -2);
        luaL_addvalue(&b);
    }
    luaL_pushresult(&b);
    list.p = lua_tolstring(L, -1, &list.n);
    return list;
}

static enum tls_client_cert client_cert_option(lua_State *L, int arg)
{
    const char *text = text_option(L, arg, "client_cert");
    if (!text) return TLS_CLIENT_NONE;
    if (strcmp(text, "request") == 0) return TLS_CLIENT_REQUEST;
    if (strcmp(text, "require") != 0) luaL_error(L, "tls: client_cert: `request` or `require`");
    return TLS_CLIENT_REQUIRE;
}

/* What is spoken over datagrams has a version of its own. */
static void check_version(lua_State *L, int version, bool datagram)
{
    if (version && (version == DTLS1_2_VERSION) != datagram)
        luaL_error(L, "tls: %s", datagram ? "over datagrams DTLSv1.2 is spoken" : "DTLSv1.2 is for dtls:// addresses");
}

struct tls_context *api_tls_context(lua_State *L, int arg, bool server, bool datagram, const char **ret_name)
{
    const struct luahost *h = luahost_of(L);
    struct tls_settings s = {.server = server, .datagram = datagram};
    char why[TLS_WHY];
    const int top = lua_gettop(L);
    arg = lua_absindex(L, arg);
    luaL_checkstack(L, 20, NULL);
    if (!lua_isnoneornil(L, arg)) {
        luaL_checktype(L, arg, LUA_TTABLE);
        check_names(L, arg);
        s.pem = (struct tls_pem){file_option(L, arg, "cert"), file_option(L, arg, "key"), file_option(L, arg, "ca")};
        s.server_name = text_option(L, arg, "server_name");
        s.alpn = alpn_option(L, arg);
        s.ciphers = text_option(L, arg, "ciphers");
        s.min_version = version_option(L, arg, "min_version");
        s.max_version = version_option(L, arg, "max_version");
        s.client_cert = client_cert_option(L, arg);
        check_version(L, s.min_version, datagram);
        check_version(L, s.max_version, datagram);
        s.no_verify = api_option(L, arg, "verify") && !lua_toboolean(L, -1);
    }
    const struct slice *wrong = tls_pem_wrong(&s.pem, why);
    struct tls_context *c = wrong ? NULL : tls_context_get(h->tls, &s, why);
    if (c && ret_name && s.server_name) *ret_name = s.server_name;
    if (!c) luaL_error(L, "tls: %s", why);
    lua_settop(L, top);
    return c;
}

bool api_tls_secure(lua_State *L, struct conn *c, int arg, const char *host)
{
    const char *name = host;
    struct tls_context *context = api_tls_context(L, arg, c->server, c->datagrams != NULL, &name);
    const bool ok = conn_secure(c, context, name);
    tls_context_free(context);
    if (!ok) api_nil(L, "tls: it cannot begin");
    return ok;
}

static int shaken(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    if (luawait_result(L) != LUAWAIT_DONE) return luawait_fail(L);
    luawait_done(L);
    lua_pushboolean(L, true);
    return 1;
}

/*: connection:starttls([options]) -> true | nil, reason
 * From here on TLS is spoken, over UDP DTLS; who has accepted the connection is the server. Waits for the handshake.
 * What has been received and not taken belongs to the handshake. Options: cert, key, ca (PEM files), server_name, alpn,
 * min_version, max_version, ciphers, verify, client_cert. example: assert(c:starttls{server_name = "mail.test"}) */
int luaconn_starttls(lua_State *L)
{
    struct luaconn *c = luaconn_check(L, 1);
    struct conn *conn = luaconn_readable(L, c);
    char host[ADDR_TEXT];
    lua_settop(L, 2);
    if (!conn) return api_nil(L, "closed");
    if (conn->tls) return luaL_error(L, "TLS is spoken on this connection already");
    if (conn->datagrams && conn->datagrams->scheme != ADDR_UDP)
        return luaL_error(L, "TLS is spoken over streams and UDP");
    const bool inet = conn->peer.len > 0;
    if (inet) addr_show_host(&conn->peer.sa, conn->peer.len, host, sizeof host);
    if (!api_tls_secure(L, conn, 2, inet ? host : NULL)) return 2;
    struct handshake_op *o = &api_room(L)->handshake;
    handshake_begin(o, conn);
    return luawait(L, &o->op, c->timeout, 0, shaken);
}

static void set_text(lua_State *L, const char *name, struct slice text)
{
    if (!text.n) return;
    lua_pushlstring(L, text.p, text.n);
    lua_setfield(L, -2, name);
}

void luaconn_tls_info(lua_State *L, const struct conn *c)
{
    struct tls_facts f;
    if (!c->tls || !tls_facts(c->tls, &f)) return;
    lua_createtable(L, 0, 5);
    set_text(L, "version", slice_of(f.version));
    set_text(L, "cipher", slice_of(f.cipher));
    set_text(L, "alpn", f.alpn);
    set_text(L, "server_name", slice_of(f.server_name));
    set_text(L, "peer_subject", slice_of(f.peer_subject));
    lua_setfield(L, -2, "tls");
}
