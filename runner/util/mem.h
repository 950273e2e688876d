#ifndef UTIL_MEM_H
#define UTIL_MEM_H

/* Checked heap memory. Every allocation succeeds or ends the process with one line on stderr and exit code 3:
 * no caller handles "out of memory". Lua's allocator is separate (lua/state.h), because its cap is a user's affair. */

#include <stddef.h>

#include "util/slice.h"

/* n bytes, not cleared. n may be 0. */
void *mem_alloc(size_t n);
/* n bytes of zero. */
void *mem_zalloc(size_t n);
/* Room for count elements of size bytes, keeping what p held; a product that overflows counts as out of memory. */
void *mem_resize(void *p, size_t count, size_t size);
/* A NUL-terminated copy of the slice's bytes (which may hold NULs themselves). */
char *mem_dup(struct slice s);
/* What the others do when there is no more: for sizes whose sum overflows. */
_Noreturn void mem_exhausted(void);
/* Frees p; NULL is fine. */
void mem_free(void *p);

#endif
