#include "lua/zip.h"

#include <stdint.h>

#include <lauxlib.h>
#include <zlib.h>

#include "lua/state.h"
#include "util/units.h"

enum { MOST = 64 << 20, STEP = 64 << 10, ENDS_MOST = 64 };

/* How a stream is written and where it ends. */
struct shape {
    bool raw;
    int bits;            /* as zlib takes them: size of the window, and what stands around the stream */
    bool huffman;        /* a window that zlib cannot write: nothing refers back */
    struct slice before; /* raw: what the stream may refer back to */
    bool sync;           /* raw: it ends with the empty block of a flush, and may go on */
    size_t most;
};

static lua_Integer option(lua_State *L, const char *name, lua_Integer least, lua_Integer most, lua_Integer absent)
{
    lua_Integer n = absent;
    if (lua_getfield(L, 3, name) != LUA_TNIL) {
        n = luaL_checkinteger(L, -1);
        if (n < least || n > most) luaL_error(L, "`%s` is %I to %I", name, (LUAI_UACINT)least, (LUAI_UACINT)most);
    }
    lua_pop(L, 1);
    return n;
}

/* Format at 2, options at 3. */
static struct shape check_shape(lua_State *L)
{
    static const char *const names[] = {"zlib", "raw", "gzip", NULL};
    enum { ZLIB, RAW, GZIP };
    struct shape s = {.bits = MAX_WBITS, .most = MOST};
    const int format = luaL_checkoption(L, 2, "zlib", names);
    s.raw = format == RAW;
    if (!lua_isnoneornil(L, 3)) {
        luaL_checktype(L, 3, LUA_TTABLE);
        s.bits = (int)option(L, "bits", 8, MAX_WBITS, MAX_WBITS);
        s.most = (size_t)option(L, "most", 0, MOST, MOST);
        lua_getfield(L, 3, "sync");
        s.sync = lua_toboolean(L, -1);
        lua_getfield(L, 3, "before");
        s.before.p = luaL_optlstring(L, -1, "", &s.before.n);
        luaL_argcheck(L, s.raw || !(s.sync || s.before.n), 3, "`sync` and `before` are for raw streams");
        const size_t window = (size_t)1 << s.bits;
        if (s.before.n > window) s.before = slice_part(s.before, s.before.n - window, s.before.n);
    }
    s.huffman = s.bits == 8;
    if (format == RAW) s.bits = -s.bits;
    if (format == GZIP) s.bits += 16;
    return s;
}

static struct slice check_input(lua_State *L)
{
    struct slice in;
    in.p = luaL_checklstring(L, 1, &in.n);
    luaL_argcheck(L, in.n <= MOST, 1, "more than 64 MiB");
    return in;
}

/* zlib's pointers are not const, and nothing is written through them. */
static Bytef *bytes_of(struct slice s)
{
    return (Bytef *)(uintptr_t)s.p;
}

static void feed(z_stream *z, struct slice in)
{
    z->next_in = bytes_of(in);
    z->avail_in = (uInt)in.n;
}

/* Works until the stream ends or, in one with `sync`, all input is used. Z_STREAM_END, Z_OK for all used, or what zlib
 * met first; Z_MEM_ERROR if out is full. */
static int run(z_stream *z, int (*work)(z_stream *, int), int flush, bool sync, struct buf *out)
{
    int status = Z_OK;
    while (status == Z_OK) {
        /* One byte of room too many shows whether there is more than fits. */
        const size_t left = out->max - out->n;
        const size_t n = left < STEP ? left : STEP;
        if (n == 0) return Z_MEM_ERROR;
        z->next_out = (Bytef *)buf_room(out, n);
        z->avail_out = (uInt)n;
        status = work(z, flush);
        out->n += n - z->avail_out;
        if (sync && z->avail_in == 0 && z->avail_out > 0 && (status == Z_OK || status == Z_BUF_ERROR)) return Z_OK;
    }
    return status;
}

static int give(lua_State *L, const struct buf *out)
{
    lua_pushlstring(L, out->n ? out->p : "", out->n);
    return 1;
}

