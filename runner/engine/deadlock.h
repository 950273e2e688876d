#ifndef ENGINE_DEADLOCK_H
#define ENGINE_DEADLOCK_H

#include <stdbool.h>

struct run;

/* True if it is certain that nothing can happen any more in this case but deadlines that pass: every actor that is not
 * done waits for bytes that only another such actor could send, for a connection that nobody is making, or for others
 * in a sync or queue. Whatever could come from outside (a program, a resolver, a timer, bytes in flight) says no. */
bool deadlock_certain(struct run *r);

#endif
