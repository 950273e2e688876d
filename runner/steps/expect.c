#include "engine/framing.h"
#include "steps/kinds.h"

enum { SHOWN = 60 };

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    in->operand = framing_compile(c, m->value, m->as);
    return in->operand != NULL;
}

static enum went begin(struct actor *a, const struct instr *in, union op_room *room)
{
    struct eval e = actor_eval(a);
    const struct expectation *x;
    struct channel *ch = actor_channel(a, in);
    if (!ch) return WENT_FAILED;
    if (!framing_eval(in->operand, &e, &x)) return actor_fail_eval(a, &e);
    expect_begin(&room->expect, &ch->conn, x, &a->arena);
    const enum level level = actor_level(a);
    room->expect.patient = level == LEVEL_SHOULD || level == LEVEL_MAY;
    return WENT_ON;
}

static enum went finish(struct actor *a, const struct instr *in, union op_room *room)
{
    struct eval e = actor_eval(a);
    return framing_capture(in->operand, &e, &room->expect) ? WENT_ON : actor_fail(a, "mismatch", e.mark, "%s", e.why);
}

static void show(struct actor *a, const struct instr *in, const union op_room *room, struct buf *out)
{
    (void)a;
    framing_show(in->operand, room->expect.x, SHOWN, out);
}

static struct mark mark(const struct instr *in, const union op_room *room)
{
    return framing_mark(in->operand, &room->expect);
}

const struct step_kind step_expect = {
    .schema =
        {
            .name = "expect",
            .group = "connection",
            .value = {.type = FIELD_EXPECT},
            .flags = STEP_CONNECTION | STEP_OPENING,
            .doc = "Reads one frame of the stream and compares it. A text or another payload is exactly "
                   "these bytes. A map says with `line`, `until`, `bytes`, `prefixed`, `unpack`, `rest` "
                   "or `urgent` how far the frame goes. What it must be is a text, or matchers such as "
                   "`{matches: '^220 '}`, `{contains: x}` and `{length: {lt: 80}}`: they stand below "
                   "`line` and `rest` themselves, and below `is` beside any of them.\n\nIt fails at the "
                   "first byte that cannot be right, without waiting for more. `as` captures the frame, "
                   "or the values of `unpack`, a name for each; named groups of a pattern become "
                   "captures too.",
            .example = "- expect: {line: {matches: '^220 (?<host>\\S+)'}}\n- expect: {bytes: 4, is: {hex: \"de ad be "
                       "ef\"}}\n  as: magic\n",
        },
    .compile = compile,
    .begin = begin,
    .finish = finish,
    .show = show,
    .mark = mark,
};
