#include "lua/zip.h"

#include <stdint.h>

#include <lauxlib.h>
#include <zlib.h>

#include "lua/state.h"

enum { MOST = 64 << 20, STEP = 64 << 10 };

/* What zlib calls the window bits, and with them the wrapping. */
static int check_format(lua_State *L, int arg)
{
    static const char *const names[] = {"zlib", "raw", "gzip", NULL};
    static const int bits[] = {MAX_WBITS, -MAX_WBITS, MAX_WBITS + 16};
    return bits[luaL_checkoption(L, arg, "zlib", names)];
}

static struct slice check_input(lua_State *L)
{
    struct slice in;
    in.p = luaL_checklstring(L, 1, &in.n);
    luaL_argcheck(L, in.n <= MOST, 1, "more than 64 MiB");
    return in;
}

static void feed(z_stream *z, struct slice in)
{
    /* zlib's pointer is not const, and nothing is written through it. */
    z->next_in = (Bytef *)(uintptr_t)in.p;
    z->avail_in = (uInt)in.n;
}

/* Runs to the end of the stream. Z_STREAM_END, or what zlib met first; Z_MEM_ERROR if out is full. */
static int run(z_stream *z, int (*work)(z_stream *, int), int flush, struct buf *out)
{
    int status = Z_OK;
    while (status == Z_OK) {
        size_t left = out->max - out->n;
        size_t n = left < STEP ? left : STEP;
        if (n == 0) return Z_MEM_ERROR;
        z->next_out = (Bytef *)buf_room(out, n);
        z->avail_out = (uInt)n;
        status = work(z, flush);
        out->n += n - z->avail_out;
    }
    return status;
}

static int give(lua_State *L, const struct buf *out)
{
    lua_pushlstring(L, out->n ? out->p : "", out->n);
    return 1;
}

/*: deflate(data [, format = "zlib"]) -> bytes
 * Compresses. Formats: "zlib" (RFC 1950), "raw" (RFC 1951), "gzip" (RFC 1952).
 * example: send: ${deflate(body, "gzip")} */
static int f_deflate(lua_State *L)
{
    struct slice in = check_input(L);
    int bits = check_format(L, 2);
    struct buf *out = luastate_scratch(L, 2 * (size_t)MOST);
    z_stream z = {0};
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return luaL_error(L, "zlib cannot start");
    feed(&z, in);
    int status = run(&z, deflate, Z_FINISH, out);
    deflateEnd(&z);
    if (status != Z_STREAM_END) return luaL_error(L, "zlib cannot compress this");
    return give(L, out);
}

/*: inflate(bytes [, format = "zlib"]) -> data
 * Decompresses what deflate made, to 64 MiB at most. Broken or incomplete data, or bytes behind its end, is an error.
 * example: inflate(body, "gzip") */
static int f_inflate(lua_State *L)
{
    struct slice in = check_input(L);
    int bits = check_format(L, 2);
    struct buf *out = luastate_scratch(L, MOST);
    z_stream z = {0};
    if (inflateInit2(&z, bits) != Z_OK) return luaL_error(L, "zlib cannot start");
    feed(&z, in);
    int status = run(&z, inflate, Z_NO_FLUSH, out);
    size_t behind = z.avail_in;
    inflateEnd(&z);
    if (status == Z_MEM_ERROR) return luaL_error(L, "inflate: more than 64 MiB");
    if (status == Z_BUF_ERROR) return luaL_error(L, "inflate: the data ends too early");
    if (status != Z_STREAM_END) return luaL_error(L, "inflate: the data is broken");
    if (behind > 0) return luaL_error(L, "inflate: %d bytes behind the end", (int)behind);
    return give(L, out);
}

void zip_open(lua_State *L)
{
    static const luaL_Reg list[] = {{"deflate", f_deflate}, {"inflate", f_inflate}, {NULL, NULL}};
    luaL_setfuncs(L, list, 0);
}
