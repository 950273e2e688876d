#include "engine/eval.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include <lauxlib.h>

#include "doc/node.h"
#include "engine/modules.h"
#include "lua/api.h"
#include "lua/require.h"
#include "lua/value.h"
#include "util/text.h"
#include "util/units.h"

enum { TEXT_MOST = 64 << 20, SHOWN = 60, WHY_MOST = 4096 };

static int open_require(lua_State *L)
{
    const struct lazy_lua *l = lua_touserdata(L, 1);
    const char *const folders[2] = {l->folder, l->modules->scripts};
    require_open(L, l->modules->permit, folders);
    require_preload(L, "sockrun", api_open);
    return 0;
}

struct luastate *lazy_lua_get(struct lazy_lua *l)
{
    if (l->state) return l->state;
    l->state = luastate_new(l->cap ? l->cap : LUASTATE_CAP);
    if (!l->state) return NULL;
    l->state->note = l->note;
    l->state->note_ctx = l->note_ctx;
    if (!l->modules) return l->state;
    lua_pushcfunction(l->state->L, open_require);
    lua_pushlightuserdata(l->state->L, l);
    if (!luastate_call(l->state, 1, 0)) lua_pop(l->state->L, 1);
    return l->state;
}

void lazy_lua_done(struct lazy_lua *l)
{
    luastate_free(l->state);
    l->state = NULL;
}

bool eval_fail(struct eval *e, struct mark mark, const char *format, ...)
{
    struct buf why = BUF_INIT(WHY_MOST);
    va_list ap;
    va_start(ap, format);
    buf_vprintf(&why, format, ap);
    va_end(ap);
    e->why = arena_dup(e->arena, buf_slice(&why));
    e->mark = mark;
    buf_done(&why);
    return false;
}

bool eval_fail_lua(struct eval *e, struct mark mark)
{
    lua_State *L = e->lua->state->L;
    e->why = arena_dup(e->arena, slice_of(lua_tostring(L, -1)));
    e->mark = mark;
    lua_pop(L, 1);
    return false;
}

struct luastate *eval_lua(struct eval *e)
{
    struct luastate *s = lazy_lua_get(e->lua);
    if (!s) eval_fail(e, (struct mark){0}, "Lua cannot start within its memory cap");
    return s;
}

bool eval_call(struct eval *e, struct mark mark, lua_CFunction f, void *p, int results)
{
    struct luastate *s = eval_lua(e);
    if (!s) return false;
    e->why = NULL;
    luastate_room(s->L);
    lua_pushcfunction(s->L, f);
    lua_pushlightuserdata(s->L, p);
    if (luastate_call(s, 1, results)) return true;
    if (!e->why) return eval_fail_lua(e, mark);
    lua_pop(s->L, 1);
    return false;
}

int eval_raise(const struct eval *e, lua_State *L)
{
    return luaL_error(L, "%s", e->why);
}

struct mark text_mark(const struct text_plan *t)
{
    const struct expr *only = NULL;
    for (size_t i = 0; i < t->tmpl.n; i++) {
        if (!t->tmpl.parts[i].expr) continue;
        if (only) return t->node->mark;
        only = t->tmpl.parts[i].expr;
    }
    return only ? node_mark_at(t->node, (uint32_t)only->at, (uint32_t)only->text.n) : t->node->mark;
}

bool text_eval(const struct text_plan *t, struct eval *e, struct slice *ret)
{
    if (t->tmpl.constant) {
        *ret = t->tmpl.parts[0].text;
        return true;
    }
    struct luastate *s = eval_lua(e);
    if (!s) return false;
    struct buf out = BUF_INIT(TEXT_MOST);
    const bool ok = tmpl_text(s, &t->tmpl, e->env, &out);
    if (ok)
        *ret = (struct slice){arena_dup(e->arena, buf_slice(&out)), out.n};
    else
        eval_fail_lua(e, text_mark(t));
    buf_done(&out);
    return ok;
}

bool text_push(const struct text_plan *t, struct eval *e)
{
    struct luastate *s = eval_lua(e);
    if (!s) return false;
    luastate_room(s->L);
    return tmpl_value(s, &t->tmpl, e->env) || eval_fail_lua(e, text_mark(t));
}

