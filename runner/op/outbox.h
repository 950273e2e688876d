#ifndef OP_OUTBOX_H
#define OP_OUTBOX_H

/* What a proxy has received and not passed on yet, in one direction, in order: bytes with the time at which they are
 * due, and what else happens between them. Nobody is asked to wait here: whoever owns it asks what may be done now. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/slice.h"

enum {
    OUTBOX_MOST = 1 << 20,   /* bytes, and */
    OUTBOX_PARCELS = 1 << 14 /* parcels: with as many nothing more should be received */
};

enum parcel_kind {
    PARCEL_BYTES,
    PARCEL_DATAGRAM, /* as one, also if it is empty */
    PARCEL_URGENT,   /* a byte of urgent data */
    PARCEL_STALL,    /* what is behind it waits for `due` from the moment when it comes to the front */
    PARCEL_FIN,
    PARCEL_RESET,
};

struct parcel {
    int64_t due;   /* CLOCK_MONOTONIC ns; of a stall how long it is, INT64_MAX: for good */
    uint64_t rate; /* bytes a second, 0: as fast as it can */
    size_t n;
    uint64_t cut; /* bytes in each write, 0: as many as fit */
    uint8_t kind;
    bool begun; /* a stall that has come to the front: due is a time */
};

struct outbox {
    char *data; /* NULL: nothing is kept */
    size_t from, n, size;
    struct parcel *ring;
    uint32_t head, parcels, places;
    int64_t paced; /* no write before this time */
};

enum outbox_next { OUTBOX_EMPTY, OUTBOX_LATER, OUTBOX_NOW };

void outbox_done(struct outbox *o);
/* Forgets all that is in it. */
void outbox_clear(struct outbox *o);
/* Bytes that are due, cut and paced as those before them join them. */
void outbox_add(struct outbox *o, const struct parcel *p, struct slice bytes);
/* What comes next: LATER with the time (INT64_MAX: nobody knows), or NOW with what may be written in one call. */
enum outbox_next outbox_next(struct outbox *o, int64_t now, struct parcel *ret, struct slice *ret_bytes,
                             int64_t *ret_wake);
/* The first n bytes of what came next have gone; of anything but bytes, all of it. */
void outbox_taken(struct outbox *o, size_t n, int64_t now);
/* Ends every stall. */
void outbox_release(struct outbox *o);
static inline bool outbox_is_full(const struct outbox *o)
{
    return o->n >= OUTBOX_MOST || o->parcels >= OUTBOX_PARCELS;
}

#endif
