#include "engine/names_check.h"

#include "engine/child.h"
#include "engine/compile.h"
#include "lua/funcs.h"
#include "lua/names.h"
#include "scenario/index.h"
#include "util/suggest.h"

/* What a scenario finds in `${}` without defining it (language 3). */
static const char *const scope_names[] = {"vars", "self", "conn", "row",   "instance", "it",
                                          "case", "dir",  "env",  "ports", "require",  NULL};

static const char *const case_fields[] = {"name", "tmp", NULL};
static const char *const conn_fields[] = {"peer", "local", NULL};
static const char *const actor_fields[] = {"name", "local_port", NULL};
static const char *const listener_fields[] = {"port", "host", "address", "ca_file", NULL};
static const char *const program_fields[] = {"pid", NULL};

static bool in_list(const char *const *list, struct slice name)
{
    for (; *list; list++)
        if (slice_is(name, *list)) return true;
    return false;
}

static void offer_all(const char *const *list, struct suggest *s)
{
    for (; *list; list++)
        suggest_offer(s, slice_of(*list));
}

static struct name_use *add_use(struct compiler *c, struct slice name, struct mark mark, enum use_kind kind)
{
    struct name_use *u = ARENA_NEW(c->arena, struct name_use);
    *u = (struct name_use){.next = c->uses, .name = name, .mark = mark, .actor = c->actor, .kind = kind};
    c->uses = u;
    return u;
}

void names_use(struct compiler *c, struct slice name, struct mark mark, enum use_kind kind)
{
    if (kind != USE_VALUE || !compile_bound(c, name)) add_use(c, name, mark, kind);
}

static struct name_def *add_def(struct compiler *c, struct slice name, enum use_kind kind)
{
    struct name_def *d = ARENA_NEW(c->arena, struct name_def);
    *d = (struct name_def){.next = c->defs, .name = name, .actor = kind == USE_QUEUE ? NULL : c->actor, .kind = kind};
    c->defs = d;
    return d;
}

void names_define(struct compiler *c, struct slice name, enum use_kind kind)
{
    add_def(c, name, kind);
}

static bool in_name(char x)
{
    return (x >= 'a' && x <= 'z') || (x >= 'A' && x <= 'Z') || (x >= '0' && x <= '9') || x == '_';
}

/* The next name of a text, from *at on, which moves behind it; empty at the end. One within `${}` is used there. */
static struct slice next_word(struct slice text, size_t *at)
{
    for (size_t i = *at; i < text.n;) {
        const size_t from = i;
        while (i < text.n && in_name(text.p[i]))
            i++;
        *at = i;
        const struct slice word = slice_part(text, from, i - from), rest = slice_part(text, i, text.n);
        if (names_is_name(word)) return word;
        const long inside = slice_starts(rest, SLICE("${")) ? names_expression_end(slice_part(rest, 2, rest.n)) : -1;
        i += inside >= 0 ? (size_t)inside + 3 : 1;
    }
    return (struct slice){0};
}

static void each_word(const struct node *n, void (*see)(void *ctx, struct slice word), void *ctx)
{
    size_t at = 0;
    for (struct slice word; n->kind == NODE_SCALAR && (word = next_word(n->text, &at)).n;)
        see(ctx, word);
    for (uint32_t i = 0; n->kind == NODE_LIST && i < n->n; i++)
        each_word(n->items[i], see, ctx);
    for (uint32_t i = 0; n->kind == NODE_MAP && i < n->n; i++) {
        each_word(n->pairs[i].key, see, ctx);
        each_word(n->pairs[i].value, see, ctx);
    }
}

static void define_perhaps(void *ctx, struct slice word)
{
    add_def(ctx, word, USE_VALUE)->perhaps = true;
}

void names_perhaps(struct compiler *c, const struct node *n)
{
    if (c->lua) each_word(n, define_perhaps, c);
}

struct collecting {
    struct arena *arena;
    struct index *words;
};

static void collect(void *ctx, struct slice word)
{
    struct collecting *c = ctx;
    index_add(c->words, c->arena, word, 0);
}

void names_unread(const struct scenario *s, struct arena *a, struct index *ret)
{
    struct collecting c = {a, ret};
    *ret = (struct index){0};
    for (uint32_t i = 0; i < s->nunread; i++)
        each_word(s->unread[i], collect, &c);
}

struct scan {
    struct compiler *c;
    const struct node *scalar;
    struct slice text;
    size_t at;
    bool chunk;
};

