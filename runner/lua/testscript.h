#ifndef LUA_TESTSCRIPT_H
#define LUA_TESTSCRIPT_H

/* A test script: which tests its chunk names when it runs. Nothing of it opens or waits for anything: that is for the
 * tests. */

#include <stdbool.h>
#include <stdint.h>

#include "lua/state.h"
#include "util/arena.h"

enum { TESTSCRIPT_MOST = 100000 };

struct luatest {
    const char *name, *tags; /* tags separated by blanks; "" */
    const char *ref;         /* or NULL */
    const char *level;       /* must, should, may or setup */
    uint32_t line;
    int64_t timeout; /* ns */
    int function;    /* registry reference */
    int row;         /* the same, of `each`; 0: none */
};

struct testscript_var {
    const char *name, *value;
};

struct testscript {
    struct arena arena;
    const char *name; /* of the file, as shown */
    struct luatest *tests;
    uint32_t n, size;
    int before, after; /* registry references of lists of functions, 0: none */
    bool loaded;
    const char *wrong; /* what went wrong, at `line` (0: unknown) */
    uint32_t wrong_line;
};

/* Compiles only. False with s->wrong. */
bool testscript_compile(struct testscript *s, struct luastate *lua, const char *name, struct slice text);
/* Compiles and runs the chunk, with the globals test, before, after, each and vars. False with s->wrong. */
bool testscript_load(struct testscript *s, struct luastate *lua, const char *name, struct slice text,
                     const struct testscript_var *vars, uint32_t nvars);
/* The memory; what lies in the state goes with that. */
void testscript_done(struct testscript *s);
/* Line and message of "name:12: message" at the beginning of a text: 0 and the text itself if it does not begin so. */
uint32_t testscript_place(const char *name, const char *message, const char **ret_rest);

/* The argument `t` of tests (lua/asserts.c): pushes it. dir is the script's folder; both live as long as the case. */
void luatest_push(lua_State *L, const char *name, const char *dir);

#endif
