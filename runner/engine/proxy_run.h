#ifndef ENGINE_PROXY_RUN_H
#define ENGINE_PROXY_RUN_H

/* A proxy that an actor is, while its case runs: accepts, connects to the target for each connection, passes on what
 * comes as its rules say (op/relay.h), and knows what it has done. */

#include "engine/proxy_plan.h"
#include "engine/step.h"
#include "util/buf.h"

struct proxy;

/* Opens its listener, with the rules of the plan in force. NULL after actor_fail. */
struct proxy *proxy_new(struct actor *a, const struct proxy_plan *plan);
/* From now on these rules hold, for the connections that there are too; positions and times count from here. False
 * after actor_fail of `who`. */
bool proxy_set_rules(struct proxy *p, struct actor *who, const struct rules_plan *rules);
/* Something that it holds will go on by itself. */
bool proxy_is_busy(const struct proxy *p);
/* What it has passed on, and what it has done to it. */
void proxy_show(const struct proxy *p, struct buf *out);
/* The same, line by line, for whoever follows the run. */
void proxy_tell(const struct proxy *p);
/* Closes all. NULL is fine. */
void proxy_free(struct proxy *p);

#endif
