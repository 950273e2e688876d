#include "engine/proxy_links.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/dialing.h"
#include "engine/run.h"
#include "net/sock.h"
#include "net/unreachable.h"
#include "op/forward.h"
#include "util/clock.h"
#include "util/mem.h"

#define HASH_FUNCTION(key, n, ret) ((ret) = addr_hash((key), (n)))
#define uthash_malloc(n) mem_alloc(n)
#define uthash_free(p, n) mem_free(p)
#include <uthash.h>

enum {
    CLIENTS_MOST = 1024 /* of datagrams: another takes the place of the one that was silent for longest */,
    TEXT = 600
};

struct link {
    union {
        struct relay relay;     /* of streams; begun once it is connected */
        struct forward forward; /* of datagrams */
    };
    UT_hash_handle hh;
    struct task dial; /* while it connects */
    struct connect_op connect;
    struct addr_spec spec;
    struct proxy_links *all;
    struct link *next, **place;
    uint32_t number;
    bool dialing;
    int client; /* of streams, until the relay has it, else -1 */
};

static bool has_datagrams(const struct proxy_links *p)
{
    return listener_is_datagrams(p->actor->listener);
}

static void add_passed(const struct link *l, int end, uint64_t *bytes, uint64_t *datagrams)
{
    if (has_datagrams(l->all)) {
        *bytes += l->forward.ways[end].bytes;
        *datagrams += l->forward.ways[end].datagrams;
    } else if (l->client < 0) {
        *bytes += l->relay.ways[end].passed;
    }
}

static void free_link(struct link *l)
{
    struct proxy_links *p = l->all;
    for (int i = 0; i < RELAY_ENDS; i++)
        add_passed(l, i, &p->bytes[i], &p->datagrams[i]);
    *l->place = l->next;
    if (l->next) l->next->place = l->place;
    p->open--;
    if (has_datagrams(p)) {
        HASH_DEL(p->by_client, l);
        forward_done(&l->forward);
    } else {
        relay_done(&l->relay);
    }
    if (l->dialing) op_cancel(&l->connect.op, &l->dial);
    task_done(&l->dial);
    if (l->client >= 0) close(l->client);
    mem_free(l);
}

static void relay_over(struct relay *r)
{
    free_link(r->user);
}

static void forward_over(struct forward *f)
{
    free_link(f->user);
}

/* The client's connection was accepted: that its target cannot be had is said to it by a reset. */
static void not_reached(struct link *l)
{
    struct proxy_links *p = l->all;
    const struct op *op = &l->connect.op;
    const struct addr *to = connect_peer(&l->connect);
    char where[ADDR_TEXT], text[TEXT];
    struct actor *a = p->actor;
    if (op->failure == OP_STATUS && op->status == SR_DENIED) {
        actor_fail(a, "permission", p->to->mark, "not permitted: %s; allow it with %s", a->run->need.what,
                   a->run->need.flag);
        proxy_has_failed(a);
    }
    p->unreached++;
    snprintf(p->why_unreached, sizeof p->why_unreached, "%s: %s",
             to->len ? addr_show(&to->sa, to->len, where, sizeof where) : l->spec.host,
             op->error ? strerror(op->error) : sr_status_name(op->status));
    snprintf(text, sizeof text, "%s %u: the target is not reached: %s", has_datagrams(p) ? "client" : "connection",
             l->number, p->why_unreached);
    proxy_say(a, text);
    if (l->client >= 0) sock_reset(l->client);
    l->client = -1;
    free_link(l);
}

static void is_connected(struct link *l)
{
    struct proxy_links *p = l->all;
    const int client = l->client, server = connect_take(&l->connect);
    const bool inet = connect_peer(&l->connect)->sa.sa_family != AF_UNIX;
    int error;
    op_cancel(&l->connect.op, &l->dial);
    l->dialing = false;
    l->client = -1;
    if (has_datagrams(p)) {
        error = forward_connected(&l->forward, server, inet);
    } else {
        l->relay.room = p->room;
        l->relay.packets = p->actor->listener->scheme == ADDR_SEQPACKET;
        l->relay.over = relay_over;
        l->relay.user = l;
        error = relay_begin(&l->relay, l->dial.sched, client, server, p->set, l->number);
    }
    if (!error) return;
    actor_fail(p->actor, "system", (struct mark){0}, "the connection cannot be passed on: %s", strerror(-error));
    proxy_has_failed(p->actor);
    free_link(l);
}

static void dial(struct task *t)
{
    struct link *l = (struct link *)(void *)((char *)t - offsetof(struct link, dial));
    if (!l->dialing) return;
    switch (op_poll(&l->connect.op, t)) {
    case OP_WAIT: task_deadline(t, l->connect.op.wake ? l->connect.op.wake : TASK_NEVER); break;
    case OP_DONE: is_connected(l); break;
    case OP_FAILED: not_reached(l); break;
    }
}

