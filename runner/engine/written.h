#ifndef ENGINE_WRITTEN_H
#define ENGINE_WRITTEN_H

/* A value that a whole `${x}` carries, as if it had been written where the `${x}` stands: a row or a macro's argument
 * may hold a whole payload or matcher. */

#include "engine/compile.h"

/* Compiles in eval's arena and collects what is wrong. */
struct written {
    struct compiler compiler;
    struct actor_plan actor;
    struct diags diags;
};

/* The value as a node with the mark of `at`. Its texts are taken as they are: a `${` in them means nothing. */
struct node *written_node(const struct view *v, const struct node *at, struct arena *a);
/* lf: the actor's `eol`. */
void written_begin(struct written *w, const struct eval *e, bool lf);
/* Ends it; false with e->why after errors: the first of them. */
bool written_end(struct written *w, struct eval *e, struct mark mark);

#endif
