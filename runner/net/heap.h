#ifndef NET_HEAP_H
#define NET_HEAP_H

/* The timers of a reactor by time: a heap with four children to a node, so that it is half as deep as a binary one and
 * the children of a node share a cache line. Equal times come in the order in which they were set. */

#include <stdint.h>

#include "net/reactor.h"

struct heap_node {
    int64_t at; /* the timer's, so that comparing seldom leaves the array */
    struct timer *timer;
};

/* A zeroed one is empty. */
struct heap {
    struct heap_node *nodes;
    uint32_t n, size;
};

void heap_done(struct heap *h);
/* Puts the timer where its `at` and `order` want it, whether it is in the heap already or not. */
void heap_put(struct heap *h, struct timer *t);
/* Takes out a timer that is in the heap. */
void heap_take(struct heap *h, struct timer *t);
static inline struct timer *heap_first(const struct heap *h)
{
    return h->n ? h->nodes[0].timer : NULL;
}

#endif