static size_t skip_blanks(struct slice text, size_t at)
{
    while (at < text.n && (text.p[at] == ' ' || text.p[at] == '\t'))
        at++;
    return at;
}

/* The field of `name.field`, with its name ending at `end`; empty if there is none. */
static struct slice field_behind(struct slice text, size_t end)
{
    size_t at = skip_blanks(text, end);
    if (at == text.n || text.p[at] != '.') return (struct slice){0};
    size_t from = skip_blanks(text, at + 1), to = from;
    while (to < text.n && in_name(text.p[to]))
        to++;
    return slice_part(text, from, to - from);
}

static void see(void *ctx, struct slice name, size_t at, bool assigned)
{
    const struct scan *s = ctx;
    struct compiler *c = s->c;
    if (assigned && s->chunk) {
        names_define(c, name, USE_VALUE);
        return;
    }
    if (compile_bound(c, name)) return;
    add_use(c, name, node_mark_at(s->scalar, (uint32_t)(s->at + at), (uint32_t)name.n), USE_VALUE);
    const struct slice field = field_behind(s->text, at + name.n);
    if (!field.n) return;
    const size_t from = s->at + (size_t)(field.p - s->text.p);
    add_use(c, field, node_mark_at(s->scalar, (uint32_t)from, (uint32_t)field.n), USE_FIELD)->of = name;
}

void names_use_lua(struct compiler *c, const struct node *scalar, struct slice text, size_t at, bool chunk)
{
    struct scan s = {c, scalar, text, at, chunk};
    names_scan(text, see, &s);
}

/* The definitions of each name. */
struct known {
    struct compiler *c;
    struct index names; /* -> place in lists */
    struct name_def **lists;
};

static struct known know(struct compiler *c)
{
    struct known k = {.c = c};
    uint32_t n = 0;
    for (const struct name_def *d = c->defs; d; d = d->next)
        n++;
    k.lists = arena_array(c->arena, n, sizeof(struct name_def *));
    uint32_t number = 0;
    for (struct name_def *d = c->defs, *next; d; d = next) {
        next = d->next;
        const uint32_t at = index_add(&k.names, c->arena, d->name, number);
        if (at == number) number++;
        d->next = k.lists[at];
        k.lists[at] = d;
    }
    return k;
}

/* Does it hold for this actor? */
static bool holds(const struct name_def *d, const struct actor_plan *actor)
{
    return !d->actor || d->actor == actor;
}

static bool is_defined(const struct known *k, struct slice name, enum use_kind kind, const struct actor_plan *actor)
{
    const uint32_t at = index_find(&k->names, name);
    if (k->c->unread && index_find(k->c->unread, name) != INDEX_NONE) return true;
    for (const struct name_def *d = at == INDEX_NONE ? NULL : k->lists[at]; d; d = d->next)
        if ((d->kind == kind || d->perhaps) && holds(d, actor)) return true;
    return false;
}

static bool is_setting(const struct compiler *c, struct slice name)
{
    for (uint32_t i = 0; c->settings && i < c->settings->nvars; i++)
        if (slice_is(name, c->settings->vars[i].name)) return true;
    return false;
}

static const struct actor_plan *find_actor(const struct compiler *c, struct slice name)
{
    const struct target_model *t = &c->scenario->target;
    if (slice_is(name, "target") && !t->to && t->actor) name = slice_of(t->actor);
    for (uint32_t i = 0; i < c->plan->nactors; i++)
        if (slice_is(name, c->plan->actors[i].name)) return &c->plan->actors[i];
    return NULL;
}

/* What lives as long as the file is known to every case by its name; of its fields nothing is known here. */
static bool is_shared(const struct compiler *c, struct slice name)
{
    const struct case_model *before = c->scenario->before;
    for (uint32_t i = 0; before && i < before->nactors; i++)
        if (slice_is(name, before->actors[i].name)) return true;
    return slice_is(name, "target") && c->scenario->target.to;
}

static bool is_column(const struct compiler *c, struct slice name)
{
    for (uint32_t i = 0; i < c->model->nmatrix; i++)
        if (slice_is(name, c->model->matrix_names[i])) return true;
    return false;
}

static bool value_known(const struct known *k, const struct name_use *u)
{
    if (slice_is(u->name, "row") && !k->c->model->row && !k->c->model->nmatrix)
        return is_defined(k, u->name, USE_VALUE, u->actor);
    return is_defined(k, u->name, USE_VALUE, u->actor) || in_list(scope_names, u->name) ||
           in_list(funcs_names, u->name) || find_actor(k->c, u->name) || is_column(k->c, u->name) ||
           is_setting(k->c, u->name) || is_shared(k->c, u->name);
}

