#include "scenario/cases.h"

#include "scenario/actors.h"
#include "scenario/marks.h"
#include "scenario/rows.h"
#include "scenario/target.h"
#include "util/units.h"

enum {
    TAGS_MOST = 4096,
    PORTS_MOST = 64,
    NAME_MOST = 500,
    SHORT_MOST = 2, /* actors that the short form makes */
    PARTS = 2,      /* of `setup` and `always` */
};

/* What all cases of the file share. */
struct shared {
    struct loader *l;
    const struct node *file;
    int64_t timeout, step_timeout;
    struct actors_model actors; /* of the file, if it has `cases`, and of what it includes */
    struct case_model *bodies;  /* as written */
    const struct node **maps;   /* of each body */
    uint32_t *rows;             /* how many cases each one makes */
    uint32_t n;
};

static bool say_too_many_actors(struct loader *l, struct mark mark)
{
    if (!l->actors_said) loader_say(l, mark, "the cases have more than %d actors together", LOAD_ACTORS_MOST);
    l->actors_said = true;
    return false;
}

/* Those of a definition that is the file's own come first. */
static void read_shared_actors(struct shared *s, bool cases)
{
    struct loader *l = s->l;
    struct definitions all = loader_merge(l, "actors", "actor");
    s->actors.list = arena_array(l->a, all.n, sizeof *s->actors.list);
    for (uint32_t i = 0; i < all.n; i++) {
        bool own = all.list[i].document == l->ndocuments - 1;
        if (cases || !own) s->actors.list[s->actors.n++] = actors_read(l, all.list[i].pair);
    }
}

static bool has_actor(const struct case_model *c, const char *name)
{
    for (uint32_t i = 0; i < c->nactors; i++) {
        if (strcmp(c->actors[i].name, name) == 0) return true;
    }
    return false;
}

/* An actor of the case wins over a shared one of the same name. */
static void add_shared_actors(struct shared *s, struct case_model *c)
{
    const uint32_t own = c->nactors;
    for (uint32_t i = 0; i < s->actors.n; i++) {
        const struct actor_model *m = &s->actors.list[i];
        const struct case_model mine = {.actors = c->actors, .nactors = own};
        if (!has_actor(&mine, m->name)) c->actors[c->nactors++] = *m;
    }
}

/* The next key of the map that the table does not allow beside `key`: *rest moves on, from NULL. NULL at the end. */
static const struct pair *next_excluded(const struct node *map, const struct field *table, const char *key,
                                        const char **rest)
{
    for (; !*rest; table++)
        if (strcmp(table->name, key) == 0) *rest = table->excludes;
    for (struct slice word; field_next_word(rest, &word);)
        if (node_pair_named(map, word)) return node_pair_named(map, word);
    return NULL;
}

static void check_short_form(struct loader *l, const struct node *map, const struct pair *actors)
{
    const char *rest = NULL;
    const struct pair *p;
    while (actors && (p = next_excluded(map, scenario_case_fields, "actors", &rest))) {
        struct diag *g = loader_say(l, p->key->mark, "`%s` cannot stand beside `actors`", p->key->text.p);
        diag_also(l->d, g, source_place(actors->key->mark), "the actors");
    }
}

/* A case without `connect` works with the target. */
static void read_short(struct loader *l, const struct node *map, struct case_model *c)
{
    if (!node_pair(map, "connect") && target_actors(l, map, c->actors, &c->nactors)) return;
    c->actors[c->nactors++] = actors_client(l, map);
}

/* Beside actors, `setup` and `always` are done by actors of their own. */
static void add_parts(struct loader *l, const struct node *map, struct case_model *c)
{
    static const char *const keys[] = {[ACTOR_SETUP] = "setup", [ACTOR_ALWAYS] = "always"};
    for (unsigned part = ACTOR_SETUP; part <= ACTOR_ALWAYS; part++) {
        const struct pair *p = node_pair(map, keys[part]);
        if (!p) continue;
        if (has_actor(c, keys[part]))
            loader_say(l, p->key->mark, "`%s` steps and an actor `%s` cannot stand together", keys[part], keys[part]);
        else
            c->actors[c->nactors++] = actors_part(l, map, (enum actor_part)part);
    }
}

