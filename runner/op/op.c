#include "op/op.h"

#include <stddef.h>

enum op_result op_fail(struct op *op, enum op_failure f, const char *why)
{
    op->failure = f;
    op->why = why;
    return OP_FAILED;
}

enum op_result op_fail_status(struct op *op, enum sr_status s, int error)
{
    op->status = s;
    op->error = error;
    return op_fail(op, OP_STATUS, NULL);
}
