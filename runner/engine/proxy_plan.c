#include "engine/proxy_plan.h"

#include <stddef.h>
#include <stdio.h>
#include <sys/random.h>

#include "engine/compile.h"
#include "scenario/load.h"
#include "util/mem.h"
#include "util/units.h"

enum { RULES_MOST = 64, WHY = 160, TEXT_MOST = 4 << 10 };

#define IDLE (2 * 60 * NS_PER_S) /* as RFC 4787 4.3 has it */

enum takes { TAKES_TIME, TAKES_SIZE, TAKES_SHARE, TAKES_COUNT, TAKES_STALL };

/* A key of a rule that has a value of its own, and where that goes. */
struct rule_key {
    const char *name;
    int fault; /* enum fault, -1: none of its own */
    enum takes takes;
    size_t at; /* in struct fault_rule */
};

#define AT(member) offsetof(struct fault_rule, member)

static const struct rule_key keys[] = {
    {"delay", FAULT_DELAY, TAKES_TIME, AT(delay)},
    {"jitter", -1, TAKES_TIME, AT(jitter)},
    {"rate", FAULT_RATE, TAKES_SIZE, AT(rate)},
    {"split", FAULT_SPLIT, TAKES_SIZE, AT(split)},
    {"coalesce", FAULT_COALESCE, TAKES_TIME, AT(coalesce)},
    {"corrupt", FAULT_CORRUPT, TAKES_SHARE, AT(corrupt)},
    {"drop", FAULT_DROP, TAKES_SHARE, AT(drop)},
    {"duplicate", FAULT_DUPLICATE, TAKES_SHARE, AT(duplicate)},
    {"reorder", FAULT_REORDER, TAKES_SHARE, AT(reorder)},
    {"truncate", FAULT_TRUNCATE, TAKES_SIZE, AT(truncate)},
    {"stall", FAULT_STALL, TAKES_STALL, AT(stall)},
    {"reset_after", FAULT_RESET, TAKES_SIZE, AT(reset_after)},
    {"times", -1, TAKES_COUNT, AT(left)},
    {"seed", -1, TAKES_COUNT, AT(seed)},
};

enum { KEYS = sizeof keys / sizeof *keys };

struct rule_value {
    const struct rule_key *key;
    struct text_plan text;
};

struct rule_plan {
    struct mark mark;
    struct fault_rule fixed; /* what is known without its values */
    struct rule_value values[KEYS];
    uint32_t nvalues;
    bool seeded;
    enum fault_after after;
    struct text_plan after_text; /* a text; of AFTER_BYTES and AFTER_TIME a size or a duration; of others a number */
};

/* NULL, or what is wrong as a phrase; here as below. */
static const char *parse_count(struct slice text, uint64_t *ret)
{
    int64_t n = 0;
    const char *why = units_int(text, &n);
    *ret = (uint64_t)n;
    return why;
}

static const char *parse_value(const struct rule_key *k, struct slice text, struct fault_rule *r)
{
    void *at = (char *)r + k->at;
    const char *why = NULL;
    switch (k->takes) {
    case TAKES_TIME: why = units_duration(text, at); break;
    case TAKES_SIZE: why = units_size(text, at); break;
    case TAKES_SHARE: why = units_number(text, at); break;
    case TAKES_COUNT: why = parse_count(text, at); break;
    case TAKES_STALL:
        if (slice_is(text, "true"))
            r->stall = INT64_MAX;
        else if (units_duration(text, &r->stall))
            why = "it takes a duration such as 50ms, or `true`";
        break;
    }
    return why;
}

static const char *check_value(const struct rule_key *k, const struct fault_rule *r)
{
    if (k->takes == TAKES_SHARE) {
        const double *share = (const void *)((const char *)r + k->at);
        if (*share < 0 || *share > 1) return "a share is a number from 0 to 1";
    }
    if (k->takes == TAKES_COUNT) {
        const uint64_t *n = (const void *)((const char *)r + k->at);
        if (*n > INT64_MAX) return "it is not negative";
    }
    if (k->fault == FAULT_RATE && !r->rate) return "a rate is at least one byte a second";
    if (k->fault == FAULT_SPLIT && !r->split) return "a piece has at least one byte";
    return NULL;
}

/* A size or a duration. */
static const char *parse_after(struct slice text, struct fault_rule *r)
{
    r->after = AFTER_BYTES;
    if (!units_size(text, &r->after_bytes)) return NULL;
    r->after = AFTER_TIME;
    if (!units_duration(text, &r->after_time)) return NULL;
    return "it takes a size such as 1KiB, a duration such as 50ms, {contains: text} or {matches: pattern}";
}

static void free_regex(void *p)
{
    regex_free(p);
}

