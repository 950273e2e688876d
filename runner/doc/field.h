#ifndef DOC_FIELD_H
#define DOC_FIELD_H

/* Tables of fields: what a map may hold. One table drives the loader's checks and did-you-mean, `sockrun steps`, the
 * JSON Schema and the reference. */

#include <stdbool.h>
#include <stdint.h>

#include "doc/node.h"
#include "util/diag.h"

enum field_type {
    FIELD_TEXT,  /* a scalar, `${}` in it */
    FIELD_NAME,  /* a plain name, no `${}`: [A-Za-z_][A-Za-z0-9_-]* */
    FIELD_NAMES, /* a name or a list of names */
    FIELD_TEXTS, /* a scalar or a list of scalars */
    FIELD_BOOL,  /* true | false */
    FIELD_INT,   /* decimal or 0x */
    FIELD_NUMBER,
    FIELD_DURATION, /* 5ms */
    FIELD_SIZE,     /* 64KiB */
    FIELD_CHOICE,   /* one of the words in `choices`, separated by '|' */
    FIELD_LUA,      /* a Lua expression without `${}` around it */
    FIELD_CHUNK,    /* a Lua chunk */
    FIELD_VALUE,    /* anything; unquoted numbers and booleans are typed */
    FIELD_VALUES,   /* a map of names to FIELD_VALUE */
    FIELD_PAYLOAD,
    FIELD_EXPECT,  /* a framing with a matcher, or a payload form */
    FIELD_EXPECTS, /* a list of FIELD_EXPECT */
    FIELD_MATCHER,
    FIELD_ADDRESS,  /* an address, or a map with `to` */
    FIELD_ARGV,     /* a list of scalars, at least one */
    FIELD_STEPS,    /* a list of steps */
    FIELD_BRANCHES, /* a map of outcome: steps */
    FIELD_LANES,    /* a list of lists of steps */
    FIELD_MAP,      /* a map that its reader checks by a table of its own (`fields`) */
    FIELD_MAPS,     /* a list of such maps */
    FIELD_NOTHING,  /* bare: no value is allowed */
};

enum {
    FIELD_REQUIRED = 1,
    FIELD_OPEN_MAP = 2,
    FIELD_OPTIONAL_VALUE = 4,
    FIELD_LATER = 8,   /* known, and not part of this version: who reads it says so, references leave it out */
    FIELD_FILLED = 16, /* of FORM_LIST, FORM_COLUMNS: not empty, which its reader says */
    FIELD_WORDS = 32,  /* the names it gives, or those in its map, can be used in `${}`, which its reader says */
    FIELD_ENOUGH = 64, /* a map needs one of the keys that are so marked, if there are any */
};

/* What a FIELD_VALUE, or a map, is made of where its reader checks more than a table can: for references and the
 * schema. An element is an `of`, or a map by `fields`. */
enum field_form {
    FORM_ANY,     /* nothing more is known */
    FORM_ELEMENT, /* one */
    FORM_LIST,    /* a list of them */
    FORM_NAMED,   /* a map of names to them */
    FORM_COLUMNS, /* a map of names to lists of them */
    FORM_OPTIONS, /* a map that also takes the names of socket options (net/sockopt.h) */
};

struct field {
    const char *name;
    enum field_type type;
    unsigned flags;
    const char *fallback;       /* the default as a user would write it, or NULL */
    const char *choices;        /* FIELD_CHOICE: "fin|reset|any"; FIELD_INT: those that are known */
    const char *doc;            /* one line, no full stop */
    const struct field *fields; /* FIELD_MAP, FIELD_MAPS, and of elements: ends with a zeroed one */
    enum field_form form;
    enum field_type of;   /* of an element; FIELD_CHOICE with `choices` */
    const char *needs;    /* other keys of the map, "connect|target", of which one must be there, or NULL */
    const char *excludes; /* keys that cannot stand beside it, "connect|steps", or NULL */
};

/* Checks a map against a table (which ends with a zeroed entry): keys that are unknown (with a suggestion), required
 * ones that are missing (at `map`'s mark), and each value's form as far as its type tells without evaluating `${}`.
 * `what` names the map in messages ("step `send`"). Returns how many diagnostics it added. */
unsigned field_check(const struct node *map, const struct field *table, const char *what, struct diags *d);
/* The same for one value. */
bool field_check_value(const struct node *value, const struct field *f, struct diags *d);
/* The field of this name, or NULL. */
const struct field *field_find(const struct field *table, struct slice name);
/* The next of the words in `choices`, `needs` or `excludes`: *rest moves behind it. False at the end. */
bool field_next_word(const char **rest, struct slice *ret);
/* The type in words, for messages and the reference: "a duration such as 50ms", "one of fin, reset, any". */
const char *field_type_words(const struct field *f, struct arena *a);
/* True if the scalar holds `${` that is not written `$${`: its type can be checked only when the step runs. Words and
 * booleans are fixed, and cannot hold it. */
bool field_dynamic(const struct node *n);
/* The typed value of a scalar that is not dynamic; the fallback where node is NULL, and where field_check has refused
 * it: a reader goes on, and finds what else is wrong. */
int64_t field_duration(const struct node *n, int64_t fallback);
int64_t field_int(const struct node *n, int64_t fallback);
uint64_t field_size(const struct node *n, uint64_t fallback);
bool field_bool(const struct node *n, bool fallback);
/* The index of the scalar's word among choices, -1 if it is none. */
int field_choice(const struct node *n, const char *choices);

/* The type that an unquoted scalar has where no field gives one (language 2): `true`, `false`, `null`, or a number that
 * prints back as it was written; everything else is text. */
enum scalar_type { SCALAR_TEXT, SCALAR_TRUE, SCALAR_FALSE, SCALAR_NULL, SCALAR_INT, SCALAR_FLOAT };
enum scalar_type field_scalar(const struct node *n, int64_t *ret_int, double *ret_float);

#endif
