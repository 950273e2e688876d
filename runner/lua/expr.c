#include "lua/expr.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>

#include "lua/names.h"

/* The _ENV of what runs: a userdata whose user value is a Lua function that nobody calls, with this _ENV as its only
 * upvalue. Functions are given the environment by sharing that upvalue. */
struct box {
    const struct env_ops *ops; /* NULL after env_done */
    void *owner;
};

/* Its address is the registry's key of the boxes' metatable. */
static const char boxes;

static void push_base(lua_State *L)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, luastate_of(L)->base);
}

/* Pushes what the name at index `name` means. */
static void look_up(lua_State *L, const struct env_ops *ops, void *owner, int name)
{
    if (ops->get(owner, L, name)) return;
    push_base(L);
    lua_pushvalue(L, name);
    lua_rawget(L, -2);
}

static int box_index(lua_State *L)
{
    const struct box *b = lua_touserdata(L, 1);
    if (!b->ops || lua_type(L, 2) != LUA_TSTRING)
        lua_pushnil(L);
    else
        look_up(L, b->ops, b->owner, 2);
    return 1;
}

static int box_newindex(lua_State *L)
{
    const struct box *b = lua_touserdata(L, 1);
    if (lua_type(L, 2) != LUA_TSTRING) return luaL_error(L, "a variable's name is a string");
    if (!b->ops) return luaL_error(L, "`%s` cannot be set: its case is over", lua_tostring(L, 2));
    b->ops->set(b->owner, L, 2);
    return 0;
}

static void set_box_metatable(lua_State *L)
{
    static const luaL_Reg meta[] = {{"__index", box_index}, {"__newindex", box_newindex}, {NULL, NULL}};
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &boxes) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_createtable(L, 0, 3);
        luaL_setfuncs(L, meta, 0);
        lua_pushboolean(L, false);
        lua_setfield(L, -2, "__metatable");
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &boxes);
    }
    lua_setmetatable(L, -2);
}

static void make_env(lua_State *L, struct env *e)
{
    struct box *b = lua_newuserdatauv(L, sizeof *b, 1);
    *b = (struct box){e->ops, e->owner};
    set_box_metatable(L);
    if (luaL_loadbufferx(L, "", 0, "=env", "t") != LUA_OK) lua_error(L);
    lua_setiuservalue(L, -2, 1);
    e->anchor = luaL_ref(L, LUA_REGISTRYINDEX);
}

void env_done(struct env *e, struct luastate *s)
{
    if (e->anchor == 0) return;
    luastate_room(s->L);
    lua_rawgeti(s->L, LUA_REGISTRYINDEX, e->anchor);
    struct box *b = lua_touserdata(s->L, -1);
    b->ops = NULL;
    lua_pop(s->L, 1);
    luaL_unref(s->L, LUA_REGISTRYINDEX, e->anchor);
    e->anchor = 0;
}

