#include "lua/funcs.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <lauxlib.h>

#include "lua/digest.h"
#include "lua/sandbox.h"
#include "lua/state.h"
#include "lua/value.h"
#include "lua/zip.h"
#include "util/clock.h"
#include "util/text.h"

/* Every helper has a comment that starts with a colon: its call, what it does, an example. The reference is made of
 * them. */

enum { RANDOM_MOST = 64 << 20 };

const char *const funcs_names[] = {
    "_VERSION", "assert",       "collectgarbage", "error",     "getmetatable", "ipairs",  "load",
    "next",     "pairs",        "pcall",          "rawequal",  "rawget",       "rawlen",  "rawset",
    "select",   "setmetatable", "tonumber",       "tostring",  "type",         "xpcall",  "string",
    "table",    "math",         "utf8",           "coroutine", "os",           "hex",     "unhex",
    "base64",   "unbase64",     "pack",           "unpack",    "xor",          "crc16",   "crc32",
    "md5",      "sha1",         "sha256",         "hmac",      "deflate",      "inflate", "random",
    "uuid",     "now",          "json",           NULL};

static struct slice check_slice(lua_State *L, int arg)
{
    struct slice s;
    s.p = luaL_checklstring(L, arg, &s.n);
    return s;
}

static int give(lua_State *L, const struct buf *out)
{
    lua_pushlstring(L, out->n ? out->p : "", out->n);
    return 1;
}

/* What a codec may make of n bytes of input, so that it never overflows. */
static struct buf *room_for(lua_State *L, size_t n)
{
    return luastate_scratch(L, 2 * n + 64);
}

/*: hex(bytes) -> text
 * Lower-case hex digits, two for each byte.
 * example: hex("\1\xff") --> "01ff" */
static int f_hex(lua_State *L)
{
    struct slice in = check_slice(L, 1);
    struct buf *out = room_for(L, in.n);
    text_hex(in, "", out);
    return give(L, out);
}

/*: unhex(text) -> bytes
 * The bytes that hex digits say; white space between bytes is allowed.
 * example: unhex("61 62") --> "ab" */
static int f_unhex(lua_State *L)
{
    struct slice in = check_slice(L, 1);
    struct buf *out = room_for(L, in.n);
    size_t at = 0;
    const char *wrong = text_unhex(in, out, &at);
    if (wrong) return luaL_error(L, "unhex: %s, at byte %I", wrong, (lua_Integer)at);
    return give(L, out);
}

/*: base64(bytes) -> text
 * Base64 (RFC 4648 section 4), padded, in one line.
 * example: base64("\0user\0secret") --> "AHVzZXIAc2VjcmV0" */
static int f_base64(lua_State *L)
{
    struct slice in = check_slice(L, 1);
    struct buf *out = room_for(L, in.n);
    text_base64(in, out);
    return give(L, out);
}

/*: unbase64(text) -> bytes
 * The bytes of base64 (RFC 4648 section 4); white space is ignored, padding required.
 * example: unbase64("AHVzZXIAc2VjcmV0") --> "\0user\0secret" */
static int f_unbase64(lua_State *L)
{
    struct slice in = check_slice(L, 1);
    struct buf *out = room_for(L, in.n);
    size_t at = 0;
    const char *wrong = text_unbase64(in, out, &at);
    if (wrong) return luaL_error(L, "unbase64: %s, at byte %I", wrong, (lua_Integer)at);
    return give(L, out);
}

/*: xor(data, key) -> bytes
 * Each byte xor-ed with the key, which is repeated as long as the data.
 * example: xor("\1\2\3", "\1") --> "\0\3\2" */
static int f_xor(lua_State *L)
{
    struct slice in = check_slice(L, 1), key = check_slice(L, 2);
    luaL_argcheck(L, key.n > 0, 2, "an empty key");
    luaL_Buffer b;
    char *out = luaL_buffinitsize(L, &b, in.n);
    for (size_t i = 0, k = 0; i < in.n; i++) {
        out[i] = (char)(in.p[i] ^ key.p[k]);
        if (++k == key.n) k = 0;
    }
    luaL_pushresultsize(&b, in.n);
    return 1;
}

static void fill_random(lua_State *L, void *p, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = getrandom((char *)p + done, n - done, 0);
        if (got > 0)
            done += (size_t)got;
        else if (errno != EINTR)
            luaL_error(L, "random: %s", strerror(errno));
    }
}

/*: random(n) -> bytes
 * n bytes of the system's random source. For numbers there is math.random.
 * example: local four = random(4) */
