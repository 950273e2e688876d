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
            .doc = "Reads a frame of the stream and says what it must be. A scalar is exactly these bytes; `{line: ..}`, "
                   "`{until: .., is: ..}`, `{bytes: n, is: ..}`, `{prefixed: u16be, is: ..}`, `{unpack: format, where: ..}` and "
                   "`{rest: ..}` say how far it goes. It fails at the first byte that cannot be right and never by waiting. `as` "
                   "captures the frame, or the unpacked values; named groups of a pattern become captures.",
            .example = "- expect: {line: {matches: '^220 (?<host>\\S+)'}}\n- expect: {bytes: 4, is: {hex: \"de ad be ef\"}}\n  as: magic\n",
        },
    .compile = compile,
    .begin = begin,
    .finish = finish,
    .show = show,
    .mark = mark,
};
