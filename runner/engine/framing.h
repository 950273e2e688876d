#ifndef ENGINE_FRAMING_H
#define ENGINE_FRAMING_H

/* What `expect` takes (language 6): a framing with a matcher, or a payload form that stands for exactly its bytes. */

#include "doc/field.h"
#include "engine/eval.h"
#include "op/expect.h"

struct compiler;
struct framing_plan;

/* The keys that say how far is read, with what each takes, and those that may stand beside them. Each ends with a
 * zeroed one. */
extern const struct field framing_forms[], framing_beside[];

/* NULL after errors: a bare matcher (the message proposes a framing), unknown keys, `rest` and long `bytes` where
 * c->opening says that this opens a branch, a group name that is no name. `as` names captures (NULL: none), which keep
 * the value whole. */
struct framing_plan *framing_compile(struct compiler *c, const struct node *n, const struct node *as);
/* An entry of `ignore`: also a bare `module.message`, or a bare `module` for all of its messages. */
struct framing_plan *framing_compile_ignored(struct compiler *c, const struct node *n);
/* What to expect, in eval's arena (constant ones are shared). */
bool framing_eval(const struct framing_plan *p, struct eval *e, const struct expectation **ret);
/* After OP_DONE and before commit: assigns the captures (`as`, named groups, unpacked values) through e->env. What
 * `where` of an unpack says is part of the matcher. False with e->why only where Lua could not. */
bool framing_capture(const struct framing_plan *p, struct eval *e, const struct expect_op *o);
/* Where a failure's caret belongs: the operand that failed. */
struct mark framing_mark(const struct framing_plan *p, const struct expect_op *o);
/* What it waits for, in words: `"hello\r\n"`, "a line", "4 bytes", "the peer's close". Appended, at most `most` bytes.
 */
struct buf;
void framing_show(const struct framing_plan *p, const struct expectation *x, size_t most, struct buf *out);

#endif
