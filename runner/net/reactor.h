#ifndef NET_REACTOR_H
#define NET_REACTOR_H

/* epoll(7), edge-triggered, each descriptor registered once for its whole life; readiness is remembered in the watch,
 * so that a task tries its system call only when it may succeed. One timerfd stands for all timers.
 *
 * Handoff: when both ends of a connection are watched by this reactor, a full send makes the peer readable at once,
 * without asking epoll. A wrong guess costs its reader one EAGAIN.
 *
 * The callbacks only take note (they queue a task); they never read, write, add or remove watches. */

#include <stdbool.h>
#include <stdint.h>

#include "net/addr.h"

enum {
    READY_READ = 1,
    READY_WRITE = 2,
    READY_URGENT = 4, /* EPOLLPRI */
    READY_HUP = 8,    /* EPOLLRDHUP or EPOLLHUP: a FIN is queued behind what can be read; never cleared */
    READY_ERROR = 16, /* EPOLLERR; never cleared */
};

struct reactor;

struct watch {
    int fd;                        /* -1: not watched. Not owned */
    uint32_t slot;                 /* the reactor's */
    struct watch *peer;            /* the other end of this connection, if it is watched here too */
    void (*wake)(struct watch *w); /* readiness was added to `ready` */
    uint8_t ready; /* READY_*; READ and WRITE are cleared by whoever met EAGAIN (or a short read without READY_HUP) */
    bool paired;   /* in the table of addresses */
};

/* A deadline. Zeroed: not set. */
struct timer {
    int64_t at;                    /* CLOCK_MONOTONIC, ns */
    uint64_t order;                /* equal times fire in the order in which they were set */
    uint32_t pos;                  /* place in the heap from 1, 0: not set */
    void (*fire)(struct timer *t); /* the timer is already unset; it may be set again here */
};

/* NULL and errno if epoll or timerfd cannot be made. */
struct reactor *reactor_new(void);
/* Watches and timers that are still there are forgotten; descriptors stay open. NULL is fine. */
void reactor_free(struct reactor *r);

/* Starts watching fd for everything. w->wake must be set. READY_WRITE is assumed until a send says EAGAIN, READY_READ
 * is not. 0 or -errno. A descriptor that epoll cannot watch (a regular file: EPERM) counts as always ready, READY_HUP
 * included, and 0 is returned. A socket whose connect is under way is not writable yet: clear READY_WRITE. One whose
 * connect has not begun says READY_HUP: add it afterwards. */
int reactor_add(struct reactor *r, struct watch *w, int fd);
/* Stops; before the descriptor is closed. Unpairs. A watch that is not watched is fine. */
void reactor_remove(struct reactor *r, struct watch *w);

/* Tells the two addresses of a TCP connection, or of UDP sockets that send to each other; when the other end is known
 * too, both get their `peer`. Costs one look-up. Used for connections within this process only: an address pair that
 * nobody matches stays in the table until reactor_remove. */
void reactor_pair(struct reactor *r, struct watch *w, bool datagrams, const struct addr_inet *local,
                  const struct addr_inet *peer);
/* After a send that took everything: the peer is readable. Nothing if there is none. */
void reactor_handoff(struct watch *w);

/* Sets or moves a timer. */
void reactor_set(struct reactor *r, struct timer *t, int64_t at);
void reactor_unset(struct reactor *r, struct timer *t);
/* The earliest timer that is set, or NULL. For the deadlock check and for tests. */
struct timer *reactor_first(struct reactor *r);
/* Every set timer in turn, in no order; false from `see` ends it. */
void reactor_each_timer(struct reactor *r, bool (*see)(struct timer *t, void *ctx), void *ctx);

/* One epoll_wait: block says whether to wait for an event or a timer, otherwise only what is there already. Wakes, and
 * fires what is due. Returns how many callbacks were made, 0 also on EINTR. */
int reactor_poll(struct reactor *r, bool block);
/* How many descriptors are watched. */
uint32_t reactor_count(const struct reactor *r);

#endif
