#include "util/buf.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>

#include "util/mem.h"

enum { FIRST = 64 };

void buf_init(struct buf *b, size_t max)
{
    *b = BUF_INIT(max);
}

void buf_done(struct buf *b)
{
    mem_free(b->p);
    buf_init(b, b->max);
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->overflow = false;
    if (b->p) b->p[0] = '\0';
}

/* `need` counts the NUL, and is within the cap. */
static void grow(struct buf *b, size_t need)
{
    size_t size = b->size ? b->size : FIRST;
    while (size < need)
        size = size > SIZE_MAX / 2 ? need : size * 2;
    if (size > b->max + 1) size = b->max + 1;
    b->p = mem_resize(b->p, size, 1);
    b->size = size;
}

char *buf_room(struct buf *b, size_t n)
{
    assert(b->max < SIZE_MAX);
    if (n > b->max - b->n) {
        b->overflow = true;
        return NULL;
    }
    size_t need = b->n + n + 1;
    if (need > b->size) grow(b, need);
    b->p[need - 1] = '\0';
    return b->p + b->n;
}

bool buf_add(struct buf *b, struct slice s)
{
    char *room = buf_room(b, s.n);
    if (!room) return false;
    if (s.n) memcpy(room, s.p, s.n);
    b->n += s.n;
    return true;
}

bool buf_addc(struct buf *b, char c)
{
    char *room = buf_room(b, 1);
    if (!room) return false;
    *room = c;
    b->n++;
    return true;
}

bool buf_adds(struct buf *b, const char *text)
{
    return buf_add(b, slice_of(text));
}

bool buf_vprintf(struct buf *b, const char *format, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    size_t spare = b->size - b->n;
    int length = vsnprintf(spare ? b->p + b->n : NULL, spare, format, ap);
    assert(length >= 0);
    size_t n = (size_t)length;
    bool fits = n < spare;
    if (!fits) {
        /* What vsnprintf wrote in part is no contents. */
        if (spare) b->p[b->n] = '\0';
        char *room = buf_room(b, n);
        if (room) vsnprintf(room, n + 1, format, again);
        fits = room != NULL;
    }
    va_end(again);
    if (fits) b->n += n;
    return fits;
}

bool buf_printf(struct buf *b, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    bool fits = buf_vprintf(b, format, ap);
    va_end(ap);
    return fits;
}

void buf_drop(struct buf *b, size_t n)
{
    assert(n <= b->n);
    if (n == 0) return;
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
    b->p[b->n] = '\0';
}

const char *buf_str(const struct buf *b)
{
    if (!b->p) return "";
    b->p[b->n] = '\0';
    return b->p;
}
