#ifndef ENGINE_STEP_H
#define ENGINE_STEP_H

/* What a step is made of. A kind is one file in runner/steps and one line in its list: its schema, how its operands are
 * compiled, and either `begin` (it is one op that may wait) or `enter` (it computes, or pushes a block).
 *
 * begin and finish run on the actor between polls and may evaluate `${}`; nothing they do waits. */

#include "engine/actor.h"
#include "engine/compile.h"
#include "engine/program.h"
#include "engine/went.h"

struct step_kind {
    struct step_schema schema; /* first: step_list points at it */
    /* Reads the operands into in->operand (and what else is the kind's own); common modifiers are there already. false
     * after diagnostics. NULL: there are none. */
    bool (*compile)(struct compiler *c, const struct step_model *m, struct instr *in);
    /* Makes the op in the given room. WENT_ON: it may be polled; WENT_FAILED. */
    enum went (*begin)(struct actor *a, const struct instr *in, union op_room *room);
    /* The op is done and chosen, nothing is committed yet: captures, taking over descriptors. NULL: nothing to do. */
    enum went (*finish)(struct actor *a, const struct instr *in, union op_room *room);
    enum went (*enter)(struct actor *a, const struct instr *in);
    /* The op has failed: WENT_ON if that is what was expected. NULL: it never is. */
    enum went (*failed)(struct actor *a, const struct instr *in, union op_room *room);
    /* That its time is over is what it expects: it is told so as a failure with `timeout`. NULL: never. */
    bool (*expects_timeout)(const struct instr *in);
    /* What the op waits for, in words; for reports. NULL: nothing more than the step's name. */
    void (*show)(struct actor *a, const struct instr *in, const union op_room *room, struct buf *out);
    /* Where the caret of a failure belongs. NULL: at the verb. */
    struct mark (*mark)(const struct instr *in, const union op_room *room);
    /* Appends what is still wrong when the time is over. NULL: nothing more than that it is. */
    void (*explain)(const struct instr *in, const union op_room *room, struct buf *out);
    /* Its waits count against the case alone unless `timeout` was written. */
    bool untimed;
};

static inline const struct step_kind *step_kind_of(const struct step_schema *s)
{
    return (const struct step_kind *)(const void *)s;
}

#endif
