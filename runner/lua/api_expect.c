#include "lua/api.h"

#include <stdio.h>

#include "match/diff.h"
#include "match/matcher.h"
#include "op/expect.h"
#include "util/buf.h"
#include "util/units.h"

/* `connection:expect`: framings and matchers of the scenario language, from Lua values. */

enum { TEXT = 2000, DEPTH = 20, SHOWN = 60 };

struct expecting {
    struct object object; /* first */
    struct expect_op op;
    struct expectation x;
    struct arena arena;
};

static void close_expecting(struct object *o)
{
    arena_done(&((struct expecting *)o)->arena);
}

static const struct object_type expecting_type = {
    .name = "expectation", .magic = OBJECT_EXPECT, .close = close_expecting};

/* The bytes of a value that stays on the stack, or in its table, while the expectation lives. */
static struct slice bytes_at(lua_State *L, int idx)
{
    struct slice s;
    if (lua_type(L, idx) != LUA_TSTRING) luaL_error(L, "expect: a string is wanted, not a %s", luaL_typename(L, idx));
    s.p = lua_tolstring(L, idx, &s.n);
    return s;
}

static void free_regex(void *p)
{
    regex_free(p);
}

static struct regex *regex_at(lua_State *L, int idx, struct arena *a)
{
    char why[200];
    size_t at;
    struct regex *r = regex_new(bytes_at(L, idx), why, sizeof why, &at);
    if (!r) luaL_error(L, "expect: %s, at byte %d of the pattern", why, (int)at);
    arena_defer(a, free_regex, r);
    return r;
}

static const struct {
    const char *name;
    enum matcher_kind kind;
} matchers[] = {{"eq", MATCHER_BYTES},
                {"matches", MATCHER_REGEX},
                {"contains", MATCHER_CONTAINS},
                {"starts_with", MATCHER_STARTS_WITH},
                {"ends_with", MATCHER_ENDS_WITH},
                {"lt", MATCHER_LT},
                {"le", MATCHER_LE},
                {"gt", MATCHER_GT},
                {"ge", MATCHER_GE},
                {"not", MATCHER_NOT},
                {"length", MATCHER_LENGTH}};

enum { MATCHERS = sizeof matchers / sizeof *matchers };

static struct matcher *matcher_at(lua_State *L, int idx, struct arena *a, int depth);

static struct matcher *number_matcher(lua_State *L, int idx, struct arena *a, enum matcher_kind kind)
{
    struct matcher *m = ARENA_NEW(a, struct matcher);
    m->kind = kind;
    m->number = luaL_checknumber(L, idx);
    m->whole = lua_isinteger(L, idx);
    m->integer = m->whole ? lua_tointeger(L, idx) : 0;
    return m;
}

static struct matcher *one_matcher(lua_State *L, int idx, enum matcher_kind kind, struct arena *a, int depth)
{
    if (kind == MATCHER_LT || kind == MATCHER_LE || kind == MATCHER_GT || kind == MATCHER_GE)
        return number_matcher(L, idx, a, kind);
    if (kind == MATCHER_BYTES && lua_type(L, idx) != LUA_TSTRING) return matcher_at(L, idx, a, depth);
    struct matcher *m = ARENA_NEW(a, struct matcher);
    m->kind = kind;
    if (kind == MATCHER_NOT || kind == MATCHER_LENGTH) {
        m->of = arena_array(a, 1, sizeof *m->of);
        m->of[0] = matcher_at(L, idx, a, depth);
        m->n = 1;
    } else if (kind == MATCHER_REGEX) {
        m->regex = regex_at(L, idx, a);
    } else {
        m->bytes = bytes_at(L, idx);
    }
    return m;
}

static enum matcher_kind kind_of(lua_State *L, const char *name)
{
    for (size_t i = 0; i < MATCHERS; i++)
        if (strcmp(matchers[i].name, name) == 0) return matchers[i].kind;
    luaL_error(L, "expect: there is no matcher `%s`", name);
    return MATCHER_ANY;
}

