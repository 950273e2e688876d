#include "engine/unpacking.h"

#include <lauxlib.h>

#include "engine/compile.h"
#include "engine/packing.h"
#include "lua/value.h"

enum { VALUE_SHOWN = 60 };

/* One evaluation of it. */
struct frame_run {
    const struct unpacking *plan;
    struct lazy_lua *lua;
    struct env *env;
    struct arena *arena;
    struct slice format;
};

struct unpacking *unpacking_compile(struct compiler *c, const struct node *format, const struct node *where,
                                    const char **names, uint32_t n)
{
    struct unpacking *u = ARENA_NEW(c->arena, struct unpacking);
    u->names = names;
    u->n = n;
    if (format->kind != NODE_SCALAR || format->text.n == 0) {
        compile_error(c, format->mark, "`unpack` takes a format of string.unpack, such as \">I2 I2 B\"");
        return NULL;
    }
    if (where && where->kind != NODE_SCALAR) {
        compile_error(c, where->mark, "`where` takes a Lua expression, not %s", node_what(where));
        return NULL;
    }
    bool ok = compile_text(c, format, &u->format);
    if (where) {
        u->where_mark = where->mark;
        u->where = compile_expr(c, where, EXPR_VALUE);
        ok &= u->where != NULL;
    }
    if (!ok || !c->lua || !u->format.tmpl.constant) return ok ? u : NULL;
    int values;
    const char *why = packing_check_format(c->lua, u->format.tmpl.parts[0].text, c->arena, &values);
    if (why)
        compile_error(c, format->mark, "unpack: %s", why);
    else if (values >= 0 && n > (uint32_t)values)
        compile_error(c, format->mark, "`as` has %u names, and this format %d value%s", n, values,
                      values == 1 ? "" : "s");
    else
        return u;
    return NULL;
}

static enum reader_found measure(void *ctx, const struct reader *at, struct slice have, bool complete, struct arena *a,
                                 struct custom_frame *ret)
{
    (void)at;
    (void)complete;
    const struct frame_run *r = ctx;
    bool is_short;
    if (!packing_measure(r->lua->state, r->format, have, a, &ret->len, &is_short, &ret->why)) return READER_END;
    return is_short ? READER_WAIT : READER_THERE;
}

/* An environment in which the names have the values of the frame that is judged, before anybody knows whether it is
 * taken. */
struct overlay {
    const struct frame_run *run;
    struct slice bytes;
    int values; /* registry reference of the list of them */
};

static bool overlay_get(void *owner, lua_State *L, int name)
{
    const struct overlay *o = owner;
    const struct unpacking *u = o->run->plan;
    size_t n;
    const char *p = lua_tolstring(L, name, &n);
    for (uint32_t i = 0; i < u->n; i++) {
        if (!slice_is((struct slice){p, n}, u->names[i])) continue;
        lua_rawgeti(L, LUA_REGISTRYINDEX, o->values);
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        lua_remove(L, -2);
        return true;
    }
    return o->run->env->ops->get(o->run->env->owner, L, name);
}

static void overlay_set(void *owner, lua_State *L, int name)
{
    const struct overlay *o = owner;
    o->run->env->ops->set(o->run->env->owner, L, name);
}

