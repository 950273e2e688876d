#ifndef OP_FORWARD_H
#define OP_FORWARD_H

/* Passes on datagrams between one of the many who send to a socket, and a target, as the rules say: what a proxy of
 * datagrams does for each client. The target sees a socket of its own for each of them, as behind a NAT (RFC 4787).
 * What waits is bounded; what finds no room is lost, as it is in a network. */

#include "op/dial.h"
#include "op/fault.h"
#include "op/relay.h"
#include "op/task.h"

struct forward_way {
    struct fault_flow faults;
    struct outbox out;
    uint64_t bytes, datagrams; /* that the receiver's system has taken */
};

struct forward {
    struct task task;            /* first */
    const struct listener *from; /* the socket that all clients send to; outlives this */
    struct addr client;
    int fd; /* to the target; -1: not yet */
    struct watch watch;
    struct forward_way ways[RELAY_ENDS]; /* from the end with this index to the other one */
    char *room;                          /* RELAY_ROOM bytes that all of a task queue share */
    int64_t idle;                        /* ns after which it ends unless a datagram comes */
    int64_t last;                        /* when one came */
    int64_t due;                         /* when something in it goes on, INT64_MAX: nobody knows */
    bool inet, gone;                     /* gone: the target's socket is no more, and no later one will be it */
    /* It has been idle, or its target is gone: the last thing that it does. */
    void (*over)(struct forward *f);
    /* A datagram to this end was lost, -error says why; ECONNREFUSED may be about an earlier one (udp(7)). */
    void (*lost)(struct forward *f, int to, int error);
    void *user; /* the maker's */
};

/* Begins for a client. from, client, room, idle, over, lost and user are set before. What is taken waits until it is
 * connected. */
void forward_begin(struct forward *f, struct sched *s, struct fault_set *set, uint32_t number);
/* Takes a socket that is connected to the target. 0 or -errno. */
int forward_connected(struct forward *f, int fd, bool inet);
/* A datagram of the client. */
void forward_take(struct forward *f, struct slice bytes);
/* From now on other rules hold; stalls end. */
void forward_set_rules(struct forward *f, struct fault_set *set);
/* Ends it as it is. over is not called. */
void forward_done(struct forward *f);
/* Something that it holds will be passed on by itself when a time comes. */
bool forward_is_busy(const struct forward *f);
/* It is about to end. */
bool forward_is_over(const struct forward *f, int64_t now);

#endif
