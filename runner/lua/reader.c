#include "lua/reader.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "op/expect.h"
#include "util/text.h"

enum { MAGIC = 0x52454144 | 1, HEADERS_MOST = 10000, DIGITS_MOST = 18, SHOWN = 24 };

#define READER_TYPE "sockrun.reader"

/* Its address is what is raised with a state that says why. */
static char raised;

static struct reader_object *self(lua_State *L)
{
    struct reader_object *r = lua_touserdata(L, 1);
    if (!r || lua_islightuserdata(L, 1) || lua_rawlen(L, 1) != sizeof *r || r->magic != (uint32_t)MAGIC)
        luaL_argerror(L, 1, "the reader is wanted: call its methods with a colon, `r:line()`");
    if ((r->part_of ? r->part_of : r)->state == READER_CLOSED)
        luaL_error(L, "this reader's message is over: it reads nothing outside of its decode");
    return r;
}

bool reader_raised(lua_State *L, int index)
{
    return lua_touserdata(L, index) == &raised;
}

/* What goes wrong in a part goes wrong in its message. */
static int raise_marked(lua_State *L, struct reader_object *r, enum reader_state state)
{
    struct reader_object *whole = r->part_of;
    if (whole) {
        memcpy(whole->why, r->why, sizeof whole->why);
        whole->at = r->from + r->at;
    }
    (whole ? whole : r)->state = state;
    lua_pushlightuserdata(L, &raised);
    return lua_error(L);
}

int reader_fail(lua_State *L, struct reader_object *r, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(r->why, sizeof r->why, format, ap);
    va_end(ap);
    return raise_marked(L, r, READER_MALFORMED);
}

static struct slice left(const struct reader_object *r)
{
    return slice_part(r->have, r->at, r->have.n);
}

/* Waits for more, and goes on with k; `missing` is how many bytes are known to be needed, 0: at least one. */
static int more(lua_State *L, struct reader_object *r, lua_KFunction k, lua_KContext ctx, size_t missing)
{
    if (r->part_of) {
        r->at = r->have.n;
        return missing ? reader_fail(L, r, "it ends here, where %zu more byte%s must come", missing,
                                     missing == 1 ? "" : "s")
                       : reader_fail(L, r, "it ends here, where more must come");
    }
    if (r->complete) return raise_marked(L, r, READER_CUT);
    if (!lua_isyieldable(L)) return luaL_error(L, "cannot wait for more bytes here");
    r->state = READER_WAITS;
    return lua_yieldk(L, 0, ctx, k);
}

static void push_slice(lua_State *L, struct slice s)
{
    lua_pushlstring(L, s.n ? s.p : "", s.n);
}

/* The count of bytes at `arg`, which the buffer could hold. */
static size_t check_count(lua_State *L, struct reader_object *r, int arg)
{
    const lua_Integer n = luaL_checkinteger(L, arg);
    if (n < 0) reader_fail(L, r, "a count of %lld bytes", (long long)n);
    if (n > CONN_BUFFER_MOST) reader_fail(L, r, "a count of %lld bytes, more than 64 MiB", (long long)n);
    return (size_t)n;
}

/* The line from the place on: true with its bytes without their end, and where the next begins. */
static bool find_line(const struct reader_object *r, size_t scan, struct slice *ret, size_t *ret_next)
{
    const char *end = scan < r->have.n ? memchr(r->have.p + scan, '\n', r->have.n - scan) : NULL;
    if (!end) return false;
    size_t n = (size_t)(end - r->have.p);
    *ret_next = n + 1;
    if (n > r->at && r->have.p[n - 1] == '\r') n--;
    *ret = slice_part(r->have, r->at, n - r->at);
    return true;
}

static int line_k(lua_State *L, int status, lua_KContext scan)
{
    (void)status;
    struct reader_object *r = self(L);
    struct slice line;
    const size_t from = (size_t)scan > r->at ? (size_t)scan : r->at;
    size_t next;
    if (!find_line(r, from, &line, &next)) return more(L, r, line_k, (lua_KContext)r->have.n, 0);
    r->at = next;
    push_slice(L, line);
    return 1;
}

/* r:line() -> the next line, without its end (CRLF or LF) */
static int reader_line(lua_State *L)
{
    return line_k(L, LUA_OK, 0);
}

