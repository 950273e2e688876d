#include "engine/lua_modules.h"

#include <lauxlib.h>

#include "engine/framing.h"
#include "engine/message.h"
#include "engine/module.h"
#include "engine/module_load.h"
#include "engine/payload.h"
#include "engine/written.h"
#include "lua/value.h"

static bool describe(void *ctx, const struct module_spec *m, struct buf *ret)
{
    struct luastate *s = lazy_lua_get(ctx);
    return s ? module_describe(s, m, ret) : (buf_adds(ret, "Lua cannot start within its memory cap"), false);
}

void lua_modules_describe(struct lazy_lua *l, const char *beside)
{
    if (!l->modules) return;
    l->modules->probe = describe;
    l->modules->ctx = l;
    l->modules->beside = beside;
}

static const struct node nothing = {.kind = NODE_MAP};

/* What a table of Lua's is read with. */
struct reading {
    struct eval eval;
    struct written written;
};

static void begin(struct reading *r, const struct luahost *h, struct conn *c, struct arena *a)
{
    *r = (struct reading){.eval = {.lua = h->modules, .arena = a, .permit = h->permit, .conn = c}};
    written_begin(&r->written, &r->eval, false);
}

static void end(lua_State *L, struct reading *r)
{
    if (!written_end(&r->written, &r->eval, (struct mark){0})) eval_raise(&r->eval, L);
}

/* Lua's empty table says nothing of what it is: below the name of a message it is a map without fields. */
static void settle_empty(struct modules *m, struct node *map)
{
    for (uint32_t i = 0; map->kind == NODE_MAP && i < map->n; i++) {
        struct pair *p = &map->pairs[i];
        struct module_key key;
        if (p->value->kind != NODE_LIST || p->value->n || !m || !modules_key(m, p->key->text, &key)) continue;
        if (!key.message || !key.message->is_value) p->value->kind = NODE_MAP;
    }
}

/* The table as a node. */
static struct node *node_at(lua_State *L, const struct luahost *h, int idx, struct arena *a)
{
    struct view v;
    if (!value_view(L, idx, a, &v)) luaL_error(L, "%s", lua_tostring(L, -1));
    struct node *n = written_node(&v, &nothing, a);
    settle_empty(((const struct lazy_lua *)h->modules)->modules, n);
    return n;
}

static void encode(lua_State *L, struct luahost *h, struct conn *c, int idx, struct arena *a)
{
    struct reading r;
    struct slice bytes;
    const struct node *n = node_at(L, h, idx, a);
    begin(&r, h, c, a);
    const struct payload *p = payload_compile(&r.written.compiler, n);
    end(L, &r);
    if (!payload_bytes(p, &r.eval, &bytes)) eval_raise(&r.eval, L);
    lua_pushlstring(L, bytes.n ? bytes.p : "", bytes.n);
}

static const struct module_spec *module_named(lua_State *L, struct reading *r, struct slice name)
{
    struct compiler *c = &r->written.compiler;
    struct module_key key = {0};
    if (!c->modules || !modules_key(c->modules, name, &key))
        message_unknown_module(c, name, (struct mark){0});
    else if (key.wrong)
        compile_error(c, (struct mark){0}, "%s", key.wrong);
    else if (key.message)
        compile_error(c, (struct mark){0}, "whatever message of `%s` comes next is wanted here: `expect` takes one",
                      key.module->name);
    end(L, r);
    return key.module;
}

static void expect_any(lua_State *L, struct reading *r, struct slice name, struct expectation *ret)
{
    const struct module_spec *m = module_named(L, r, name);
    if (!m->has_decode) luaL_error(L, "messages of `%s` can only be sent: it has no `decode`", m->name);
    struct module_want *w = ARENA_NEW(r->eval.arena, struct module_want);
    *w = (struct module_want){m, NULL, r->eval.lua};
    module_expect(w, ret);
}

static void expect(lua_State *L, struct luahost *h, struct conn *c, int idx, struct arena *a, struct expectation *ret)
{
    struct reading r;
    struct slice name;
    const struct expectation *x;
    const struct node *n = lua_istable(L, idx) ? node_at(L, h, idx, a) : NULL;
    begin(&r, h, c, a);
    if (!n) {
        name.p = lua_tolstring(L, idx, &name.n);
        expect_any(L, &r, name, ret);
        return;
    }
    const struct framing_plan *p = framing_compile(&r.written.compiler, n, NULL);
    end(L, &r);
    if (!framing_eval(p, &r.eval, &x)) eval_raise(&r.eval, L);
    *ret = *x;
}

static void push(lua_State *L, const struct expectation *x, const struct conn *c)
{
    const struct module_message *k = module_message_at(c, x->module);
    lua_pushlstring(L, k->name.p, k->name.n);
    module_push_message(L, c, x->module);
}

static void push_ctx(lua_State *L, struct luahost *h, struct conn *c, struct slice name, struct arena *a)
{
    struct reading r;
    begin(&r, h, c, a);
    module_push_ctx(L, module_named(L, &r, name), c);
}

void lua_modules(struct luahost *h, struct lazy_lua *l)
{
    static const struct luamessage_ops ops = {.encode = encode, .expect = expect, .push = push, .ctx = push_ctx};
    h->messages = &ops;
    h->modules = l;
}
