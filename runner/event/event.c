#include "event/event.h"

#include <string.h>

static const char *const kinds[] = {
    [EVENT_RUN] = "run",         [EVENT_FILE] = "file",       [EVENT_CASE] = "case",
    [EVENT_ATTEMPT] = "attempt", [EVENT_VERDICT] = "verdict", [EVENT_FILE_END] = "file_end",
    [EVENT_RUN_END] = "run_end", [EVENT_STEP] = "step",       [EVENT_TRAFFIC] = "traffic",
    [EVENT_LOG] = "log",         [EVENT_LOST] = "lost",       [EVENT_SECRETS] = "secrets",
    [EVENT_PACKETS] = "packets", [EVENT_FRAME] = "frame",
};

static const char *const actions[] = {
    [EVENT_LISTEN] = "listen",
    [EVENT_CONNECT] = "connect",
    [EVENT_ACCEPT] = "accept",
    [EVENT_SEND] = "send",
    [EVENT_RECEIVE] = "receive",
    [EVENT_SHUTDOWN] = "shutdown",
    [EVENT_CLOSE] = "close",
    [EVENT_RESET] = "reset",
    [EVENT_PEER_CLOSE] = "peer_close",
    [EVENT_PEER_RESET] = "peer_reset",
    [EVENT_START] = "start",
    [EVENT_OUTPUT] = "output",
    [EVENT_EXIT] = "exit",
    [EVENT_FAULT] = "fault",
    [EVENT_STATE] = "state",
    [EVENT_SECURE] = "secure",
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
_Static_assert(COUNT(kinds) == EVENT_FRAME + 1, "a kind without a name");
_Static_assert(COUNT(actions) == EVENT_SECURE + 1, "an action without a name");

static int find(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return (int)i;
    return -1;
}

const char *event_kind_name(enum event_kind k)
{
    return kinds[k];
}

int event_kind_of_name(const char *name)
{
    return find(kinds, COUNT(kinds), name);
}

const char *event_action_name(enum event_action a)
{
    return actions[a];
}

int event_action_of_name(const char *name)
{
    return find(actions, COUNT(actions), name);
}

const struct event_failure *event_reason(const struct event *e)
{
    for (size_t i = 0; e->verdict != SR_WARN && i < e->nfailures; i++)
        if (!e->failures[i].warning) return &e->failures[i];
    return e->nfailures ? &e->failures[0] : NULL;
}