static void read_actors(struct shared *s, const struct node *map, struct case_model *c)
{
    struct loader *l = s->l;
    const struct pair *actors = node_pair(map, "actors");
    const bool client = !actors && (node_pair(map, "connect") || node_pair(map, "steps"));
    const uint32_t own = actors ? actors->value->n : client ? SHORT_MOST : 0;
    check_short_form(l, map, actors);
    /* Of the file's own it has been said. */
    if (actors && actors->value->kind != NODE_MAP && map == s->file) return;
    if (actors && !loader_map(l, actors->value, "`actors`")) return;
    if (LOAD_ACTORS_MOST - l->nactors < own + s->actors.n) {
        say_too_many_actors(l, c->mark);
        return;
    }
    c->actors = arena_array(l->a, own + s->actors.n + PARTS, sizeof *c->actors);
    if (client) read_short(l, map, c);
    while (!client && c->nactors < own) {
        c->actors[c->nactors] = actors_read(l, &actors->value->pairs[c->nactors]);
        c->nactors++;
    }
    if (!client) add_parts(l, map, c);
    add_shared_actors(s, c);
    l->nactors += c->nactors;
    if (c->nactors) return;
    struct diag *g = loader_say(l, c->mark, "nobody takes part");
    diag_hint(l->d, g, "write `actors`, or `connect` and `steps`");
}

static void add_tags(const struct node *tags, struct buf *all)
{
    if (!tags || tags->kind == NODE_MAP) return;
    const uint32_t n = tags->kind == NODE_LIST ? tags->n : 1;
    for (uint32_t i = 0; i < n && !all->overflow; i++) {
        const struct node *tag = tags->kind == NODE_LIST ? tags->items[i] : tags;
        if (all->n) buf_addc(all, ' ');
        if (tag->kind == NODE_SCALAR) buf_add(all, tag->text);
    }
}

static const char *read_tags(struct shared *s, const struct node *map)
{
    struct buf all = BUF_INIT(TAGS_MOST);
    add_tags(node_get(s->file, "tags"), &all);
    if (map != s->file) add_tags(node_get(map, "tags"), &all);
    if (all.overflow) loader_say(s->l, map->mark, "the tags of a case have more than %d bytes", TAGS_MOST);
    const char *text = all.n ? arena_dup(s->l->a, buf_slice(&all)) : "";
    buf_done(&all);
    return text;
}

static bool has_port(const struct case_model *c, const struct node *name)
{
    for (uint32_t i = 0; i < c->nports; i++) {
        if (slice_eq(c->ports[i]->text, name->text)) return true;
    }
    return false;
}

static uint32_t count_ports(const struct node *ports)
{
    if (!ports || ports->kind == NODE_MAP) return 0;
    return ports->kind == NODE_LIST ? ports->n : 1;
}

static void add_ports(const struct node *ports, struct case_model *c)
{
    const uint32_t n = count_ports(ports);
    for (uint32_t i = 0; i < n; i++) {
        const struct node *name = ports->kind == NODE_LIST ? ports->items[i] : ports;
        if (name->kind == NODE_SCALAR && !has_port(c, name)) c->ports[c->nports++] = name;
    }
}

static void read_ports(struct shared *s, const struct node *map, struct case_model *c)
{
    const struct case_model *before = s->l->s->before;
    /* What lives as long as the file has the file's ports. */
    const struct node *shared = before && c != before ? NULL : node_get(s->file, "ports");
    const struct node *own = map == s->file ? NULL : node_get(map, "ports");
    const uint32_t n = count_ports(shared), m = count_ports(own);
    if (n > PORTS_MOST || m > PORTS_MOST - n) {
        loader_say(s->l, (own ? own : shared)->mark, "a case has more than %d ports", PORTS_MOST);
        return;
    }
    c->ports = arena_array(s->l->a, n + m, sizeof *c->ports);
    add_ports(shared, c);
    add_ports(own, c);
}

/* What `map` says of a case: the case's own map, or the file's where the file is one case. */
static void read_body(struct shared *s, const struct node *map, struct case_model *c)
{
    struct loader *l = s->l;
    const bool whole = map == s->file;
    c->mark = map->mark;
    c->tags = read_tags(s, map);
    read_ports(s, map, c);
    c->timeout = whole ? s->timeout : loader_duration(l, node_get(map, "timeout"), "`timeout`", s->timeout);
    c->step_timeout =
        whole ? s->step_timeout : loader_duration(l, node_get(map, "step_timeout"), "`step_timeout`", s->step_timeout);
    c->vars = whole ? NULL : node_get(map, "vars");
    c->skip = node_get(map, "skip");
    marks_read(l, map, c);
    read_actors(s, map, c);
}

