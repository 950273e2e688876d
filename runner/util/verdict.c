#include "sockrun/verdict.h"

#include <stddef.h>
#include <string.h>

static const char *const names[SR_VERDICTS] = {
    [SR_SKIP] = "skip",   [SR_PASS] = "pass", [SR_XFAIL] = "xfail", [SR_WARN] = "warn",
    [SR_XPASS] = "xpass", [SR_FAIL] = "fail", [SR_ERROR] = "error",
};

const char *sr_verdict_name(enum sr_verdict v)
{
    return names[v];
}

int sr_verdict_of_name(const char *name)
{
    for (int v = 0; v < SR_VERDICTS; v++)
        if (strcmp(names[v], name) == 0) return v;
    return -1;
}

enum sr_verdict sr_verdict_worst(enum sr_verdict a, enum sr_verdict b)
{
    return a > b ? a : b;
}
