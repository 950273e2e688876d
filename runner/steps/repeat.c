#include "engine/loop.h"
#include "steps/kinds.h"
#include "util/units.h"

static const struct field fields[] = {
    {.name = "steps", .type = FIELD_STEPS, .flags = FIELD_REQUIRED, .doc = "What is repeated"},
    {.name = "until",
     .type = FIELD_LUA,
     .doc = "Ends the loop when it holds after a round; rounds that run out before are a failure"},
    {.name = NULL},
};

/* `forever`, a duration, or a number of rounds. */
static bool compile_times(struct compiler *c, const struct node *n, struct loop_plan *p)
{
    int64_t ns;
    if (node_is(n, "forever")) {
        p->forever = true;
        return true;
    }
    if (field_dynamic(n)) return compile_quantity(c, n, QUANTITY_INT, 0, &p->times);
    p->by_time = units_duration(n->text, &ns) == NULL;
    if (p->by_time) return compile_quantity(c, n, QUANTITY_DURATION, 0, &p->times);
    int64_t times;
    if (!units_int(n->text, &times) && times >= 0) return compile_quantity(c, n, QUANTITY_INT, 0, &p->times);
    struct diag *g = compile_error(c, n->mark, "`%.40s` is no number of rounds", n->text.p);
    diag_hint(c->diags, g, "write a number, a duration such as 4s, or forever");
    return false;
}

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    struct loop_plan *p = ARENA_NEW(c->arena, struct loop_plan);
    const struct node *until = step_field(m, "until");
    in->operand = p;
    in->as = compile_as(c, m->as, &in->nas);
    bool ok = compile_times(c, m->value, p);
    ok &= compile_block(c, &m->block, &in->block);
    if (until) {
        p->until_mark = until->mark;
        p->until = compile_expr(c, until, EXPR_VALUE);
    }
    return ok && (!until || p->until);
}

const struct step_kind step_repeat = {
    .schema =
        {
            .name = "repeat",
            .group = "flow",
            .value = {.type = FIELD_TEXT, .doc = "a number of rounds, a duration such as 4s, or `forever`"},
            .fields = fields,
            .flags = STEP_BLOCK,
            .doc = "Repeats its steps. `as` names the round, from 1. A duration ends between two "
                   "rounds. `forever` ends without a word when the peer closes between two rounds.",
            .example = "- repeat: 10\n  as: i\n  steps:\n    - send: {line: \"ping ${i}\"}\n    - expect: {line: "
                       "\"pong ${i}\"}\n",
        },
    .compile = compile,
    .enter = loop_enter,
};
