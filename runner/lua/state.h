#ifndef LUA_STATE_H
#define LUA_STATE_H

/* One sandboxed Lua state: base subset, string, table, math, utf8, coroutine, and the helpers of lua/funcs.h; text
 * chunks only; memory capped in the allocator. Bytes have one owner: whoever made the state frees it. */

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

#include "util/buf.h"
#include "util/slice.h"

struct luahost;

struct luastate {
    lua_State *L;
    size_t used, cap;
    size_t collect_at; /* with so much in use, the next call begins with a collection */
    bool lifted;       /* the cap is off: start-up and close */
    bool capped;       /* an allocation has been refused, and no call has said so yet */
    int base;          /* registry reference of the table of base names */
    /* Set by whoever wants to know where a runaway chunk was; called from a hook with "file:line". */
    void (*note)(void *ctx, const char *where);
    void *note_ctx;
    const char *ended; /* what a chunk is told that luastate_interrupt ends; "ended by the supervisor" at first */
    lua_State *volatile running;  /* the thread that runs now, or would */
    volatile sig_atomic_t ending; /* luastate_interrupt was called (1), and noted (2) */
    struct luahost *host;         /* of the case that runs, or NULL (lua/host.h) */
    unsigned depth;               /* calls and resumptions within one another */
    struct buf scratch;           /* for C functions that may raise while they hold bytes: see luastate_scratch */
};

enum { LUASTATE_CAP = 256 << 20 };

/* NULL only if Lua cannot even start within the cap. */
struct luastate *luastate_new(size_t cap);
void luastate_free(struct luastate *s);
struct luastate *luastate_of(lua_State *L);
/* Calls the function with n arguments on top of the stack, protected: true with `results` values pushed, or false with
 * the message as a NUL-terminated string on top (never nil, never another type; "not enough memory" becomes "Lua memory
 * is over its cap of 256 MiB"). */
bool luastate_call(struct luastate *s, int n, int results);
/* The same on the thread L, for what a script's coroutine calls. */
bool luastate_call_on(lua_State *L, int n, int results);
/* lua_resume, and luastate_interrupt finds the thread. */
int luastate_resume(lua_State *co, lua_State *from, int n, int *ret_results);
/* lua_resetthread, and luastate_interrupt finds what its variables' `__close` do. True, or false with their error on
 * top as a string. */
bool luastate_reset(lua_State *co);
/* Makes a string of the error on top of a thread that has ended with this status. */
void luastate_settle(lua_State *co, int status);
/* Makes room for LUA_MINSTACK values; never raises. */
void luastate_room(lua_State *L);
/* Pushes a message without ever raising, whatever the cap says. Returns false, for `return luastate_fail(...)`. */
bool luastate_fail(lua_State *L, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The state's own buffer, empty, at most `max` bytes: it is not lost when an error is raised. Until the next use. */
struct buf *luastate_scratch(lua_State *L, size_t max);
/* Async-signal-safe: arms a hook that calls note with the line being run and then raises an error, so that a runaway
 * chunk is told where it was. */
void luastate_interrupt(struct luastate *s);

#endif
