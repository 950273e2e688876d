#ifndef SCENARIO_ACTORS_H
#define SCENARIO_ACTORS_H

/* An actor's map -> what it is and what it does. */

#include "scenario/loader.h"

struct actors_model {
    struct actor_model *list;
    uint32_t n;
};

/* One actor, by its name. Goes on after each diagnostic. */
struct actor_model actors_read(struct loader *l, const struct pair *p);
/* The same under another name than the key's. */
struct actor_model actors_read_as(struct loader *l, const struct pair *p, const char *name);
/* The short form: `connect` and `steps` of a case (or of the file that is one) make the actor `client`. */
struct actor_model actors_client(struct loader *l, const struct node *map);
/* The same with an endpoint that stands elsewhere, or none. */
struct actor_model actors_short(struct loader *l, const struct node *map, const struct node *endpoint,
                                enum actor_kind kind);
/* An actor of nothing but `setup` or `always` steps, which stand in the map of a case. */
struct actor_model actors_part(struct loader *l, const struct node *map, enum actor_part part);

#endif
