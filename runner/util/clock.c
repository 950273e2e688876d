#include "util/clock.h"

#include <time.h>

#include "util/units.h"

static int64_t now(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t clock_now(void)
{
    return now(CLOCK_MONOTONIC);
}

int64_t clock_wall(void)
{
    return now(CLOCK_REALTIME);
}
