#include "engine/names_check.h"

#include "engine/compile.h"
#include "lua/funcs.h"
#include "lua/names.h"
#include "util/suggest.h"

/* What a scenario finds in `${}` without defining it (language 3). */
static const char *const scope_names[] = {"vars", "self", "conn", "row", "instance", "it", "case", "dir", "env", "ports", NULL};

static bool in_list(const char *const *list, struct slice name)
{
    for (; *list; list++)
        if (slice_is(name, *list)) return true;
    return false;
}

static bool bound_here(const struct compiler *c, struct slice name)
{
    for (uint32_t i = 0; i < c->narguments; i++)
        if (slice_eq(c->arguments[i], name)) return true;
    return false;
}

void names_use(struct compiler *c, struct slice name, struct mark mark, enum use_kind kind)
{
    if (kind == USE_VALUE && bound_here(c, name)) return;
    struct name_use *u = ARENA_NEW(c->arena, struct name_use);
    *u = (struct name_use){.next = c->uses, .name = name, .mark = mark, .actor = c->actor, .kind = kind};
    c->uses = u;
}

void names_define(struct compiler *c, struct slice name, enum use_kind kind)
{
    struct name_def *d = ARENA_NEW(c->arena, struct name_def);
    *d = (struct name_def){.next = c->defs, .name = name, .actor = c->actor, .kind = kind};
    c->defs = d;
}

struct scan {
    struct compiler *c;
    const struct node *scalar;
    size_t at;
    bool chunk;
};

static void see(void *ctx, struct slice name, size_t at, bool assigned)
{
    struct scan *s = ctx;
    const struct mark mark = node_mark_at(s->scalar, (uint32_t)(s->at + at), (uint32_t)name.n);
    if (assigned && s->chunk)
        names_define(s->c, name, USE_VALUE);
    else
        names_use(s->c, name, mark, USE_VALUE);
}

void names_use_lua(struct compiler *c, const struct node *scalar, struct slice text, size_t at, bool chunk)
{
    struct scan s = {c, scalar, at, chunk};
    names_scan(text, see, &s);
}

static bool defined(const struct compiler *c, const struct name_use *u)
{
    for (const struct name_def *d = c->defs; d; d = d->next)
        if (d->kind == u->kind && (!d->actor || d->actor == u->actor) && slice_eq(d->name, u->name)) return true;
    if (u->kind == USE_VIA) return false;
    if (in_list(scope_names, u->name) || in_list(funcs_names, u->name)) return true;
    for (uint32_t i = 0; i < c->plan->nactors; i++)
        if (slice_is(u->name, c->plan->actors[i].name)) return true;
    for (uint32_t i = 0; i < c->model->nmatrix; i++)
        if (slice_is(u->name, c->model->matrix_names[i])) return true;
    return false;
}

static void offer_all(const char *const *list, struct suggest *s)
{
    for (; *list; list++)
        suggest_offer(s, slice_of(*list));
}

static void report(struct compiler *c, const struct name_use *u)
{
    const int n = (int)u->name.n;
    struct suggest s;
    suggest_init(&s, u->name);
    for (const struct name_def *d = c->defs; d; d = d->next)
        if (d->kind == u->kind && (!d->actor || d->actor == u->actor)) suggest_offer(&s, d->name);
    if (u->kind == USE_VIA) {
        diag_suggest(c->diags, compile_error(c, u->mark, "no connection is called `%.*s` in this actor", n, u->name.p), &s);
        return;
    }
    offer_all(scope_names, &s);
    offer_all(funcs_names, &s);
    for (uint32_t i = 0; i < c->plan->nactors; i++)
        suggest_offer(&s, slice_of(c->plan->actors[i].name));
    struct diag *g = compile_error(c, u->mark, "nobody defines or captures `%.*s`", n, u->name.p);
    diag_suggest(c->diags, g, &s);
}

void names_compare(struct compiler *c)
{
    for (const struct name_use *u = c->uses; u; u = u->next)
        if (!defined(c, u)) report(c, u);
}