static int words_k(lua_State *L, int status, lua_KContext scan)
{
    (void)status;
    struct reader_object *r = self(L);
    const lua_Integer most = luaL_optinteger(L, 2, 3);
    struct slice line;
    const size_t from = (size_t)scan > r->at ? (size_t)scan : r->at;
    size_t next;
    if (!find_line(r, from, &line, &next)) return more(L, r, words_k, (lua_KContext)r->have.n, 0);
    r->at = next;
    int n = 0;
    luaL_argcheck(L, most >= 1 && most <= 100, 2, "from 1 to 100 words");
    luaL_checkstack(L, (int)most, NULL);
    for (; n + 1 < most; n++) {
        const char *blank = line.n ? memchr(line.p, ' ', line.n) : NULL;
        if (!blank) break;
        const size_t len = (size_t)(blank - line.p);
        push_slice(L, slice_part(line, 0, len));
        line = slice_part(line, len + 1, line.n);
    }
    push_slice(L, line);
    return n + 1;
}

/* r:words([n]) -> the next line, cut at single blanks into at most n (3) words; the last holds what is left */
static int reader_words(lua_State *L)
{
    return words_k(L, LUA_OK, 0);
}

static int until_k(lua_State *L, int status, lua_KContext scan)
{
    (void)status;
    struct reader_object *r = self(L);
    struct slice mark;
    mark.p = luaL_checklstring(L, 2, &mark.n);
    luaL_argcheck(L, mark.n > 0, 2, "an empty delimiter");
    const size_t from = (size_t)scan > r->at ? (size_t)scan : r->at;
    const char *end = memmem(r->have.p + from, r->have.n - from, mark.p, mark.n);
    if (!end) {
        const size_t kept = mark.n - 1;
        const size_t next = r->have.n > kept ? r->have.n - kept : 0;
        return more(L, r, until_k, (lua_KContext)next, 0);
    }
    const size_t n = (size_t)(end - r->have.p);
    push_slice(L, slice_part(r->have, r->at, n - r->at));
    r->at = n + mark.n;
    return 1;
}

/* r:until_(s) -> the bytes before the next s, which is taken too */
static int reader_until(lua_State *L)
{
    return until_k(L, LUA_OK, 0);
}

static int bytes_k(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    struct reader_object *r = self(L);
    const size_t n = check_count(L, r, 2);
    const struct slice have = left(r);
    if (have.n < n) return more(L, r, bytes_k, ctx, n - have.n);
    if (ctx == 0) push_slice(L, slice_part(have, 0, n));
    r->at += n;
    return ctx == 0;
}

/* r:bytes(n) -> the next n bytes */
static int reader_bytes(lua_State *L)
{
    return bytes_k(L, LUA_OK, 0);
}

/* r:skip(n): passes over n bytes */
static int reader_skip(lua_State *L)
{
    return bytes_k(L, LUA_OK, 1);
}

static int peek_k(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    struct reader_object *r = self(L);
    const size_t n = check_count(L, r, 2);
    const struct slice have = left(r);
    if (have.n < n && !r->complete) return more(L, r, peek_k, ctx, n - have.n);
    push_slice(L, slice_part(have, 0, n));
    return 1;
}

/* r:peek(n) -> the next n bytes, which stay to be read; fewer where the stream ends */
static int reader_peek(lua_State *L)
{
    return peek_k(L, LUA_OK, 0);
}

static int accept_k(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    struct reader_object *r = self(L);
    struct slice want;
    want.p = luaL_checklstring(L, 2, &want.n);
    const struct slice have = left(r);
    const size_t n = have.n < want.n ? have.n : want.n;
    bool is = n == 0 || memcmp(have.p, want.p, n) == 0;
    if (is && n < want.n && !r->complete) return more(L, r, accept_k, ctx, want.n - n);
    is = is && n == want.n;
    if (is) r->at += n;
    lua_pushboolean(L, is);
    return 1;
}

/* r:accept(s) -> true if s comes next, which is taken then; else false, and nothing is */
static int reader_accept(lua_State *L)
{
    return accept_k(L, LUA_OK, 0);
}

