#ifndef ENGINE_MODULES_H
#define ENGINE_MODULES_H

/* Message modules as the compiler knows them: what messages each has, and their typed fields. A module must run to say
 * that, which is done once for each, by whoever the set is given: a probe child of the parent, or the case's own Lua
 * state. */

#include <stdbool.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/buf.h"
#include "util/permit.h"
#include "util/slice.h"
#include "util/suggest.h"

enum module_type {
    MODULE_TEXT,
    MODULE_BYTES,
    MODULE_BOOL,
    MODULE_INT, /* u8..u64, i8..i64, an enumeration */
    MODULE_FLOAT,
    MODULE_JSON,  /* any value */
    MODULE_PAIRS, /* names and values, in order; a name may come again */
    MODULE_LIST,
    MODULE_MAP,
};

struct module_name {
    struct slice name;
    int64_t value;
};

struct module_field {
    struct slice name; /* empty: a message's only value */
    enum module_type type;
    const char *words; /* the type as the module writes it: "u16?" */
    bool optional;
    int64_t min, max;                /* of MODULE_INT */
    const struct module_name *names; /* of an enumeration */
    uint32_t nnames;
};

struct module_message {
    struct slice name;
    uint32_t index;  /* in its module */
    bool has_encode; /* it can be sent */
    bool is_value;   /* fields[0] is all of it */
    struct module_field *fields;
    uint32_t n;
};

struct module_spec {
    const char *name;   /* as messages are called by */
    const char *path;   /* as reports show it */
    const char *folder; /* absolute; what it requires is looked for there first */
    struct slice text;
    struct module_message *messages;
    uint32_t n;
    bool has_decode;
    const char *wrong; /* it cannot be used: why */
    struct module_spec *next;
};

/* A module named in `use:`. */
struct module_use {
    const char *name; /* of the file, without `.lua` */
    const char *path; /* absolute */
    const char *shown;
};

struct modules {
    struct arena arena;
    struct module_spec *list;
    const char *scripts; /* absolute folder of those that are found by name, or NULL */
    const char *beside;  /* the same of a script, whose modules need no `use`; NULL: none */
    const struct permit *permit;
    const struct module_use *uses; /* of the file that is compiled or run */
    uint32_t nuses;
    /* Says what a module has, as JSON (module_describe writes it); false with a reason in ret. */
    bool (*probe)(void *ctx, const struct module_spec *m, struct buf *ret);
    /* Offers the names of the modules that could be named. NULL: nobody knows them. */
    void (*offer)(struct modules *m, struct suggest *s);
    void *ctx;
};

void modules_init(struct modules *m, const char *scripts, const struct permit *permit);
void modules_done(struct modules *m);
/* The module of this name; NULL if there is none. One that cannot be used says what is wrong. */
const struct module_spec *modules_find(struct modules *m, struct slice name);
/* The key of a message, `http.request`, or of any message of a module, `http`. */
struct module_key {
    const struct module_spec *module;
    const struct module_message *message; /* NULL: any */
    const char
        *wrong; /* there is such a module, but it has no such message, or cannot be used; in the arena of the set */
    struct slice unknown; /* the message's name that it does not have */
};
/* False if it is none: nothing is known by that name. */
bool modules_key(struct modules *m, struct slice key, struct module_key *ret);
const struct module_message *module_message_find(const struct module_spec *m, struct slice name);
const struct module_field *module_field_find(const struct module_message *m, struct slice name);
/* The value of an enumeration's name, or what the digits say. False if it is neither or out of bounds: then *ret_why is
 * a phrase. */
bool module_integer(const struct module_field *f, struct slice text, int64_t *ret, const char **ret_why);
/* "a number from 0 to 255", "text", "one of GET, SET": for messages. */
void module_type_words(const struct module_field *f, struct buf *out);
/* Reads what a probe has written into the module. */
void module_read_spec(struct module_spec *m, struct arena *a, struct slice json);

#endif
