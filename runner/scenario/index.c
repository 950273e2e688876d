#include "scenario/index.h"

/* FNV-1a */
static uint32_t hash(struct slice name)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < name.n; i++)
        h = (h ^ (unsigned char)name.p[i]) * 16777619u;
    return h;
}

/* The name's slot, or the free one where it belongs. There is always a free one. */
static struct index_slot *place(const struct index *x, struct slice name)
{
    uint32_t at = hash(name) & (x->size - 1);
    while (x->slots[at].name.p && !slice_eq(x->slots[at].name, name))
        at = (at + 1) & (x->size - 1);
    return &x->slots[at];
}

uint32_t index_find(const struct index *x, struct slice name)
{
    if (x->n == 0) return INDEX_NONE;
    const struct index_slot *slot = place(x, name);
    return slot->name.p ? slot->number : INDEX_NONE;
}

static void grow(struct index *x, struct arena *a)
{
    struct index bigger = {.size = x->size ? x->size * 2 : 16, .n = x->n};
    bigger.slots = arena_array(a, bigger.size, sizeof *bigger.slots);
    for (uint32_t i = 0; i < x->size; i++) {
        if (x->slots[i].name.p) *place(&bigger, x->slots[i].name) = x->slots[i];
    }
    *x = bigger;
}

uint32_t index_add(struct index *x, struct arena *a, struct slice name, uint32_t number)
{
    if (x->n >= x->size / 2) grow(x, a);
    struct index_slot *slot = place(x, name);
    if (slot->name.p) return slot->number;
    *slot = (struct index_slot){.name = {name.p ? name.p : "", name.n}, .number = number};
    x->n++;
    return number;
}
