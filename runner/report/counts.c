#include "report/counts.h"

#include <inttypes.h>

struct count_word {
    enum sr_verdict verdict;
    const char *one, *many;
};

void counts_take(struct counts *c, const struct event *e)
{
    c->of[e->verdict]++;
    c->flaky += e->attempts > 1 && e->verdict < SR_WARN;
}

void counts_show(const struct counts *c, struct buf *out)
{
    static const struct count_word words[] = {
        {SR_FAIL, "failed", "failed"},
        {SR_ERROR, "error", "errors"},
        {SR_XPASS, "passed unexpectedly", "passed unexpectedly"},
        {SR_WARN, "warning", "warnings"},
        {SR_XFAIL, "failed as expected", "failed as expected"},
        {SR_SKIP, "skipped", "skipped"},
    };

    buf_printf(out, "%" PRIu64 " passed", c->of[SR_PASS]);
    if (c->flaky > 0) buf_printf(out, " (%" PRIu64 " flaky)", c->flaky);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        uint64_t n = c->of[words[i].verdict];
        if (n > 0) buf_printf(out, ", %" PRIu64 " %s", n, n == 1 ? words[i].one : words[i].many);
    }
}
