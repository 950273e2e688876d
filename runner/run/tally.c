#include "run/tally.h"

static void take(struct event_sink *sink, const struct event *e)
{
    struct tally *t = (struct tally *)(void *)sink;
    if (e->kind == EVENT_VERDICT) t->verdicts[e->verdict]++;
}

void tally_init(struct tally *t)
{
    *t = (struct tally){.sink = {.take = take}};
}

enum sr_exit tally_exit(const struct tally *t, bool interrupted, bool broken)
{
    if (interrupted) return SR_EXIT_INTERRUPTED;
    if (broken || t->verdicts[SR_ERROR]) return SR_EXIT_ERROR;
    const bool warned = t->strict && t->verdicts[SR_WARN];
    if (warned || t->verdicts[SR_FAIL] || t->verdicts[SR_XPASS]) return SR_EXIT_FAIL;
    for (int v = 0; v < SR_VERDICTS; v++) {
        if (t->verdicts[v]) return SR_EXIT_OK;
    }
    return SR_EXIT_NONE;
}
