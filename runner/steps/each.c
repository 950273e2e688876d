#include "engine/datum.h"
#include "engine/loop.h"
#include "steps/kinds.h"

static const struct field fields[] = {
    {.name = "steps", .type = FIELD_STEPS, .flags = FIELD_REQUIRED, .doc = "What is done for each element"},
    {.name = "until",
     .type = FIELD_LUA,
     .doc = "Ends the loop when it holds after a round; elements that run out before are a "
            "failure"},
    {.name = NULL},
};

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    struct loop_plan *p = ARENA_NEW(c->arena, struct loop_plan);
    const struct node *until = step_field(m, "until");
    in->operand = p;
    in->as = compile_as(c, m->as, &in->nas);
    p->rows_mark = m->value->mark;
    p->rows = datum_compile(c, m->value);
    const uint32_t outer = c->narguments;
    compile_bind(c, SLICE("row"));
    bool ok = compile_block(c, &m->block, &in->block);
    if (until) {
        p->until_mark = until->mark;
        p->until = compile_expr(c, until, EXPR_VALUE);
        ok &= p->until != NULL;
    }
    c->narguments = outer;
    if (m->value->kind == NODE_MAP) compile_error(c, m->value->mark, "`each` takes a list, not a map");
    return ok && p->rows && m->value->kind != NODE_MAP;
}

const struct step_kind step_each = {
    .schema =
        {
            .name = "each",
            .group = "flow",
            .value = {.type = FIELD_VALUE, .doc = "a list"},
            .fields = fields,
            .flags = STEP_BLOCK,
            .doc = "Does its steps for each element of a list; the element is `${row}` in them. `as` "
                   "names the round, from 1.",
            .example = "- each: [GET, HEAD]\n  steps:\n    - send: {line: \"${row} / HTTP/1.0\"}\n",
        },
    .compile = compile,
    .enter = loop_enter,
};
