#include "run/probe.h"

#include <sys/resource.h>

#include "engine/module_load.h"
#include "lua/require.h"
#include "lua/state.h"
#include "run/ask_child.h"
#include "util/units.h"

enum { LUA_MOST = 64 << 20, WORD_OK = '+', WORD_WRONG = '-', PROBE_CPU_SECONDS = 1 };
#define PROBE_NS (5 * NS_PER_S)

struct opening {
    const struct modules *set;
    const struct module_spec *module;
};

static int open_require(lua_State *L)
{
    const struct opening *o = lua_touserdata(L, 1);
    const char *const folders[2] = {o->module->folder, o->set->scripts};
    require_open(L, o->set->permit, folders);
    return 0;
}

static bool describe(const struct opening *o, struct buf *out)
{
    struct luastate *s = luastate_new(LUA_MOST);
    if (!s) return false;
    lua_pushcfunction(s->L, open_require);
    lua_pushlightuserdata(s->L, (void *)(uintptr_t)o);
    const bool well = luastate_call(s, 1, 0) && module_describe(s, o->module, out);
    luastate_free(s);
    return well;
}

/* Appends + and the description, or - and what is wrong. */
static void answer(void *ctx, struct buf *out)
{
    const struct rlimit seconds = {PROBE_CPU_SECONDS, PROBE_CPU_SECONDS}, none = {0, 0};
    struct buf said = BUF_INIT(out->max - 1);
    setrlimit(RLIMIT_CPU, &seconds);
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_NPROC, &none);
    buf_addc(out, describe(ctx, &said) ? WORD_OK : WORD_WRONG);
    buf_add(out, buf_slice(&said));
    buf_done(&said);
}

static bool conclude(struct buf *ret, bool in_time)
{
    if (!in_time) {
        buf_clear(ret);
        buf_adds(ret, "it does not come to an end: loading it takes too long");
        return false;
    }
    if (ret->n == 0 || ret->overflow) {
        buf_clear(ret);
        buf_adds(ret, "loading it ended the process that tried");
        return false;
    }
    const bool well = ret->p[0] == WORD_OK;
    buf_drop(ret, 1);
    return well;
}

bool probe_module(void *ctx, const struct module_spec *m, struct buf *ret)
{
    struct opening o = {ctx, m};
    return conclude(ret, ask_child(answer, &o, PROBE_NS, ret));
}
