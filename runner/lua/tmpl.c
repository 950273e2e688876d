#include <math.h>
#include <stdio.h>

#include <lauxlib.h>

#include "lua/expr.h"
#include "lua/names.h"

/* The offset of the next `${` that is no `$${`, or the end. */
static size_t next_opening(struct slice text, size_t from)
{
    for (size_t i = from; i + 1 < text.n; i++) {
        if (text.p[i] != '$') continue;
        if (text.p[i + 1] == '{') return i;
        if (text.p[i + 1] == '$' && i + 2 < text.n && text.p[i + 2] == '{') i += 2;
    }
    return text.n;
}

/* The literal text with each `$${` made `${`; a copy only if there is one. */
static struct slice literal(struct slice text, struct arena *a)
{
    char *copy = NULL;
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (i + 2 < text.n && memcmp(text.p + i, "$${", 3) == 0) {
            if (!copy) {
                copy = arena_alloc(a, text.n);
                memcpy(copy, text.p, i);
            }
            memcpy(copy + n, "${", 2);
            n += 2;
            i += 2;
        } else {
            if (copy) copy[n] = text.p[i];
            n++;
        }
    }
    return copy ? (struct slice){copy, n} : text;
}

static size_t count_openings(struct slice text)
{
    size_t n = 0;
    for (size_t i = next_opening(text, 0); i < text.n; i = next_opening(text, i + 2))
        n++;
    return n;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The expression behind the `${` at `at`. NULL, or a phrase. */
static const char *take_expression(struct slice text, size_t at, const char *chunk, struct arena *a,
                                   struct expr **ret_expr, size_t *ret_end)
{
    struct slice rest = slice_part(text, at + 2, text.n);
    long n = names_expression_end(rest);
    if (n < 0) return "`${` has no closing `}`";
    size_t from = 0, to = (size_t)n;
    while (from < to && is_blank(rest.p[from]))
        from++;
    while (from < to && is_blank(rest.p[to - 1]))
        to--;
    if (from == to) return "empty expression";
    *ret_expr = expr_new(a, EXPR_VALUE, slice_part(rest, from, to - from), at + 2 + from, chunk, 0);
    *ret_end = at + 2 + (size_t)n + 1;
    return NULL;
}

const char *tmpl_parse(struct slice text, const char *chunk, struct arena *a, struct tmpl *ret, size_t *ret_at)
{
    /* Braces within expressions make the count too high, never too low. */
    struct tmpl t = {.parts = arena_array(a, 2 * count_openings(text) + 1, sizeof *t.parts)};
    size_t at = 0;
    while (at < text.n) {
        size_t opening = next_opening(text, at);
        if (opening > at) t.parts[t.n++].text = literal(slice_part(text, at, opening - at), a);
        at = opening;
        if (opening == text.n) break;
        const char *wrong = take_expression(text, opening, chunk, a, &t.parts[t.n].expr, &at);
        if (wrong) {
            *ret_at = opening;
            return wrong;
        }
        t.n++;
    }
    if (t.n == 0) t.parts[t.n++].text = SLICE("");
    t.constant = t.n == 1 && !t.parts[0].expr;
    t.whole = t.n == 1 && t.parts[0].expr;
    *ret = t;
    return NULL;
}

/* As luaO_tostring does, without making a Lua string. */
static void add_number(lua_State *L, struct buf *out)
{
    char text[64];
    int n;
    if (lua_isinteger(L, -1)) {
        n = snprintf(text, sizeof text, LUA_INTEGER_FMT, lua_tointeger(L, -1));
    } else {
        n = snprintf(text, sizeof text, LUA_NUMBER_FMT, lua_tonumber(L, -1));
        if (text[strspn(text, "-0123456789")] == '\0') n = snprintf(text, sizeof text, "%.1f", lua_tonumber(L, -1));
    }
    buf_add(out, (struct slice){text, (size_t)n});
}

static int to_text(lua_State *L)
{
    luaL_tolstring(L, 1, NULL);
    return 1;
}

/* The names of what is no text, for messages. */
static const char *kind_of(lua_State *L)
{
    if (lua_isnil(L, -1)) return "nil";
    if (lua_islightuserdata(L, -1) && !lua_touserdata(L, -1)) return "null";
    if (lua_istable(L, -1)) return "a table";
    return lua_isfunction(L, -1) ? "a function" : "an object";
}

static bool has_tostring(lua_State *L)
{
    struct luastate *s = luastate_of(L);
    bool lifted = s->lifted;
    s->lifted = true;
    bool has = luaL_getmetafield(L, -1, "__tostring") != LUA_TNIL;
    s->lifted = lifted;
    if (has) lua_pop(L, 1);
    return has;
}

static struct slice shown(const struct expr *e)
{
    enum { MOST = 80 };
    struct slice text = e->name.p ? e->name : e->text;
    return slice_part(text, 0, text.n > MOST ? MOST : text.n);
}

/* Appends the value on top, and takes it off; or leaves a message instead. */
static bool add_value(struct luastate *s, const struct expr *e, struct buf *out)
{
    lua_State *L = s->L;
    if (has_tostring(L)) {
        lua_pushcfunction(L, to_text);
        lua_insert(L, -2);
        if (!luastate_call(s, 1, 1)) return false;
    }
    int type = lua_type(L, -1);
    if (type == LUA_TSTRING) {
        struct slice text;
        text.p = lua_tolstring(L, -1, &text.n);
        buf_add(out, text);
    } else if (type == LUA_TNUMBER) {
        add_number(L, out);
    } else if (type == LUA_TBOOLEAN) {
        buf_adds(out, lua_toboolean(L, -1) ? "true" : "false");
    } else {
        const char *kind = kind_of(L);
        struct slice text = shown(e);
        bool plain = lua_isnil(L, -1);
        lua_pop(L, 1);
        return luastate_fail(L, "`%.*s` is %s%s", (int)text.n, text.p, kind, plain ? "" : " where text is wanted");
    }
    lua_pop(L, 1);
    return true;
}

bool tmpl_text(struct luastate *s, const struct tmpl *t, struct env *env, struct buf *out)
{
    luastate_room(s->L);
    for (size_t i = 0; i < t->n; i++) {
        const struct tmpl_part *p = &t->parts[i];
        if (!p->expr) {
            buf_add(out, p->text);
        } else if (!expr_run(s, p->expr, env) || !add_value(s, p->expr, out)) {
            return false;
        }
        if (out->overflow) return luastate_fail(s->L, "a text of more than %zu bytes", out->max);
    }
    return true;
}

static int push_text(lua_State *L)
{
    const struct slice *text = lua_touserdata(L, 1);
    lua_pushlstring(L, text->p, text->n);
    return 1;
}

static bool push_slice(struct luastate *s, struct slice text)
{
    luastate_room(s->L);
    lua_pushcfunction(s->L, push_text);
    lua_pushlightuserdata(s->L, &text);
    return luastate_call(s, 1, 1);
}

bool tmpl_value(struct luastate *s, const struct tmpl *t, struct env *env)
{
    if (t->whole) return expr_run(s, t->parts[0].expr, env);
    if (t->constant) return push_slice(s, t->parts[0].text);
    struct buf b = BUF_INIT(s->cap);
    bool well = tmpl_text(s, t, env, &b) && push_slice(s, buf_slice(&b));
    buf_done(&b);
    return well;
}
