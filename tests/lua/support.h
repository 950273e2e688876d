#ifndef TESTS_LUA_SUPPORT_H
#define TESTS_LUA_SUPPORT_H

/* What the tests of the lua layer share: a state for each test, actors whose variables are a Lua table, and one-line
 * evaluation. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lauxlib.h>

#include "lua/expr.h"

struct world {
    struct luastate *s;
    struct arena arena;
};

struct actor {
    struct env env;
    lua_State *L;
    int table;
};

static bool actor_get(void *owner, lua_State *L, int name)
{
    const struct actor *a = owner;
    lua_rawgeti(L, LUA_REGISTRYINDEX, a->table);
    lua_pushvalue(L, name);
    if (lua_rawget(L, -2) == LUA_TNIL) {
        lua_pop(L, 2);
        return false;
    }
    lua_remove(L, -2);
    return true;
}

static void actor_set(void *owner, lua_State *L, int name)
{
    const struct actor *a = owner;
    lua_rawgeti(L, LUA_REGISTRYINDEX, a->table);
    lua_pushvalue(L, name);
    lua_pushvalue(L, -3);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

static const struct env_ops actor_ops = {actor_get, actor_set};

static inline void actor_init(struct actor *a, struct luastate *s)
{
    lua_newtable(s->L);
    *a = (struct actor){.L = s->L, .table = luaL_ref(s->L, LUA_REGISTRYINDEX)};
    a->env = (struct env){.ops = &actor_ops, .owner = a};
}

static inline void actor_done(struct actor *a, struct luastate *s)
{
    env_done(&a->env, s);
    luaL_unref(s->L, LUA_REGISTRYINDEX, a->table);
}

/* The result as luaL_tolstring shows it, or the message with "! " before it; the stack must be as before. */
static inline const char *eval_in(struct world *w, struct actor *a, enum expr_kind kind, const char *text)
{
    lua_State *L = w->s->L;
    int top = lua_gettop(L);
    struct expr *e = expr_new(&w->arena, kind, slice_of(text), 0, kind == EXPR_VALUE ? "f.yaml:5" : "f.yaml", 5);
    bool well = expr_run(w->s, e, &a->env);
    assert_int_equal(lua_gettop(L), top + (kind == EXPR_VALUE || !well));
    if (kind == EXPR_CHUNK && well) return "";
    const char *shown = arena_printf(&w->arena, "%s%s", well ? "" : "! ", luaL_tolstring(L, -1, NULL));
    lua_settop(L, top);
    return shown;
}

static inline const char *eval(struct world *w, const char *text)
{
    struct actor a;
    actor_init(&a, w->s);
    const char *result = eval_in(w, &a, EXPR_VALUE, text);
    actor_done(&a, w->s);
    return result;
}

static inline const char *chunk(struct world *w, const char *text)
{
    struct actor a;
    actor_init(&a, w->s);
    const char *result = eval_in(w, &a, EXPR_CHUNK, text);
    actor_done(&a, w->s);
    return result;
}

static inline void assert_starts(const char *text, const char *prefix)
{
    if (strncmp(text, prefix, strlen(prefix)) != 0) assert_string_equal(text, prefix);
}

static inline void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part)) assert_string_equal(text, part);
}

static inline int world_setup(void **state)
{
    static struct world w;
    w.s = luastate_new(16 << 20);
    arena_init(&w.arena);
    *state = &w;
    return w.s ? 0 : -1;
}

static inline int world_teardown(void **state)
{
    struct world *w = *state;
    int top = lua_gettop(w->s->L);
    luastate_free(w->s);
    arena_done(&w->arena);
    return top;
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

#endif
