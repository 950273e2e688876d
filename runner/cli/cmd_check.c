#include <stdio.h>

#include "cli/command.h"
#include "cli/session.h"

enum sr_exit cmd_check(const struct options *o)
{
    struct session s;
    enum sr_exit result = session_open(&s, o);
    if (result == SR_EXIT_OK && o->verbosity >= 0)
        printf("%u case%s in %u file%s: nothing is wrong\n", s.suite.ncases, s.suite.ncases == 1 ? "" : "s", s.suite.n,
               s.suite.n == 1 ? "" : "s");
    session_done(&s);
    return result;
}
