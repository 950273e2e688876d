#include "net/heap.h"

#include <assert.h>
#include <stdbool.h>

#include "util/mem.h"

enum { CHILDREN = 4, SIZE_FIRST = 64 };

static bool before(const struct heap_node *a, const struct heap_node *b)
{
    return a->at != b->at ? a->at < b->at : a->timer->order < b->timer->order;
}

static void place(struct heap *h, uint32_t i, struct heap_node node)
{
    h->nodes[i] = node;
    node.timer->pos = i + 1;
}

static uint32_t rise(struct heap *h, uint32_t i, struct heap_node node)
{
    while (i > 0) {
        uint32_t parent = (i - 1) / CHILDREN;
        if (!before(&node, &h->nodes[parent])) break;
        place(h, i, h->nodes[parent]);
        i = parent;
    }
    return i;
}

static uint32_t sink(struct heap *h, uint32_t i, struct heap_node node)
{
    for (;;) {
        uint32_t first = i * CHILDREN + 1;
        if (first >= h->n) return i;
        uint32_t last = h->n - first > CHILDREN ? first + CHILDREN : h->n;
        uint32_t best = first;
        for (uint32_t child = first + 1; child < last; child++)
            if (before(&h->nodes[child], &h->nodes[best])) best = child;
        if (!before(&h->nodes[best], &node)) return i;
        place(h, i, h->nodes[best]);
        i = best;
    }
}

static void settle(struct heap *h, uint32_t i, struct heap_node node)
{
    uint32_t higher = rise(h, i, node);
    place(h, higher == i ? sink(h, i, node) : higher, node);
}

void heap_done(struct heap *h)
{
    mem_free(h->nodes);
    *h = (struct heap){0};
}

void heap_put(struct heap *h, struct timer *t)
{
    uint32_t i = t->pos - 1;
    if (t->pos == 0) {
        if (h->n == h->size) {
            h->size = h->size ? h->size * 2 : SIZE_FIRST;
            h->nodes = mem_resize(h->nodes, h->size, sizeof *h->nodes);
        }
        i = h->n++;
    }
    settle(h, i, (struct heap_node){t->at, t});
}

void heap_take(struct heap *h, struct timer *t)
{
    assert(t->pos > 0 && t->pos <= h->n && h->nodes[t->pos - 1].timer == t);
    uint32_t i = t->pos - 1;
    t->pos = 0;
    struct heap_node last = h->nodes[--h->n];
    if (i < h->n) settle(h, i, last);
}