/* The list of values becomes `it`, too. */
static int push_values(lua_State *L)
{
    struct overlay *o = lua_touserdata(L, 1);
    const int n = packing_unpack(L, o->run->format, o->bytes);
    lua_createtable(L, n, 0);
    lua_insert(L, 2);
    for (int i = n; i > 0; i--)
        lua_rawseti(L, 2, i);
    lua_pushvalue(L, 2);
    lua_setfield(L, LUA_REGISTRYINDEX, EVAL_IT);
    o->values = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static int drop_values(lua_State *L)
{
    const struct overlay *o = lua_touserdata(L, 1);
    luaL_unref(L, LUA_REGISTRYINDEX, o->values);
    lua_pushnil(L);
    lua_setfield(L, LUA_REGISTRYINDEX, EVAL_IT);
    return 0;
}

static bool holds(void *ctx, const struct matcher *m, const struct view *v, struct arena *a, const char **ret_why)
{
    (void)m;
    static const struct env_ops ops = {overlay_get, overlay_set};
    const struct mark nowhere = {0};
    struct frame_run *r = ctx;
    struct overlay o = {.run = r, .bytes = v->bytes, .values = LUA_NOREF};
    struct env env = {.ops = &ops, .owner = &o};
    struct eval e = {.lua = r->lua, .env = &env, .arena = a};
    bool yes = false;
    if (!eval_call(&e, nowhere, push_values, &o, 0) || !condition_eval(r->plan->where, nowhere, &e, &yes))
        *ret_why = e.why;
    eval_call(&e, nowhere, drop_values, &o, 0);
    env_done(&env, r->lua->state);
    return yes;
}

struct showing {
    const struct frame_run *run;
    struct slice bytes;
    struct buf *out;
};

static int show(lua_State *L)
{
    const struct showing *s = lua_touserdata(L, 1);
    const struct unpacking *u = s->run->plan;
    const int n = packing_unpack(L, s->run->format, s->bytes);
    for (int i = 0; i < n && (u->n == 0 || (uint32_t)i < u->n); i++) {
        if (i) buf_adds(s->out, ", ");
        if (u->n)
            buf_printf(s->out, "%s = ", u->names[i]);
        else
            buf_printf(s->out, "it[%d] = ", i + 1);
        value_show(L, 2 + i, VALUE_SHOWN, s->out);
    }
    return 0;
}

static void show_values(void *ctx, const struct view *v, struct buf *out)
{
    const struct mark nowhere = {0};
    struct frame_run *r = ctx;
    struct showing s = {r, v->bytes, out};
    struct eval e = {.lua = r->lua, .env = r->env, .arena = r->arena};
    eval_call(&e, nowhere, show, &s, 0);
}

static const struct matcher *with_where(const struct unpacking *u, struct eval *e, struct frame_run *r,
                                        const struct matcher *other)
{
    struct matcher *where = ARENA_NEW(e->arena, struct matcher);
    *where = (struct matcher){.kind = MATCHER_WHERE,
                              .id = (unsigned)UNPACKING_WHERE,
                              .bytes = u->where->text,
                              .where = holds,
                              .show_values = show_values,
                              .ctx = r};
    if (!other) return where;
    struct matcher *both = ARENA_NEW(e->arena, struct matcher);
    *both = (struct matcher){.kind = MATCHER_ALL_OF, .n = 2, .of = arena_array(e->arena, 2, sizeof(struct matcher *))};
    memcpy(&both->of[0], &other, sizeof other);
    both->of[1] = where;
    return both;
}

bool unpacking_eval(struct unpacking *u, struct eval *e, const struct matcher *matcher, struct expectation *ret)
{
    struct frame_run *r = ARENA_NEW(e->arena, struct frame_run);
    *r = (struct frame_run){u, e->lua, e->env, e->arena, {NULL, 0}};
    if (!eval_lua(e) || !text_eval(&u->format, e, &r->format)) return false;
    int64_t size = u->size;
    if (!u->sized && !packing_size(r->format, text_mark(&u->format), e, &size)) return false;
    u->size = size;
    u->sized = u->format.tmpl.constant;
    if (size >= 0) {
        ret->framing = FRAMING_BYTES;
        ret->count = (uint64_t)size;
    } else {
        ret->framing = FRAMING_CUSTOM;
        ret->frame = measure;
        ret->ctx = r;
    }
    ret->keep = true;
    ret->matcher = u->where ? with_where(u, e, r, matcher) : matcher;
    return true;
}

struct capture {
    const struct unpacking *plan;
    struct eval *eval;
    struct slice format, frame;
};

static int assign(lua_State *L)
{
    const struct capture *c = lua_touserdata(L, 1);
    const struct env *env = c->eval->env;
    const int n = packing_unpack(L, c->format, c->frame);
    for (uint32_t i = 0; i < c->plan->n; i++) {
        luaL_checkstack(L, LUA_MINSTACK, NULL);
        lua_pushstring(L, c->plan->names[i]);
        if ((int)i < n)
            lua_pushvalue(L, 2 + (int)i);
        else
            lua_pushnil(L);
        env->ops->set(env->owner, L, lua_gettop(L) - 1);
        lua_pop(L, 2);
    }
    return 0;
}

bool unpacking_capture(const struct unpacking *u, struct eval *e, struct slice frame)
{
    struct capture c = {.plan = u, .eval = e, .frame = frame};
    if (u->n == 0) return true;
    return text_eval(&u->format, e, &c.format) && eval_call(e, u->format.node->mark, assign, &c, 0);
}
