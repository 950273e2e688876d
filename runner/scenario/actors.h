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
/* The short form: `connect` and `steps` of a case (or of the file that is one) make the actor `client`. */
struct actor_model actors_client(struct loader *l, const struct node *map);

#endif
