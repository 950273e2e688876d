#ifndef SCENARIO_LOADER_H
#define SCENARIO_LOADER_H

/* What the rooms of this layer share while one scenario is being loaded. */

#include "doc/field.h"
#include "doc/node.h"
#include "doc/source.h"
#include "scenario/index.h"
#include "scenario/load.h"
#include "scenario/model.h"
#include "scenario/tables.h"
#include "util/diag.h"
#include "util/suggest.h"

enum {
    LOAD_FILES_MOST = 64,
    LOAD_CASES_MOST = 10000,
    LOAD_ACTORS_MOST = 100000, /* of all cases as written together */
    LOAD_TEXT_MOST = 64 * 1024 * 1024,
    LOAD_NAME_SHOWN = 60, /* bytes of a name in what is kept to speak of it; aliases make long ones cheap to write */
};

/* One of the files, with its keys checked. */
struct document {
    const struct source *source;
    const char *path;       /* absolute, without `.` and `..` */
    const struct node *map; /* without the keys that were refused */
    uint64_t includes;      /* bit i: document i, directly or not */
};

/* Something that documents define under a name. */
struct definition {
    struct pair *pair;
    uint32_t document;
};

struct definitions {
    struct definition *list;
    uint32_t n;
};

/* A `call` of macro `to` inside another one. */
struct macro_call {
    uint32_t to;
    struct mark mark;
    struct macro_call *next; /* of the same caller */
};

struct loader {
    const struct load_options *o;
    struct arena *a;
    struct diags *d;
    struct scenario *s;
    struct document
        documents[LOAD_FILES_MOST]; /* included ones before those that include them: the file itself is last */
    uint32_t ndocuments;
    struct index verbs;              /* name -> index among the options' steps */
    struct index macros;             /* name -> index among the scenario's */
    struct macro_call **macro_calls; /* of each macro */
    uint32_t macro;                  /* the one that is being read, or INDEX_NONE */
    uint32_t nactors;
    bool actors_said; /* that there are too many */
    uint32_t unread_size;
};

/* A diagnostic at a mark; printf's. */
#define loader_say(l, mark, ...) diags_add((l)->d, source_place(mark), __VA_ARGS__)

/* True for a map; else a diagnostic: "`what` is a map, not a list". */
bool loader_map(struct loader *l, const struct node *n, const char *what);
/* True if the scalar holds no `${}`; else a diagnostic. NULL is true. */
bool loader_constant(struct loader *l, const struct node *n, const char *what);
/* True if the name can be used in `${}`; else a diagnostic. */
bool loader_name(struct loader *l, const struct node *n, const char *what);
/* The value of a constant duration, or the fallback where there is none or it is wrong. Zero is a diagnostic. */
int64_t loader_duration(struct loader *l, const struct node *n, const char *what, int64_t fallback);
/* field_check_value, and the keys of an address that is a map. */
bool loader_value(struct loader *l, const struct node *value, const struct field *f);
/* The latter alone, where a table was checked already. */
bool loader_address(struct loader *l, const struct node *n, const char *what);
/* Keeps what could not be read as a step (scenario.unread). */
void loader_unread(struct loader *l, const struct node *n);
/* Everything that the documents define below `key`: the definition of a file wins over those that it includes. Two that
 * do not include each other are a diagnostic if `what` ("macro") is given, else the later include wins. */
struct definitions loader_merge(struct loader *l, const char *key, const char *what);

#endif
