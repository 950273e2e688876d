#include "scenario/steps.h"

#include <assert.h>

#include "scenario/macros.h"

void steps_init(struct loader *l)
{
    for (uint32_t i = 0; l->o->steps[i]; i++)
        index_add(&l->verbs, l->a, slice_of(l->o->steps[i]->name), i);
}

static const struct step_schema *find_verb(const struct loader *l, struct slice name)
{
    uint32_t at = index_find(&l->verbs, name);
    return at == INDEX_NONE ? NULL : l->o->steps[at];
}

static const struct field *find_field(const struct field *table, struct slice name)
{
    for (; table && table->name; table++) {
        if (slice_is(name, table->name)) return table;
    }
    return NULL;
}

static bool is_common(struct slice name)
{
    return find_field(step_common_fields, name) != NULL;
}

const struct node *step_field(const struct step_model *s, const char *name)
{
    assert(find_field(s->schema->fields, slice_of(name)));
    return s->map ? node_get(s->map, name) : NULL;
}

/* A common modifier, unless the verb has its own meaning for it. */
static const struct node *common_field(const struct step_model *s, const char *name)
{
    return s->map && !find_field(s->schema->fields, slice_of(name)) ? node_get(s->map, name) : NULL;
}

static void offer_verbs(const struct loader *l, struct suggest *g)
{
    for (uint32_t i = 0; l->o->steps[i]; i++)
        suggest_offer(g, slice_of(l->o->steps[i]->name));
}

static void offer_fields(const struct field *table, struct suggest *g)
{
    for (; table && table->name; table++)
        suggest_offer(g, slice_of(table->name));
}

static void say_unknown_step(struct loader *l, const struct node *key)
{
    struct suggest g;
    suggest_init(&g, key->text);
    offer_verbs(l, &g);
    diag_suggest(l->d, loader_say(l, key->mark, "unknown step `%s`", key->text.p), &g);
}

/* Of a map without a verb: the key that was surely meant as one. */
static const struct node *meant_as_verb(const struct loader *l, const struct node *map)
{
    const struct node *first = NULL;
    for (uint32_t i = 0; i < map->n; i++) {
        const struct node *key = map->pairs[i].key;
        if (is_common(key->text)) continue;
        struct suggest g;
        suggest_init(&g, key->text);
        offer_verbs(l, &g);
        if (suggest_best(&g).p) return key;
        if (!first) first = key;
    }
    return first;
}

static void say_no_verb(struct loader *l, const struct node *map)
{
    const struct node *key = meant_as_verb(l, map);
    if (key)
        say_unknown_step(l, key);
    else
        loader_say(l, map->n ? map->pairs[0].key->mark : map->mark, map->n ? "a step needs a verb" : "an empty step");
}

/* The first key after `verb`, or before it, that is a verb and cannot be a modifier of it. */
static const struct pair *rival(const struct loader *l, const struct node *map, const struct pair *verb)
{
    const struct step_schema *schema = find_verb(l, verb->key->text);
    for (uint32_t i = 0; i < map->n; i++) {
        const struct pair *p = &map->pairs[i];
        if (p == verb || !find_verb(l, p->key->text)) continue;
        if (!find_field(schema->fields, p->key->text) && !is_common(p->key->text)) return p;
    }
    return NULL;
}

/* A word can be a verb and a modifier (`steps` of `repeat`): the verb is the one that all others are modifiers of. */
static const struct pair *verb_pair(struct loader *l, const struct node *map)
{
    const struct pair *first = NULL, *second = NULL;
    for (uint32_t i = 0; i < map->n; i++) {
        const struct pair *p = &map->pairs[i];
        if (!find_verb(l, p->key->text)) continue;
        const struct pair *other = rival(l, map, p);
        if (!other) return p;
        if (!first) {
            first = p;
            second = other;
        }
    }
    if (!first) {
        say_no_verb(l, map);
        return NULL;
    }
    struct diag *g =
        loader_say(l, second->key->mark, "two verbs in a step: `%s` and `%s`", first->key->text.p, second->key->text.p);
    diag_hint(l->d, g, "write two steps");
    return NULL;
}