static bool fail_nil(const struct text_plan *t, struct eval *e)
{
    const struct expr *x = t->tmpl.parts[0].expr;
    const struct slice shown = slice_part(x->name.p ? x->name : x->text, 0, SHOWN);
    return eval_fail(e, text_mark(t), "`%.*s` is nil", (int)shown.n, shown.p);
}

static int to_text(lua_State *L)
{
    luaL_tolstring(L, 1, NULL);
    return 1;
}

/* An object, such as another actor, is what it says of itself. */
static bool show_object(struct eval *e, const struct text_plan *t)
{
    struct luastate *s = e->lua->state;
    luastate_room(s->L);
    lua_pushcfunction(s->L, to_text);
    lua_insert(s->L, -2);
    return luastate_call(s, 1, 1) || eval_fail_lua(e, text_mark(t));
}

bool text_view(const struct text_plan *t, struct eval *e, struct view *ret)
{
    if (!t->tmpl.whole) {
        struct slice bytes;
        if (!text_eval(t, e, &bytes)) return false;
        *ret = view_bytes(bytes);
        return true;
    }
    if (!text_push(t, e)) return false;
    lua_State *L = e->lua->state->L;
    if (lua_type(L, -1) == LUA_TUSERDATA && !show_object(e, t)) return false;
    const bool ok = value_view(L, -1, e->arena, ret) || eval_fail_lua(e, text_mark(t));
    lua_pop(L, 1);
    return ok && (ret->type != VIEW_ABSENT || fail_nil(t, e));
}

/* Lua 5.4 manual 3.4.3: 14 digits, and ".0" where it would look like a whole number. */
static const char *float_text(double x, struct arena *a)
{
    const char *text = arena_printf(a, "%.14g", x);
    return text[strspn(text, "-0123456789")] ? text : arena_printf(a, "%s.0", text);
}

struct slice text_of_view(const struct view *v, struct arena *a)
{
    switch (v->type) {
    case VIEW_BYTES: return v->bytes;
    case VIEW_BOOL: return v->boolean ? SLICE("true") : SLICE("false");
    case VIEW_INT: return slice_of(arena_printf(a, "%" PRId64, v->integer));
    case VIEW_FLOAT: return slice_of(float_text(v->number, a));
    case VIEW_ABSENT:
    case VIEW_NULL:
    case VIEW_LIST:
    case VIEW_MAP: break;
    }
    return (struct slice){NULL, 0};
}

/* Lua's division gives floats: `${n / 2}` is 2.0. */
static const char *whole_number(struct slice text, int64_t *ret)
{
    double x;
    const char *why = units_int(text, ret);
    if (!why || units_number(text, &x) || x != floor(x) || fabs(x) >= 0x1p62) return why;
    *ret = (int64_t)x;
    return NULL;
}

static const char *parse_size(struct slice text, int64_t *ret)
{
    uint64_t size;
    int64_t n;
    if (!whole_number(text, &n)) {
        if (n < 0) return "a size is not negative";
        *ret = n;
        return NULL;
    }
    const char *why = units_size(text, &size);
    if (why) return why;
    if (size > INT64_MAX) return "the size is too large";
    *ret = (int64_t)size;
    return NULL;
}

bool quantity_eval(const struct quantity *q, struct eval *e, int64_t *ret)
{
    struct slice text;
    const char *why = NULL;
    if (!q->dynamic) {
        *ret = q->value;
        return true;
    }
    if (!text_eval(&q->text, e, &text)) return false;
    switch (q->type) {
    case QUANTITY_INT: why = whole_number(text, ret); break;
    case QUANTITY_SIZE: why = parse_size(text, ret); break;
    case QUANTITY_DURATION: why = units_duration(text, ret); break;
    }
    if (!why) return true;
    struct buf shown = BUF_INIT(WHY_MOST);
    text_quote(text, SHOWN, &shown);
    eval_fail(e, text_mark(&q->text), "%s: %s", buf_str(&shown), why);
    buf_done(&shown);
    return false;
}

bool condition_eval(struct expr *x, struct mark mark, struct eval *e, bool *ret)
{
    struct luastate *s = eval_lua(e);
    if (!s) return false;
    luastate_room(s->L);
    if (!expr_run(s, x, e->env)) return eval_fail_lua(e, mark);
    *ret = lua_toboolean(s->L, -1);
    lua_pop(s->L, 1);
    return true;
}
