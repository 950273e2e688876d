#include "engine/verdict.h"

#include <string.h>

/* The case could not be judged. */
static bool is_error(const char *kind)
{
    static const char *const kinds[] = {"misuse", "lua", "permission", "system", "limit"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i], kind) == 0) return true;
    return false;
}

enum sr_verdict verdict_of_miss(const char *kind, enum level level)
{
    if (is_error(kind)) return SR_ERROR;
    switch (level) {
    case LEVEL_SHOULD: return SR_WARN;
    case LEVEL_MAY: return SR_PASS;
    case LEVEL_SETUP: return SR_ERROR;
    case LEVEL_INHERIT:
    case LEVEL_MUST: break;
    }
    return SR_FAIL;
}

static bool says(const struct event_failure *f, const char *message)
{
    if ((f->message && strstr(f->message, message)) || strcmp(f->kind, message) == 0) return true;
    for (size_t i = 0; i < f->nnotes; i++)
        if (strstr(f->notes[i].text, message)) return true;
    return false;
}

/* Of a case that has failed, a warning is no reason; of one that has only warned it is. */
static bool is_expected(const struct verdict_facts *f)
{
    if (!f->message) return true;
    for (size_t i = 0; i < f->nfailures; i++)
        if (f->failures[i].warning == (f->worst == SR_WARN) && says(&f->failures[i], f->message)) return true;
    return false;
}

enum sr_verdict verdict_of_case(const struct verdict_facts *f)
{
    if (f->skip && f->nfailures == 0) return SR_SKIP;
    if (!f->xfail || f->worst == SR_ERROR) return f->worst;
    if (f->worst == SR_PASS) return SR_XPASS;
    return is_expected(f) ? SR_XFAIL : f->worst;
}