static void say_unknown_key(struct loader *l, const struct step_schema *schema, const struct node *key)
{
    struct suggest g;
    suggest_init(&g, key->text);
    offer_fields(schema->fields, &g);
    offer_fields(step_common_fields, &g);
    offer_verbs(l, &g);
    diag_suggest(l->d, loader_say(l, key->mark, "unknown key `%s` in step `%s`", key->text.p, schema->name), &g);
}

/* False if the value is not there at all. */
static bool check_value(struct loader *l, struct step_model *s)
{
    struct field f = s->schema->value;
    if (!f.name) f.name = s->schema->name;
    if (s->value) {
        const bool good = loader_value(l, s->value, &f);
        /* Who reads a map with a key that is wrong finds what is wrong with the others. */
        s->broken = !good && s->value->kind != NODE_MAP;
        return true;
    }
    if (f.type == FIELD_NOTHING || f.flags & FIELD_OPTIONAL_VALUE) return true;
    struct diag *g = loader_say(l, s->mark, "`%s` has no value", f.name);
    diag_hint(l->d, g, "it takes %s", field_type_words(&f, l->a));
    return false;
}

static bool check_captures(struct loader *l, const struct node *as)
{
    bool good = true;
    if (as->kind == NODE_SCALAR) return loader_name(l, as, "what `as` captures");
    for (uint32_t i = 0; as->kind == NODE_LIST && i < as->n; i++)
        good &= loader_name(l, as->items[i], "what `as` captures");
    return good;
}

/* Some of its items are wrong: who reads the others says what is wrong with those. */
static bool reads_on(enum field_type type, enum node_kind kind)
{
    if (kind == NODE_LIST) return type == FIELD_STEPS || type == FIELD_LANES || type == FIELD_EXPECTS;
    return kind == NODE_MAP && type == FIELD_BRANCHES;
}

/* Is it to be kept? */
static bool check_modifier(struct loader *l, const struct step_model *s, const struct pair *p)
{
    const struct field *f = find_field(s->schema->fields, p->key->text);
    if (f) return loader_value(l, p->value, f) || reads_on(f->type, p->value->kind);
    f = find_field(step_common_fields, p->key->text);
    if (!f) {
        say_unknown_key(l, s->schema, p->key);
        return false;
    }
    if (!loader_value(l, p->value, f)) return reads_on(f->type, p->value->kind);
    return !slice_is(p->key->text, "as") || check_captures(l, p->value);
}

/* Of the map only what is right is kept. */
static void check_modifiers(struct loader *l, struct step_model *s, const struct pair *verb)
{
    const struct node *map = s->map;
    struct node *rest = NULL;
    for (uint32_t i = 0; i < map->n; i++) {
        const struct pair *p = &map->pairs[i];
        const bool good = p == verb || check_modifier(l, s, p);
        if (!good && !rest) {
            rest = ARENA_NEW(l->a, struct node);
            *rest = *map;
            rest->pairs = arena_array(l->a, map->n, sizeof *rest->pairs);
            memcpy(rest->pairs, map->pairs, i * sizeof *rest->pairs);
            rest->n = i;
        } else if (good && rest) {
            rest->pairs[rest->n++] = *p;
        }
    }
    if (!rest) return;
    loader_unread(l, map);
    s->incomplete = true;
    s->map = rest;
}

static void check_required(struct loader *l, struct step_model *s)
{
    for (const struct field *f = s->schema->fields; f && f->name; f++) {
        if (!(f->flags & FIELD_REQUIRED) || step_field(s, f->name)) continue;
        loader_say(l, s->mark, "step `%s` needs `%s`", s->schema->name, f->name);
        s->broken = true;
    }
}

static bool groups(const struct step_schema *schema)
{
    enum field_type t = schema->value.type;
    if (t == FIELD_STEPS || t == FIELD_BRANCHES || t == FIELD_LANES || schema->flags & STEP_BLOCK) return true;
    return find_field(schema->fields, SLICE("steps")) != NULL;
}

bool step_takes(const struct step_schema *s, const char *modifier)
{
    if (strcmp(modifier, "ignore") == 0) return groups(s) || s->flags & STEP_OPENING;
    return strcmp(modifier, "meanwhile") != 0 || groups(s);
}

