#ifndef UTIL_BUF_H
#define UTIL_BUF_H

/* A growing byte buffer that cannot be made without a cap. Going over the cap never happens in part: the append is
 * refused, `overflow` is set, and stays set until buf_clear. What is in it is always followed by a NUL (after buf_room
 * by buf_str only, because the caller writes there). */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/slice.h"

struct buf {
    char *p; /* NULL until the first append */
    size_t n;
    size_t size; /* allocated */
    size_t max;
    bool overflow;
};

#define BUF_INIT(cap) ((struct buf){.max = (cap)})

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);
void buf_clear(struct buf *b);
/* Room for n more bytes behind the contents, to be written by the caller, who then adds to b->n. NULL over the cap. */
char *buf_room(struct buf *b, size_t n);
bool buf_add(struct buf *b, struct slice s);
bool buf_addc(struct buf *b, char c);
bool buf_adds(struct buf *b, const char *text);
bool buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool buf_vprintf(struct buf *b, const char *format, va_list ap) __attribute__((format(printf, 2, 0)));
/* Drops the first n bytes. */
void buf_drop(struct buf *b, size_t n);
static inline struct slice buf_slice(const struct buf *b)
{
    return (struct slice){b->p, b->n};
}
/* Contents as a C string, "" when empty. Valid until the next change. */
const char *buf_str(const struct buf *b);

#endif