/* Gives the function on top the environment. A chunk may have assigned to _ENV, so that it is put back. */
static void join(lua_State *L, struct env *e)
{
    if (e->anchor == 0) make_env(L, e);
    lua_rawgeti(L, LUA_REGISTRYINDEX, e->anchor);
    lua_getiuservalue(L, -1, 1);
    lua_pushvalue(L, -2);
    lua_setupvalue(L, -2, 1);
    lua_upvaluejoin(L, -3, 1, -1, 1);
    lua_pop(L, 2);
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct slice trim(struct slice s)
{
    while (s.n > 0 && is_blank(s.p[0]))
        s = slice_part(s, 1, s.n);
    while (s.n > 0 && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct expr *expr_new(struct arena *a, enum expr_kind kind, struct slice text, size_t at, const char *chunk,
                      unsigned first_line)
{
    struct expr *e = ARENA_NEW(a, struct expr);
    *e = (struct expr){.kind = kind, .text = text, .at = at, .chunk = chunk, .first_line = first_line};
    e->lua = names_spell_fields(text, a);
    struct slice name = trim(text);
    if (kind == EXPR_VALUE && names_is_name(name)) e->name = name;
    return e;
}

/* PLAIN is what Lua must accept, so that its messages speak of what was written. FACTORY is what runs: it gives a new
 * function at each call, so that two runs that are not yet done never share an upvalue. */
enum form { PLAIN, FACTORY };

/* A source in pieces: newlines before it, so that lines count from first_line, then head, text and tail. */
struct source {
    size_t newlines;
    struct slice pieces[3];
    size_t piece;
    bool slowly;     /* text byte by byte, to see how far the compiler came */
    size_t consumed; /* bytes of text given */
};

static const char *read_piece(lua_State *L, void *data, size_t *ret_n)
{
    static const char newlines[] = "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n";
    (void)L;
    struct source *s = data;
    if (s->newlines > 0) {
        *ret_n = s->newlines < sizeof newlines - 1 ? s->newlines : sizeof newlines - 1;
        s->newlines -= *ret_n;
        return newlines;
    }
    while (s->piece < 3 && s->pieces[s->piece].n == 0)
        s->piece++;
    if (s->piece == 3) return NULL;
    struct slice *p = &s->pieces[s->piece];
    *ret_n = s->slowly && s->piece == 1 ? 1 : p->n;
    if (s->piece == 1) s->consumed += *ret_n;
    const char *from = p->p;
    *p = slice_part(*p, *ret_n, p->n);
    return from;
}

static struct source source_of(const struct expr *e, enum form form)
{
    bool value = e->kind == EXPR_VALUE;
    struct source s = {.newlines = !value && e->first_line > 0 ? e->first_line - 1 : 0};
    s.pieces[1] = e->lua;
    if (form == PLAIN) {
        if (value) s.pieces[0] = SLICE("return ");
    } else {
        s.pieces[0] = value ? SLICE("return function() return (") : SLICE("return function(...) ");
        s.pieces[2] = value ? SLICE("\n) end") : SLICE("\nend");
    }
    return s;
}

static int compile(lua_State *L, const struct expr *e, enum form form, const char *chunk)
{
    struct source s = source_of(e, form);
    return lua_load(L, read_piece, &s, chunk, "t");
}

/* The offset of the first byte of a line that Lua counts. */
static size_t line_start(const struct expr *e, long line)
{
    if (e->kind == EXPR_CHUNK && e->first_line > 0) line -= (long)e->first_line - 1;
    size_t at = 0;
    while (line > 1 && at < e->text.n) {
        const char *end = memchr(e->text.p + at, '\n', e->text.n - at);
        if (!end) break;
        at = (size_t)(end - e->text.p) + 1;
        line--;
    }
    return at;
}

/* Where the token is that the compiler stopped at: the last one like it in what it had read. */
static size_t token_start(const struct expr *e, struct slice token, size_t consumed, size_t fallback)
{
    for (size_t at = consumed > token.n ? consumed - token.n : 0;; at--) {
        if (slice_eq(slice_part(e->text, at, token.n), token)) return at;
        if (at == 0) return fallback;
    }
}

static size_t trouble_at(const struct expr *e, const char *message, long line, size_t consumed)
{
    const char *near = strstr(message, " near ");
    const char *of = strstr(message, " at line ");
    if (!near) return line_start(e, of ? strtol(of + 9, NULL, 10) : line);
    struct slice token = slice_of(near + 6);
    struct slice code = trim(e->text);
    if (slice_is(token, "<eof>")) return code.n ? (size_t)(code.p - e->text.p) + code.n : 0;
    if (token.n >= 2 && token.p[0] == '\'') token = slice_part(token, 1, token.n - 2);
    return token_start(e, token, consumed, line_start(e, line));
}

/* Compiles again what did not compile, slowly and under a name that is easy to take off; replaces the message on top.
 */
static size_t explain(lua_State *L, const struct expr *e, enum form form)
{
    lua_pop(L, 1);
    struct source s = source_of(e, form);
    s.slowly = true;
    if (lua_load(L, read_piece, &s, "=x", "t") == LUA_ERRMEM) lua_error(L);
    const char *message = lua_tostring(L, -1);
    char *rest = NULL;
    long line = strncmp(message, "x:", 2) == 0 ? strtol(message + 2, &rest, 10) : 0;
    if (rest && strncmp(rest, ": ", 2) == 0) message = rest + 2;
    size_t at = trouble_at(e, message, line, s.consumed);
    if (form == FACTORY && e->kind == EXPR_VALUE) {
        /* Only its parentheses can be at fault: they hold several values, or a comment. */
        if (strncmp(message, "')' expected", 12) == 0) message = "one expression is wanted here";
        if (strcmp(message, "unexpected symbol near ')'") == 0) message = "empty expression";
    }
    lua_pushstring(L, message);
    lua_remove(L, -2);
    return at;
}

/* Compiles, or leaves the message on top and says where. */
static bool make(lua_State *L, struct expr *e, size_t *ret_at)
{
    *ret_at = 0;
    if (e->name.p) {
        lua_pushlstring(L, e->name.p, e->name.n);
        e->ref = luaL_ref(L, LUA_REGISTRYINDEX);
        return true;
    }
    if (e->kind == EXPR_VALUE && trim(e->text).n == 0) {
        lua_pushliteral(L, "empty expression");
        return false;
    }
    enum form form = PLAIN;
    int status = compile(L, e, PLAIN, "=x");
    if (status == LUA_OK) {
        lua_pop(L, 1);
        form = FACTORY;
        status = compile(L, e, FACTORY, lua_pushfstring(L, "@%s", e->chunk));
        lua_remove(L, -2);
    }
    if (status == LUA_ERRMEM) lua_error(L);
    if (status != LUA_OK) {
        *ret_at = explain(L, e, form);
        return false;
    }
    e->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return true;
}

struct check {
    struct expr *e;
    size_t at;
};

static int check(lua_State *L)
{
    struct check *c = lua_touserdata(L, 1);
    if (c->e->ref == 0 && !make(L, c->e, &c->at)) return lua_error(L);
    return 0;
}

const char *expr_check(struct luastate *s, struct expr *e, struct arena *a, size_t *ret_at)
{
    struct check c = {e, 0};
    luastate_room(s->L);
    lua_pushcfunction(s->L, check);
    lua_pushlightuserdata(s->L, &c);
    if (luastate_call(s, 1, 0)) return NULL;
    const char *message = arena_dup(a, slice_of(lua_tostring(s->L, -1)));
    lua_pop(s->L, 1);
    *ret_at = c.at;
    return message;
}

static void ensure_made(lua_State *L, struct expr *e)
{
    size_t at;
    if (e->ref == 0 && !make(L, e, &at)) lua_error(L);
}

void expr_push(lua_State *L, struct expr *e, struct env *env)
{
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    assert(!e->name.p || e->kind == EXPR_VALUE);
    ensure_made(L, e);
    lua_rawgeti(L, LUA_REGISTRYINDEX, e->ref);
    join(L, env);
    lua_call(L, 0, 1);
}

struct run {
    struct expr *e;
    struct env *env;
};

static int run(lua_State *L)
{
    const struct run *r = lua_touserdata(L, 1);
    if (r->e->name.p) {
        ensure_made(L, r->e);
        lua_rawgeti(L, LUA_REGISTRYINDEX, r->e->ref);
        look_up(L, r->env->ops, r->env->owner, 2);
        return 1;
    }
    int results = r->e->kind == EXPR_VALUE ? 1 : 0;
    expr_push(L, r->e, r->env);
    lua_call(L, 0, results);
    return results;
}

/* Takes "file.yaml:12:1: " off the message on top: the caller knows the place, and says it better. */
static void strip(struct luastate *s, const struct expr *e)
{
    if (e->kind != EXPR_VALUE || e->name.p || e->ref == 0) return;
    lua_State *L = s->L;
    lua_Debug ar;
    luastate_room(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, e->ref);
    lua_getinfo(L, ">S", &ar);
    const char *message = lua_tostring(L, -1);
    size_t n = strlen(ar.short_src);
    if (strncmp(message, ar.short_src, n) != 0 || message[n] != ':') return;
    n += 1 + strspn(message + n + 1, "0123456789");
    if (strncmp(message + n, ": ", 2) != 0) return;
    bool lifted = s->lifted;
    s->lifted = true;
    lua_pushstring(L, message + n + 2);
    s->lifted = lifted;
    lua_remove(L, -2);
}

bool expr_run(struct luastate *s, struct expr *e, struct env *env)
{
    struct run r = {e, env};
    luastate_room(s->L);
    lua_pushcfunction(s->L, run);
    lua_pushlightuserdata(s->L, &r);
    if (luastate_call(s, 1, e->kind == EXPR_VALUE ? 1 : 0)) return true;
    strip(s, e);
    return false;
}
