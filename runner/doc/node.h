#ifndef DOC_NODE_H
#define DOC_NODE_H

/* YAML text -> a tree of nodes that remember where they stand. Built on libyaml's event interface, with bounds of our
 * own: depth 64, 100,000 nodes counted after aliases are followed. Gives no scalar a type: that is the reader's affair.
 */

#include <stdbool.h>
#include <stdint.h>

#include "doc/source.h"
#include "util/arena.h"
#include "util/diag.h"
#include "util/slice.h"

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
    enum node_kind kind;
    bool quoted;         /* a scalar in quotes or a block scalar: always text */
    bool block;          /* a block scalar (| or >): its text starts on the line after its mark */
    uint32_t n;          /* elements of a list, pairs of a map */
    struct mark mark;    /* the whole node as written (quotes included); of a block list or map its first character */
    struct slice text;   /* scalar: the value; NUL-terminated behind it; may hold NULs */
    struct node **items; /* list */
    struct pair *pairs;  /* map, in the order of the text */
};

struct pair {
    struct node *key; /* always a scalar */
    struct node *value;
};

enum { NODE_DEPTH = 64, NODE_MOST = 100000 };

/* The one document of the source, or NULL with at least one diagnostic: syntax, a second document, a key that is no
 * scalar, duplicate keys (both places), `<<`, aliases that are unknown, that hold themselves or multiply without
 * bound, nesting past 64, tags, bytes that are no UTF-8 (at their place), `"\x80"`-`"\xff"` escapes in quoted
 * scalars (hint: `{hex: ..}`), `{a: ${b}}` without quotes (hint: quote it). An empty document is a diagnostic too.
 * Goes on after an error where it can, so that several are found at once: what can be left out (the later of two keys,
 * a `<<`, a tag, an escape, a second document) leaves a tree beside its diagnostic, so that a caller looks at d->n too.
 */
struct node *node_parse(const struct source *s, struct arena *a, struct diags *d);

/* The value of a key, or NULL. */
struct node *node_get(const struct node *map, const char *key);
struct pair *node_pair(const struct node *map, const char *key);
struct pair *node_pair_named(const struct node *map, struct slice key);
/* A scalar with nothing written (`key:`), or NULL. */
bool node_empty(const struct node *n);
/* A plain scalar whose text is `word`. */
bool node_is(const struct node *n, const char *word);
/* "a text", "a list", "a map": for messages. */
const char *node_what(const struct node *n);
/* Where byte `at` of a scalar's value stands in the source (escapes and folded lines considered as well as can be: the
 * whole scalar's mark where they make it uncertain). */
struct mark node_mark_at(const struct node *n, uint32_t at, uint32_t len);

#endif