/* The text that the stream is searched for. */
static const char *parse_mark(struct slice text, enum fault_after after, struct arena *a, struct fault_rule *r)
{
    char why[WHY];
    size_t at;
    r->after = after;
    if (!text.n || text.n > TEXT_MOST) return text.n ? "a text of at most 4 KiB" : "an empty text is everywhere";
    if (after == AFTER_TEXT) {
        r->after_text = (struct slice){arena_dup(a, text), text.n};
        return NULL;
    }
    r->after_pattern = regex_new(text, why, sizeof why, &at);
    if (!r->after_pattern) return arena_printf(a, "%s, at offset %zu", why, at);
    arena_defer(a, free_regex, r->after_pattern);
    return NULL;
}

static const char *parse_after_of(enum fault_after after, struct slice text, struct arena *a, struct fault_rule *r)
{
    if (after == AFTER_BYTES) return parse_after(text, r);
    if (after != AFTER_DATAGRAMS) return parse_mark(text, after, a, r);
    r->after = after;
    const char *why = parse_count(text, &r->after_bytes);
    return !why && r->after_bytes > INT64_MAX ? "it is not negative" : why;
}

/* AFTER_NOTHING: there is no such key. */
static enum fault_after after_named(struct slice key)
{
    static const struct {
        const char *key;
        enum fault_after after;
    } names[] = {{"contains", AFTER_TEXT}, {"matches", AFTER_PATTERN}, {"datagrams", AFTER_DATAGRAMS}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_is(key, names[i].key)) return names[i].after;
    return AFTER_NOTHING;
}

static bool compile_after(struct compiler *c, const struct node *n, struct rule_plan *p)
{
    struct fault_rule scratch = {0};
    if (!n) return true;
    const bool keyed = n->kind == NODE_MAP && n->n == 1;
    const struct node *text = keyed ? n->pairs[0].value : n;
    p->after = keyed ? after_named(n->pairs[0].key->text) : AFTER_BYTES;
    if (text->kind != NODE_SCALAR || p->after == AFTER_NOTHING) {
        compile_error(c, n->mark,
                      "`after` takes a size, a duration, {datagrams: number}, {contains: text} or {matches: pattern}");
        return false;
    }
    if (!compile_text(c, text, &p->after_text)) return false;
    if (!p->after_text.tmpl.constant) return true;
    const char *why = parse_after_of(p->after, p->after_text.tmpl.parts[0].text, c->arena, &scratch);
    if (why) compile_error(c, text->mark, "`after`: %s", why);
    return !why;
}

static bool compile_value(struct compiler *c, const struct rule_key *k, const struct node *n, struct rule_plan *p)
{
    struct fault_rule scratch = {0};
    struct rule_value *v = &p->values[p->nvalues++];
    v->key = k;
    if (k->fault >= 0) p->fixed.has |= 1U << k->fault;
    if (n->kind != NODE_SCALAR || !compile_text(c, n, &v->text)) return false;
    if (field_dynamic(n)) return true;
    const char *why = parse_value(k, n->text, &scratch);
    /* What is not of its type has a diagnostic already; `stall` is a text. */
    if (why && k->takes != TAKES_STALL) return false;
    if (!why) why = check_value(k, &scratch);
    if (why) compile_error(c, n->mark, "`%s`: %s", k->name, why);
    return !why;
}

static bool say_rule(struct compiler *c, const struct node *rule, const char *key, const char *why)
{
    const struct pair *p = node_pair(rule, key);
    compile_error(c, p ? p->key->mark : rule->mark, "%s", why);
    return false;
}

static bool has_unknown_key(const struct node *rule)
{
    for (uint32_t i = 0; i < rule->n; i++) {
        const struct field *f = scenario_rule_fields;
        while (f->name && !slice_is(rule->pairs[i].key->text, f->name))
            f++;
        if (!f->name) return true;
    }
    return false;
}

/* What a proxy passes on. */
enum speaks { SPEAKS_STREAMS, SPEAKS_PACKETS /* SOCK_SEQPACKET */, SPEAKS_DATAGRAMS, SPEAKS_UNIX_DATAGRAMS };