static int need_k(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    struct reader_object *r = self(L);
    struct slice want;
    want.p = luaL_checklstring(L, 2, &want.n);
    const struct slice have = left(r);
    for (size_t i = 0; i < want.n; i++) {
        if (i == have.n) return more(L, r, need_k, ctx, want.n - i);
        if (have.p[i] == want.p[i]) continue;
        struct buf text = BUF_INIT(400);
        text_quote(want, SHOWN, &text);
        snprintf(r->why, sizeof r->why, "%s must come here", buf_str(&text));
        buf_done(&text);
        r->at += i;
        return raise_marked(L, r, READER_MALFORMED);
    }
    r->at += want.n;
    return 0;
}

/* r:need(s): s must come next, and is taken */
static int reader_need_(lua_State *L)
{
    return need_k(L, LUA_OK, 0);
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return 99;
}

static int number_k(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    struct reader_object *r = self(L);
    const lua_Integer base = luaL_optinteger(L, 2, 10);
    luaL_argcheck(L, base == 10 || base == 16 || base == 8, 2, "8, 10 or 16");
    const struct slice have = left(r);
    size_t i = 0;
    bool negative = false;
    if (have.n && base == 10 && (have.p[0] == '-' || have.p[0] == '+')) negative = have.p[i++] == '-';
    const size_t first = i;
    uint64_t n = 0;
    bool over = false;
    for (; i < have.n && digit_of(have.p[i]) < base; i++) {
        const uint64_t digit = (uint64_t)digit_of(have.p[i]);
        over |= n > ((uint64_t)INT64_MAX + negative - digit) / (uint64_t)base;
        n = n * (uint64_t)base + digit;
    }
    if (i == have.n && !r->complete && !r->part_of) return more(L, r, number_k, ctx, 0);
    if (i == first && i == have.n) return more(L, r, number_k, ctx, 1);
    if (i == first) return r->at += i, reader_fail(L, r, "a digit must come here");
    if (over) return reader_fail(L, r, "a number that is too large");
    r->at += i;
    lua_pushinteger(L, (lua_Integer)(negative ? 0 - n : n));
    return 1;
}

/* r:number([base]) -> the integer whose digits come next: base 10, with a sign before it, or 16 or 8 */
static int reader_number(lua_State *L)
{
    return number_k(L, LUA_OK, 0);
}

static int token_k(lua_State *L, int status, lua_KContext scan)
{
    (void)status;
    struct reader_object *r = self(L);
    struct slice ends;
    ends.p = luaL_checklstring(L, 2, &ends.n);
    size_t i = (size_t)scan > r->at ? (size_t)scan : r->at;
    while (i < r->have.n && !memchr(ends.p, r->have.p[i], ends.n))
        i++;
    if (i == r->have.n) {
        if (!r->part_of) return more(L, r, token_k, (lua_KContext)i, 0);
        push_slice(L, left(r));
        r->at = i;
        return 1;
    }
    push_slice(L, slice_part(r->have, r->at, i - r->at));
    push_slice(L, slice_part(r->have, i, 1));
    r->at = i + 1;
    return 2;
}

/* r:token(ends) -> the bytes before the next byte that is one of `ends`, and that byte; both are taken */
static int reader_token(lua_State *L)
{
    return token_k(L, LUA_OK, 0);
}

static int unpack_k(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    struct reader_object *r = self(L);
    luaL_checkstring(L, 2);
    lua_settop(L, 2);
    const struct slice have = left(r);
    lua_pushvalue(L, lua_upvalueindex(2)); /* string.packsize */
    lua_pushvalue(L, 2);
    if (lua_pcall(L, 1, 1, 0) == LUA_OK) {
        const size_t n = (size_t)lua_tointeger(L, -1);
        if (have.n < n) return more(L, r, unpack_k, ctx, n - have.n);
        lua_settop(L, 2);
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_pushvalue(L, 2);
        push_slice(L, slice_part(have, 0, n));
        lua_call(L, 2, LUA_MULTRET);
        lua_pop(L, 1);
        r->at += n;
        return lua_gettop(L) - 2;
    }
    lua_settop(L, 2);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, 2);
    push_slice(L, have);
    if (lua_pcall(L, 2, LUA_MULTRET, 0) != LUA_OK) {
        const char *why = lua_tostring(L, -1);
        if (why && (strstr(why, "too short") || strstr(why, "unfinished string"))) return more(L, r, unpack_k, ctx, 0);
        return lua_error(L);
    }
    r->at += (size_t)lua_tointeger(L, -1) - 1;
    lua_pop(L, 1);
    return lua_gettop(L) - 2;
}