static int f_random(lua_State *L)
{
    lua_Integer n = luaL_checkinteger(L, 1);
    luaL_argcheck(L, n >= 0 && n <= RANDOM_MOST, 1, "0 to 64 MiB");
    luaL_Buffer b;
    fill_random(L, luaL_buffinitsize(L, &b, (size_t)n), (size_t)n);
    luaL_pushresultsize(&b, (size_t)n);
    return 1;
}

/*: uuid() -> text
 * A random UUID (RFC 9562, version 4).
 * example: local id = uuid() */
static int f_uuid(lua_State *L)
{
    unsigned char id[16];
    fill_random(L, id, sizeof id);
    id[6] = (unsigned char)((id[6] & 0x0F) | 0x40);
    id[8] = (unsigned char)((id[8] & 0x3F) | 0x80);
    char text[37];
    size_t n = 0;
    for (size_t i = 0; i < sizeof id; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text[n++] = '-';
        text[n++] = "0123456789abcdef"[id[i] >> 4];
        text[n++] = "0123456789abcdef"[id[i] & 15];
    }
    lua_pushlstring(L, text, n);
    return 1;
}

/*: now() -> seconds
 * The time as seconds since 1970, with a fraction.
 * example: local began = now() */
static int f_now(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)clock_wall() / 1e9);
    return 1;
}

/*: json.encode(value) -> text
 * Compact JSON, keys sorted; `json(value)` is the same. A table with the keys 1 to n is an array, an empty one too
 * (see json.object); json.null is null.
 * example: json({id = 7, tags = {"a", "b"}}) --> '{"id":7,"tags":["a","b"]}' */
static int f_encode(lua_State *L)
{
    luaL_checkany(L, 1);
    luaL_checkstack(L, 2 * LUA_MINSTACK, NULL);
    struct luastate *s = luastate_of(L);
    struct buf *out = luastate_scratch(L, s->cap);
    if (!value_json(L, 1, out)) return luaL_error(L, "json: %s", lua_tostring(L, -1));
    return give(L, out);
}

/* json(value): the table comes first. */
static int f_json(lua_State *L)
{
    lua_remove(L, 1);
    return f_encode(L);
}

/*: json.decode(text) -> value
 * The value of a JSON text. Numbers without a fraction or exponent are integers, null is json.null.
 * example: json.decode('{"id":7}').id --> 7 */
static int f_decode(lua_State *L)
{
    struct slice in = check_slice(L, 1);
    luaL_checkstack(L, 2 * LUA_MINSTACK, NULL);
    if (!value_parse_json(L, in)) return luaL_error(L, "json.decode: %s", lua_tostring(L, -1));
    return 1;
}

/*: json.object([table]) -> table
 * Marks the table, or a new one, as an object: json writes it as {} when it is empty.
 * example: json({params = json.object()}) --> '{"params":{}}' */
static int f_object(lua_State *L)
{
    lua_settop(L, 1);
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
        lua_replace(L, 1);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    value_object(L);
    return 1;
}

static void open_json(lua_State *L)
{
    static const luaL_Reg list[] = {
        {"encode", f_encode}, {"decode", f_decode}, {"object", f_object}, {"__call", f_json}, {NULL, NULL}};
    luaL_newlib(L, list);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    sandbox_lock(L, "json");
    lua_setfield(L, -2, "json");
}

/*: pack(format, value...) -> bytes
 * string.pack (Lua 5.4 manual 6.4.2).
 * example: pack(">I2 s1", 7, "abc") --> "\0\7\3abc" */
/*: unpack(format, bytes [, from = 1]) -> value..., next
 * string.unpack (Lua 5.4 manual 6.4.2).
 * example: unpack(">I2 B", "\0\7\3") --> 7, 3, 4 */
static void open_pack(lua_State *L)
{
    static const char *const names[] = {"pack", "unpack"};
    lua_getfield(L, -1, "string");
    for (int i = 0; i < 2; i++) {
        lua_getfield(L, -1, names[i]);
        lua_setfield(L, -3, names[i]);
    }
    lua_pop(L, 1);
}

void funcs_open(lua_State *L)
{
    static const luaL_Reg list[] = {{"hex", f_hex},           {"unhex", f_unhex}, {"base64", f_base64},
                                    {"unbase64", f_unbase64}, {"xor", f_xor},     {"random", f_random},
                                    {"uuid", f_uuid},         {"now", f_now},     {NULL, NULL}};
    luaL_setfuncs(L, list, 0);
    digest_open(L);
    zip_open(L);
    open_json(L);
    open_pack(L);
}
