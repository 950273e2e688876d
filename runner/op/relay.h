#ifndef OP_RELAY_H
#define OP_RELAY_H

/* Passes on what comes between two connected sockets, in both directions, as the rules say: what a proxy does with each
 * connection. What waits is bounded: a receiver that does not read is felt by the sender. FIN, RST and urgent data are
 * passed on in their place. */

#include "op/fault.h"
#include "op/task.h"

struct relay_end {
    int fd; /* -1: closed */
    struct watch watch;
    bool lost; /* it was reset */
};

struct relay_way {
    struct fault_flow faults;
    struct outbox out;
    uint64_t passed; /* bytes that the receiver's system has taken */
    bool ended;      /* nothing more comes from the sender */
    bool finished;   /* the receiver has been told so, or is lost */
};

enum { RELAY_CLIENT, RELAY_SERVER, RELAY_ENDS };

struct relay {
    struct task task; /* first */
    struct relay_end ends[RELAY_ENDS];
    struct relay_way ways[RELAY_ENDS]; /* from the end with this index to the other one */
    char *room;                        /* RELAY_ROOM bytes that all relays of a task queue share */
    int64_t due;                       /* when something in it goes on, INT64_MAX: nobody knows */
    int64_t given_up;                  /* when a reset waits no longer for its data to arrive, 0: none does */
    int64_t retry;                     /* when a reset that waits for its data is looked at again */
    bool packets;                      /* SOCK_SEQPACKET: what is received is passed on as one. Set before it begins */
    bool reset;
    /* Both directions are over, the sockets closed: the last thing that it does. */
    void (*over)(struct relay *r);
    void *user; /* the maker's */
};

enum { RELAY_ROOM = 256 << 10 };

/* Takes two connected sockets, streams or packets (closed if it fails), and begins. 0 or -errno. room, packets, over
 * and user are set before. */
int relay_begin(struct relay *r, struct sched *s, int client, int server, struct fault_set *set, uint32_t number);
/* From now on other rules hold; stalls end. */
void relay_set_rules(struct relay *r, struct fault_set *set);
/* Closes both ends as they are, and frees. over is not called. */
void relay_done(struct relay *r);
/* Something that it holds will be passed on by itself when a time comes. */
bool relay_is_busy(const struct relay *r);

#endif
