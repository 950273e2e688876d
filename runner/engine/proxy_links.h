#ifndef ENGINE_PROXY_LINKS_H
#define ENGINE_PROXY_LINKS_H

/* What a proxy has for each of its clients: a connection (or, of datagrams, an address), and the connection to the
 * target that is made for it. */

#include "engine/actor.h"
#include "engine/address.h"
#include "op/relay.h"

struct link;

enum { LINKS_WHY = 400 };

struct proxy_links {
    struct actor *actor;           /* the proxy */
    const struct address_plan *to; /* the target */
    int64_t idle;                  /* ns after which a client that sends no datagrams is forgotten */
    struct fault_set *set;         /* what new ones begin with */
    struct link *first, *by_client;
    uint32_t begun, open;
    uint32_t unreached, lost;                           /* clients without a target; datagrams */
    char why_unreached[LINKS_WHY], why_lost[LINKS_WHY]; /* of the latest of these */
    uint64_t bytes[RELAY_ENDS], datagrams[RELAY_ENDS];  /* passed by those that are over, from each end */
    char *room;
};

/* actor has its listener; to, idle and set are set. */
void proxy_links_begin(struct proxy_links *p);
/* A client's connection: owned. */
void proxy_links_accept(struct proxy_links *p, int client);
/* A client's datagram. */
void proxy_links_take(struct proxy_links *p, const struct addr *client, struct slice bytes);
/* A datagram that came or went was lost; error as -errno. */
void proxy_links_lost(struct proxy_links *p, int error);
/* From now on other rules hold. */
void proxy_links_set_rules(struct proxy_links *p, struct fault_set *set);
bool proxy_links_are_busy(const struct proxy_links *p);
/* What was passed on from an end, by those that are open too. */
void proxy_links_passed(const struct proxy_links *p, int end, uint64_t *ret_bytes, uint64_t *ret_datagrams);
void proxy_links_done(struct proxy_links *p);

/* Of whoever owns the links: says something to whoever follows the run; the case has failed by it. */
void proxy_say(const struct actor *a, const char *text);
void proxy_has_failed(const struct actor *a);

#endif
