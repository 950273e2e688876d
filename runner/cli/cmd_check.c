#include <stdio.h>

#include "cli/command.h"
#include "cli/session.h"

static const char *plural(uint32_t n)
{
    return n == 1 ? "" : "s";
}

/* How many tests a script has is not known before it runs. */
static void say_good(const struct suite *s)
{
    uint32_t scripts = 0;
    for (uint32_t i = 0; i < s->n; i++)
        scripts += s->files[i].script;
    const uint32_t files = s->n - scripts;
    if (files)
        printf("%u case%s in %u file%s%s", s->ncases, plural(s->ncases), files, plural(files), scripts ? ", and " : "");
    if (scripts) printf("%u test script%s", scripts, plural(scripts));
    puts(": nothing is wrong");
}

enum sr_exit cmd_check(const struct options *o)
{
    struct session s;
    enum sr_exit result = session_open(&s, o);
    if (result == SR_EXIT_OK && o->verbosity >= 0 && o->format != FORMAT_JSON) say_good(&s.suite);
    session_done(&s);
    return result;
}
