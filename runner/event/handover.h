#ifndef EVENT_HANDOVER_H
#define EVENT_HANDOVER_H

/* Blocks of a capture file on their way from a child to its supervisor, through a file that has no disk
 * (memfd_create(2)): the child only writes memory, and what it has written is there whatever becomes of it. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"

struct handover_head;

struct handover {
    int fd; /* -1: none */
    struct handover_head *head;
    char *window; /* of the writer: a part of the file */
    uint64_t window_at;
    uint64_t freed; /* of the reader */
    struct buf read;
};

/* Before the fork. 0 or -errno; then handover_done is still due. */
int handover_init(struct handover *r);
void handover_done(struct handover *r);
/* Empties it, for another child. */
void handover_reset(struct handover *r);
/* The child's: all of a block or, if that would be more than `most` unread bytes or there is no memory, nothing and
 * false. */
bool handover_add(struct handover *r, struct slice block, uint64_t most);
/* The supervisor's: the next blocks, whole ones; valid until the next call. False: none now. */
bool handover_read(struct handover *r, struct slice *ret);

#endif
