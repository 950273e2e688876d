#ifndef LUA_HOST_H
#define LUA_HOST_H

/* What a case gives to the Lua code that runs in it: the scheduler, permissions, and ears for what happens. One for
 * each run of a case; everything that the code opens belongs to it and is closed at its end. */

#include <stdbool.h>
#include <stdint.h>

#include "lua/state.h"
#include "op/task.h"
#include "util/permit.h"

struct luahost;
struct luatask;
struct object;
struct conn;
struct arena;
struct listener;
struct addr_spec;
struct tls_library;

/* What did not go as the script said it must. Texts and bytes belong to the caller. */
struct luafailure {
    const char *kind;                     /* check, fail, mismatch, permission, lua, timeout, closed ... */
    const char *message;                  /* one line */
    const char *where;                    /* "file:line" if the trace does not say it */
    const char *expected_text, *got_text; /* values as text, or NULL */
    bool bytes;                           /* these can be compared byte by byte */
    struct slice expected, got;
    size_t at;
};

struct expectation;

/* Message modules, for functions of Lua: what is wrong is raised. What they need meanwhile lies in the arena. */
struct luamessage_ops {
    /* Pushes the bytes of the payload in the table at idx, such as {["http.request"] = {..}}. */
    void (*encode)(lua_State *L, struct luahost *h, struct conn *c, int idx, struct arena *a);
    /* What to expect: any message of the module whose name is at idx, or what a table there says as in scenarios. */
    void (*expect)(lua_State *L, struct luahost *h, struct conn *c, int idx, struct arena *a, struct expectation *ret);
    /* Pushes the kind of the message that such a one has found, and its fields, before it is taken. */
    void (*push)(lua_State *L, const struct expectation *x, const struct conn *c);
    /* Pushes the `ctx` that the module has for the connection. */
    void (*ctx)(lua_State *L, struct luahost *h, struct conn *c, struct slice name, struct arena *a);
};

struct luahost_ops {
    /* The case has failed, at the innermost line of L's stack. Told where it happens; the task that runs is unwound by
     * an error afterwards, by whoever calls. */
    void (*failed)(struct luahost *h, lua_State *L, const struct luafailure *f);
    void (*skip)(struct luahost *h, const char *reason);
    void (*log)(struct luahost *h, lua_State *L, const char *text);
    /* The task is over; of a failed one the message is on top of its stack and has been told to nobody. May be NULL. */
    void (*ended)(struct luahost *h, struct luatask *t);
    /* A connection was opened: before its first byte. */
    void (*opened)(struct luahost *h, struct luatask *t, struct conn *c);
    /* A descriptor listens, as it was asked to. May be NULL. */
    void (*listens)(struct luahost *h, struct luatask *t, const struct listener *l, const struct addr_spec *asked);
    /* The case's temporary folder, made on first use; NULL if it cannot be. */
    const char *(*tmp)(struct luahost *h);
    /* Of a task that is none of Lua's. */
    const char *(*name)(struct luahost *h, const struct task *t, char *text, size_t size);
};

struct luahost {
    struct luastate *lua; /* NULL: not begun */
    struct sched *sched;
    const struct permit_scope *permit;
    struct permit_need *need;
    struct tls_library *tls;
    const struct luahost_ops *ops;
    void *ctx;
    const struct luamessage_ops *messages; /* NULL: there are none */
    void *modules;                         /* theirs */
    int64_t limit;           /* ns that a wait may take where nothing else says; 0: only what is around it bounds it */
    double scale;            /* of every timeout */
    struct luatask *current; /* the one that runs now */
    struct object *tasks;    /* luatasks that are not over */
    struct object *objects;  /* those that are open */
    struct lua_sync *syncs;
    int kept; /* registry reference of a list of what lives as long as the case, 0: none */
};

/* From now on the API works in this state. */
void luahost_begin(struct luahost *h, struct luastate *s);
/* Cancels what runs, closes what is open. Nothing if it was not begun. */
void luahost_end(struct luahost *h);
/* The host, or an error that says where the API works. */
struct luahost *luahost_of(lua_State *L);
/* Of lua/api_meet. */
void luahost_forget_syncs(struct luahost *h);
/* Keeps the value on top (popped) until the case ends. */
void luahost_keep(lua_State *L, struct luahost *h);

#endif
