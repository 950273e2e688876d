#include "engine/lua_witness.h"

#include "engine/witness.h"

enum { LEVELS_MOST = 30 };

struct told {
    struct witness witness; /* first */
    const struct luahost *host;
    const char *actor;
};

/* The innermost line of Lua that runs. The name stays Lua's, which holds it as long as the function runs. */
static void find_line(lua_State *L, struct place *ret)
{
    lua_Debug ar;
    for (int level = 0; level < LEVELS_MOST && lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        if (*ar.source != '@' || ar.currentline <= 0) continue;
        *ret = (struct place){.file = ar.source + 1, .line = (uint32_t)ar.currentline, .col = 1, .span = 1};
        return;
    }
}

static void who(const struct witness *w, bool sent, struct event *e)
{
    const struct told *told = w->ctx;
    const struct luatask *t = told->host->current;
    (void)sent;
    e->actor = told->actor;
    if (t && t->co) find_line(t->co, &e->place);
}

void lua_witness_begin(const struct luahost *h, struct emit *emit, struct arena *a, const char *actor, struct conn *c)
{
    if (!emit_traffic(emit)) return;
    struct told *told = ARENA_NEW(a, struct told);
    told->host = h;
    told->actor = actor ? arena_dup(a, slice_of(actor)) : NULL;
    told->witness = (struct witness){.emit = emit, .who = who, .ctx = told};
    witness_begin(&told->witness, c);
}

void lua_witness_listens(const struct luahost *h, struct emit *emit, const char *actor, const struct listener *l,
                         const struct addr_spec *asked)
{
    struct event e = {.actor = actor};
    if (h->current && h->current->co) find_line(h->current->co, &e.place);
    witness_listens(emit, l, asked, &e);
}
