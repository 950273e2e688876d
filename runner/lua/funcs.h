#ifndef LUA_FUNCS_H
#define LUA_FUNCS_H

/* The helpers that `${}` and Lua scripts share: hex unhex base64 unbase64 pack unpack xor crc16 crc32 md5 sha1 sha256
 * hmac deflate inflate random uuid now json. Each is documented beside its function. */

#include <lua.h>

/* Adds them to the table at the top of the stack, which holds the libraries of Lua already. */
void funcs_open(lua_State *L);
/* Every name that an expression finds without a scenario defining it: base functions, libraries, helpers. Ends with
 * NULL. */
extern const char *const funcs_names[];

#endif
