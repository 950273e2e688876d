#include "engine/address.h"

#include "engine/compile.h"
#include "scenario/load.h"
#include "util/suggest.h"
#include "util/text.h"
#include "util/units.h"

enum { SHOWN = 60, RETRY_TIMES = 20 };

#define RETRY_EVERY (100 * NS_PER_MS)

/* What does not begin as an address. */
static bool wrong_scheme(struct compiler *c, const struct text_plan *t, const char *why)
{
    const struct slice text = t->tmpl.parts[0].text;
    const char *end = text.n ? memmem(text.p, text.n, "://", 3) : NULL;
    const size_t n = end ? (size_t)(end - text.p) : text.n;
    struct diag *g = compile_error(c, node_mark_at(t->node, 0, n ? (uint32_t)n : 1), "%s", why);
    struct suggest s;
    suggest_init(&s, slice_part(text, 0, n));
    for (unsigned i = ADDR_TCP; end && i <= ADDR_SEQPACKET; i++)
        suggest_offer(&s, slice_of(addr_scheme_name((enum addr_scheme)i)));
    diag_suggest(c->diags, g, &s);
    return false;
}

static bool compile_constant(struct compiler *c, const struct text_plan *t)
{
    struct addr_spec spec;
    size_t at = 0;
    const struct slice text = t->tmpl.parts[0].text;
    const char *why = addr_parse(text, &spec, &at);
    if (why && at == 0) return wrong_scheme(c, t, why);
    const size_t len = text.n > at ? text.n - at : 1;
    if (why) compile_error(c, node_mark_at(t->node, (uint32_t)at, (uint32_t)len), "%s", why);
    return !why;
}

/* The actor that a whole `${name}` means. */
static const struct actor_plan *named_actor(const struct compiler *c, const struct text_plan *t)
{
    if (!t->tmpl.whole || !c->plan) return NULL;
    const struct slice name = t->tmpl.parts[0].expr->name;
    if (!name.p || compile_bound(c, name)) return NULL;
    for (uint32_t i = 0; i < c->plan->nactors; i++)
        if (slice_is(name, c->plan->actors[i].name)) return &c->plan->actors[i];
    return NULL;
}

static bool check_actor(struct compiler *c, const struct node *n, const struct actor_plan *a, bool listening)
{
    const bool deaf = a->model && (a->model->kind == ACTOR_CONNECT || a->model->kind == ACTOR_PLAIN);
    if (listening)
        compile_error(c, n->mark, "`%s` is an actor: listening needs an address of one's own", a->name);
    else if (deaf)
        compile_error(c, n->mark, "`%s` does not listen", a->name);
    return !listening && !deaf;
}

/* The target's name means all that is said of the target, its TLS and options too. */
static const struct node *named_target(const struct compiler *c, const struct node *n)
{
    return n && n->kind == NODE_SCALAR && slice_is(n->text, "${target}") ? c->scenario->target.endpoint : NULL;
}

static bool compile_location(struct compiler *c, const struct node *n, bool listening, struct address_plan *ret)
{
    if (!n || n->kind != NODE_SCALAR) return false;
    ret->mark = n->mark;
    if (!compile_text(c, n, &ret->text)) return false;
    if (ret->text.tmpl.constant) return compile_constant(c, &ret->text);
    ret->actor = named_actor(c, &ret->text);
    return !ret->actor || check_actor(c, n, ret->actor, listening);
}

static bool compile_bind_address(struct compiler *c, const struct node *n, struct address_plan *ret)
{
    if (!n) return true;
    if (n->kind != NODE_SCALAR) return false;
    ret->bind = ARENA_NEW(c->arena, struct text_plan);
    if (!compile_text(c, n, ret->bind)) return false;
    return !ret->bind->tmpl.constant || compile_constant(c, ret->bind);
}

static bool compile_retry(struct compiler *c, const struct node *n, struct address_plan *ret)
{
    if (!n) return true;
    const struct node *every = node_get(n, "every"), *times = node_get(n, "times");
    const struct node *dynamic = field_dynamic(every) ? every : field_dynamic(times) ? times : NULL;
    if (dynamic) {
        compile_error(c, dynamic->mark, "`retry` is fixed: `${}` cannot stand in it");
        return false;
    }
    const int64_t count = field_int(times, RETRY_TIMES);
    if (count < 1 || count > UINT32_MAX) {
        compile_error(c, times->mark, "`times` is at least 1");
        return false;
    }
    ret->retry = true;
    ret->retry_every = field_duration(every, RETRY_EVERY);
    ret->retry_times = (uint32_t)count;
    return true;
}

/* What is spoken is known before anything runs, unless `${}` says where. */
static bool compile_tls(struct compiler *c, const struct node *map, struct address_plan *ret)
{
    const struct pair *p = node_pair(map, "tls");
    if (!p) return true;
    const struct slice *at = ret->text.tmpl.constant ? &ret->text.tmpl.parts[0].text : NULL;
    const bool tls = at && slice_starts(*at, SLICE("tls://")), dtls = at && slice_starts(*at, SLICE("dtls://"));
    if (at && !tls && !dtls) {
        compile_error(c, p->key->mark, "`tls` is for tls:// and dtls:// addresses");
        return false;
    }
    const struct pair *fails = p->value->kind == NODE_MAP ? node_pair(p->value, "fails") : NULL;
    if (fails) compile_error(c, fails->key->mark, "of an address, `fails` stands beside `tls`, not in it");
    ret->tls = tls_plan_compile(c, p->value, tls ? TLS_OF_STREAMS : dtls ? TLS_OF_DATAGRAMS : TLS_OF_EITHER);
    return ret->tls && !fails;
}