static const char *case_name(struct loader *l, const struct node *map, uint32_t number)
{
    const struct node *name = node_get(map, "name");
    if (node_empty(name) || name->kind != NODE_SCALAR) {
        const struct node *id = node_get(map, "id");
        if (id && id->kind == NODE_SCALAR && !node_empty(id)) return id->text.p;
        return arena_printf(l->a, "case %u", number);
    }
    loader_constant(l, name, "`name`");
    if (name->text.n > NAME_MOST) {
        loader_say(l, name->mark, "the name of a case has more than %d bytes", NAME_MOST);
        return "";
    }
    return name->text.p;
}

static void add_body(struct shared *s, const struct node *map, const char *name)
{
    struct case_model *c = &s->bodies[s->n];
    c->name = name;
    c->body = s->n;
    s->maps[s->n] = map;
    read_body(s, map, c);
    s->rows[s->n] = rows_count(s->l, map, LOAD_CASES_MOST - s->l->s->ncases);
    s->l->s->ncases += s->rows[s->n];
    s->n++;
}

/* Beside `cases` the file cannot be a case itself. */
static void check_beside_cases(struct loader *l, const struct node *file)
{
    const char *rest = NULL;
    for (const struct pair *p; (p = next_excluded(file, scenario_file_fields, "cases", &rest));)
        loader_say(l, p->key->mark, "`%s` cannot stand beside `cases`", p->key->text.p);
}

static void read_list(struct shared *s, const struct node *list)
{
    struct loader *l = s->l;
    check_beside_cases(l, s->file);
    if (list->kind != NODE_LIST || list->n == 0) {
        loader_say(l, list->mark, "`cases` is a list of cases, not %s",
                   list->kind == NODE_LIST ? "empty" : node_what(list));
        return;
    }
    for (uint32_t i = 0; i < list->n; i++) {
        const char *what = arena_printf(l->a, "case %u", i + 1);
        if (!loader_map(l, list->items[i], what)) continue;
        const struct node *map = list->items[i];
        field_check(map, scenario_case_fields, what, l->d);
        add_body(s, map, case_name(l, map, i + 1));
    }
}

static void expand(struct shared *s)
{
    struct scenario *out = s->l->s;
    out->cases = arena_array(s->l->a, out->ncases, sizeof *out->cases);
    uint32_t at = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        rows_expand(s->l, s->maps[i], &s->bodies[i], out->cases + at, s->rows[i]);
        at += s->rows[i];
    }
}

static struct mark name_mark(const struct shared *s, const struct case_model *c)
{
    const struct node *name = node_get(s->maps[c->body], "name");
    return name ? name->mark : c->mark;
}

static void check_names(struct shared *s)
{
    const struct scenario *out = s->l->s;
    struct index names = {0};
    for (uint32_t i = 0; i < out->ncases; i++) {
        const struct case_model *c = &out->cases[i];
        const struct case_model *first = &out->cases[index_add(&names, s->l->a, slice_of(c->name), i)];
        if (first == c) continue;
        struct diag *g = loader_say(s->l, name_mark(s, c), "two cases are named `%s`", c->name);
        diag_also(s->l->d, g, source_place(name_mark(s, first)), "the other one");
    }
}

static uint32_t read_concurrency(struct loader *l, const struct node *n)
{
    if (!n || !loader_constant(l, n, "`concurrency`")) return 1;
    const int64_t value = field_int(n, 1);
    if (value >= 1 && value <= LOAD_CONCURRENCY_MOST) return (uint32_t)value;
    loader_say(l, n->mark, "`concurrency` is a number from 1 to %d", LOAD_CONCURRENCY_MOST);
    return 1;
}

void cases_load(struct loader *l)
{
    const struct node *file = l->documents[l->ndocuments - 1].map, *cases = node_get(file, "cases");
    struct shared s = {.l = l, .file = file};
    const uint32_t n = cases && cases->kind == NODE_LIST ? cases->n : 1;
    s.timeout = loader_duration(l, node_get(file, "timeout"), "`timeout`", 30 * NS_PER_S);
    s.step_timeout = loader_duration(l, node_get(file, "step_timeout"), "`step_timeout`", 5 * NS_PER_S);
    s.bodies = arena_array(l->a, n, sizeof *s.bodies);
    s.maps = arena_array(l->a, n, sizeof *s.maps);
    s.rows = arena_array(l->a, n, sizeof *s.rows);
    l->s->concurrency = read_concurrency(l, node_get(file, "concurrency"));
    l->s->serial = marks_serial(l, file);
    target_load(l);
    if (l->s->before) read_ports(&s, file, l->s->before);
    read_shared_actors(&s, cases != NULL);
    if (cases)
        read_list(&s, cases);
    else
        add_body(&s, file, "");
    expand(&s);
    check_names(&s);
    marks_compare(l);
}
