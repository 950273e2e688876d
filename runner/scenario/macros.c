#include "scenario/macros.h"

#include "scenario/steps.h"

enum {
    ARGUMENTS_MOST = 64,
    NAMES_OFFERED = 1000, /* looked through for a suggestion */
};

static void check_arguments(struct loader *l, const struct macro_model *m)
{
    for (uint32_t i = 0; m->with && i < m->with->n; i++)
        loader_name(l, m->with->pairs[i].key, "an argument of a macro");
}

/* Names and arguments first, so that a body may call whatever macro is defined, before it or after it. */
static void declare(struct loader *l, const struct pair *p, struct macro_model *m)
{
    m->name = p->key->text.p;
    m->mark = p->key->mark;
    const char *what = arena_printf(l->a, "macro `%.*s`", LOAD_NAME_SHOWN, m->name);
    if (!loader_map(l, p->value, what)) return;
    field_check(p->value, scenario_macro_fields, what, l->d);
    const struct node *with = node_get(p->value, "with");
    if (with && with->kind == NODE_MAP && with->n > ARGUMENTS_MOST)
        loader_say(l, with->mark, "%s has more than %d arguments", what, ARGUMENTS_MOST);
    else if (with && with->kind == NODE_MAP)
        m->with = with;
    check_arguments(l, m);
}

/* The walk through the calls, depth first: a macro that is met while its own calls are being followed is in a circle.
 */
struct walk {
    struct loader *l;
    struct macro_call **next; /* of each macro: the call to be followed next */
    bool *seen;
    uint32_t *path;  /* the macros whose calls are being followed */
    uint32_t *depth; /* of each macro: its place on the path from 1, 0 if it is not there */
    uint32_t n;
};

static void enter(struct walk *w, uint32_t macro)
{
    w->seen[macro] = true;
    w->next[macro] = w->l->macro_calls[macro];
    w->path[w->n++] = macro;
    w->depth[macro] = w->n;
}

static void say_circle(struct walk *w, const struct macro_call *c)
{
    enum { SHOWN = 1024 };
    struct buf names = BUF_INIT(SHOWN);
    for (uint32_t i = w->depth[c->to] - 1; i < w->n; i++) {
        struct macro_model *m = &w->l->s->macros[w->path[i]];
        m->circular = true;
        buf_printf(&names, "%s -> ", m->name);
    }
    const char *name = w->l->s->macros[c->to].name;
    loader_say(w->l, c->mark, "macro `%s` calls itself: %s%s%s", name, buf_str(&names), names.overflow ? ".. " : "",
               name);
    buf_done(&names);
}

static void follow(struct walk *w, uint32_t from)
{
    if (w->seen[from]) return;
    enter(w, from);
    while (w->n) {
        uint32_t macro = w->path[w->n - 1];
        const struct macro_call *c = w->next[macro];
        if (!c) {
            w->depth[macro] = 0;
            w->n--;
            continue;
        }
        w->next[macro] = c->next;
        if (w->depth[c->to])
            say_circle(w, c);
        else if (!w->seen[c->to])
            enter(w, c->to);
    }
}

static void find_circles(struct loader *l)
{
    const uint32_t n = l->s->nmacros;
    struct walk w = {.l = l};
    w.next = arena_array(l->a, n, sizeof *w.next);
    w.seen = arena_array(l->a, n, sizeof *w.seen);
    w.path = arena_array(l->a, n, sizeof *w.path);
    w.depth = arena_array(l->a, n, sizeof *w.depth);
    for (uint32_t i = 0; i < n; i++)
        follow(&w, i);
}

void macros_load(struct loader *l)
{
    struct definitions all = loader_merge(l, "macros", "macro");
    if (all.n == 0) return;
    l->s->macros = arena_array(l->a, all.n, sizeof *l->s->macros);
    l->s->nmacros = all.n;
    l->macro_calls = arena_array(l->a, all.n, sizeof *l->macro_calls);
    for (uint32_t i = 0; i < all.n; i++) {
        index_add(&l->macros, l->a, all.list[i].pair->key->text, i);
        declare(l, all.list[i].pair, &l->s->macros[i]);
    }
    for (l->macro = 0; l->macro < all.n; l->macro++) {
        const struct node *map = all.list[l->macro].pair->value;
        if (map->kind == NODE_MAP) l->s->macros[l->macro].block = steps_block(l, node_get(map, "steps"));
    }
    l->macro = INDEX_NONE;
    find_circles(l);
}

static void say_unknown(struct loader *l, const struct node *name)
{
    struct diag *g = loader_say(l, name->mark, "unknown macro `%s`", name->text.p);
    struct suggest near;
    suggest_init(&near, name->text);
    for (uint32_t i = 0; i < l->s->nmacros && i < NAMES_OFFERED; i++)
        suggest_offer(&near, slice_of(l->s->macros[i].name));
    diag_suggest(l->d, g, &near);
}

static void check_given(struct loader *l, const struct macro_model *m, const struct node *with)
{
    for (uint32_t i = 0; with && i < with->n; i++) {
        const struct node *key = with->pairs[i].key;
        if (m->with && node_get(m->with, key->text.p)) continue;
        struct diag *g = loader_say(l, key->mark, "macro `%s` has no argument `%s`", m->name, key->text.p);
        struct suggest near;
        suggest_init(&near, key->text);
        for (uint32_t k = 0; m->with && k < m->with->n; k++)
            suggest_offer(&near, m->with->pairs[k].key->text);
        diag_suggest(l->d, g, &near);
    }
}

static void check_missing(struct loader *l, const struct macro_model *m, const struct node *with, struct mark mark)
{
    for (uint32_t i = 0; m->with && i < m->with->n; i++) {
        const struct pair *p = &m->with->pairs[i];
        if (!node_is(p->value, "required") || (with && node_get(with, p->key->text.p))) continue;
        loader_say(l, mark, "macro `%s` needs the argument `%s`", m->name, p->key->text.p);
    }
}

static void note_call(struct loader *l, uint32_t to, struct mark mark)
{
    if (l->macro == INDEX_NONE) return;
    struct macro_call *c = ARENA_NEW(l->a, struct macro_call);
    *c = (struct macro_call){.to = to, .mark = mark, .next = l->macro_calls[l->macro]};
    l->macro_calls[l->macro] = c;
}

const struct macro_model *macros_call(struct loader *l, const struct step_model *s)
{
    const struct node *name = s->value;
    if (!name || name->kind != NODE_SCALAR) return NULL;
    uint32_t at = index_find(&l->macros, name->text);
    if (at == INDEX_NONE) {
        say_unknown(l, name);
        return NULL;
    }
    const struct macro_model *m = &l->s->macros[at];
    const struct node *with = step_field(s, "with");
    if (with && with->kind != NODE_MAP) return m;
    check_given(l, m, with);
    if (with || !s->incomplete) check_missing(l, m, with, name->mark);
    note_call(l, at, name->mark);
    return m;
}