static void offer_defs(const struct known *k, enum use_kind kind, const struct actor_plan *actor, struct suggest *s)
{
    for (uint32_t i = 0; i < k->names.n; i++)
        for (const struct name_def *d = k->lists[i]; d; d = d->next)
            if (d->kind == kind && !d->perhaps && holds(d, actor)) suggest_offer(s, d->name);
}

/* An actor that has a variable of this name, or NULL. */
static const struct actor_plan *captured_by(const struct known *k, struct slice name)
{
    const uint32_t at = index_find(&k->names, name);
    for (const struct name_def *d = at == INDEX_NONE ? NULL : k->lists[at]; d; d = d->next)
        if (d->kind == USE_VALUE && d->actor) return d->actor;
    return NULL;
}

static void report_value(const struct known *k, const struct name_use *u)
{
    struct compiler *c = k->c;
    struct suggest s;
    suggest_init(&s, u->name);
    offer_defs(k, USE_VALUE, u->actor, &s);
    offer_all(scope_names, &s);
    offer_all(funcs_names, &s);
    for (uint32_t i = 0; i < c->plan->nactors; i++)
        suggest_offer(&s, slice_of(c->plan->actors[i].name));
    for (uint32_t i = 0; i < c->model->nmatrix; i++)
        suggest_offer(&s, slice_of(c->model->matrix_names[i]));
    for (uint32_t i = 0; c->scenario->before && i < c->scenario->before->nactors; i++)
        suggest_offer(&s, slice_of(c->scenario->before->actors[i].name));
    struct diag *g = compile_error(c, u->mark, "nobody defines or captures `%.*s`", (int)u->name.n, u->name.p);
    diag_suggest(c->diags, g, &s);
    if (slice_is(u->name, "row")) diag_hint(c->diags, g, "it is the row of `each` or `matrix`");
    const struct actor_plan *owner = captured_by(k, u->name);
    if (owner) diag_hint(c->diags, g, "of another actor: %s.%.*s", owner->name, (int)u->name.n, u->name.p);
}

/* Of what the name before the dot gives, which fields there are. */
struct fields {
    const char *const *lists[3];
    bool ports, vars, row;
    const struct actor_plan *actor; /* and its captures */
};

/* Those of all rows are known. */
static bool rows_are_maps(const struct compiler *c)
{
    for (uint32_t i = 0; i < c->nrows; i++)
        if (c->model[i].row && c->model[i].row->kind != NODE_MAP) return false;
    return c->model->row || c->model->nmatrix;
}

static bool in_rows(const struct compiler *c, struct slice name)
{
    for (uint32_t i = 0; i < c->nrows; i++) {
        const struct node *row = c->model[i].row;
        for (uint32_t k = 0; row && k < row->n; k++)
            if (slice_eq(row->pairs[k].key->text, name)) return true;
    }
    return is_column(c, name);
}

static void offer_rows(const struct compiler *c, struct suggest *s)
{
    const struct node *row = c->model->row;
    for (uint32_t i = 0; row && i < row->n; i++)
        suggest_offer(s, row->pairs[i].key->text);
    for (uint32_t i = 0; i < c->model->nmatrix; i++)
        suggest_offer(s, slice_of(c->model->matrix_names[i]));
}

/* False if nothing is known about them. */
static bool fields_of(const struct known *k, const struct name_use *u, struct fields *ret)
{
    const struct compiler *c = k->c;
    *ret = (struct fields){0};
    if (is_defined(k, u->of, USE_VALUE, u->actor)) return false;
    ret->ports = slice_is(u->of, "ports");
    ret->vars = slice_is(u->of, "vars");
    ret->row = slice_is(u->of, "row");
    if (ret->row) return rows_are_maps(c);
    if (slice_is(u->of, "case")) ret->lists[0] = case_fields;
    if (slice_is(u->of, "conn")) ret->lists[0] = conn_fields;
    if (ret->ports || ret->vars || ret->lists[0]) return true;
    if (is_column(c, u->of) || is_setting(c, u->of)) return false;
    ret->actor = slice_is(u->of, "self") ? u->actor : find_actor(c, u->of);
    if (!ret->actor) return false;
    const enum actor_kind kind = ret->actor->model->kind;
    ret->lists[0] = actor_fields;
    if (kind == ACTOR_LISTEN || kind == ACTOR_PROXY) ret->lists[1] = listener_fields;
    if (kind == ACTOR_RUN) ret->lists[1] = program_fields;
    return true;
}

