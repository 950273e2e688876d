#include "scenario/target.h"

#include "util/units.h"

#define BEFORE_TIMEOUT (30 * NS_PER_S)

static bool is_one_of(const char *const *keys, struct slice key)
{
    for (; *keys; keys++)
        if (slice_is(key, *keys)) return true;
    return false;
}

/* The pairs of a map whose keys are in the list. */
static struct node *part_of(struct loader *l, const struct node *map, const char *const *keys)
{
    struct node *part = ARENA_NEW(l->a, struct node);
    *part = *map;
    part->pairs = arena_array(l->a, map->n, sizeof *part->pairs);
    part->n = 0;
    for (uint32_t i = 0; i < map->n; i++)
        if (is_one_of(keys, map->pairs[i].key->text)) part->pairs[part->n++] = map->pairs[i];
    return part;
}

static const char *const address_keys[] = {"to", "bind", "options", "tls", "retry", NULL};
static const char *const program_keys[] = {"run",   "files", "pass",  "env",  "cwd",
                                           "ready", "stop",  "grace", "exit", NULL};

static const struct pair *find_target(struct loader *l, const struct document **ret)
{
    for (uint32_t i = l->ndocuments; i-- > 0;) {
        const struct pair *p = node_pair(l->documents[i].map, "target");
        if (!p) continue;
        *ret = &l->documents[i];
        return p;
    }
    return NULL;
}

/* What the command line says stands where the file's address stood. */
static const struct node *replaced(struct loader *l, const struct node *map)
{
    struct node *to = ARENA_NEW(l->a, struct node), *key = ARENA_NEW(l->a, struct node);
    const struct pair *old = node_pair(map, "to");
    *to = (struct node){.kind = NODE_SCALAR, .mark = old ? old->value->mark : map->mark};
    to->text = slice_of(l->o->target);
    *key = (struct node){.kind = NODE_SCALAR, .mark = to->mark, .text = SLICE("to")};
    struct node *all = part_of(l, map, address_keys);
    struct pair *pairs = arena_array(l->a, all->n + 1, sizeof *pairs);
    uint32_t n = 0;
    for (uint32_t i = 0; i < all->n; i++)
        if (!slice_is(all->pairs[i].key->text, "to")) pairs[n++] = all->pairs[i];
    pairs[n++] = (struct pair){.key = key, .value = to};
    all->pairs = pairs;
    all->n = n;
    return all;
}

static bool check_target(struct loader *l, const struct pair *p)
{
    const struct node *map = p->value;
    const struct pair *to = node_pair(map, "to"), *run = node_pair(map, "run"), *listen = node_pair(map, "listen");
    if (listen && to) {
        loader_say(l, listen->key->mark, "a target is reached at `to`, or comes to `listen`, not both");
    } else if (listen && !run) {
        loader_say(l, listen->key->mark, "a target that comes to `listen` is a program: `run` says which");
    } else if (!listen && !to) {
        struct diag *g = loader_say(l, map->mark, "`target` does not say where it is");
        diag_hint(l->d, g, "write `to: ADDRESS`, or `listen` and `run` for a client");
    } else {
        return true;
    }
    return false;
}

static void load_target(struct loader *l)
{
    const struct document *from;
    const struct pair *p = find_target(l, &from);
    /* What is no map has been told of. */
    if (!p || p->value->kind != NODE_MAP) return;
    if (field_check(p->value, scenario_target_fields, "`target`", l->d) || !check_target(l, p)) return;
    const struct node *map = l->o->target && !node_pair(p->value, "listen") ? replaced(l, p->value) : p->value;
    struct target_model *t = &l->s->target;
    t->map = map;
    t->pair = p;
    t->to = node_get(map, "to");
    if (t->to) t->endpoint = part_of(l, map, address_keys);
    if (node_pair(map, "listen"))
        t->actor = "server";
    else if (node_pair(map, "run"))
        t->actor = "target";
}

/* The program of a target, as an actor. */
static struct actor_model target_program(struct loader *l, const char *name)
{
    const struct target_model *t = &l->s->target;
    struct pair p = {.key = t->pair->key, .value = part_of(l, t->map, program_keys)};
    struct actor_model m = actors_read_as(l, &p, name);
    m.mark = t->pair->key->mark;
    return m;
}

bool target_actors(struct loader *l, const struct node *map, struct actor_model *ret, uint32_t *ret_n)
{
    const struct target_model *t = &l->s->target;
    if (!t->map) return false;
    *ret_n = 1;
    const struct pair *listen = node_pair(t->map, "listen");
    ret[0] = actors_short(l, map, listen ? listen->value : t->endpoint, listen ? ACTOR_LISTEN : ACTOR_CONNECT);
    if (!listen) return true;
    ret[0].name = "server";
    ret[1] = target_program(l, "client");
    *ret_n = 2;
    return true;
}

static void add_before(struct loader *l, struct case_model *c, const struct pair *p)
{
    for (uint32_t i = 0; i < c->nactors; i++)
        if (slice_is(p->key->text, c->actors[i].name)) return;
    c->actors[c->nactors++] = actors_read(l, p);
}

static bool runs_for_the_file(const struct target_model *t)
{
    return t->actor && strcmp(t->actor, "target") == 0;
}

static void load_before(struct loader *l)
{
    const struct node *file = l->documents[l->ndocuments - 1].map, *map = node_get(file, "before");
    if (map && !loader_map(l, map, "`before`")) return;
    const bool program = runs_for_the_file(&l->s->target);
    const uint32_t n = map ? map->n : 0;
    if (!n && !program) return;
    struct case_model *c = ARENA_NEW(l->a, struct case_model);
    c->name = "before";
    c->tags = c->covers = "";
    c->mark = map ? map->mark : l->s->target.pair->key->mark;
    c->timeout = loader_duration(l, node_get(file, "timeout"), "`timeout`", BEFORE_TIMEOUT);
    c->step_timeout = loader_duration(l, node_get(file, "step_timeout"), "`step_timeout`", 5 * NS_PER_S);
    c->actors = arena_array(l->a, n + 1, sizeof *c->actors);
    for (uint32_t i = 0; i < n; i++)
        add_before(l, c, &map->pairs[i]);
    if (program) c->actors[c->nactors++] = target_program(l, "target");
    l->s->before = c;
}

void target_load(struct loader *l)
{
    load_target(l);
    load_before(l);
}
