#ifndef LUA_API_TLS_H
#define LUA_API_TLS_H

/* TLS for scripts: options become settings, and handshakes are waited for. */

#include "lua/api.h"

/* Looks at the table of options at arg (or nil), and begins TLS: for a listener a context, which is the caller's; of a
 * connection its session, as a client that asks for `host` unless the options name another, or as a server. Raises what
 * is no option; pushes nil and why, and returns false (NULL), if TLS cannot begin. */
struct tls_context *api_tls_context(lua_State *L, int arg, bool server, bool datagram, const char **ret_name);
bool api_tls_secure(lua_State *L, struct conn *c, int arg, const char *host);

int luaconn_starttls(lua_State *L);
/* Sets `tls` of the table on top of the stack, if TLS is spoken on the connection. */
void luaconn_tls_info(lua_State *L, const struct conn *c);

#endif
