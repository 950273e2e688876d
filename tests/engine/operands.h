#ifndef TESTS_ENGINE_OPERANDS_H
#define TESTS_ENGINE_OPERANDS_H

/* Operands compiled from a piece of YAML, and evaluated with variables of a Lua chunk. Include after cmocka.h. */

#include <stdlib.h>

#include <lauxlib.h>

#include "doc/parsed.h"
#include "engine/compile.h"
#include "engine/eval.h"
#include "engine/names_check.h"
#include "engine/program.h"

struct bench {
    struct parsed *parsed;
    struct node *node;
    struct lazy_lua lua;
    struct env env;
    struct arena arena;
    struct permit *permit;
    struct permit_scope scope;
    struct scenario scenario;
    struct case_model model;
    struct case_plan plan;
    struct actor_plan actors[2];
    struct compiler c;
    struct eval e;
};

static bool bench_get(void *owner, lua_State *L, int name)
{
    (void)owner;
    if (strcmp(lua_tostring(L, name), "it") == 0) return lua_getfield(L, LUA_REGISTRYINDEX, EVAL_IT), true;
    lua_getfield(L, LUA_REGISTRYINDEX, "bench");
    lua_pushvalue(L, name);
    lua_rawget(L, -2);
    lua_remove(L, -2);
    if (!lua_isnil(L, -1)) return true;
    lua_pop(L, 1);
    return false;
}

static void bench_set(void *owner, lua_State *L, int name)
{
    (void)owner;
    const int value = lua_gettop(L);
    lua_getfield(L, LUA_REGISTRYINDEX, "bench");
    lua_pushvalue(L, name);
    lua_pushvalue(L, value);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

static const struct env_ops bench_ops = {bench_get, bench_set};

static inline struct bench *bench_new(const char *yaml)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->parsed = parsed_good(yaml);
    b->node = b->parsed->root;
    b->permit = permit_new();
    b->scope = (struct permit_scope){.permit = b->permit, .folder = "/nowhere"};
    b->actors[0] = (struct actor_plan){.name = "server"};
    b->actors[1] = (struct actor_plan){.name = "client", .index = 1};
    b->plan = (struct case_plan){.scenario = &b->scenario, .actors = b->actors, .nactors = 2};
    b->env.ops = &bench_ops;
    struct luastate *s = lazy_lua_get(&b->lua);
    lua_newtable(s->L);
    lua_setfield(s->L, LUA_REGISTRYINDEX, "bench");
    b->c = (struct compiler){.arena = &b->parsed->arena,
                             .diags = &b->parsed->diags,
                             .lua = s,
                             .scenario = &b->scenario,
                             .model = &b->model,
                             .plan = &b->plan,
                             .actor = &b->actors[0]};
    b->e = (struct eval){.lua = &b->lua, .env = &b->env, .arena = &b->arena, .permit = &b->scope};
    return b;
}

static inline void bench_free(struct bench *b)
{
    assert_int_equal(lua_gettop(b->lua.state->L), 0);
    env_done(&b->env, b->lua.state);
    arena_done(&b->arena);
    parsed_free(b->parsed);
    lazy_lua_done(&b->lua);
    permit_free(b->permit);
    free(b);
}

/* Runs a chunk: `n = 7`. */
static inline void bench_run(struct bench *b, const char *lua)
{
    struct expr *x = expr_new(&b->arena, EXPR_CHUNK, slice_of(lua), 0, "bench", 1);
    if (!expr_run(b->lua.state, x, &b->env)) fail_msg("%s", lua_tostring(b->lua.state->L, -1));
}

/* Whether an expression holds. */
static inline bool bench_holds(struct bench *b, const char *lua)
{
    bool holds = false;
    struct expr *x = expr_new(&b->arena, EXPR_VALUE, slice_of(lua), 0, "bench", 1);
    if (!condition_eval(x, (struct mark){0}, &b->e, &holds)) fail_msg("%s: %s", lua, b->e.why);
    return holds;
}

static inline bool bench_defines(const struct bench *b, const char *name)
{
    for (const struct name_def *d = b->c.defs; d; d = d->next)
        if (slice_is(d->name, name)) return true;
    return false;
}

/* Diagnostic 0, and there is no other. */
static inline void bench_said(struct bench *b, const char *expected)
{
    if (b->parsed->diags.n != 1) fail_msg("%u diagnostics:\n%s", b->parsed->diags.n, parsed_said(b->parsed));
    said_is(b->parsed, 0, expected);
}

static inline void slice_same(struct slice got, const char *expected, size_t n)
{
    if (got.n != n || (n && memcmp(got.p, expected, n) != 0))
        fail_msg("got \"%.*s\", expected \"%s\"", (int)got.n, got.p, expected);
}

#endif
