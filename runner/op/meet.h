#ifndef OP_MEET_H
#define OP_MEET_H

/* Where tasks of one case meet: syncs, queues, and plain waiting for time. */

#include "op/op.h"

struct waiter {
    struct task *task;
    struct waiter *prev, *next;
    struct waiter **list; /* NULL: in none */
};

/* At the end of the line, unless it stands in it. */
void waiter_join(struct waiter *w, struct waiter **list, struct task *t);
void waiter_leave(struct waiter *w);
void waiter_wake_all(struct waiter *list);

/* All parties meet, as often as it comes. */
struct sync {
    const char *name;
    uint32_t parties, arrived;
    uint32_t round;
    struct waiter *waiters;
    const char *gone; /* a party that has ended: everybody who waits or comes fails */
};

struct sync_op {
    struct op op;
    struct sync *sync;
    struct waiter waiter;
    uint32_t round;
    bool arrived;
};
void sync_begin(struct sync_op *o, struct sync *s);
/* A party has ended and will not come: who waits fails. */
void sync_leave(struct sync *s, const char *who);

/* A queue of tokens (registry references, whatever the maker knows). */
struct queue {
    const char *name;
    int *items;
    uint32_t n, size, first;
    struct waiter *waiters;
};
enum { QUEUE_MOST = 100000 };
/* False if it is full. */
bool queue_put(struct queue *q, int item);
void queue_done(struct queue *q);

struct take_op {
    struct op op;
    struct queue *queue;
    struct waiter waiter;
};
/* OP_DONE when there is one; commit leaves it to queue_first. */
void take_begin(struct take_op *o, struct queue *q);
/* Removes the first item of a queue that is not empty. */
int queue_first(struct queue *q);

struct sleep_op {
    struct op op;
    int64_t until;
};
void sleep_begin(struct sleep_op *o, int64_t until);

/* Waits until a condition holds, asked again at growing distances (1 ms to 20 ms), for what the system tells no event
 * of. */
struct ask_op {
    struct op op;
    bool (*holds)(void *ctx);
    void *ctx;
    int64_t next, step;
    const char *gone; /* set by `holds`: why it can never hold any more */
};
void ask_begin(struct ask_op *o, bool (*holds)(void *ctx), void *ctx);

#endif
