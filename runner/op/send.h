#ifndef OP_SEND_H
#define OP_SEND_H

/* Sends a payload: bytes that are there, and bytes that are made as they go. */

#include "op/conn.h"
#include "op/op.h"

enum segment_kind { SEGMENT_BYTES, SEGMENT_REPEAT, SEGMENT_RANDOM };

struct segment {
    enum segment_kind kind;
    struct slice bytes; /* BYTES; REPEAT: what is repeated */
    uint64_t size;      /* in all */
    uint64_t seed;      /* RANDOM */
};

/* Makes bytes [offset, offset + n) of a segment. The same seed gives the same bytes on every machine. */
void segment_fill(const struct segment *s, uint64_t offset, void *p, size_t n);

struct send_op {
    struct op op;
    const struct segment *segments;
    uint32_t nsegments, at; /* segment being sent */
    uint64_t offset;        /* in it */
    uint64_t total;         /* bytes the system has taken */
    uint32_t chunk;         /* bytes in each write, 0: as many as fit */
    int64_t every;          /* ns between writes */
    int64_t next;           /* when the next write may be */
    int flags;
    char *made; /* a datagram that was put together. Owned */
};

/* The segments stay where they are. Of datagrams each write is one: all of the segments without `chunk`. A peer that
 * has closed or reset does not fail it: conn->failed_send is noted. */
void send_begin(struct send_op *o, struct conn *c, const struct segment *segments, uint32_t n);

/* The same for one piece of bytes, as they are, in less room. */
struct piece_op {
    struct op op;
    struct slice left; /* of bytes that stay where they are */
    uint64_t total;    /* bytes the system has taken */
    int flags;
};
void piece_begin(struct piece_op *o, struct conn *c, struct slice bytes, int flags);

#endif