/* What a program was handed: `${app.fe.port}`. */
static const struct node *passed(const struct fields *f)
{
    const struct node *pass = f->actor ? node_get(f->actor->model->map, "pass") : NULL;
    return pass && pass->kind == NODE_MAP ? pass : NULL;
}

static bool field_known(const struct known *k, const struct fields *f, struct slice name)
{
    const struct compiler *c = k->c;
    const struct node *pass = passed(f);
    for (size_t i = 0; i < sizeof f->lists / sizeof *f->lists && f->lists[i]; i++)
        if (in_list(f->lists[i], name)) return true;
    const struct case_model *before = c->scenario->before;
    for (uint32_t i = 0; f->ports && i < c->model->nports; i++)
        if (slice_eq(c->model->ports[i]->text, name)) return true;
    for (uint32_t i = 0; f->ports && before && i < before->nports; i++)
        if (slice_eq(before->ports[i]->text, name)) return true;
    if (f->row) return in_rows(c, name);
    if (f->vars) return is_defined(k, name, USE_VALUE, NULL) || is_setting(c, name);
    for (uint32_t i = 0; pass && i < pass->n; i++)
        if (slice_eq(pass->pairs[i].key->text, name)) return true;
    return f->actor && is_defined(k, name, USE_VALUE, f->actor);
}

static void offer_fields(const struct known *k, const struct fields *f, struct suggest *s)
{
    const struct compiler *c = k->c;
    const struct node *pass = passed(f);
    for (size_t i = 0; i < sizeof f->lists / sizeof *f->lists && f->lists[i]; i++)
        offer_all(f->lists[i], s);
    for (uint32_t i = 0; f->ports && i < c->model->nports; i++)
        suggest_offer(s, c->model->ports[i]->text);
    for (uint32_t i = 0; pass && i < pass->n; i++)
        suggest_offer(s, pass->pairs[i].key->text);
    if (f->row) offer_rows(c, s);
    if (f->vars || f->actor) offer_defs(k, USE_VALUE, f->actor, s);
}

static void check_field(const struct known *k, const struct name_use *u)
{
    struct compiler *c = k->c;
    struct fields f;
    struct suggest s;
    if (!fields_of(k, u, &f) || field_known(k, &f, u->name)) return;
    const int n = (int)u->name.n;
    struct diag *g = f.ports   ? compile_error(c, u->mark, "no port is reserved as `%.*s`", n, u->name.p)
                     : f.vars  ? compile_error(c, u->mark, "no variable is called `%.*s`", n, u->name.p)
                     : f.row   ? compile_error(c, u->mark, "no row has `%.*s`", n, u->name.p)
                     : f.actor ? compile_error(c, u->mark, "actor `%s` has no `%.*s`, and does not capture it",
                                               f.actor->name, n, u->name.p)
                               : compile_error(c, u->mark, "`%.*s` has no `%.*s`", (int)u->of.n, u->of.p, n, u->name.p);
    suggest_init(&s, u->name);
    offer_fields(k, &f, &s);
    diag_suggest(c->diags, g, &s);
    if (!g->hint && f.ports) diag_hint(c->diags, g, "reserve it: `ports: [%.*s]`", n, u->name.p);
    if (f.actor && in_list(listener_fields, u->name)) diag_hint(c->diags, g, "it does not listen");
    if (f.lists[0] && !f.actor) diag_hint(c->diags, g, "it has `%s` and `%s`", f.lists[0][0], f.lists[0][1]);
}

static void check_named(const struct known *k, const struct name_use *u, const char *what)
{
    struct compiler *c = k->c;
    struct suggest s;
    if (is_defined(k, u->name, u->kind, u->actor)) return;
    suggest_init(&s, u->name);
    offer_defs(k, u->kind, u->actor, &s);
    struct diag *g = compile_error(c, u->mark, "%s `%.*s`", what, (int)u->name.n, u->name.p);
    diag_suggest(c->diags, g, &s);
}

void names_compare(struct compiler *c)
{
    const struct known k = know(c);
    for (const struct name_use *u = c->uses; u; u = u->next) {
        switch (u->kind) {
        case USE_VALUE:
            if (!value_known(&k, u)) report_value(&k, u);
            break;
        case USE_FIELD: check_field(&k, u); break;
        case USE_VIA: check_named(&k, u, "in this actor no connection is called"); break;
        case USE_QUEUE: check_named(&k, u, "nobody puts anything into"); break;
        }
    }
}
