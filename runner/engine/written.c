#include "engine/written.h"

static struct slice escaped(struct slice text, struct arena *a)
{
    size_t found = 0;
    for (size_t i = 0; i + 1 < text.n; i++)
        found += text.p[i] == '$' && text.p[i + 1] == '{';
    if (!found) return (struct slice){arena_dup(a, text), text.n};
    char *p = arena_alloc(a, text.n + found + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '$' && i + 1 < text.n && text.p[i + 1] == '{') p[n++] = '$';
        p[n++] = text.p[i];
    }
    return (struct slice){p, n};
}

static struct node *scalar(struct slice text, bool quoted, const struct node *at, struct arena *a)
{
    struct node *n = ARENA_NEW(a, struct node);
    *n = (struct node){.kind = NODE_SCALAR, .quoted = quoted, .mark = at->mark, .text = escaped(text, a)};
    return n;
}

static struct node *list(const struct view *v, const struct node *at, struct arena *a)
{
    struct node *n = ARENA_NEW(a, struct node);
    *n = (struct node){.kind = NODE_LIST, .n = (uint32_t)v->n, .mark = at->mark};
    n->items = arena_array(a, v->n, sizeof(struct node *));
    for (uint32_t i = 0; i < n->n; i++) {
        const struct view item = v->ops->at(v, i);
        n->items[i] = written_node(&item, at, a);
    }
    return n;
}

static struct node *map(const struct view *v, const struct node *at, struct arena *a)
{
    struct node *n = ARENA_NEW(a, struct node);
    *n = (struct node){.kind = NODE_MAP, .n = (uint32_t)v->n, .mark = at->mark};
    n->pairs = arena_array(a, v->n, sizeof(struct pair));
    for (uint32_t i = 0; i < n->n; i++) {
        struct slice key;
        const struct view value = v->ops->entry(v, i, &key);
        struct node *name = ARENA_NEW(a, struct node);
        *name = (struct node){.kind = NODE_SCALAR, .mark = at->mark, .text = {arena_dup(a, key), key.n}};
        n->pairs[i] = (struct pair){name, written_node(&value, at, a)};
    }
    return n;
}

struct node *written_node(const struct view *v, const struct node *at, struct arena *a)
{
    switch (v->type) {
    case VIEW_ABSENT:
    case VIEW_NULL: return scalar(SLICE("null"), false, at, a);
    case VIEW_BOOL:
    case VIEW_INT:
    case VIEW_FLOAT: return scalar(text_of_view(v, a), false, at, a);
    case VIEW_BYTES: return scalar(v->bytes, true, at, a);
    case VIEW_LIST: return list(v, at, a);
    case VIEW_MAP: return map(v, at, a);
    }
    return NULL;
}

void written_begin(struct written *w, const struct eval *e, bool lf)
{
    *w = (struct written){.actor = {.lf = lf}};
    diags_init(&w->diags);
    w->compiler = (struct compiler){
        .arena = e->arena, .diags = &w->diags, .actor = &w->actor, .modules = e->lua ? e->lua->modules : NULL};
}

bool written_end(struct written *w, struct eval *e, struct mark mark)
{
    const bool ok = w->diags.n == 0;
    if (!ok) {
        const struct diag *g = &w->diags.list[0];
        eval_fail(e, mark, "%s%s%s", g->message, g->hint ? ": " : "", g->hint ? g->hint : "");
    }
    diags_done(&w->diags);
    return ok;
}
