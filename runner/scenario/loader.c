#include "scenario/loader.h"

#include "lua/names.h"
#include "util/units.h"

bool loader_map(struct loader *l, const struct node *n, const char *what)
{
    if (n->kind == NODE_MAP) return true;
    loader_say(l, n->mark, "%s is a map, not %s", what, node_what(n));
    return false;
}

bool loader_constant(struct loader *l, const struct node *n, const char *what)
{
    if (!n || !field_dynamic(n)) return true;
    struct diag *g = loader_say(l, n->mark, "%s is read before anything runs, and takes no `${}`", what);
    diag_hint(l->d, g, "write it out");
    return false;
}

bool loader_name(struct loader *l, const struct node *n, const char *what)
{
    if (n->kind == NODE_SCALAR && names_is_name(n->text)) return true;
    struct diag *g = loader_say(l, n->mark, "%s must be a name that `${}` can use", what);
    diag_hint(l->d, g, "letters, digits and `_`, and no word of Lua");
    return false;
}

int64_t loader_duration(struct loader *l, const struct node *n, const char *what, int64_t fallback)
{
    int64_t ns;
    if (!n || !loader_constant(l, n, what) || n->kind != NODE_SCALAR || units_duration(n->text, &ns)) return fallback;
    if (ns > 0) return ns;
    loader_say(l, n->mark, "%s must be longer than nothing", what);
    return fallback;
}

bool loader_address(struct loader *l, const struct node *n, const char *what)
{
    if (!n || n->kind != NODE_MAP) return true;
    return field_check(n, scenario_address_fields, arena_printf(l->a, "`%s`", what), l->d) == 0;
}

bool loader_value(struct loader *l, const struct node *value, const struct field *f)
{
    const bool good = field_check_value(value, f, l->d);
    return f->type == FIELD_ADDRESS ? loader_address(l, value, f->name) && good : good;
}

void loader_unread(struct loader *l, const struct node *n)
{
    struct scenario *s = l->s;
    if (s->nunread == l->unread_size) {
        const struct node **old = s->unread;
        l->unread_size = old ? l->unread_size * 2 : 16;
        s->unread = arena_array(l->a, l->unread_size, sizeof(struct node *));
        if (old) memcpy(s->unread, old, s->nunread * sizeof *old);
    }
    s->unread[s->nunread++] = n;
}

struct merge {
    struct loader *l;
    const char *what;
    struct index names; /* -> index in out.list */
    struct definitions out;
};

static void merge_pair(struct merge *m, struct pair *p, uint32_t document)
{
    uint32_t at = index_add(&m->names, m->l->a, p->key->text, m->out.n);
    struct definition *first = &m->out.list[at];
    if (at == m->out.n) {
        *first = (struct definition){p, document};
        m->out.n++;
        return;
    }
    bool overrides = m->l->documents[first->document].includes & UINT64_C(1) << document;
    if (overrides || !m->what) return;
    struct diag *g =
        loader_say(m->l, first->pair->key->mark, "%s `%s` is defined in two included files", m->what, p->key->text.p);
    diag_also(m->l->d, g, source_place(p->key->mark), "the other one");
}

/* From the file itself down to what was included first: the first definition seen is the one that holds. */
struct definitions loader_merge(struct loader *l, const char *key, const char *what)
{
    struct merge m = {.l = l, .what = what};
    uint32_t most = 0;
    for (uint32_t i = 0; i < l->ndocuments; i++) {
        const struct node *map = node_get(l->documents[i].map, key);
        if (map && map->kind == NODE_MAP) most += map->n;
    }
    m.out.list = arena_array(l->a, most + 1, sizeof *m.out.list);
    for (uint32_t i = l->ndocuments; i-- > 0;) {
        const struct node *map = node_get(l->documents[i].map, key);
        for (uint32_t k = 0; map && map->kind == NODE_MAP && k < map->n; k++)
            merge_pair(&m, &map->pairs[k], i);
    }
    return m.out;
}
