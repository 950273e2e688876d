#include "engine/operands.h"

#include "engine/run.h"
#include "lua/names.h"
#include "lua/value.h"

enum { VALUE_SHOWN = 60, NAMES_MOST = 8 };

struct show {
    struct actor *actor;
    struct slice seen[NAMES_MOST];
    unsigned n;
    struct buf *out;
};

static void show_name(void *ctx, struct slice name, size_t at, bool assigned)
{
    struct show *s = ctx;
    (void)at;
    (void)assigned;
    for (unsigned i = 0; i < s->n; i++)
        if (slice_eq(s->seen[i], name)) return;
    if (s->n == NAMES_MOST) return;
    s->seen[s->n++] = name;
    struct actor *a = s->actor;
    struct luastate *lua = a->run->base->lua->state;
    const int base = lua_gettop(lua->L);
    struct expr *x = expr_new(&a->arena, EXPR_VALUE, name, 0, "operand", 1);
    if (expr_run(lua, x, &a->env)) {
        const int type = lua_type(lua->L, -1);
        if (type != LUA_TFUNCTION && type != LUA_TUSERDATA && !(type == LUA_TTABLE && lua_getmetatable(lua->L, -1))) {
            buf_printf(s->out, "%s%.*s = ", s->out->n ? ", " : "", (int)name.n, name.p);
            value_show(lua->L, -1, VALUE_SHOWN, s->out);
        }
    }
    lua_settop(lua->L, base);
}

void operands_show(struct actor *a, const struct expr *x, struct buf *out)
{
    struct show s = {.actor = a, .out = out};
    names_scan(x->text, show_name, &s);
}
