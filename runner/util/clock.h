#ifndef UTIL_CLOCK_H
#define UTIL_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t clock_now(void);
/* CLOCK_REALTIME in nanoseconds since 1970, for the first line of an event stream only. */
int64_t clock_wall(void);

#endif