/* Begins to connect to the target. False after actor_fail. */
static bool start_dialing(struct link *l)
{
    struct proxy_links *p = l->all;
    struct run *r = p->actor->run;
    if (!dialing_address(p->actor, p->to, &l->spec)) return false;
    const int ours = addr_socktype(p->actor->listener->scheme), theirs = addr_socktype(l->spec.scheme);
    if (ours != theirs) {
        actor_fail(p->actor, "misuse", p->to->mark, "a proxy cannot pass from `%s` to `%s`",
                   addr_scheme_name(p->actor->listener->scheme), addr_scheme_name(l->spec.scheme));
        return false;
    }
    connect_begin(&l->connect, &r->sched, &r->permit, &l->spec, NULL, &r->need);
    l->dialing = true;
    task_wake(&l->dial);
    return true;
}

static struct link *new_link(struct proxy_links *p, int client)
{
    struct link *l = mem_zalloc(sizeof *l);
    l->all = p;
    l->client = client;
    l->number = ++p->begun;
    l->next = p->first;
    if (l->next) l->next->place = &l->next;
    l->place = &p->first;
    p->first = l;
    p->open++;
    task_init(&l->dial, &p->actor->run->sched, dial);
    return l;
}

void proxy_links_accept(struct proxy_links *p, int client)
{
    struct link *l = new_link(p, client);
    if (start_dialing(l)) return;
    proxy_has_failed(p->actor);
    close(l->client);
    l->client = -1;
    free_link(l);
}

void proxy_links_lost(struct proxy_links *p, int error)
{
    p->lost++;
    snprintf(p->why_lost, sizeof p->why_lost, "%s", strerror(-error));
}

/* Nobody is there: the client is told so in the way in which we were, if that is allowed. */
static void tell_client(const struct link *l, char *text, size_t size)
{
    const struct addr *ours = &l->all->actor->listener->addr;
    if (ours->sa.sa_family == AF_UNIX) return;
    const int error = unreachable_say(&l->forward.client, ours);
    if (error)
        snprintf(text, size, "; the client cannot be told: %s", strerror(-error));
    else
        snprintf(text, size, "; the client is told so");
}

static void forward_lost(struct forward *f, int to, int error)
{
    const struct link *l = f->user;
    char text[TEXT], told[TEXT / 2] = "";
    proxy_links_lost(l->all, error);
    if (to == RELAY_SERVER && error == -ECONNREFUSED) tell_client(l, told, sizeof told);
    snprintf(text, sizeof text, "client %u: a datagram to the %s is lost: %s%s", l->number,
             to == RELAY_SERVER ? "server" : "client", strerror(-error), told);
    proxy_say(l->all->actor, text);
}

static void forget_oldest(struct proxy_links *p)
{
    struct link *oldest = p->first;
    for (struct link *l = p->first; l; l = l->next)
        if (l->forward.last < oldest->forward.last) oldest = l;
    free_link(oldest);
}

static struct link *new_client(struct proxy_links *p, const struct addr *client)
{
    if (p->open == CLIENTS_MOST) forget_oldest(p);
    struct link *l = new_link(p, -1);
    l->forward = (struct forward){.from = p->actor->listener,
                                  .client = *client,
                                  .room = p->room,
                                  .idle = p->idle,
                                  .over = forward_over,
                                  .lost = forward_lost,
                                  .user = l};
    forward_begin(&l->forward, &p->actor->run->sched, p->set, l->number);
    HASH_ADD_KEYPTR(hh, p->by_client, &l->forward.client.sa, l->forward.client.len, l);
    if (start_dialing(l)) return l;
    proxy_has_failed(p->actor);
    free_link(l);
    return NULL;
}

void proxy_links_take(struct proxy_links *p, const struct addr *client, struct slice bytes)
{
    struct link *l;
    HASH_FIND(hh, p->by_client, &client->sa, client->len, l);
    /* It may be over without having had its turn since then. */
    if (l && forward_is_over(&l->forward, clock_now())) {
        free_link(l);
        l = NULL;
    }
    if (!l) l = new_client(p, client);
    if (l) forward_take(&l->forward, bytes);
}

void proxy_links_set_rules(struct proxy_links *p, struct fault_set *set)
{
    p->set = set;
    for (struct link *l = p->first; l; l = l->next) {
        if (has_datagrams(p))
            forward_set_rules(&l->forward, set);
        else if (l->client < 0)
            relay_set_rules(&l->relay, set);
    }
}

bool proxy_links_are_busy(const struct proxy_links *p)
{
    for (const struct link *l = p->first; l; l = l->next)
        if (l->dialing || (has_datagrams(p) ? forward_is_busy(&l->forward) : relay_is_busy(&l->relay))) return true;
    return false;
}

void proxy_links_passed(const struct proxy_links *p, int end, uint64_t *ret_bytes, uint64_t *ret_datagrams)
{
    *ret_bytes = p->bytes[end];
    *ret_datagrams = p->datagrams[end];
    for (const struct link *l = p->first; l; l = l->next)
        add_passed(l, end, ret_bytes, ret_datagrams);
}

void proxy_links_begin(struct proxy_links *p)
{
    p->room = mem_alloc(RELAY_ROOM);
}

void proxy_links_done(struct proxy_links *p)
{
    while (p->first)
        free_link(p->first);
    mem_free(p->room);
    p->room = NULL;
}