/* A table of matchers, which must all hold. */
static struct matcher *all_matchers(lua_State *L, int idx, struct arena *a, int depth)
{
    struct matcher *m = ARENA_NEW(a, struct matcher);
    m->kind = MATCHER_ALL_OF;
    m->of = arena_array(a, MATCHERS, sizeof *m->of);
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "expect: the keys of a matcher are names");
        m->of[m->n++] = one_matcher(L, lua_gettop(L), kind_of(L, lua_tostring(L, -2)), a, depth);
        lua_pop(L, 1);
    }
    if (m->n == 0) luaL_error(L, "expect: an empty matcher");
    return m->n == 1 ? m->of[0] : m;
}

static struct matcher *matcher_at(lua_State *L, int idx, struct arena *a, int depth)
{
    if (depth == DEPTH) luaL_error(L, "expect: matchers are nested too deep");
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    idx = lua_absindex(L, idx);
    if (lua_isinteger(L, idx)) return number_matcher(L, idx, a, MATCHER_INT);
    if (lua_type(L, idx) == LUA_TNUMBER) return number_matcher(L, idx, a, MATCHER_FLOAT);
    if (lua_istable(L, idx)) return all_matchers(L, idx, a, depth + 1);
    struct matcher *m = ARENA_NEW(a, struct matcher);
    m->kind = MATCHER_BYTES;
    m->bytes = bytes_at(L, idx);
    return m;
}

static enum prefix_kind prefix_at(lua_State *L, int idx)
{
    static const char *const kinds[] = {"u8", "u16be", "u16le", "u32be", "u32le", "varint", NULL};
    return (enum prefix_kind)luaL_checkoption(L, idx, NULL, kinds);
}

static void frame_until(lua_State *L, int idx, struct expecting *e)
{
    e->x.framing = FRAMING_UNTIL;
    if (!lua_istable(L, idx)) {
        e->x.bytes = bytes_at(L, idx);
        if (!e->x.bytes.n) luaL_error(L, "expect: an empty delimiter");
        return;
    }
    e->x.framing = FRAMING_PATTERN;
    lua_getfield(L, idx, "matches");
    e->x.regex = regex_at(L, -1, &e->arena);
    lua_pop(L, 1);
}

static const struct luamessage_ops *messages_of(lua_State *L, const struct luahost *h)
{
    if (!h->messages) luaL_error(L, "there are no message modules here");
    return h->messages;
}

/* The framing key of the table at 2, whose value is pushed. */
static void frame_table(lua_State *L, struct expecting *e)
{
    enum { KEYS = 6 };
    static const char *const names[KEYS] = {"line", "until", "bytes", "prefixed", "rest", "datagram"};
    static const enum framing framings[KEYS] = {FRAMING_LINE,     FRAMING_UNTIL, FRAMING_BYTES,
                                                FRAMING_PREFIXED, FRAMING_REST,  FRAMING_DATAGRAM};
    size_t found = 0;
    while (found < KEYS && lua_getfield(L, 2, names[found]) == LUA_TNIL) {
        lua_pop(L, 1);
        found++;
    }
    if (found == KEYS) {
        struct luahost *h = luahost_of(L);
        messages_of(L, h)->expect(L, h, e->op.op.conn, 2, &e->arena, &e->x);
        e->x.keep = true;
        return;
    }
    const int value = lua_gettop(L);
    e->x.framing = framings[found];
    if (found == 1) frame_until(L, value, e);
    if (found == 2) e->x.count = (uint64_t)luaL_checkinteger(L, value);
    if (found == 2 && e->x.count > CONN_BUFFER_MOST) luaL_error(L, "expect: bytes: 0 to 64 MiB");
    if (found == 3) e->x.prefix = prefix_at(L, value);
    if (found == 0 || found >= 4) {
        if (!lua_isboolean(L, value)) e->x.matcher = matcher_at(L, value, &e->arena, 0);
    } else if (lua_getfield(L, 2, "is") != LUA_TNIL) {
        e->x.matcher = matcher_at(L, -1, &e->arena, 0);
    }
}

