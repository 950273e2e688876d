#include "net/pair.h"

#include <string.h>

#include "util/hash.h"
#include "util/mem.h"

/* The lesser end first, so that both ends of a connection have the same key. */
struct pair_key {
    struct pair_end {
        uint8_t ip[16];
        in_port_t port;
    } end[2];
    uint16_t datagrams; /* TCP and UDP have ports of their own */
};

struct pairing {
    struct pair_key key;
    struct watch *watch;
    bool second; /* the watch's own end is end[1] */
    UT_hash_handle hh;
};

static void fill_end(struct pair_end *end, const struct addr_inet *a)
{
    if (a->sa.sa_family == AF_INET6) {
        memcpy(end->ip, &a->in6.sin6_addr, sizeof end->ip);
        end->port = a->in6.sin6_port;
        return;
    }
    memset(end->ip, 0, 10);
    memset(end->ip + 10, 0xff, 2);
    memcpy(end->ip + 12, &a->in.sin_addr, 4);
    end->port = a->in.sin_port;
}

void pair_done(struct pair_table *t)
{
    while (t->first)
        pair_forget(t, t->first);
}

struct watch *pair_meet(struct pair_table *t, struct watch *w, bool datagrams, const struct addr_inet *local,
                        const struct addr_inet *peer, struct pairing **ret_kept)
{
    struct pair_end own, other;
    fill_end(&own, local);
    fill_end(&other, peer);
    bool second = memcmp(&own, &other, sizeof own) > 0;
    struct pair_key key = {.end = {second ? other : own, second ? own : other}, .datagrams = datagrams};
    struct pairing *found;
    HASH_FIND(hh, t->first, &key, sizeof key, found);
    if (found && found->second != second) {
        struct watch *met = found->watch;
        pair_forget(t, found);
        return met;
    }
    if (found) {
        found->watch->paired = false;
    } else {
        found = mem_zalloc(sizeof *found);
        found->key = key;
        found->second = second;
        HASH_ADD(hh, t->first, key, sizeof key, found);
    }
    found->watch = w;
    w->paired = true;
    *ret_kept = found;
    return NULL;
}

void pair_forget(struct pair_table *t, struct pairing *kept)
{
    kept->watch->paired = false;
    HASH_DEL(t->first, kept);
    mem_free(kept);
}
