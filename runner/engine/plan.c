#include "engine/plan.h"

#include "engine/compile.h"
#include "engine/datum.h"
#include "engine/modules.h"
#include "engine/names_check.h"
#include "scenario/index.h"

struct case_plan *plan_compile(const struct scenario *sc, const struct case_model *m, struct luastate *lua,
                               struct arena *a, struct diags *d)
{
    struct compiler c = {
        .arena = a, .diags = d, .lua = lua, .scenario = sc, .model = m, .nrows = 1, .modules = sc->modules};
    struct case_plan *plan = compile_case(&c);
    if (lua) names_compare(&c);
    return plan;
}

static const struct datum **compile_rows(struct compiler *c, const struct case_model *m)
{
    const uint32_t n = m->row ? 1 : m->nmatrix;
    const struct datum **rows = arena_array(c->arena, n ? n : 1, sizeof *rows);
    for (uint32_t i = 0; i < n; i++)
        rows[i] = datum_compile(c, m->row ? m->row : m->matrix_values[i]);
    return n ? rows : NULL;
}

const struct datum **plan_rows(const struct scenario *sc, const struct case_model *m, struct luastate *lua,
                               struct arena *a, struct diags *d)
{
    struct case_plan none = {.scenario = sc};
    struct actor_plan nobody = {.name = ""};
    struct compiler c = {.arena = a,
                         .diags = d,
                         .lua = lua,
                         .scenario = sc,
                         .model = m,
                         .plan = &none,
                         .actor = &nobody,
                         .modules = sc->modules};
    return compile_rows(&c, m);
}

/* One body, and all the rows that it is run with. */
static void check_body(struct compiler *c)
{
    compile_case(c);
    for (uint32_t i = 0; i < c->nrows; i++)
        compile_rows(c, &c->model[i]);
    names_compare(c);
}

void plan_use(struct scenario *sc, struct modules *m, struct arena *a)
{
    struct module_use *list = arena_array(a, sc->nuses, sizeof *list);
    sc->modules = m;
    if (!m) return;
    for (uint32_t i = 0; i < sc->nuses; i++)
        list[i] = (struct module_use){sc->uses[i].name, sc->uses[i].path, sc->uses[i].shown};
    m->uses = list;
    m->nuses = sc->nuses;
}

static void check_uses(const struct scenario *sc, struct modules *m, struct diags *d)
{
    for (uint32_t i = 0; m && i < sc->nuses; i++) {
        const struct use_model *u = &sc->uses[i];
        const struct module_spec *s = modules_find(m, slice_of(u->name));
        if (!s)
            diags_add(d, source_place(u->mark), "there is no file `%s`", u->shown);
        else if (s->wrong)
            diags_add(d, source_place(u->mark), "module `%s` cannot be used: %s", s->name, s->wrong);
    }
}

struct scenario *plan_check(const struct load_options *o, const char *name, struct slice text, const struct settings *s,
                            struct luastate *lua, struct arena *a, struct diags *d)
{
    struct scenario *sc = scenario_load(o, name, text, a, d);
    if (!sc) return NULL;
    plan_use(sc, s->modules, a);
    check_uses(sc, s->modules, d);
    struct index unread;
    names_unread(sc, a, &unread);
    for (uint32_t i = 0, n; i < sc->ncases; i += n) {
        for (n = 1; i + n < sc->ncases && sc->cases[i + n].body == sc->cases[i].body;)
            n++;
        struct compiler c = {.arena = a,
                             .diags = d,
                             .lua = lua,
                             .scenario = sc,
                             .model = &sc->cases[i],
                             .nrows = n,
                             .unread = &unread,
                             .settings = s,
                             .modules = sc->modules};
        check_body(&c);
    }
    return sc;
}
