#include "scenario/actors.h"

#include "scenario/steps.h"
#include "util/units.h"

/* Names that mean something else in every `${}`. */
static const char *const taken[] = {"vars", "self", "conn", "row",   "instance", "it",
                                    "case", "dir",  "env",  "ports", "target"};

static void check_name(struct loader *l, const struct node *name)
{
    if (!loader_name(l, name, "an actor's name")) return;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        if (slice_is(name->text, taken[i]))
            loader_say(l, name->mark, "`%s` cannot name an actor: `${%s}` has a meaning of its own", taken[i],
                       taken[i]);
    }
}

static void say_both(struct loader *l, const struct pair *a, const struct pair *b)
{
    const struct pair *later = b->key->mark.off > a->key->mark.off ? b : a;
    const struct pair *earlier = later == a ? b : a;
    loader_say(l, later->key->mark, "an actor has `%s` or `%s`, not both", earlier->key->text.p, later->key->text.p);
}

static bool has_one_of(const struct node *map, const char *keys)
{
    for (struct slice key; field_next_word(&keys, &key);)
        if (node_pair_named(map, key)) return true;
    return false;
}

static bool does_something(const struct node *map)
{
    for (const struct field *f = scenario_actor_fields; f->name; f++)
        if (f->flags & FIELD_ENOUGH && node_pair(map, f->name)) return true;
    return false;
}

/* What its keys need and exclude. */
static void check_beside(struct loader *l, const struct node *map)
{
    for (const struct field *f = scenario_actor_fields; f->name; f++) {
        const struct pair *p = node_pair(map, f->name);
        if (!p) continue;
        if (f->needs && !has_one_of(map, f->needs))
            loader_say(l, p->key->mark, "`%s` needs an actor with `%s`", f->name, f->needs);
        const char *rest = f->excludes ? f->excludes : "";
        for (struct slice word; field_next_word(&rest, &word);) {
            const struct pair *other = node_pair_named(map, word);
            if (other) say_both(l, p, other);
        }
    }
}

/* The key that makes it what it is, or NULL of a plain one. */
static const struct pair *find_kind(const struct node *map, enum actor_kind *ret)
{
    static const char *const keys[] = {
        [ACTOR_LISTEN] = "listen", [ACTOR_CONNECT] = "connect", [ACTOR_RUN] = "run", [ACTOR_PROXY] = "proxy"};
    *ret = ACTOR_PLAIN;
    for (unsigned i = ACTOR_LISTEN; i <= ACTOR_PROXY; i++) {
        const struct pair *p = node_pair(map, keys[i]);
        if (!p) continue;
        *ret = (enum actor_kind)i;
        return p;
    }
    return NULL;
}

/* Each value of a map whose keys are the user's. */
static void check_values(struct loader *l, const struct node *map, const char *key, enum field_type type)
{
    const struct node *n = node_get(map, key);
    if (!n || !loader_map(l, n, arena_printf(l->a, "`%s`", key))) return;
    for (uint32_t i = 0; i < n->n; i++) {
        struct field f = {.name = n->pairs[i].key->text.p, .type = type};
        loader_value(l, n->pairs[i].value, &f);
    }
}

static void check_ready(struct loader *l, const struct node *map)
{
    const struct node *ready = node_get(map, "ready");
    if (ready && ready->kind == NODE_MAP && ready->n != 1)
        loader_say(l, ready->mark, "`ready` takes one of `output`, `connect` and `file`");
    loader_address(l, node_get(ready, "connect"), "connect");
}

static void check_program(struct loader *l, const struct node *map)
{
    check_values(l, map, "files", FIELD_PAYLOAD);
    check_values(l, map, "pass", FIELD_ADDRESS);
    check_ready(l, map);
}

/* Where it listens and what it connects to; what is not of the right kind has a diagnostic already. */
static void check_proxy(struct loader *l, const struct node *map)
{
    const struct node *proxy = node_get(map, "proxy");
    if (!proxy || proxy->kind != NODE_MAP) return;
    loader_address(l, node_get(proxy, "listen"), "listen");
    loader_address(l, node_get(proxy, "to"), "to");
}

static void check_copies(struct loader *l, const struct actor_model *m)
{
    const struct pair *p = node_pair(m->map, "instances");
    if (!p) return;
    int64_t n = 1;
    if (p->value->kind == NODE_SCALAR && !field_dynamic(p->value) && !units_int(p->value->text, &n) && n < 1)
        loader_say(l, p->value->mark, "an actor has at least one instance");
}

