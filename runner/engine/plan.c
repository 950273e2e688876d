#include "engine/plan.h"

#include "engine/compile.h"
#include "engine/datum.h"

struct case_plan *plan_compile(const struct scenario *sc, const struct case_model *m, struct luastate *lua, struct arena *a,
                               struct diags *d)
{
    struct compiler c = {.arena = a, .diags = d, .lua = lua, .scenario = sc, .model = m};
    return compile_case(&c);
}

const struct datum **plan_rows(const struct scenario *sc, const struct case_model *m, struct luastate *lua, struct arena *a,
                               struct diags *d)
{
    struct case_plan none = {.scenario = sc};
    struct actor_plan nobody = {.name = ""};
    struct compiler c = {
        .arena = a, .diags = d, .lua = lua, .scenario = sc, .model = m, .plan = &none, .actor = &nobody};
    const uint32_t n = m->row ? 1 : m->nmatrix;
    const struct datum **rows = arena_array(a, n ? n : 1, sizeof *rows);
    for (uint32_t i = 0; i < n; i++)
        rows[i] = datum_compile(&c, m->row ? m->row : m->matrix_values[i]);
    return n ? rows : NULL;
}

struct scenario *plan_check(const struct load_options *o, const char *name, struct slice text, const struct settings *s,
                            struct luastate *lua, struct arena *a, struct diags *d)
{
    (void)s;
    struct scenario *sc = scenario_load(o, name, text, a, d);
    if (!sc) return NULL;
    uint32_t body = UINT32_MAX;
    for (uint32_t i = 0; i < sc->ncases; i++) {
        const struct case_model *m = &sc->cases[i];
        plan_rows(sc, m, lua, a, d);
        if (m->body == body) continue;
        body = m->body;
        plan_compile(sc, m, lua, a, d);
    }
    return sc;
}
