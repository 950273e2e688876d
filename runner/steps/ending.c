#include "steps/ending.h"

#include <sys/wait.h>

#include "engine/run.h"
#include "net/process.h"

bool ending_compile(struct compiler *c, const struct node *n, struct ending_plan *ret)
{
    *ret = (struct ending_plan){.want = {.any = true}};
    if (!n) return true;
    if (!field_dynamic(n)) return exit_want_compile(c, n, true, &ret->want);
    ret->text = ARENA_NEW(c->arena, struct text_plan);
    return compile_text(c, n, ret->text);
}

enum went ending_eval(struct actor *a, const struct ending_plan *p, struct exit_want *ret)
{
    struct slice text;
    struct eval e = actor_eval(a);
    *ret = p->want;
    if (!p->text) return WENT_ON;
    if (!text_eval(p->text, &e, &text)) return actor_fail_eval(a, &e);
    const char *why = exit_want_parse(text, true, ret);
    return why ? actor_fail(a, "misuse", p->text->node->mark, "%s", why) : WENT_ON;
}

struct capture {
    struct actor *actor;
    const char *name;
    const struct ending *ending;
};

static void set_text(lua_State *L, const char *key, struct slice text)
{
    lua_pushlstring(L, text.p ? text.p : "", text.n);
    lua_setfield(L, -2, key);
}

static int capture(lua_State *L)
{
    const struct capture *c = lua_touserdata(L, 1);
    const struct ending *e = c->ending;
    lua_createtable(L, 0, 4);
    if (WIFEXITED(e->status)) {
        lua_pushinteger(L, WEXITSTATUS(e->status));
        lua_setfield(L, -2, "code");
    } else if (WIFSIGNALED(e->status)) {
        const char *name = signal_name(WTERMSIG(e->status));
        if (name)
            lua_pushstring(L, name);
        else
            lua_pushinteger(L, WTERMSIG(e->status));
        lua_setfield(L, -2, "signal");
    }
    if (e->said) {
        set_text(L, "out", e->out);
        set_text(L, "err", e->err);
    }
    actor_set(c->actor, c->name);
    return 0;
}

enum went ending_capture(struct actor *a, const char *name, const struct ending *e)
{
    struct luastate *s = lazy_lua_get(a->run->base->lua);
    struct capture c = {a, name, e};
    luastate_room(s->L);
    lua_pushcfunction(s->L, capture);
    lua_pushlightuserdata(s->L, &c);
    if (luastate_call(s, 1, 0)) return WENT_ON;
    struct eval eval = actor_eval(a);
    eval_fail_lua(&eval, (struct mark){0});
    return actor_fail_eval(a, &eval);
}
