#ifndef ENGINE_SESSIONS_H
#define ENGINE_SESSIONS_H

/* The copies of a `serve` that gets datagrams: each has a share of the one socket, and what comes for it is put there.
 * A share is found by its key: the sender's address, or what `session` makes of the datagram. */

#include <stdbool.h>

#include "engine/actor.h"
#include "util/slice.h"

struct sessions;

/* The share that a datagram belongs to, or NULL: nobody's yet. */
struct conn *sessions_find(const struct actor *server, struct slice key);
/* From now on the share is found by the key, until it is closed or its time is over. */
void sessions_add(struct actor *server, struct slice key, struct conn *share);
/* Gives it a datagram, and wakes its reader. What does not fit is dropped. */
void sessions_put(struct conn *share, struct slice bytes, const struct addr *from, size_t cut);
/* The server goes before its copies. */
void sessions_free(struct actor *server);

#endif
