#ifndef LUA_READER_H
#define LUA_READER_H

/* `r` of a module's decode: what reads a message from a place of a stream. A method that needs more bytes than are
 * there yields the coroutine that decode runs in; whoever resumes it has set `have` anew. Methods are documented beside
 * their functions. */

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

#include "util/slice.h"

enum reader_state {
    READER_CLOSED, /* no decode runs: any use is an error */
    READER_READS,
    READER_WAITS,     /* it has yielded, for more bytes */
    READER_MALFORMED, /* an error was raised: `why`, at byte `at` */
    READER_CUT,       /* an error was raised: the stream has ended within the message */
};

struct reader_object {
    uint32_t magic;
    enum reader_state state;
    struct slice have;             /* from the message's first byte on */
    size_t at;                     /* bytes read of it */
    bool complete;                 /* no more will come */
    bool fin;                      /* and that by an orderly end */
    struct reader_object *part_of; /* of a part, whose bytes are all there: the reader of the message; else NULL */
    size_t from;                   /* where in the message the part begins */
    char why[200];
};

/* Pushes a new one, closed. To be called protected. */
struct reader_object *reader_push(lua_State *L);
/* The error at the index is the one that goes with READER_MALFORMED or READER_CUT. */
bool reader_raised(lua_State *L, int index);
/* Notes that the bytes are wrong, and raises. */
int reader_fail(lua_State *L, struct reader_object *r, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
