#ifndef LUA_DIGEST_H
#define LUA_DIGEST_H

/* Digests and checksums for Lua: md5 sha1 sha256 hmac (by OpenSSL's EVP) crc16 crc32. */

#include <lua.h>

/* Adds them to the table at the top of the stack. */
void digest_open(lua_State *L);

#endif
