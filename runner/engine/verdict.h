#ifndef ENGINE_VERDICT_H
#define ENGINE_VERDICT_H

/* What a case comes to: the one place where a miss becomes a verdict and verdicts are combined. */

#include <stdbool.h>
#include <stddef.h>

#include "engine/program.h"
#include "event/event.h"

/* A failure of this kind under a level. What says nothing about the tested side (misuse, lua, permission, system,
 * limit) is an error under every level. */
enum sr_verdict verdict_of_miss(const char *kind, enum level level);

/* What is known when a case has ended. */
struct verdict_facts {
    enum sr_verdict worst; /* of its failures; SR_PASS if there are none */
    const struct event_failure *failures;
    size_t nfailures;
    const char *skip;    /* a reason, or NULL: it holds if nothing has failed */
    bool xfail;          /* it is said to fail, */
    const char *message; /* with this in the message, the kind or a note; NULL: whatever it says */
};

/* An expected failure is strict: a pass is xpass, another message leaves the failure what it is, and an error is never
 * expected. */
enum sr_verdict verdict_of_case(const struct verdict_facts *f);

#endif