/*: deflate(data [, format = "zlib" [, options]]) -> bytes
 * Compresses. Formats: "zlib" (RFC 1950), "raw" (RFC 1951), "gzip" (RFC 1952). Options: `bits`, 8 to 15, of the window;
 * in a raw stream also `before`, the data that came before this, which it may refer to, and `sync = true`: it ends with
 * the empty block of a flush (00 00 ff ff) and goes on in the next.
 * example: local packed = deflate("text", "gzip") */
static int f_deflate(lua_State *L)
{
    struct slice in = check_input(L);
    const struct shape s = check_shape(L);
    struct buf *out = luastate_scratch(L, 2 * (size_t)MOST);
    z_stream z = {0};
    /* zlib writes no window of 8 bits: without references back, what it writes fits any. */
    const int bits = s.huffman ? s.bits + (s.raw ? -1 : 1) : s.bits;
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, bits, 8, s.huffman ? Z_HUFFMAN_ONLY : Z_DEFAULT_STRATEGY) !=
        Z_OK)
        return luaL_error(L, "zlib cannot start");
    if (s.before.n) deflateSetDictionary(&z, bytes_of(s.before), (uInt)s.before.n);
    feed(&z, in);
    const int status = run(&z, deflate, s.sync ? Z_SYNC_FLUSH : Z_FINISH, s.sync, out);
    deflateEnd(&z);
    if (status != (s.sync ? Z_OK : Z_STREAM_END)) return luaL_error(L, "zlib cannot compress this");
    return give(L, out);
}

/* A raw stream that says it ends and goes on nevertheless (RFC 7692 7.2.3.5) begins anew behind what it has made. */
static int run_on(z_stream *z, const struct shape *s, struct buf *out)
{
    const size_t window = (size_t)1 << MAX_WBITS;
    int status = run(z, inflate, Z_BLOCK, true, out);
    for (int ends = 0; status == Z_STREAM_END && z->avail_in > 0 && ends < ENDS_MOST; ends++) {
        struct buf before = BUF_INIT(2 * window);
        const size_t made = out->n < window ? out->n : window;
        const size_t kept = s->before.n < window - made ? s->before.n : window - made;
        buf_add(&before, slice_part(s->before, s->before.n - kept, s->before.n));
        buf_add(&before, slice_part(buf_slice(out), out->n - made, out->n));
        inflateReset(z);
        if (before.n) inflateSetDictionary(z, (const Bytef *)before.p, (uInt)before.n);
        buf_done(&before);
        status = run(z, inflate, Z_BLOCK, true, out);
    }
    if (status == Z_STREAM_END && z->avail_in == 0) return Z_OK;
    /* 128: no block is half done. */
    return status == Z_OK && !(z->data_type & 128) ? Z_BUF_ERROR : status;
}

/*: inflate(bytes [, format = "zlib" [, options]]) -> data
 * Decompresses what deflate made. Broken or incomplete data, or bytes behind its end, is an error. Options: those of
 * deflate, and `most`, the bytes that it may make (64 MiB): more is an error.
 * example: inflate(deflate("text")) --> "text" */
static int f_inflate(lua_State *L)
{
    struct slice in = check_input(L);
    const struct shape s = check_shape(L);
    struct buf *out = luastate_scratch(L, s.most + 1);
    z_stream z = {0};
    if (inflateInit2(&z, s.bits) != Z_OK) return luaL_error(L, "zlib cannot start");
    if (s.before.n) inflateSetDictionary(&z, bytes_of(s.before), (uInt)s.before.n);
    feed(&z, in);
    const int status = s.sync ? run_on(&z, &s, out) : run(&z, inflate, Z_NO_FLUSH, false, out);
    const size_t behind = z.avail_in;
    inflateEnd(&z);
    char most[UNITS_TEXT];
    if (status == Z_MEM_ERROR || out->n > s.most)
        return luaL_error(L, "inflate: more than %s", units_show_size(s.most, most));
    if (status == Z_BUF_ERROR) return luaL_error(L, "inflate: the data ends too early");
    if (status != (s.sync ? Z_OK : Z_STREAM_END)) return luaL_error(L, "inflate: the data is broken");
    if (behind > 0) return luaL_error(L, "inflate: %d bytes behind the end", (int)behind);
    return give(L, out);
}

void zip_open(lua_State *L)
{
    static const luaL_Reg list[] = {{"deflate", f_deflate}, {"inflate", f_inflate}, {NULL, NULL}};
    luaL_setfuncs(L, list, 0);
}