/* r:unpack(format) -> the values of string.unpack */
static int reader_unpack(lua_State *L)
{
    return unpack_k(L, LUA_OK, 0);
}

static const char *const prefix_names[] = {"u8", "u16be", "u16le", "u32be", "u32le", "varint", NULL};

static int prefixed_k(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    struct reader_object *r = self(L);
    const enum prefix_kind kind = (enum prefix_kind)luaL_checkoption(L, 2, NULL, prefix_names);
    const struct slice have = left(r);
    size_t head;
    const uint64_t n = prefix_count(kind, have, &head);
    if (!head && n) return reader_fail(L, r, "a count without an end");
    if (!head) return more(L, r, prefixed_k, ctx, 0);
    if (n > CONN_BUFFER_MOST) return reader_fail(L, r, "a count of %" PRIu64 " bytes, more than 64 MiB", n);
    if (have.n < head + n) return more(L, r, prefixed_k, ctx, head + (size_t)n - have.n);
    push_slice(L, slice_part(have, head, (size_t)n));
    r->at += head + (size_t)n;
    return 1;
}

/* r:prefixed(kind) -> the bytes behind a count of them: u8 u16be u16le u32be u32le varint */
static int reader_prefixed(lua_State *L)
{
    return prefixed_k(L, LUA_OK, 0);
}

static int varint_k(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    struct reader_object *r = self(L);
    const struct slice have = left(r);
    size_t head;
    const uint64_t n = prefix_count(PREFIX_VARINT, have, &head);
    if (!head && n) return reader_fail(L, r, "a number without an end");
    if (!head) return more(L, r, varint_k, ctx, 0);
    r->at += head;
    lua_pushinteger(L, (lua_Integer)n);
    return 1;
}

/* r:varint() -> a number of 7 bits a byte, the lowest first */
static int reader_varint(lua_State *L)
{
    return varint_k(L, LUA_OK, 0);
}

static int part_k(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    struct reader_object *r = self(L);
    const size_t n = check_count(L, r, 2);
    const struct slice have = left(r);
    if (have.n < n) return more(L, r, part_k, ctx, n - have.n);
    struct reader_object *part = reader_push(L);
    push_slice(L, slice_part(have, 0, n));
    part->have.p = lua_tolstring(L, -1, &part->have.n);
    lua_setiuservalue(L, -2, 1);
    part->state = READER_READS;
    part->complete = part->fin = true;
    part->part_of = r->part_of ? r->part_of : r;
    part->from = r->from + r->at;
    r->at += n;
    return 1;
}

/* r:part(n) -> a reader of the next n bytes alone: what reads past them is malformed */
static int reader_part(lua_State *L)
{
    return part_k(L, LUA_OK, 0);
}

static int rest_k(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    struct reader_object *r = self(L);
    if (!r->complete) return more(L, r, rest_k, ctx, 0);
    if (!r->fin) return raise_marked(L, r, READER_CUT);
    push_slice(L, left(r));
    r->at = r->have.n;
    return 1;
}

/* r:rest() -> all that comes until the peer ends */
static int reader_rest_(lua_State *L)
{
    return rest_k(L, LUA_OK, 0);
}

static int at_end_k(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    struct reader_object *r = self(L);
    if (r->at == r->have.n && !r->complete) return more(L, r, at_end_k, ctx, 0);
    if (r->at == r->have.n && !r->fin) return raise_marked(L, r, READER_CUT);
    lua_pushboolean(L, r->at == r->have.n);
    return 1;
}

/* r:at_end() -> whether the stream ends here; waits until that is known */
static int reader_at_end(lua_State *L)
{
    return at_end_k(L, LUA_OK, 0);
}

/* r:position() -> how many bytes of the message have been read */
static int reader_position(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)self(L)->at);
    return 1;
}

