#ifndef RUN_ASK_CHILD_H
#define RUN_ASK_CHILD_H

/* A question to a process of its own, since who answers it runs code that nobody has checked: the answer comes over a
 * pipe, or the process is killed. */

#include <stdint.h>

#include "util/buf.h"

/* Forks; the child writes answer(ctx, out) and ends, with no descriptor open but that of the answer, its standard ones
 * and those it makes. Appends what it said to *ret, which bounds it. False if it has not ended after `most` ns, when it
 * is killed, or was killed for its processor time (the hard limit of RLIMIT_CPU). Of a child that could not be made,
 * was ended by something else, or said too much, the text is incomplete. */
bool ask_child(void (*answer)(void *ctx, struct buf *out), void *ctx, int64_t most, struct buf *ret);

#endif