static void check_session(struct loader *l, const struct node *n)
{
    static const struct field by = {.name = "session", .type = FIELD_LUA};
    if (n->kind == NODE_MAP)
        field_check(n, scenario_session_fields, "`session`", l->d);
    else
        loader_value(l, n, &by);
}

static void fill(struct loader *l, struct actor_model *m)
{
    const struct node *steps = node_get(m->map, "steps"), *serve = node_get(m->map, "serve");
    m->instances = node_get(m->map, "instances");
    m->eol = node_get(m->map, "eol");
    m->step_timeout = node_get(m->map, "step_timeout");
    loader_duration(l, m->step_timeout, "`step_timeout`", 0);
    m->has_steps = steps != NULL;
    m->steps = steps_block(l, steps);
    m->serves = serve != NULL;
    m->session = node_get(m->map, "session");
    if (m->session) check_session(l, m->session);
    m->serve = steps_block(l, serve);
    m->meanwhile = steps_branches(l, node_get(m->map, "meanwhile"));
}

struct actor_model actors_read(struct loader *l, const struct pair *p)
{
    check_name(l, p->key);
    return actors_read_as(l, p, p->key->text.p);
}

struct actor_model actors_read_as(struct loader *l, const struct pair *p, const char *name)
{
    struct actor_model m = {.name = name, .mark = p->key->mark, .kind = ACTOR_PLAIN, .map = p->value};
    const char *what = arena_printf(l->a, "actor `%.*s`", LOAD_NAME_SHOWN, m.name);
    if (!loader_map(l, p->value, what)) return m;
    field_check(m.map, scenario_actor_fields, what, l->d);
    const struct pair *kind = find_kind(m.map, &m.kind);
    if (kind) m.endpoint = kind->value;
    if (kind && m.kind != ACTOR_RUN && m.kind != ACTOR_PROXY) loader_address(l, m.endpoint, kind->key->text.p);
    if (!does_something(m.map)) {
        struct diag *g = loader_say(l, m.mark, "%s does nothing", what);
        diag_hint(l->d, g, "give it `steps`, or one of `listen`, `connect`, `run`, `proxy`");
    }
    check_beside(l, m.map);
    check_program(l, m.map);
    check_proxy(l, m.map);
    check_copies(l, &m);
    fill(l, &m);
    return m;
}

static struct mark first_mark(const struct node *map)
{
    static const char *const keys[] = {"connect", "steps", "setup", "always"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (node_pair(map, keys[i])) return node_pair(map, keys[i])->key->mark;
    return map->mark;
}

struct actor_model actors_short(struct loader *l, const struct node *map, const struct node *endpoint,
                                enum actor_kind kind)
{
    const struct node *steps = node_get(map, "steps");
    struct actor_model m = {
        .name = "client",
        .mark = first_mark(map),
        .kind = kind,
        .map = map,
        .endpoint = endpoint,
        .has_steps = steps != NULL || kind == ACTOR_LISTEN,
        .setup = steps_block(l, node_get(map, "setup")),
        .steps = steps_block(l, steps),
        .always = steps_block(l, node_get(map, "always")),
    };
    return m;
}

struct actor_model actors_client(struct loader *l, const struct node *map)
{
    const struct pair *connect = node_pair(map, "connect"), *steps = node_pair(map, "steps");
    if (!connect) {
        struct diag *g = loader_say(l, first_mark(map), "`%s` without `connect`", steps ? "steps" : "setup");
        diag_hint(l->d, g, "say where the client connects to, or write `actors` or `target`");
    }
    if (connect) loader_address(l, connect->value, "connect");
    return actors_short(l, map, connect ? connect->value : NULL, ACTOR_CONNECT);
}

struct actor_model actors_part(struct loader *l, const struct node *map, enum actor_part part)
{
    const char *key = part == ACTOR_SETUP ? "setup" : "always";
    const struct pair *p = node_pair(map, key);
    struct actor_model m = {.name = key, .mark = p->key->mark, .kind = ACTOR_PLAIN, .part = part, .map = map};
    struct block_model *block = part == ACTOR_SETUP ? &m.setup : &m.always;
    *block = steps_block(l, p->value);
    return m;
}