/* r:taken([from]) -> the bytes that have been read, from this position (0) on */
static int reader_taken(lua_State *L)
{
    const struct reader_object *r = self(L);
    const lua_Integer from = luaL_optinteger(L, 2, 0);
    luaL_argcheck(L, from >= 0 && (size_t)from <= r->at, 2, "a position that has been read");
    push_slice(L, slice_part(r->have, (size_t)from, r->at - (size_t)from));
    return 1;
}

/* r:buffered() -> how many bytes are there to be read without waiting */
static int reader_buffered(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)left(self(L)).n);
    return 1;
}

/* r:fail(why [, position]): the bytes are no message, for this reason, and that shows at this byte (where it reads,
 * otherwise) */
static int reader_fail_(lua_State *L)
{
    struct reader_object *r = self(L);
    const char *why = luaL_checkstring(L, 2);
    const lua_Integer at = luaL_optinteger(L, 3, (lua_Integer)r->at);
    luaL_argcheck(L, at >= 0 && (size_t)at <= r->have.n, 3, "a position that has been read");
    r->at = (size_t)at;
    return reader_fail(L, r, "%s", why);
}

/* RFC 9110 5.6.2: what a field's name is made of. */
static bool is_token(char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
    return c && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

struct header {
    size_t name, name_n, value, value_n, next; /* offsets in `have` */
};

/* The line at `at`, and those that continue it (RFC 9112 5.2). False if more bytes are needed to say. */
static bool find_header(lua_State *L, struct reader_object *r, size_t at, struct header *h)
{
    const char *p = r->have.p;
    const char *end = at < r->have.n ? memchr(p + at, '\n', r->have.n - at) : NULL;
    if (!end) return false;
    size_t i = at, n = (size_t)(end - p);
    h->next = n + 1;
    while (i < n && is_token(p[i]))
        i++;
    h->name = at;
    h->name_n = i - at;
    if (i == at || i == n || p[i] != ':') {
        r->at = i;
        reader_fail(L, r, i == at ? "a header must begin with its name" : "a header's name must end with a colon");
    }
    for (; h->next < r->have.n && (p[h->next] == ' ' || p[h->next] == '\t'); h->next = n + 1) {
        end = memchr(p + h->next, '\n', r->have.n - h->next);
        if (!end) return false;
        n = (size_t)(end - p);
    }
    if (n > i && p[n - 1] == '\r') n--;
    i++;
    while (i < n && (p[i] == ' ' || p[i] == '\t'))
        i++;
    while (n > i && (p[n - 1] == ' ' || p[n - 1] == '\t'))
        n--;
    h->value = i;
    h->value_n = n - i;
    return true;
}

/* The value of a name that came before becomes a list of all its values. */
static void add_value(lua_State *L, int table)
{
    lua_pushvalue(L, -2);
    const int type = lua_rawget(L, table);
    if (type == LUA_TNIL) {
        lua_pop(L, 1);
        lua_rawset(L, table);
        return;
    }
    if (type == LUA_TSTRING) {
        lua_createtable(L, 2, 0);
        lua_insert(L, -2);
        lua_rawseti(L, -2, 1);
        lua_pushvalue(L, -3);
        lua_pushvalue(L, -2);
        lua_rawset(L, table);
    }
    lua_insert(L, -2);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_pop(L, 2);
}

/* Where a line goes on in the next, blanks stand for its end. */
static void push_value(lua_State *L, struct slice value)
{
    if (!value.n || !memchr(value.p, '\n', value.n)) {
        push_slice(L, value);
        return;
    }
    luaL_Buffer b;
    char *to = luaL_buffinitsize(L, &b, value.n);
    for (size_t i = 0; i < value.n; i++)
        to[i] = value.p[i] == '\r' || value.p[i] == '\n' ? ' ' : value.p[i];
    luaL_pushresultsize(&b, value.n);
}

static void add_header(lua_State *L, const struct reader_object *r, const struct header *h, int table, int order)
{
    char low[64];
    const char *name = r->have.p + h->name;
    if (h->name_n <= sizeof low) {
        for (size_t i = 0; i < h->name_n; i++)
            low[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] | 0x20) : name[i];
        lua_pushlstring(L, low, h->name_n);
    } else {
        luaL_Buffer b;
        char *to = luaL_buffinitsize(L, &b, h->name_n);
        for (size_t i = 0; i < h->name_n; i++)
            to[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] | 0x20) : name[i];
        luaL_pushresultsize(&b, h->name_n);
    }
    if (order) {
        lua_pushlstring(L, name, h->name_n);
        lua_rawseti(L, order, (lua_Integer)lua_rawlen(L, order) + 1);
    }
    push_value(L, slice_part(r->have, h->value, h->value_n));
    add_value(L, table);
}

