#ifndef SCENARIO_INDEX_H
#define SCENARIO_INDEX_H

/* Names -> numbers. Lives in an arena; the names' bytes must outlive it. */

#include <stdint.h>

#include "util/arena.h"
#include "util/slice.h"

struct index_slot {
    struct slice name; /* p NULL: free */
    uint32_t number;
};

/* A zeroed one is empty. */
struct index {
    struct index_slot *slots;
    uint32_t size; /* 0 or a power of two */
    uint32_t n;
};

#define INDEX_NONE UINT32_MAX

/* The number of the name, or INDEX_NONE. */
uint32_t index_find(const struct index *x, struct slice name);
/* Adds a name that is not there yet; returns the number that it has: `number`, or that of the earlier one. */
uint32_t index_add(struct index *x, struct arena *a, struct slice name, uint32_t number);

#endif