static int fail(lua_State *L, struct luafailure *f, struct buf *text)
{
    f->message = lua_pushstring(L, buf_str(text));
    buf_done(text);
    /* The op lies in what nothing refers to any more once a script has caught the error. */
    luawait_done(L);
    return luafail(L, f);
}

static void tell_mismatch(struct expecting *e, struct luafailure *f, struct buf *text)
{
    const struct match_report *m = &e->op.report;
    f->kind = "mismatch";
    if (m->bytes) {
        buf_printf(text, "first difference at byte %zu: ", m->at);
        diff_message(m->expected, m->got, m->at, text);
    } else {
        matcher_explain(m, text);
    }
    f->bytes = m->bytes;
    f->expected = m->expected;
    f->got = m->got;
    f->at = m->at;
    f->got_text = e->op.shown;
}

static void tell_so_far(struct expecting *e, struct luafailure *f)
{
    const struct conn *c = e->op.op.conn;
    if (e->x.framing != FRAMING_EXACT || !c->n) return;
    f->bytes = true;
    f->expected = e->x.bytes;
    f->got = conn_from(c, c->base);
    f->at = diff_first(f->expected, f->got);
}

/* "closed after 3 bytes had come" */
static int tell(lua_State *L, struct expecting *e, enum luawait_end end)
{
    struct buf text = BUF_INIT(TEXT);
    struct luafailure f = {.kind = "closed"};
    const struct op *op = &e->op.op;
    char size[UNITS_TEXT];
    if (end == LUAWAIT_FAILED && op->failure == OP_MISMATCH) {
        tell_mismatch(e, &f, &text);
        return fail(L, &f, &text);
    }
    if (end == LUAWAIT_CLOSED) {
        buf_adds(&text, "the connection was closed by another task");
        return fail(L, &f, &text);
    }
    if (end == LUAWAIT_FAILED && op->failure != OP_STATUS) {
        f.kind = op->failure == OP_LIMIT ? "limit" : "misuse";
        buf_adds(&text, op->why ? op->why : "failed");
        return fail(L, &f, &text);
    }
    f.kind = end == LUAWAIT_TIMEOUT ? "timeout" : sr_status_name(op->status);
    if (end == LUAWAIT_TIMEOUT)
        buf_adds(&text, "timed out");
    else
        buf_printf(&text, "the peer %s the connection", op->status == SR_RESET ? "reset" : "closed");
    buf_printf(&text, " when %s had come", op->conn->n ? units_show_size(op->conn->n, size) : "nothing");
    tell_so_far(e, &f);
    return fail(L, &f, &text);
}

/* Takes what was found: the values that a message of a module, or else the bytes, are given as. */
static int take(lua_State *L, struct expecting *e)
{
    const bool message = e->x.module != NULL;
    if (message)
        luahost_of(L)->messages->push(L, &e->x, e->op.op.conn);
    else
        lua_pushlstring(L, e->op.value.n ? e->op.value.p : "", e->op.value.n);
    op_commit(&e->op.op);
    luawait_done(L);
    object_close(&e->object);
    return message ? 2 : 1;
}

static int expected(lua_State *L, int status, lua_KContext ctx)
{
    struct expecting *e = lua_touserdata(L, (int)ctx);
    const enum luawait_end end = luawait_result(L);
    (void)status;
    if (end != LUAWAIT_DONE) return tell(L, e, end);
    const int n = take(L, e);
    if (n == 2) lua_insert(L, -2);
    return n;
}

/* On top of the stack; its arena holds what is needed until it is closed. */
static struct expecting *push_expecting(lua_State *L)
{
    struct expecting *e = object_push(L, &expecting_type, sizeof *e, 0);
    object_open(&e->object, luahost_of(L));
    return e;
}

