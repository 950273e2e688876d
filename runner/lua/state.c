#include "lua/state.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>

#include "lua/sandbox.h"
#include "util/mem.h"
#include "util/units.h"

enum { SCRATCH_KEPT = 64 * 1024 };

static void *allocate(void *ud, void *p, size_t old, size_t n)
{
    struct luastate *s = ud;
    if (!p) old = 0; /* Lua tells the kind of object in it */
    if (n == 0) {
        free(p);
        s->used -= old;
        return NULL;
    }
    if (n > old && !s->lifted && (s->used > s->cap || n - old > s->cap - s->used)) {
        s->capped = true;
        return NULL;
    }
    void *q = realloc(p, n);
    if (!q) {
        if (n > old) return NULL;
        q = p; /* Lua relies on a shrink that never fails */
    }
    s->used += n - old;
    return q;
}

struct luastate *luastate_of(lua_State *L)
{
    void *ud;
    lua_getallocf(L, &ud);
    return ud;
}

static int open_all(lua_State *L)
{
    sandbox_open(L);
    luastate_of(L)->base = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

struct luastate *luastate_new(size_t cap)
{
    struct luastate *s = mem_zalloc(sizeof *s);
    s->cap = cap;
    s->collect_at = cap / 2;
    s->lifted = true;
    s->ended = "ended by the supervisor";
    s->L = lua_newstate(allocate, s);
    if (!s->L) mem_exhausted();
    /* New threads get a copy of the main one's (manual 4.7, lua_getextraspace). */
    memset(lua_getextraspace(s->L), 0, LUA_EXTRASPACE);
    s->running = s->L;
    lua_pushcfunction(s->L, open_all);
    if (lua_pcall(s->L, 0, 0, 0) != LUA_OK) mem_exhausted();
    if (s->used >= cap) {
        luastate_free(s);
        return NULL;
    }
    s->lifted = false;
    return s;
}

void luastate_free(struct luastate *s)
{
    if (!s) return;
    s->lifted = true;
    lua_close(s->L);
    assert(s->used == 0);
    buf_done(&s->scratch);
    mem_free(s);
}

void luastate_room(lua_State *L)
{
    struct luastate *s = luastate_of(L);
    bool lifted = s->lifted;
    s->lifted = true;
    if (!lua_checkstack(L, LUA_MINSTACK)) mem_exhausted();
    s->lifted = lifted;
}

bool luastate_fail(lua_State *L, const char *format, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    struct luastate *s = luastate_of(L);
    luastate_room(L);
    bool lifted = s->lifted;
    s->lifted = true;
    lua_pushstring(L, text);
    s->lifted = lifted;
    return false;
}

struct buf *luastate_scratch(lua_State *L, size_t max)
{
    struct buf *b = &luastate_of(L)->scratch;
    if (b->size > SCRATCH_KEPT) buf_done(b);
    buf_clear(b);
    b->max = max;
    return b;
}

static int to_text(lua_State *L)
{
    luaL_tolstring(L, 1, NULL);
    lua_tostring(L, -1); /* __tostring may give a number */
    return 1;
}

/* Whether the object on top has a __tostring; to be called with the cap lifted. */
static bool speaks(lua_State *L)
{
    if (luaL_getmetafield(L, -1, "__tostring") == LUA_TNIL) return false;
    lua_pop(L, 1);
    return true;
}

/* Whatever was thrown becomes a text. A script's own __tostring runs under the cap, and may fail as well. */
static void make_text(struct luastate *s, lua_State *L)
{
    if (lua_type(L, -1) == LUA_TSTRING) return;
    const char *type = luaL_typename(L, -1);
    s->lifted = true;
    bool text = lua_type(L, -1) == LUA_TNUMBER || speaks(L);
    s->lifted = false;
    if (text) {
        lua_pushcfunction(L, to_text);
        lua_insert(L, -2);
        if (lua_pcall(L, 1, 1, 0) == LUA_OK) return;
    }
    lua_pop(L, 1);
    luastate_fail(L, "(error object is a %s value)", type);
}

static void settle(struct luastate *s, lua_State *L, int status)
{
    luastate_room(L);
    bool lifted = s->lifted;
    make_text(s, L);
    if (status == LUA_ERRMEM && s->capped) {
        char size[UNITS_TEXT];
        lua_pop(L, 1);
        luastate_fail(L, "Lua memory is over its cap of %s", units_show_size(s->cap, size));
        lua_gc(L, LUA_GCCOLLECT);
    }
    s->capped = false;
    s->lifted = lifted;
}

/* The line of what runs. An expression's chunk is named "file:line" and has lines of its own. */
static void place(const lua_Debug *ar, char *text, size_t size)
{
    const char *source = *ar->source == '@' || *ar->source == '=' ? ar->source + 1 : ar->short_src;
    size_t n = strlen(source);
    size_t digits = 0;
    while (digits < n && source[n - digits - 1] >= '0' && source[n - digits - 1] <= '9')
        digits++;
    long line = ar->currentline;
    if (digits > 0 && digits < 10 && digits < n && source[n - digits - 1] == ':') {
        line += strtol(source + n - digits, NULL, 10) - 1;
        n -= digits + 1;
    }
    snprintf(text, size, "%.*s:%ld", (int)n, source, line);
}

static void end_chunk(lua_State *L, lua_Debug *ar)
{
    struct luastate *s = luastate_of(L);
    if (!s->ending) {
        lua_sethook(L, NULL, 0, 0);
        return;
    }
    lua_getinfo(L, "Sl", ar);
    if (s->note && s->ending == 1) {
        char where[512];
        place(ar, where, sizeof where);
        s->note(s->note_ctx, where);
    }
    s->ending = 2;
    lua_pushfstring(L, "%s:%d: %s", ar->short_src, ar->currentline, s->ended);
    lua_error(L);
}

/* At every instruction, and it stays: a pcall in a loop catches the first error, and the loop meets the second. */
static void arm(lua_State *L)
{
    lua_sethook(L, end_chunk, LUA_MASKCOUNT, 1);
}

void luastate_interrupt(struct luastate *s)
{
    s->ending = 1;
    arm(s->running);
}

static lua_State *enter(struct luastate *s, lua_State *L)
{
    lua_State *outer = s->running;
    s->running = L;
    s->depth++;
    return outer;
}

static void leave(struct luastate *s, lua_State *outer)
{
    s->running = outer;
    if (--s->depth == 0)
        s->ending = 0; /* hooks that are still armed take themselves off */
    else if (s->ending)
        arm(outer);
}

/* A buffer of Lua's that meets the cap fails without trying a collection: have one in time. */
static void collect_in_time(struct luastate *s)
{
    if (s->used < s->collect_at || s->depth > 0) return;
    lua_gc(s->L, LUA_GCCOLLECT);
    s->collect_at = s->used < s->cap ? s->used + (s->cap - s->used) / 2 : s->cap;
    if (s->collect_at < s->cap / 2) s->collect_at = s->cap / 2;
}

bool luastate_call_on(lua_State *L, int n, int results)
{
    struct luastate *s = luastate_of(L);
    collect_in_time(s);
    lua_State *outer = enter(s, L);
    int status = lua_pcall(L, n, results, 0);
    if (status != LUA_OK) settle(s, L, status);
    leave(s, outer);
    return status == LUA_OK;
}

bool luastate_call(struct luastate *s, int n, int results)
{
    return luastate_call_on(s->L, n, results);
}

int luastate_resume(lua_State *co, lua_State *from, int n, int *ret_results)
{
    struct luastate *s = luastate_of(co);
    collect_in_time(s);
    lua_State *outer = enter(s, co);
    int status = lua_resume(co, from, n, ret_results);
    leave(s, outer);
    return status;
}

bool luastate_reset(lua_State *co)
{
    struct luastate *s = luastate_of(co);
    lua_State *outer = enter(s, co);
    int status = lua_resetthread(co);
    leave(s, outer);
    if (status != LUA_OK) settle(s, co, status);
    return status == LUA_OK;
}

void luastate_settle(lua_State *co, int status)
{
    settle(luastate_of(co), co, status);
}