/* Faults that its kind of socket does not know. */
static bool check_kind(struct compiler *c, const struct node *n, const struct rule_plan *p, enum speaks speaks)
{
    const unsigned streams = 1U << SPEAKS_STREAMS, packets = 1U << SPEAKS_PACKETS, udp = 1U << SPEAKS_DATAGRAMS,
                   local = 1U << SPEAKS_UNIX_DATAGRAMS;
    const struct {
        enum fault fault;
        unsigned knows;
        const char *key, *why;
    } kinds[] = {
        {FAULT_REORDER, packets | udp | local, "reorder", "a stream keeps its order: `reorder` is for datagrams"},
        {FAULT_SPLIT, streams, "split", "a datagram comes whole or not at all: `split` is for streams"},
        {FAULT_COALESCE, streams, "coalesce", "datagrams are not joined: `coalesce` is for streams"},
        {FAULT_HALF_CLOSE, streams | packets, "half_close", "datagrams have no connection that could end"},
        {FAULT_RESET, streams | packets, "reset_after", "datagrams have no connection that could end"},
        {FAULT_REFUSE, streams | packets | udp, "refuse", "a Unix socket of datagrams cannot refuse and be there"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (p->fixed.has & 1U << kinds[i].fault && !(kinds[i].knows & 1U << speaks))
            return say_rule(c, n, kinds[i].key, kinds[i].why);
    if (speaks == SPEAKS_STREAMS && p->after == AFTER_DATAGRAMS)
        return say_rule(c, n, "after", "a stream has no datagrams: it counts bytes");
    return true;
}

/* Faults that go together. */
static bool check_rule(struct compiler *c, const struct node *n, const struct rule_plan *p, enum speaks speaks)
{
    const unsigned has = p->fixed.has;
    if (!has && has_unknown_key(n)) return false;
    if (!has && node_get(n, "jitter")) return say_rule(c, n, "jitter", "`jitter` stands beside `delay`");
    if (!has) return say_rule(c, n, "direction", "this rule does nothing");
    if (node_get(n, "jitter") && !(has & 1U << FAULT_DELAY))
        return say_rule(c, n, "jitter", "`jitter` stands beside `delay`");
    if (has & 1U << FAULT_RESET && has & 1U << FAULT_TRUNCATE)
        return say_rule(c, n, "truncate", "`truncate` and `reset_after` count in the same way: give them two rules");
    if (has & 1U << FAULT_REFUSE && has != 1U << FAULT_REFUSE)
        return say_rule(c, n, "refuse", "`refuse` is about new connections: give it a rule of its own");
    if (has & 1U << FAULT_REFUSE && (p->after > AFTER_BYTES || node_get(n, "direction") || node_get(n, "times")))
        return say_rule(c, n, "refuse", "beside `refuse` only a duration in `after` has a meaning");
    return check_kind(c, n, p, speaks);
}

static bool compile_rule(struct compiler *c, const struct node *n, enum speaks speaks, struct rule_plan *p)
{
    bool ok = true;
    if (n->kind != NODE_MAP) return false;
    const int direction = field_choice(node_get(n, "direction"), "to_server|to_client|both");
    p->mark = n->mark;
    p->fixed = (struct fault_rule){.to_server = direction != 1, .to_client = direction != 0, .left = UINT64_MAX};
    p->seeded = node_get(n, "seed") != NULL;
    if (field_bool(node_get(n, "half_close"), false)) p->fixed.has |= 1U << FAULT_HALF_CLOSE;
    if (field_bool(node_get(n, "refuse"), false)) p->fixed.has |= 1U << FAULT_REFUSE;
    for (size_t i = 0; i < KEYS; i++) {
        const struct node *value = node_get(n, keys[i].name);
        if (value) ok &= compile_value(c, &keys[i], value, p);
    }
    ok &= compile_after(c, node_get(n, "after"), p);
    return ok && check_rule(c, n, p, speaks);
}

/* Of an address as it is written. */
static enum speaks speaks_of(const struct node *address)
{
    if (address && address->kind == NODE_MAP) address = node_get(address, "to");
    if (!address || address->kind != NODE_SCALAR) return SPEAKS_STREAMS;
    if (slice_starts(address->text, SLICE("seqpacket:"))) return SPEAKS_PACKETS;
    if (slice_starts(address->text, SLICE("unixgram:"))) return SPEAKS_UNIX_DATAGRAMS;
    const bool datagrams = slice_starts(address->text, SLICE("udp:")) || slice_starts(address->text, SLICE("dtls:"));
    return datagrams ? SPEAKS_DATAGRAMS : SPEAKS_STREAMS;
}

static const struct node *listens_at(const struct actor_model *m)
{
    return m->kind == ACTOR_PROXY ? node_get(m->endpoint, "listen") : m->endpoint;
}

/* Both ends are streams, or both datagrams; an address that is not known yet is looked at when it is. */
static bool check_ends(struct compiler *c, const struct node *to, const struct address_plan *p, enum speaks speaks)
{
    const struct actor_model *m = p->actor ? p->actor->model : NULL;
    if (!p->text.tmpl.constant && !(m && (m->kind == ACTOR_PROXY || m->kind == ACTOR_LISTEN))) return true;
    enum speaks other = speaks_of(m ? listens_at(m) : to);
    if (speaks == SPEAKS_UNIX_DATAGRAMS) speaks = SPEAKS_DATAGRAMS;
    if (other == SPEAKS_UNIX_DATAGRAMS) other = SPEAKS_DATAGRAMS;
    if (speaks == other) return true;
    static const char *const names[] = {"streams", "packets", "datagrams"};
    compile_error(c, to->mark, "a proxy passes on what it gets: it listens for %s, and this takes %s", names[speaks],
                  names[other]);
    return false;
}

bool rules_compile(struct compiler *c, const struct node *list, const struct actor_model *m, struct rules_plan *ret)
{
    bool ok = true;
    *ret = (struct rules_plan){0};
    if (!list) return true;
    /* What is not of the right kind has a diagnostic already. */
    if (list->kind != NODE_LIST) return false;
    if (list->n > RULES_MOST) {
        compile_error(c, list->mark, "a proxy has at most %d rules", RULES_MOST);
        return false;
    }
    ret->list = arena_array(c->arena, list->n, sizeof *ret->list);
    ret->n = list->n;
    const enum speaks speaks = m ? speaks_of(listens_at(m)) : SPEAKS_STREAMS;
    for (uint32_t i = 0; i < list->n; i++)
        ok &= compile_rule(c, list->items[i], speaks, &ret->list[i]);
    return ok;
}

static bool compile_idle(struct compiler *c, const struct actor_model *m, struct proxy_plan *p)
{
    const struct node *idle = node_get(m->endpoint, "idle");
    struct quantity q = {.value = 0};
    if (!compile_quantity(c, idle, QUANTITY_DURATION, IDLE, &q) || !compile_fixed(c, idle, "idle")) return false;
    p->idle = q.value;
    if (!idle || speaks_of(listens_at(m)) >= SPEAKS_DATAGRAMS) return true;
    compile_error(c, idle->mark, "`idle` is for datagrams: a connection ends by itself");
    return false;
}

struct proxy_plan *proxy_plan_compile(struct compiler *c, const struct actor_model *m)
{
    struct proxy_plan *p = ARENA_NEW(c->arena, struct proxy_plan);
    if (!m->endpoint || m->endpoint->kind != NODE_MAP) return NULL;
    const struct node *to = node_get(m->endpoint, "to");
    bool ok = address_compile(c, to, false, &p->to);
    if (ok && p->to.actor == c->actor) {
        compile_error(c, to->mark, "a proxy cannot connect to itself");
        ok = false;
    }
    if (ok && (p->to.bind || p->to.noptions || p->to.retry || p->to.fails.written)) {
        compile_error(c, to->mark, "what a proxy connects to is an address and nothing more");
        ok = false;
    }
    ok &= rules_compile(c, node_get(m->map, "rules"), m, &p->rules);
    if (ok) ok = check_ends(c, to, &p->to, speaks_of(listens_at(m)));
    ok &= compile_idle(c, m, p);
    return ok ? p : NULL;
}

static bool eval_after(const struct rule_plan *p, struct eval *e, struct arena *a, struct fault_rule *r)
{
    struct slice text;
    if (p->after == AFTER_NOTHING) return true;
    if (!text_eval(&p->after_text, e, &text)) return false;
    const char *why = parse_after_of(p->after, text, a, r);
    if (!why && r->has & 1U << FAULT_REFUSE && r->after == AFTER_BYTES) why = "`refuse` can wait for a time only";
    return !why || eval_fail(e, text_mark(&p->after_text), "`after`: %s", why);
}

static bool eval_rule(const struct rule_plan *p, struct eval *e, struct arena *a, struct fault_rule *r)
{
    *r = p->fixed;
    for (uint32_t i = 0; i < p->nvalues; i++) {
        const struct rule_value *v = &p->values[i];
        struct slice text;
        if (!text_eval(&v->text, e, &text)) return false;
        const char *why = parse_value(v->key, text, r);
        if (!why) why = check_value(v->key, r);
        if (why) return eval_fail(e, text_mark(&v->text), "`%s`: %s", v->key->name, why);
    }
    /* Short enough to be copied from a report. */
    uint32_t seed = 0;
    if (!p->seeded && getrandom(&seed, sizeof seed, 0) == (ssize_t)sizeof seed) r->seed = seed;
    return eval_after(p, e, a, r);
}

struct ruleset *ruleset_new(const struct rules_plan *p, struct eval *e)
{
    struct ruleset *s = mem_zalloc(sizeof *s);
    struct mark *marks = arena_array(&s->arena, p->n, sizeof *marks);
    s->marks = marks;
    s->set.rules = arena_array(&s->arena, p->n, sizeof *s->set.rules);
    s->set.n = p->n;
    for (uint32_t i = 0; i < p->n; i++) {
        marks[i] = p->list[i].mark;
        if (eval_rule(&p->list[i], e, &s->arena, &s->set.rules[i])) continue;
        ruleset_free(s);
        return NULL;
    }
    return s;
}

void ruleset_free(struct ruleset *r)
{
    if (!r) return;
    arena_done(&r->arena);
    mem_free(r);
}
