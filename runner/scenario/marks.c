#include "scenario/marks.h"

enum { ID_MOST = 200, COVERS_MOST = 4096 };

static const char *constant_text(struct loader *l, const struct node *map, const char *key)
{
    const struct node *n = node_get(map, key);
    if (!n || n->kind != NODE_SCALAR || !loader_constant(l, n, arena_printf(l->a, "`%s`", key))) return NULL;
    return n->text.p;
}

static void read_id(struct loader *l, const struct node *map, struct case_model *c)
{
    const char *id = constant_text(l, map, "id");
    if (!id) return;
    const struct node *n = node_get(map, "id");
    c->id_mark = n->mark;
    if (!*id || n->text.n > ID_MOST || strcspn(id, " \t\r\n[],") != n->text.n) {
        struct diag *g =
            loader_say(l, n->mark, "an id has up to %d characters, without blanks, commas and brackets", ID_MOST);
        diag_hint(l->d, g, "such as http1.framing.both");
        return;
    }
    c->id = id;
}

static const char *read_covers(struct loader *l, const struct node *n)
{
    struct buf all = BUF_INIT(COVERS_MOST);
    const uint32_t count = !n || n->kind == NODE_MAP ? 0 : n->kind == NODE_LIST ? n->n : 1;
    for (uint32_t i = 0; i < count; i++) {
        const struct node *one = n->kind == NODE_LIST ? n->items[i] : n;
        if (one->kind != NODE_SCALAR) continue;
        if (node_empty(one) || strpbrk(one->text.p, " \t\r\n")) {
            loader_say(l, one->mark, "the name of a requirement has no blanks");
            continue;
        }
        if (all.n) buf_addc(&all, ' ');
        buf_add(&all, one->text);
    }
    if (all.overflow) loader_say(l, n->mark, "`covers` has more than %d bytes", COVERS_MOST);
    const char *text = all.n ? arena_dup(l->a, buf_slice(&all)) : "";
    buf_done(&all);
    return text;
}

static void read_xfail(struct loader *l, const struct node *n, struct case_model *c)
{
    if (!n) return;
    if (n->kind == NODE_LIST) {
        loader_say(l, n->mark, "`xfail` is a reason or a map, not a list");
        return;
    }
    c->xfail = n;
    if (n->kind == NODE_SCALAR) {
        if (node_empty(n) || node_is(n, "true")) loader_say(l, n->mark, "`xfail` says why it fails");
        c->xfail_reason = n->text.p;
        return;
    }
    if (field_check(n, scenario_xfail_fields, "`xfail`", l->d)) return;
    c->xfail_reason = constant_text(l, n, "reason");
    c->xfail_message = constant_text(l, n, "message");
    c->xfail_when = node_get(n, "when");
}

static void read_only(struct loader *l, const struct node *n, struct case_model *c)
{
    if (!n || n->kind != NODE_SCALAR) return;
    if (slice_is(n->text, "true"))
        c->only = n;
    else if (slice_is(n->text, "false"))
        c->only = NULL;
    else
        loader_constant(l, n, "`only`");
}

const char *marks_serial(struct loader *l, const struct node *map)
{
    return constant_text(l, map, "serial");
}

void marks_read(struct loader *l, const struct node *map, struct case_model *c)
{
    read_id(l, map, c);
    c->ref = constant_text(l, map, "ref");
    c->quote = constant_text(l, map, "quote");
    c->covers = read_covers(l, node_get(map, "covers"));
    c->level = node_get(map, "level");
    c->serial = marks_serial(l, map);
    read_xfail(l, node_get(map, "xfail"), c);
    read_only(l, node_get(map, "only"), c);
}

void marks_compare(struct loader *l)
{
    const struct scenario *s = l->s;
    struct index ids = {0};
    for (uint32_t i = 0; i < s->ncases; i++) {
        const struct case_model *c = &s->cases[i];
        if (!c->id) continue;
        const struct case_model *first = &s->cases[index_add(&ids, l->a, slice_of(c->id), i)];
        if (first == c || first->body == c->body) continue;
        struct diag *g = loader_say(l, first->id_mark, "two cases have the id `%s`", c->id);
        diag_also(l->d, g, source_place(c->id_mark), "the other one");
        g = loader_say(l, c->id_mark, "two cases have the id `%s`", c->id);
        diag_also(l->d, g, source_place(first->id_mark), "the other one");
    }
}
