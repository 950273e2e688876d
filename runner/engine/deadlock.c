#include "engine/deadlock.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

#include "engine/loop.h"
#include "engine/run.h"
#include "engine/wait.h"
#include "net/sock.h"

/* The actor that owns the other end of a connection, if that is in this process. */
static const struct channel *peer_channel(const struct conn *c)
{
    const struct watch *peer = c->in.peer;
    if (!peer) return NULL;
    /* A connection of Lua's is no channel. */
    return ((const struct conn *)(const void *)((const char *)peer - offsetof(struct conn, in)))->user;
}

/* Bytes that were sent but have not come yet are in neither place: first nothing may be on its way, then nothing may be
 * there. */
static bool nothing_in_flight(const struct conn *c, const struct conn *peer)
{
    char byte;
    if (sock_unsent(peer->fd.wfd) != 0) return false;
    return sock_recv(c->fd.rfd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -EAGAIN;
}

static bool read_is_hopeless(const struct run *r, const struct conn *c)
{
    /* One can still be on its way, and others than the peer may send. */
    if (c->datagrams) return false;
    const struct channel *peer = c->end == CONN_OPEN && !c->closed ? peer_channel(c) : NULL;
    if (!peer || peer->conn.closed || peer->conn.finished) return false;
    if (!peer->actor || peer->actor->run != r || !actor_unfinished(peer->actor)) return false;
    if (c->top->ops->holds(c->top)) return false;
    return nothing_in_flight(c, &peer->conn);
}

static bool choice_is_hopeless(const struct run *r, const struct choice *c)
{
    const struct op *op = &c->room->op;
    if (c->failed) return true;
    if (op->wake) return false;
    switch (op->waits) {
    case WAITS_READ: return read_is_hopeless(r, op->conn);
    case WAITS_ACCEPT: return !sock_can_accept(op->listener->fd);
    case WAITS_RENDEZVOUS: return true;
    case WAITS_NOTHING:
    case WAITS_TIME:
    case WAITS_WRITE:
    case WAITS_OUTSIDE: break;
    }
    return false;
}

static bool all_hopeless(const struct run *r, const struct choices *cs, bool ordered)
{
    for (uint32_t i = 0; i < cs->n; i++) {
        if (!choice_is_hopeless(r, &cs->list[i])) return false;
        /* In `all`, lists behind the one that waits have not been asked. */
        if (ordered && !cs->list[i].failed) break;
    }
    return true;
}

/* Its time is over without a failure: a loop that goes on for some time ends, and a recommendation that is missed ends
 * the actor. */
static bool ends_by_time(const struct actor *a)
{
    const struct wait *w = a->wait;
    return loop_deadline(a) != TASK_NEVER || (actor_level(a) != LEVEL_MUST && w->deadline != TASK_NEVER);
}

bool deadlock_certain(struct run *r)
{
    unsigned waiting = 0;
    /* What lives as long as the file, and the system under test, are outside parties. */
    if (r->base->shared || r->plan->target) return false;
    if (r->phase != RUN_STEPS || r->programs || r->sched.head || r->lua.tasks) return false;
    for (struct actor *a = r->actors; a; a = a->next) {
        /* What it holds back, and for how long, is its own affair. */
        if (a->proxy) return false;
        if (!actor_unfinished(a)) continue;
        const struct wait *w = a->wait;
        if (!w || !all_hopeless(r, &w->main, w->ordered) || !all_hopeless(r, &w->meanwhile, false) ||
            !all_hopeless(r, &w->ignored, true) || ends_by_time(a))
            return false;
        waiting++;
    }
    return waiting > 0;
}
