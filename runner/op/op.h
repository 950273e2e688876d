#ifndef OP_OP_H
#define OP_OP_H

/* One operation, two faces: everything that can wait is an op. `poll` is called again and again by the task that owns
 * it until it says done or failed; it never blocks, evaluates nothing and runs no other task. What an op reads stays in
 * the stream until it is committed, so that several may be tried at one place. */

#include <stdbool.h>
#include <stdint.h>

#include "op/task.h"
#include "sockrun/status.h"

enum op_result { OP_DONE, OP_WAIT, OP_FAILED };

enum op_failure {
    OP_FINE,
    OP_MISMATCH, /* the bytes are not what they must be: see the op */
    OP_STATUS,   /* the network: op.status, op.error */
    OP_LIMIT,    /* a bound of ours was reached: op.why */
    OP_MISUSE,   /* the caller's mistake: op.why */
    OP_GONE,     /* what it waits for can never come: op.why */
};

/* What an op waits for: for reports and for the deadlock check. */
enum op_waits {
    WAITS_NOTHING,
    WAITS_TIME,       /* the clock: it will end by itself */
    WAITS_READ,       /* bytes or the end of `conn` */
    WAITS_WRITE,      /* room in `conn` */
    WAITS_ACCEPT,     /* a connection on `listener` */
    WAITS_RENDEZVOUS, /* other tasks: a sync, a queue */
    WAITS_OUTSIDE,    /* a program, a resolver, the network */
};

struct op;

struct op_type {
    const char *name;
    enum op_result (*poll)(struct op *op, struct task *t);
    /* After OP_DONE or OP_FAILED, if other ops were polled since: what its result points to may have moved, and is
     * found again. NULL: nothing points anywhere. */
    void (*again)(struct op *op, struct task *t);
    /* After OP_DONE, if it is the chosen one: what it read is taken. NULL: nothing to do. */
    void (*commit)(struct op *op);
    /* Starts again at what is now the first byte not taken. NULL: nothing to do. */
    void (*rewind)(struct op *op);
    /* From any state, waits for nothing: unlinks what waits, frees what it owns. Called exactly once, also after
     * OP_DONE and OP_FAILED. */
    void (*cancel)(struct op *op, struct task *t);
};

struct op {
    const struct op_type *type;
    struct conn *conn;         /* that it reads, or NULL */
    struct listener *listener; /* that it accepts from, or NULL */
    uint64_t end;              /* after OP_DONE: absolute position behind what it read */
    int64_t wake; /* while it waits: when to poll it again at the latest (CLOCK_MONOTONIC ns), 0: no matter */
    const char *why;
    int error; /* errno, or 0 */
    enum sr_status status;
    enum op_failure failure;
    enum op_waits waits;
    bool edge; /* nothing has been taken or sent yet: another op may come in between */
};

static inline enum op_result op_poll(struct op *op, struct task *t)
{
    return op->type->poll(op, t);
}
static inline void op_again(struct op *op, struct task *t)
{
    if (op->type->again) op->type->again(op, t);
}
static inline void op_commit(struct op *op)
{
    if (op->type->commit) op->type->commit(op);
}
static inline void op_rewind(struct op *op)
{
    if (op->type->rewind) op->type->rewind(op);
}
static inline void op_cancel(struct op *op, struct task *t)
{
    if (op->type->cancel) op->type->cancel(op, t);
}
/* For polls: notes why it failed, and returns OP_FAILED. */
enum op_result op_fail(struct op *op, enum op_failure f, const char *why);
enum op_result op_fail_status(struct op *op, enum sr_status s, int error);

#endif
