#include "scenario/cases.h"
#include "scenario/includes.h"
#include "scenario/load.h"
#include "scenario/loader.h"
#include "scenario/macros.h"
#include "scenario/steps.h"

#include "lua/names.h"

static const char *text_of(const struct node *map, const char *key)
{
    const struct node *n = node_get(map, key);
    return n && n->kind == NODE_SCALAR && !node_empty(n) ? n->text.p : NULL;
}

static void check_requirement(struct loader *l, const struct node *n)
{
    if (n->kind == NODE_SCALAR) {
        if (slice_is(n->text, "ipv6") || slice_is(n->text, "root")) return;
        struct diag *g = loader_say(l, n->mark, "`%s` is nothing that can be required", n->text.p);
        diag_hint(l->d, g, "write ipv6, root, {program: NAME} or {command: [NAME, ..]}");
        return;
    }
    if (field_check(n, scenario_requires_fields, "an item of `requires`", l->d)) return;
    if (n->n != 1) loader_say(l, n->mark, "an item of `requires` has one of `program` and `command`");
}

static const struct node *read_requires(struct loader *l, const struct node *file)
{
    const struct node *list = node_get(file, "requires");
    if (!list) return NULL;
    if (list->kind != NODE_LIST) {
        loader_say(l, list->mark, "`requires` is a list, not %s", node_what(list));
        return NULL;
    }
    for (uint32_t i = 0; i < list->n; i++)
        check_requirement(l, list->items[i]);
    return list;
}

/* Those of included files come first, so that a variable may use one that was included. */
static void read_vars(struct loader *l)
{
    struct definitions all = loader_merge(l, "vars", NULL);
    struct vars_model *vars = &l->s->vars;
    vars->list = arena_array(l->a, all.n, sizeof(struct pair *));
    for (uint32_t document = 0; document < l->ndocuments; document++) {
        for (uint32_t i = 0; i < all.n; i++) {
            if (all.list[i].document == document) vars->list[vars->n++] = all.list[i].pair;
        }
    }
}

static const char *module_name(struct arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    const struct slice file = slice_of(slash ? slash + 1 : path);
    const bool lua = file.n > 4 && slice_is(slice_part(file, file.n - 4, 4), ".lua");
    const struct slice name = slice_part(file, 0, lua ? file.n - 4 : 0);
    return names_is_name(name) ? arena_dup(a, name) : NULL;
}

static void read_use(struct loader *l, const struct document *d, const struct node *n)
{
    if (n->kind != NODE_SCALAR || node_empty(n) || !loader_constant(l, n, "`use`")) return;
    const char *name = module_name(l->a, n->text.p);
    if (!name) {
        struct diag *g =
            loader_say(l, n->mark, "a message module is a file `NAME.lua`, and its messages are called `NAME.message`");
        diag_hint(l->d, g, "the name is letters, digits and `_`");
        return;
    }
    struct scenario *s = l->s;
    for (uint32_t i = 0; i < s->nuses; i++)
        if (strcmp(s->uses[i].name, name) == 0) return;
    struct use_model *more = arena_array(l->a, s->nuses + 1, sizeof *more);
    for (uint32_t i = 0; i < s->nuses; i++)
        more[i] = s->uses[i];
    s->uses = more;
    s->uses[s->nuses++] = (struct use_model){.name = name,
                                             .path = includes_path(l->a, d->path, n->text.p),
                                             .shown = includes_path(l->a, d->source->name, n->text.p),
                                             .mark = n->mark};
}

/* The file's own come first, and win over those of included ones. */
static void read_uses(struct loader *l)
{
    for (uint32_t i = l->ndocuments; i-- > 0;) {
        const struct document *d = &l->documents[i];
        const struct node *use = node_get(d->map, "use");
        if (use && use->kind == NODE_SCALAR) read_use(l, d, use);
        for (uint32_t k = 0; use && use->kind == NODE_LIST && k < use->n; k++)
            read_use(l, d, use->items[k]);
    }
}

static void read_file(struct loader *l)
{
    const struct node *file = l->documents[l->ndocuments - 1].map, *eol = node_get(file, "eol");
    field_check(file, scenario_file_fields, "the file", l->d);
    loader_constant(l, node_get(file, "name"), "`name`");
    loader_constant(l, eol, "`eol`");
    l->s->name = text_of(file, "name");
    l->s->description = text_of(file, "description");
    l->s->lf = eol && eol->kind == NODE_SCALAR && slice_is(eol->text, "lf");
    l->s->requires = read_requires(l, file);
    read_vars(l);
    read_uses(l);
    macros_load(l);
    cases_load(l);
}

struct scenario *scenario_load(const struct load_options *o, const char *name, struct slice text, struct arena *a,
                               struct diags *d)
{
    struct loader l = {.o = o, .a = a, .d = d, .macro = INDEX_NONE};
    l.s = ARENA_NEW(a, struct scenario);
    l.s->sources = arena_array(a, LOAD_FILES_MOST, sizeof *l.s->sources);
    l.s->folder = arena_dup(a, slice_of(o->folder));
    steps_init(&l);
    if (!includes_load(&l, name, text)) {
        scenario_done(l.s);
        return NULL;
    }
    read_file(&l);
    return l.s;
}

void scenario_done(struct scenario *s)
{
    for (uint32_t i = 0; s && i < s->nsources; i++)
        source_done(&s->sources[i]);
}
