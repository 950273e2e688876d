#ifndef NET_CHILD_H
#define NET_CHILD_H

/* What every child process of ours does first. */

#include <sys/types.h>

/* fork(2), or -errno. The child dies with us (PR_SET_PDEATHSIG), and has default signal dispositions and an empty mask:
 * none of our handlers ever runs in it. */
pid_t child_fork(void);
/* Closes every descriptor of this process from `first` on but the n in keep. A child that does not execute must do so
 * at once: what it holds open, its parent cannot close for the peer. Async-signal-safe. */
void child_close_others(int first, const int *keep, unsigned n);

#endif