/* The empty line that ends the block: its length, 0 if there is none here, -1 if more bytes are needed to say. */
static int empty_line(const struct reader_object *r, size_t at)
{
    if (at >= r->have.n) return -1;
    if (r->have.p[at] == '\n') return 1;
    if (r->have.p[at] != '\r') return 0;
    if (at + 1 >= r->have.n) return -1;
    return r->have.p[at + 1] == '\n' ? 2 : 0;
}

/* Is the whole block there? From `scan` on nothing has been looked at. */
static bool block_there(const struct reader_object *r, size_t scan)
{
    for (size_t at = scan;;) {
        const int empty = empty_line(r, at);
        if (empty > 0) return true;
        if (empty < 0) return false;
        const char *end = memchr(r->have.p + at, '\n', r->have.n - at);
        if (!end) return false;
        at = (size_t)(end - r->have.p) + 1;
    }
}

static int headers_k(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    struct reader_object *r = self(L);
    const bool ordered = lua_toboolean(L, 2);
    /* What is wrong in a line is said as soon as the line is there. */
    struct header h = {0};
    size_t at = r->at;
    if (!block_there(r, at)) {
        for (; empty_line(r, at) == 0 && find_header(L, r, at, &h); at = h.next) {
        }
        return more(L, r, headers_k, ctx, 0);
    }
    lua_settop(L, 2);
    lua_createtable(L, 0, 8);
    if (ordered) lua_newtable(L);
    unsigned n = 0;
    int empty;
    for (; (empty = empty_line(r, at)) == 0; at = h.next) {
        find_header(L, r, at, &h);
        if (++n > HEADERS_MOST) return reader_fail(L, r, "more than %d headers", HEADERS_MOST);
        add_header(L, r, &h, 3, ordered ? 4 : 0);
    }
    r->at = at + (size_t)empty;
    return ordered ? 2 : 1;
}

/* r:headers([order]) -> a block of `name: value` lines to its empty line, as a table of lower-case names (RFC 9112 5);
 * a name that comes again has a list of its values. With `order` also the list of names in their order, as they were
 * written */
static int reader_headers(lua_State *L)
{
    return headers_k(L, LUA_OK, 0);
}

static int reader_tostring(lua_State *L)
{
    lua_pushliteral(L, "reader");
    return 1;
}

static void add_unpack(lua_State *L)
{
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_getfield(L, -1, "__index");
    lua_getfield(L, -1, "unpack");
    lua_getfield(L, -2, "packsize");
    lua_pushcclosure(L, reader_unpack, 2);
    lua_setfield(L, -5, "unpack");
    lua_pop(L, 3);
}

static void make_type(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"line", reader_line},         {"words", reader_words},       {"until_", reader_until},
        {"bytes", reader_bytes},       {"skip", reader_skip},         {"peek", reader_peek},
        {"accept", reader_accept},     {"need", reader_need_},        {"number", reader_number},
        {"token", reader_token},       {"prefixed", reader_prefixed}, {"varint", reader_varint},
        {"part", reader_part},         {"rest", reader_rest_},        {"at_end", reader_at_end},
        {"position", reader_position}, {"taken", reader_taken},       {"buffered", reader_buffered},
        {"fail", reader_fail_},        {"headers", reader_headers},   {NULL, NULL}};
    luaL_newlib(L, methods);
    add_unpack(L);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, reader_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
}

struct reader_object *reader_push(lua_State *L)
{
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    struct reader_object *r = lua_newuserdatauv(L, sizeof *r, 1);
    *r = (struct reader_object){.magic = (uint32_t)MAGIC};
    if (luaL_newmetatable(L, READER_TYPE)) make_type(L);
    lua_setmetatable(L, -2);
    return r;
}