/*: connection:expect(pattern) -> bytes | fields, kind
 * What comes must be this, or the case fails here: a string is exactly these bytes; a table is what `expect` takes in
 * scenarios, `{line = m}`, `{until = s, is = m}`, `{bytes = n, is = m}`, `{prefixed = "u16be", is = m}`, `{rest = m}`,
 * where m is a string or a table of matchers (eq matches contains starts_with ends_with lt le gt ge not length), or a
 * message of a module with a template of its fields, `{["http.response"] = {status = 200}}`, or any of its messages,
 * `{http = {}}`. The value without its delimiter or count, or the message's fields.
 * example: local line = c:expect{line = {matches = "^220 "}} */
int luaconn_expect(lua_State *L)
{
    struct luaconn *c = luaconn_check(L, 1);
    lua_settop(L, 2);
    struct conn *conn = luaconn_claim(L, c);
    if (!conn) return luaL_error(L, "expect: the connection is closed");
    struct expecting *e = push_expecting(L);
    e->x.keep = true;
    e->op.op.conn = conn;
    if (lua_istable(L, 2))
        frame_table(L, e);
    else {
        e->x.framing = FRAMING_EXACT;
        e->x.bytes = bytes_at(L, 2);
    }
    expect_begin(&e->op, conn, &e->x, &e->arena);
    return luawait(L, &e->op.op, c->timeout, 3, expected);
}

/* Messages of modules */

static int received(lua_State *L, int status, lua_KContext ctx)
{
    struct expecting *e = lua_touserdata(L, 3);
    const struct luaconn *c = lua_touserdata(L, 1);
    const enum luawait_end end = luawait_result(L);
    (void)status;
    (void)ctx;
    if (end == LUAWAIT_DONE) return take(L, e);
    if (end != LUAWAIT_FAILED || e->op.op.failure != OP_MISMATCH) return luaconn_fail(L, c);
    const struct slice partial = conn_from(c->conn, c->conn->base);
    lua_pushnil(L);
    lua_pushstring(L, e->op.report.message);
    lua_pushlstring(L, partial.n ? partial.p : "", partial.n);
    luawait_done(L);
    object_close(&e->object);
    return 3;
}

int luaconn_receive_message(lua_State *L, struct luaconn *c)
{
    struct luahost *h = luahost_of(L);
    lua_settop(L, 2);
    struct conn *conn = luaconn_claim(L, c);
    struct expecting *e = push_expecting(L);
    if (!conn) return api_nil(L, "closed");
    messages_of(L, h)->expect(L, h, conn, 2, &e->arena, &e->x);
    e->x.keep = true;
    expect_begin(&e->op, conn, &e->x, &e->arena);
    return luawait(L, &e->op.op, c->timeout, 0, received);
}

void luaconn_encode(lua_State *L, struct conn *c, int idx)
{
    struct luahost *h = luahost_of(L);
    struct expecting *e = push_expecting(L);
    messages_of(L, h)->encode(L, h, c, idx, &e->arena);
    object_close(&e->object);
    lua_replace(L, idx);
    lua_pop(L, 1);
}

/*: connection:ctx(module) -> table
 * What the message module knows of this connection, in both directions: one table for each of both. A message that is
 * received leaves a new one. example: c:ctx("http").method = "HEAD" */
int luaconn_ctx(lua_State *L)
{
    struct luahost *h = luahost_of(L);
    struct luaconn *c = luaconn_check(L, 1);
    struct slice name;
    name.p = luaL_checklstring(L, 2, &name.n);
    if (!c->conn || c->conn->closed) return luaL_error(L, "ctx: the connection is closed");
    struct expecting *e = push_expecting(L);
    messages_of(L, h)->ctx(L, h, c->conn, name, &e->arena);
    object_close(&e->object);
    return 1;
}
