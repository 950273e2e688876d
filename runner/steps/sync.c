#include "engine/run.h"
#include "steps/kinds.h"

static const struct field fields[] = {
    {.name = "parties", .type = FIELD_INT, .doc = "How many meet; inside `serve` it must be said"},
    {.name = NULL},
};

struct operand {
    uint32_t index;
};

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    const struct node *parties = step_field(m, "parties");
    struct sync_plan *p = compile_sync(c, m->value->text.p);
    struct operand *o = ARENA_NEW(c->arena, struct operand);
    in->operand = o;
    o->index = (uint32_t)(p - c->plan->syncs);
    if (!parties) {
        if (!c->actor->model->serves || m->incomplete) return !m->incomplete;
        struct diag *g = compile_error(c, m->mark, "how many copies of `serve` meet here is not known");
        diag_hint(c->diags, g, "say `parties: n` beside `sync`");
        return false;
    }
    if (!compile_fixed(c, parties, "parties")) return false;
    const int64_t n = field_int(parties, 1);
    if (n > 0 && n <= UINT32_MAX && (!p->parties || p->parties == n)) {
        p->parties = (uint32_t)n;
        return true;
    }
    compile_error(c, parties->mark,
                  n > 0 ? "another `sync: %s` says another number of parties" : "`parties` of `%s` is at least 1",
                  m->value->text.p);
    return false;
}

static enum went begin(struct actor *a, const struct instr *in, union op_room *room)
{
    const struct operand *o = in->operand;
    sync_begin(&room->sync, &a->run->syncs[o->index]);
    return WENT_ON;
}

static void show(struct actor *a, const struct instr *in, const union op_room *room, struct buf *out)
{
    const struct sync *s = room->sync.sync;
    (void)a;
    (void)in;
    buf_printf(out, "`%s` (%u of %u are there)", s->name, s->arrived, s->parties);
}

const struct step_kind step_sync = {
    .schema =
        {
            .name = "sync",
            .group = "flow",
            .value = {.type = FIELD_NAME},
            .fields = fields,
            .doc = "A meeting point. Every actor whose steps name it waits here until all of them have "
                   "come; then they go on. Each of an actor's `instances` counts as one. They may meet "
                   "again and again.\n\nIf one of them has ended, those who wait for it fail at once. "
                   "It waits until the case's deadline, unless it has a `timeout`.",
            .example = "- sync: stored\n",
        },
    .compile = compile,
    .begin = begin,
    .show = show,
    .untimed = true,
};
