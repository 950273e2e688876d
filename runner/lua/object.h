#ifndef LUA_OBJECT_H
#define LUA_OBJECT_H

/* Objects of the API: userdata that are known by a magic word, made closed and then opened, and closed once: by
 * `close`, by the end of a variable's scope (`<close>`), by the collector, or with their case. */

#include <lauxlib.h>

#include "lua/host.h"

struct object_type {
    const char *name; /* "connection" */
    uint32_t magic;   /* odd: it cannot be the beginning of a pointer */
    void (*close)(struct object *o);
    const luaL_Reg *methods, *meta; /* meta may be NULL */
    const struct object_type *base; /* whose methods it has as well, or NULL */
};

enum {
    OBJECT_CONN = 0x434f4e4e | 1,
    OBJECT_LISTENER = 0x4c495354 | 1,
    OBJECT_TASK = 0x5441534b, /* odd already */
    OBJECT_CHANNEL = 0x4348414e | 1,
    OBJECT_PORT = 0x504f5254 | 1,
    OBJECT_TEST = 0x54455354 | 1,
    OBJECT_EXPECT = 0x45585054 | 1,
};

struct object {
    uint32_t magic;
    const struct object_type *type;
    struct luahost *host; /* NULL: closed */
    struct object *next, **link;
};

/* Pushes a new closed one of `size` bytes, zeroed, with so many user values. */
void *object_push(lua_State *L, const struct object_type *type, size_t size, int values);
void object_open(struct object *o, struct luahost *h);
/* Calls the type's close, unless it is closed. */
void object_close(struct object *o);
/* The argument, closed or not; raises if it is no such object. */
void *object_check(lua_State *L, int arg, const char *name, uint32_t magic);
/* NULL if it is none. */
struct object *object_test(lua_State *L, int arg, uint32_t magic);

#endif
