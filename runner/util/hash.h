#ifndef UTIL_HASH_H
#define UTIL_HASH_H

/* Hash tables: uthash with our memory, and with a function that every compiler takes. Its usual one falls through its
 * labels without saying so, which clang does not forgive. */

#include "util/mem.h"

#define uthash_malloc(n) mem_alloc(n)
#define uthash_free(p, n) mem_free(p)
#define HASH_FUNCTION(key, n, ret) HASH_FNV(key, n, ret)
#include <uthash.h>

#endif
