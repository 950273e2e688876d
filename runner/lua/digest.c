#include "lua/digest.h"

#include <limits.h>
#include <stddef.h>

#include <lauxlib.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <zlib.h>

static int digest(lua_State *L, const EVP_MD *kind)
{
    size_t n;
    const char *data = luaL_checklstring(L, 1, &n);
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned length;
    if (EVP_Digest(data, n, out, &length, kind, NULL) != 1)
        return luaL_error(L, "this system's OpenSSL refuses the digest");
    lua_pushlstring(L, (char *)out, length);
    return 1;
}

/*: md5(data) -> 16 bytes
 * MD5 (RFC 1321), as raw bytes. For protocols that want it, not for secrecy.
 * example: hex(md5("")) --> "d41d8cd98f00b204e9800998ecf8427e" */
static int f_md5(lua_State *L)
{
    return digest(L, EVP_md5());
}

/*: sha1(data) -> 20 bytes
 * SHA-1 (RFC 3174), as raw bytes.
 * example: base64(sha1("abc")) --> "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=" */
static int f_sha1(lua_State *L)
{
    return digest(L, EVP_sha1());
}

/*: sha256(data) -> 32 bytes
 * SHA-256 (RFC 6234), as raw bytes.
 * example: local digest = hex(sha256("abc")) */
static int f_sha256(lua_State *L)
{
    return digest(L, EVP_sha256());
}

/*: hmac(key, data [, digest = "sha256"]) -> bytes
 * HMAC (RFC 2104), as raw bytes; the digest is one of md5 sha1 sha256 sha384 sha512.
 * example: local mac = hex(hmac("key", "data", "sha1")) */
static int f_hmac(lua_State *L)
{
    static const char *const names[] = {"md5", "sha1", "sha256", "sha384", "sha512", NULL};
    static const EVP_MD *(*const kinds[])(void) = {EVP_md5, EVP_sha1, EVP_sha256, EVP_sha384, EVP_sha512};
    size_t key_n, n;
    const char *key = luaL_checklstring(L, 1, &key_n);
    const char *data = luaL_checklstring(L, 2, &n);
    const EVP_MD *kind = kinds[luaL_checkoption(L, 3, "sha256", names)]();
    luaL_argcheck(L, key_n <= INT_MAX, 1, "the key is too long");
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned length;
    if (!HMAC(kind, key, (int)key_n, (const unsigned char *)data, n, out, &length))
        return luaL_error(L, "this system's OpenSSL refuses the digest");
    lua_pushlstring(L, (char *)out, length);
    return 1;
}

/* Low bit first. */
static unsigned crc16_reflected(const unsigned char *p, size_t n, unsigned crc)
{
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1;
    }
    return crc;
}

/* High bit first. */
static unsigned crc16_plain(const unsigned char *p, size_t n, unsigned crc)
{
    for (size_t i = 0; i < n; i++) {
        crc ^= (unsigned)p[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1) & 0xFFFF;
    }
    return crc;
}

/*: crc16(data [, kind = "modbus"]) -> number
 * A 16-bit checksum. Kinds: "modbus" (polynomial 0x8005 reflected, start 0xFFFF; sent low byte first: pack("<I2", ..)),
 * "arc" (the same, start 0), "ccitt" (polynomial 0x1021, start 0xFFFF; also called CCITT-FALSE or IBM-3740).
 * example: crc16("123456789") --> 0x4B37 */
static int f_crc16(lua_State *L)
{
    static const char *const names[] = {"modbus", "arc", "ccitt", NULL};
    enum { MODBUS, ARC, CCITT };
    size_t n;
    const unsigned char *data = (const unsigned char *)luaL_checklstring(L, 1, &n);
    int kind = luaL_checkoption(L, 2, "modbus", names);
    unsigned crc = kind == CCITT ? crc16_plain(data, n, 0xFFFF) : crc16_reflected(data, n, kind == MODBUS ? 0xFFFF : 0);
    lua_pushinteger(L, crc);
    return 1;
}

/*: crc32(data) -> number
 * The CRC-32 of Ethernet, gzip and PNG (ISO 3309).
 * example: crc32("123456789") --> 0xCBF43926 */
static int f_crc32(lua_State *L)
{
    size_t n;
    const char *data = luaL_checklstring(L, 1, &n);
    lua_pushinteger(L, (lua_Integer)crc32_z(0, (const Bytef *)data, n));
    return 1;
}

void digest_open(lua_State *L)
{
    static const luaL_Reg list[] = {{"md5", f_md5},     {"sha1", f_sha1},   {"sha256", f_sha256}, {"hmac", f_hmac},
                                    {"crc16", f_crc16}, {"crc32", f_crc32}, {NULL, NULL}};
    luaL_setfuncs(L, list, 0);
}