static bool check_listening(struct compiler *c, const struct node *map)
{
    static const char *const connecting[] = {"bind", "retry", "fails"};
    bool ok = true;
    for (size_t i = 0; i < sizeof connecting / sizeof *connecting; i++) {
        const struct pair *p = node_pair(map, connecting[i]);
        if (!p) continue;
        compile_error(c, p->key->mark, "`%s` is for connecting: this listens", connecting[i]);
        ok = false;
    }
    return ok;
}

static bool compile_backlog(struct compiler *c, const struct node *map, bool listening, struct address_plan *ret)
{
    const struct pair *p = node_pair(map, "backlog");
    if (!p) return true;
    if (!listening) {
        compile_error(c, p->key->mark, "`backlog` is for listening: this connects");
        return false;
    }
    if (!compile_fixed(c, p->value, "backlog")) return false;
    const int64_t backlog = field_int(p->value, 1);
    if (backlog < 1 || backlog > UINT16_MAX) {
        compile_error(c, p->value->mark, "`backlog` is a number from 1 to 65535");
        return false;
    }
    ret->backlog = (uint32_t)backlog;
    return true;
}

bool address_compile(struct compiler *c, const struct node *n, bool listening, struct address_plan *ret)
{
    /* What is not of the right kind has a diagnostic already, here as below. */
    *ret = (struct address_plan){0};
    if (!n || n->kind == NODE_LIST) return false;
    if (!listening && named_target(c, n)) n = named_target(c, n);
    ret->mark = n->mark;
    if (n->kind == NODE_SCALAR) return compile_location(c, n, listening, ret);
    const struct node *options = node_get(n, "options");
    bool ok = compile_location(c, node_get(n, "to"), listening, ret);
    ok = ok && compile_tls(c, n, ret);
    if (options && options->kind == NODE_MAP && !options_compile(c, options, &ret->options, &ret->noptions)) ok = false;
    if (!compile_backlog(c, n, listening, ret)) ok = false;
    if (listening) return check_listening(c, n) && ok;
    ok &= compile_bind_address(c, node_get(n, "bind"), ret);
    ok &= compile_retry(c, node_get(n, "retry"), ret);
    return fails_compile(c, node_get(n, "fails"), scenario_address_fields, &ret->fails) && ok;
}

static bool parse(const struct text_plan *t, struct eval *e, struct addr_spec *ret)
{
    struct slice text;
    size_t at;
    if (!text_eval(t, e, &text)) return false;
    const char *why = addr_parse(text, ret, &at);
    if (!why) return true;
    struct buf shown = BUF_INIT(8 * SHOWN);
    text_quote(text, SHOWN, &shown);
    eval_fail(e, text_mark(t), "%s: %s", buf_str(&shown), why);
    buf_done(&shown);
    return false;
}

bool address_eval(const struct address_plan *p, struct eval *e, struct addr_spec *ret)
{
    return parse(&p->text, e, ret);
}

bool address_eval_bind(const struct address_plan *p, struct eval *e, struct addr *ret)
{
    struct addr_spec spec;
    if (!parse(p->bind, e, &spec)) return false;
    if (spec.named) return eval_fail(e, text_mark(p->bind), "`bind` takes an address, not the name of a host");
    addr_of_spec(&spec, ret);
    return true;
}

static bool compile_option(struct compiler *c, const struct pair *p, struct option_plan *ret)
{
    const struct slice name = slice_part(p->key->text, 0, SHOWN);
    ret->mark = p->value->mark;
    ret->option = sockopt_find(p->key->text);
    if (!ret->option) {
        struct suggest s;
        struct diag *g = compile_error(c, p->key->mark, "unknown socket option `%.*s`", (int)name.n, name.p);
        suggest_init(&s, p->key->text);
        for (const struct sockopt *o = sockopt_table; o->name; o++)
            suggest_offer(&s, slice_of(o->name));
        diag_suggest(c->diags, g, &s);
        return false;
    }
    if (p->value->kind != NODE_SCALAR) {
        compile_error(c, p->value->mark, "`%s` takes a value, not %s", ret->option->name, node_what(p->value));
        return false;
    }
    if (!compile_text(c, p->value, &ret->value)) return false;
    int64_t value;
    const char *why =
        ret->value.tmpl.constant ? sockopt_parse(ret->option, ret->value.tmpl.parts[0].text, &value) : NULL;
    if (why) compile_error(c, p->value->mark, "`%s`: %s", ret->option->name, why);
    return !why;
}

bool options_compile(struct compiler *c, const struct node *map, struct option_plan **ret, uint32_t *ret_n)
{
    bool ok = true;
    if (map->kind != NODE_MAP) {
        compile_error(c, map->mark, "socket options are a map such as {nodelay: true}, not %s", node_what(map));
        return false;
    }
    struct option_plan *list = arena_array(c->arena, map->n, sizeof *list);
    for (uint32_t i = 0; i < map->n; i++)
        ok &= compile_option(c, &map->pairs[i], &list[i]);
    *ret = list;
    *ret_n = map->n;
    return ok;
}

bool options_apply(const struct option_plan *o, uint32_t n, int fd, int family, struct eval *e)
{
    for (; n; n--, o++) {
        struct slice text;
        int64_t value = 0;
        if (!text_eval(&o->value, e, &text)) return false;
        const char *why = sockopt_parse(o->option, text, &value);
        if (why) return eval_fail(e, o->mark, "`%s`: %s", o->option->name, why);
        const int error = sockopt_set(fd, family, o->option, value, text);
        if (error) return eval_fail(e, o->mark, "`%s` cannot be set: %s", o->option->name, strerror(-error));
    }
    return true;
}