/* The modifier's value if this verb can have it. */
static const struct node *placed_field(struct loader *l, const struct step_model *s, const char *modifier)
{
    const struct node *value = common_field(s, modifier);
    if (!value || step_takes(s->schema, modifier)) return value;
    loader_say(l, node_pair(s->map, modifier)->key->mark, "`%s` has no meaning on `%s`", modifier, s->schema->name);
    return NULL;
}

static void fill_common(struct loader *l, struct step_model *s)
{
    s->name = common_field(s, "name");
    s->via = common_field(s, "via");
    s->timeout = common_field(s, "timeout");
    s->as = common_field(s, "as");
    s->condition = common_field(s, "if");
    s->level = common_field(s, "level");
    s->ignore = placed_field(l, s, "ignore");
    s->meanwhile = steps_branches(l, placed_field(l, s, "meanwhile"));
}

static void fill_children(struct loader *l, struct step_model *s)
{
    enum field_type t = s->schema->value.type;
    if (t == FIELD_STEPS)
        s->block = steps_block(l, s->value);
    else if (t == FIELD_BRANCHES || t == FIELD_LANES)
        s->branches = steps_branches(l, s->value);
    else if (find_field(s->schema->fields, SLICE("steps")))
        s->block = steps_block(l, step_field(s, "steps"));
}

static void fill(struct loader *l, struct step_model *s, const struct pair *verb)
{
    if (check_value(l, s))
        check_required(l, s);
    else
        s->broken = true;
    if (s->map) {
        check_modifiers(l, s, verb);
        fill_common(l, s);
    }
    fill_children(l, s);
    if (strcmp(s->schema->name, "call") == 0) s->macro = macros_call(l, s);
}

static bool bare_step(struct loader *l, const struct node *n, struct step_model *s)
{
    s->schema = find_verb(l, n->text);
    s->mark = n->mark;
    if (s->schema)
        fill(l, s, NULL);
    else
        say_unknown_step(l, n);
    return s->schema != NULL;
}

static bool map_step(struct loader *l, const struct node *n, struct step_model *s)
{
    const struct pair *verb = verb_pair(l, n);
    if (!verb) return false;
    s->schema = find_verb(l, verb->key->text);
    s->mark = verb->key->mark;
    s->map = n;
    s->value = node_empty(verb->value) ? NULL : verb->value;
    fill(l, s, verb);
    return true;
}

static bool read_step(struct loader *l, const struct node *n, struct step_model *s)
{
    if (node_empty(n)) return false;
    if (n->kind == NODE_SCALAR) return bare_step(l, n, s);
    return n->kind == NODE_MAP && map_step(l, n, s);
}

struct block_model steps_block(struct loader *l, const struct node *list)
{
    struct block_model b = {0};
    if (!list) return b;
    b.mark = list->mark;
    if (list->kind != NODE_LIST) return b;
    b.steps = arena_array(l->a, list->n, sizeof *b.steps);
    for (uint32_t i = 0; i < list->n; i++) {
        struct step_model s = {0};
        if (read_step(l, list->items[i], &s))
            b.steps[b.n++] = s;
        else
            loader_unread(l, list->items[i]);
    }
    return b;
}

static void add_branch(struct loader *l, struct branches_model *all, struct mark mark, const char *name,
                       const struct node *steps)
{
    struct field f = {.name = name ? name : "all", .type = FIELD_STEPS};
    struct branch_model *b = &all->list[all->n++];
    b->name = name;
    b->mark = mark;
    if (!field_check_value(steps, &f, l->d)) return;
    if (steps->n == 0) loader_say(l, mark, "a branch needs at least one step");
    b->block = steps_block(l, steps);
}

struct branches_model steps_branches(struct loader *l, const struct node *n)
{
    struct branches_model all = {0};
    if (!n || n->kind == NODE_SCALAR) return all;
    all.list = arena_array(l->a, n->n, sizeof *all.list);
    for (uint32_t i = 0; i < n->n; i++) {
        if (n->kind == NODE_MAP)
            add_branch(l, &all, n->pairs[i].key->mark, n->pairs[i].key->text.p, n->pairs[i].value);
        else if (n->items[i]->kind == NODE_LIST)
            add_branch(l, &all, n->items[i]->mark, NULL, n->items[i]);
    }
    return all;
}
